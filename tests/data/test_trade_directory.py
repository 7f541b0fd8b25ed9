"""The bundled trade directory is whole, and as hard as its page says."""

from importlib.resources import files

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from kinfolk.data import read_images
from kinfolk.data.trade_directory import TradeDirectory, trade_directory

TOP_1 = 0.774
FOLDER = files("kinfolk.data") / "bundled" / "trade_directory"


@pytest.fixture(scope="module")
def editions() -> TradeDirectory:
    return trade_directory()


def test_two_editions_of_distinct_entries_and_links_between_them(editions: TradeDirectory) -> None:
    left, right, truth = editions
    assert left.schema == right.schema
    assert left.column_names == ["id", "text", "image"]
    assert (len(left), len(right), len(truth)) == (530, 539, 469)
    for table, letter, column in ((left, "f", "left_id"), (right, "s", "right_id")):
        ids = table["id"].to_pylist()
        assert ids == [f"{letter}{place:03d}" for place in range(1, len(ids) + 1)]
        linked = truth[column].to_pylist()
        assert len(set(linked)) == len(linked)
        assert set(linked) <= set(ids)
        assert [cell["path"] for cell in table["image"].to_pylist()] == [f"{name}.webp" for name in ids]


def test_every_image_decodes_to_dark_ink_on_light_paper(editions: TradeDirectory) -> None:
    for table in editions[:2]:
        images = read_images(table, size=64, channels=1)
        assert len(images) == len(table)
        assert (images.pixels.min(axis=(1, 2, 3)) < 150).all()
        assert np.median(images.pixels, axis=(1, 2, 3)).min() > 150


def test_n_grams_of_the_text_alone_link_as_well_as_the_page_says(editions: TradeDirectory) -> None:
    left, right, truth = editions
    texts = left["text"].to_pylist(), right["text"].to_pylist()
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True).fit([*texts[0], *texts[1]])
    nearest = (vectors.transform(texts[0]) @ vectors.transform(texts[1]).T).toarray().argmax(axis=1)
    found = dict(zip(left["id"].to_pylist(), right["id"].take(nearest).to_pylist(), strict=True))
    right_ones = [found[a] == b for a, b in zip(*truth.to_pydict().values(), strict=True)]
    assert np.mean(right_ones) == pytest.approx(TOP_1, abs=0.0005)
    assert f"{TOP_1:.3f}" in (FOLDER / "README.md").read_text()


def test_the_files_stay_small() -> None:
    assert sum(len(file.read_bytes()) for file in FOLDER.iterdir()) < 4_000_000

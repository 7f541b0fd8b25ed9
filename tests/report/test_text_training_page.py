"""The report of a training on texts: what it must show, and that texts stay texts."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinfolk
from html_page import Page
from kinfolk.data.held_out_texts import hold_out
from kinfolk.data.texts import Texts
from kinfolk.errors import ConfigurationError
from kinfolk.evaluation.nearest import nearest
from kinfolk.methods.texts.model import TextModel
from kinfolk.report.history_plot import figure_text
from kinfolk.report.text_summary import text_summary

pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")

NUM, HELD = 60, 6


def made_texts(*, labels: bool = True) -> Texts:
    """Names of three kinds, with another spelling of each; one of them would do harm if it were no text."""
    rng = np.random.default_rng(1)
    kinds = ("bakery", "smithy", "tannery")
    names = ["".join(rng.choice(list("abdeiklmnorst"), 6)) for _ in range(NUM)]
    texts = [f"{name} {kinds[row % 3]} of {names[row // 2]}" for row, name in enumerate(names)]
    texts[7] = "<script>alert(1)</script> & <b>sons</b>"
    codes = np.arange(NUM) % 3 if labels else None
    return Texts(
        (tuple(texts), tuple(f"the {text.split()[0]} shop" for text in texts)),
        np.arange(NUM),
        codes,
        kinds if labels else (),
    )


def fit(texts: Texts, folder: Path, **options: Any) -> TextModel:
    settings = {"method": "simcse", "encoder": "bag", "encoder_settings": {"width": 8, "vocab_size": 400}}
    recipe = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-2}
    model = kinfolk.train(texts, output=folder, recipe=recipe, report=True, **{**settings, **options})
    assert isinstance(model, TextModel)
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("named")
    fit(made_texts(), place, held_out=HELD)
    return place


@pytest.fixture
def page(folder: Path) -> Page:
    return Page(folder / "report.html")


def test_the_page_is_well_formed_and_loads_nothing(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    addresses = [value for name, value in page.attributes if name in ("href", "src")]
    assert all(value.startswith("#") and value[1:] in page.ids for value in addresses)
    assert not [name for name, _ in page.attributes if name == "style" or name.startswith("on")]
    assert not re.search(r"@import|url\(|@font-face", page.source)


def test_texts_are_text_and_nothing_else(page: Page) -> None:
    assert page.tags.count("script") == 1
    assert "b" not in page.tags
    assert "<script>alert(1)</script> & <b>sons</b>" in page.text


def test_it_says_what_was_trained_on_what_and_what_became_of_it(folder: Path, page: Page) -> None:
    about = TextModel.load(folder).about
    assert "54 texts from arrays in memory trained the encoder bag with simcse with 3 labels, for 2 epochs" in page.text
    assert "texts 54, 6 more held out" in page.text
    for measure in ("alignment", "uniformity"):
        assert f"; {figure_text(about['before'][measure])} before the training" in page.text
    assert about["measures"]["alignment"] < about["before"]["alignment"]


def test_each_measure_has_its_plot_and_where_it_began(page: Page) -> None:
    for key in ("loss", "alignment", "uniformity", "effective-rank", "reciprocal-rank"):
        assert f"history-{key}-title" in page.ids
    assert page.source.count("before the training, epoch 1") == 4, "of all but the loss"


def test_the_map_has_every_text_with_its_label(page: Page) -> None:
    assert page.source.count('<circle class="spot label-') == NUM
    assert page.source.count("<title>bakery: ") >= NUM // 3


def test_texts_that_were_held_out_have_their_neighbors_before_and_after(folder: Path, page: Page) -> None:
    texts = made_texts()
    held = hold_out(texts.texts, HELD, seed=0)[1]
    assert page.source.count('<div class="panel asked">') == HELD
    assert "Texts that were held out of the training" in page.text
    model = TextModel.load(folder)
    summary = text_summary(model, texts, before=model)
    assert {summary.texts.texts[row] for row in summary.queries} == {texts.texts[row] for row in held}
    vectors = model.encode(texts.texts)
    for query, row in enumerate(summary.queries):
        at = texts.texts.index(summary.texts.texts[row])
        expected = nearest(vectors, np.array([at]), k=5)
        np.testing.assert_allclose(summary.after.cosines[query], expected.cosines[0], atol=1e-6)
    assert summary.before is not None
    np.testing.assert_array_equal(summary.before.rows, summary.after.rows)


def test_the_neighbors_before_are_those_of_the_untrained_encoder(tmp_path: Path) -> None:
    """Without learning, both sides of the report are the same."""
    recipe = {"epochs": 1, "batch_size": 16, "learning_rate": 1e-30}
    kinfolk.train(
        made_texts(labels=False), method="simcse", output=tmp_path, encoder="bag", recipe=recipe, report=True,
        encoder_settings={"width": 8, "vocab_size": 400}, held_out=2,
    )  # fmt: skip
    lists = re.findall(r"<ol>.*?</ol>", (tmp_path / "report.html").read_text("utf-8"))
    assert len(lists) == 4
    assert lists[0] == lists[1] != lists[2] == lists[3]


def test_the_same_model_and_texts_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    model = TextModel.load(folder)
    first, second = (model.report(tmp_path / name, made_texts()).read_bytes() for name in ("a", "b"))
    assert first == second
    assert b"Before the training</h4>" not in first


def test_a_text_without_a_label_is_shown_without_one_and_marks_no_neighbor(folder: Path, tmp_path: Path) -> None:
    texts = made_texts()
    blank = replace(texts, labels=np.where(np.arange(NUM) == 3, texts.labels, -1))
    page = Page(TextModel.load(folder).report(tmp_path / "report.html", blank))
    assert page.source.count('<circle class="spot label-') == 1
    assert page.source.count('<circle class="spot"') == NUM - 1
    assert 'class="differs"' not in page.source


@pytest.mark.parametrize("num", [1, 2, 3])
def test_a_few_texts_of_a_model_without_history_have_a_report(folder: Path, tmp_path: Path, num: int) -> None:
    model = replace(TextModel.load(folder), history=())
    few = made_texts(labels=False).take(np.arange(num))
    page = Page(model.report(tmp_path / "report.html", few))
    assert "The model has no history." in page.text
    assert page.source.count('<circle class="spot"') == num
    neighbors = page.source.count('<span class="cosine">')
    assert neighbors == (num // 2 or num) * (num - 1), "half are taken for held out, each with all others"


def test_texts_alone_can_be_held_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="held_out: for methods that read texts only"):
        kinfolk.train("images", method="simclr", output=tmp_path, held_out=3)

"""The report of a training: what it must show, for whatever there was to train on."""

import base64
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kinfolk
from html_page import Page
from kinfolk.data.images import Images
from kinfolk.methods.history import EpochEnd
from kinfolk.methods.model import Model
from kinfolk.report import write_training_report
from kinfolk.report.classes_section import classes_section, heat_map
from kinfolk.report.geometry_section import MEASURES, geometry_section, warning_note
from kinfolk.report.history_plot import Series, figure_text, history_plot, round_ticks
from kinfolk.report.label_colors import label_legend, label_styles
from kinfolk.report.thumbnail import thumbnail
from kinfolk.report.training_summary import even_choice, training_summary

COLORS = {"blue": (40, 60, 220), "red": (220, 60, 40), "white": (240, 240, 240)}
OPTIONS = {"encoder_settings": {"depth": 8, "width": 8}, "size": 16}


def colored(each: int, names: tuple[str, ...] = tuple(COLORS), *, size: int = 16) -> Images:
    """Noisy pictures of one color a label."""
    rng = np.random.default_rng(2)
    labels = np.tile(np.arange(len(names)), each)
    base = np.array(list(COLORS.values()))[: len(names)][labels][:, :, None, None]
    pixels = (base + rng.normal(0, 25, (len(labels), 3, size, size))).clip(0, 255).astype(np.uint8)
    return Images(pixels, tuple(f"{names[c]}/{i}.png" for i, c in enumerate(labels)), labels, names)


def fit(
    images: object, folder: Path, method: str = "simclr", *, epochs: int = 2, batch: int = 16, **options: Any
) -> Model:
    recipe = {"epochs": epochs, "batch_size": batch}
    return kinfolk.train(images, method=method, output=folder, recipe=recipe, **OPTIONS, **options)


@pytest.fixture(scope="module")
def hydra(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained on three colors, with all that a report can have."""
    folder = tmp_path_factory.mktemp("hydra")
    fit(replace(colored(16), skipped=("red/broken.png is no image.",)), folder, "hydra", report=True)
    return folder


@pytest.fixture
def page(hydra: Path) -> Page:
    return Page(hydra / "report.html")


def test_the_page_is_well_formed_and_loads_nothing(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    described = {i for name, value in page.attributes if name == "aria-labelledby" for i in value.split()}
    assert described <= set(page.ids)
    addresses = [value for name, value in page.attributes if name in ("href", "src")]
    assert all(
        (value.startswith("#") and value[1:] in page.ids) or value.startswith("data:image/") for value in addresses
    )
    assert not [name for name, _ in page.attributes if name == "style" or name.startswith("on")]
    assert not re.search(r"@import|url\(|@font-face", page.source)


def test_it_says_what_was_trained_on_what(page: Page) -> None:
    assert "48 images from arrays in memory trained a resnet with hydra with 3 labels, for 2 epochs" in page.text
    assert "arXiv 2410.18200" in page.text
    assert "images 48, 1 more skipped" in page.text
    assert "red/broken.png is no image." in page.text
    assert "seed 0" in page.text
    assert "batch size 16" in page.text


def test_every_measure_of_a_training_with_labels_has_its_plot_and_its_sentence(page: Page) -> None:
    for measure in MEASURES:
        assert f"history-{measure.key.replace('_', '-')}-title" in page.ids
        assert f"<h3>{measure.title}</h3>" in page.source
    assert "temperature used, epoch 2: 0.10" in page.text
    assert "negatives in the sample, epoch 1: 47" in page.text


def test_the_map_has_every_image_with_its_label(page: Page) -> None:
    assert page.source.count('<g class="item">') == 48
    assert page.source.count('<rect class="frame label-') == 48
    assert "All images, each where its vector lies. t-SNE" in page.text
    assert "<title>white: white/2.png</title>" in page.source


def test_twelve_images_have_five_neighbors_each_evenly_over_the_labels(page: Page) -> None:
    assert page.source.count('class="strip"') == 12
    assert page.source.count('<li class="query"') == 12
    assert page.source.count("<li ") == 72
    queries = re.findall(r'<li class="query" title="(\w+)/', page.source)
    assert [queries.count(color) for color in COLORS] == [4, 4, 4]


def test_the_classes_of_hydra_are_related(page: Page) -> None:
    assert page.source.count('<rect class="heat"') == 2 * (9 + 20)
    assert re.search(r"<title>blue and red: -?\d\.\d{3}</title>", page.source)


def test_the_same_model_and_images_give_the_same_bytes(hydra: Path, tmp_path: Path) -> None:
    images = colored(16)
    first, second = (kinfolk.load_model(hydra).report(tmp_path / name, images).read_bytes() for name in ("a", "b"))
    assert first == second


def test_names_of_folders_are_text_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "<script>alert(1)<"
    for number, name in enumerate(("<b>bold", 'it\'s & "quoted"')):
        (folder / name).mkdir(parents=True)
        for picture in range(4):
            pixels = np.random.default_rng(picture).integers(0, 256, (16, 16, 3)).astype(np.uint8) // (number + 1)
            Image.fromarray(pixels).save(folder / name / f"{picture}.png")
    fit(folder, tmp_path / "model", "hydra", epochs=1, batch=8, label="folder", report=True)
    page = Page(tmp_path / "model" / "report.html")
    assert "<script>alert(1)<" in page.text
    assert page.tags.count("script") == 1
    assert "b" not in page.tags
    assert "<b>bold: <b>bold/0.png" in page.text


@pytest.mark.parametrize("num", [2, 3])
def test_two_images_without_labels_and_one_epoch_have_a_report(tmp_path: Path, num: int) -> None:
    images = colored(1, tuple(COLORS)[:num])
    fit(Images(images.pixels, images.names), tmp_path, epochs=1, batch=2, report=True)
    page = Page(tmp_path / "report.html")
    assert page.source.count('<g class="item">') == num
    assert page.source.count("<li ") == num * num, "each with all others"
    assert "Neighbor accuracy" not in page.text
    assert "Tolerance" not in page.text
    assert "label-" not in page.source.split("</style>")[1]
    assert "classes" not in page.ids
    assert "history-loss-title" in page.ids


def test_after_a_stop_the_report_holds_all_epochs(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(end: EpochEnd) -> None:
        if end.epoch == 2:
            raise Stopped

    images = colored(8)
    with pytest.raises(Stopped):
        fit(images, tmp_path, epochs=4, progress=stop)
    assert [end.epoch for end in fit(images, tmp_path, epochs=4, report=True).history] == [1, 2, 3, 4]
    text = Page(tmp_path / "report.html").text
    assert all(f"loss, epoch {epoch}: " in text for epoch in (1, 2, 3, 4))


def test_a_large_and_colorful_training_stays_below_three_megabytes(hydra: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 60, 900)
    noise = rng.integers(0, 256, (900, 3, 96, 96)).astype(np.uint8)  # noise is what JPEG keeps worst
    images = Images(noise, tuple(f"{i}.png" for i in range(900)), labels, tuple(f"class {c:02}" for c in range(60)))
    model = kinfolk.load_model(hydra)
    relations = {name: rng.random((60, 60)) for name in ("class_likeness", "class_overlap")}
    model = replace(model, facts=relations, about={**model.about, "size": 96})
    written = write_training_report(model, images, tmp_path / "report.html")
    assert written.stat().st_size < 3_000_000
    text = Page(written).text
    assert "600 of the 900 images" in text
    assert "50 other labels" in text
    assert "the 20 smallest are left out" in text


def test_a_model_that_was_kept_without_its_training_has_a_report(hydra: Path, tmp_path: Path) -> None:
    model = replace(kinfolk.load_model(hydra), history=(), facts={})
    page = Page(model.report(tmp_path / "report.html", colored(2)))
    assert "The model has no history." in page.text
    assert "classes" not in page.ids


def ends(*warnings: str | None) -> list[EpochEnd]:
    measures = {"alignment": 0.5, "uniformity": -2.0, "effective_rank": 5.0}
    return [EpochEnd(i, len(warnings), 1 / i, i, 10, measures, w) for i, w in enumerate(warnings, 1)]


def test_epochs_that_collapsed_are_shaded_and_said() -> None:
    history = ends(None, "It <collapsed>.", "It <collapsed> again.")
    drawn = geometry_section(history)
    assert drawn.count('class="warned"') == 2 * 4, "two epochs in each of four plots"
    assert "In the shaded epochs the space had collapsed." in drawn
    note = warning_note(history)
    assert "A warning in 2 epochs, from 2 to 3" in note
    assert "The last epoch is one of them." in note
    assert "It &lt;collapsed&gt; again." in note
    assert "shaded" not in geometry_section(ends(None, None))
    assert warning_note(ends(None, None)) == ""


def test_a_training_whose_space_suggests_no_temperature_shows_the_one_used() -> None:
    history = [replace(end, measures={**end.measures, "temperature": 0.2}) for end in ends(None, None)]
    assert "temperature used, epoch 2: 0.20" in geometry_section(history)


def test_a_line_falls_where_its_values_fall() -> None:
    svg = history_plot([Series("loss", ((1, 4.0), (2, 2.0), (3, 1.0)))], epochs=3, name="n", title="t")
    heights = [float(y) for y in re.findall(r'touch" cx="[\d.]+" cy="([\d.]+)"', svg)]
    assert heights == sorted(heights)
    assert heights[2] - heights[1] == pytest.approx((heights[1] - heights[0]) / 2, abs=0.02)


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (-3.7, -0.2), (0.0, 511.0), (2.0, 2.0), (0.0, 0.0), (-1e-9, 1e-9)]
)
def test_ticks_are_round_few_and_enclose_the_values(low: float, high: float) -> None:
    ticks = round_ticks(low, high)
    assert ticks[0] <= low + 1e-12
    assert ticks[-1] >= high - 1e-12
    assert 2 <= len(ticks) <= 6
    np.testing.assert_allclose(np.diff(ticks), ticks[1] - ticks[0])
    assert f"{ticks[1] - ticks[0]:.0e}"[0] in "125"


def test_figures_have_three_digits() -> None:
    assert [figure_text(v) for v in (0, 511.2, 37.44, 4.136, 0.07, -2.0, -2.345, 4e-5)] == [
        "0", "511", "37.4", "4.14", "0.070", "−2", "−2.35", "4e−05",
    ]  # fmt: skip


def test_choosing_evenly() -> None:
    assert even_choice(None, 3, 12).tolist() == [0, 1, 2]
    labels = np.array([0, 0, 0, 0, 1, 2, 2])
    assert even_choice(labels, 7, 3).tolist() == [0, 4, 5]
    assert even_choice(labels, 7, 5).tolist() == [0, 1, 4, 5, 6]
    assert sorted(even_choice(labels, 7, 99).tolist()) == list(range(7))


def test_the_sample_follows_from_the_seed_of_the_training(hydra: Path) -> None:
    model, images = kinfolk.load_model(hydra), colored(40)
    first, second = training_summary(model, images), training_summary(model, images)
    assert first.images.names == second.images.names
    other = training_summary(replace(model, about={**model.about, "seed": 1}), images)
    assert first.images.names != other.images.names
    assert sorted(first.images.names) == sorted(other.images.names) == sorted(images.names)
    for row in (0, 50, 119):
        assert first.label(row) == first.images.names[row].split("/")[0]


def test_the_rarer_labels_share_a_color() -> None:
    styles = label_styles([f"{c:02}" for c in range(12) for _ in range(20 - c)])
    assert list(styles) == [f"{c:02}" for c in range(12)]
    assert [styles[f"{c:02}"] for c in (0, 9, 10, 11)] == ["label-0", "label-9", "label-other", "label-other"]
    assert "2 other labels" in label_legend(styles)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_thumbnail_is_the_picture_made_small(channels: int) -> None:
    pixels = np.full((channels, 40, 40), 200, np.uint8)
    pixels[:, :, 20:] = 30
    kind, data = thumbnail(pixels, side=20).split(",")
    assert kind == "data:image/jpeg;base64"
    small = np.asarray(Image.open(BytesIO(base64.b64decode(data))).convert("L")).astype(int)
    assert small.shape == (20, 20)
    assert abs(small[:, :8] - 200).max() < 8
    assert abs(small[:, 12:] - 30).max() < 8


def test_the_heat_map_is_strongest_at_the_greatest_value() -> None:
    svg = heat_map(np.array([[1, 0.2, 0.8], [0.2, 1, 0.5], [0.8, 0.5, 1]]), ["a", "b", "c"], name="n", title="t")
    shade = {tip: float(value) for value, tip in re.findall(r'fill-opacity="([\d.]+)"><title>(\w and \w)', svg)}
    assert shade["a and c"] == shade["a and a"] == 1
    assert shade["a and b"] < shade["b and c"] < shade["a and c"]
    assert shade["b and c"] == shade["c and b"] == pytest.approx((shade["a and b"] + 1) / 2)


def test_classes_that_are_alike_stand_side_by_side() -> None:
    likeness = np.where(np.arange(6)[:, None] % 2 == np.arange(6)[None] % 2, 0.9, 0.0)
    images = replace(colored(1), labels=np.arange(3) * 0, label_names=tuple("abcdef"))
    drawn = classes_section({"class_likeness": likeness, "class_overlap": likeness}, images)
    assert drawn is not None
    order = re.findall(r'text-anchor="end">([a-f])</text>', drawn)[:6]
    assert {"".join(sorted(order[:3])), "".join(sorted(order[3:]))} == {"ace", "bdf"}
    assert classes_section({}, images) is None
    assert classes_section({"class_likeness": likeness}, images) is None

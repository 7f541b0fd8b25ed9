"""Learning from the tables themselves, on made-up firms whose names are read badly and whose marks are noisy."""

import io
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from kinfolk.data import read_records
from kinfolk.errors import ConfigurationError
from kinfolk.linking import adapt, encoder_inputs, focus, halves
from kinfolk.linking.alignment import FieldPair
from kinfolk.linking.compare import LEARNED
from kinfolk.linking.dedupe import dedupe
from kinfolk.linking.links import SIMILARITY
from kinfolk.linking.pipeline import link
from kinfolk.linking.stored import load
from kinfolk.methods.clippings import finetune, reading
from kinfolk.methods.clippings.model import RecordModel
from kinfolk.views import find_fonts
from kinfolk.views.text_noise import misread

Image = pytest.importorskip("PIL.Image", reason="needs kinfolk[train]: Pillow is not installed")
pytest.importorskip("lightning", reason="needs kinfolk[train]: lightning is not installed")

FIRMS = 60
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def encoded(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def tables() -> tuple[pa.Table, pa.Table]:
    """Two tables of the same firms, which have a name and a mark; some have one of both."""
    rng = np.random.default_rng(7)
    names = ["".join(rng.choice(list(LETTERS), 9)) for _ in range(FIRMS)]
    marks = rng.integers(0, 2, (FIRMS, 6, 6)).repeat(4, 1).repeat(4, 2) * 170 + 40
    sides = []
    for side in range(2):
        noisy = (marks + rng.normal(0, 25, marks.shape)).clip(0, 255).astype(np.uint8)
        read = misread(names, 0.3, alphabet=LETTERS, rng=rng)
        sides.append(
            pa.table(
                {
                    "id": [f"{'ab'[side]}{row}" for row in range(FIRMS)],
                    "name": [None if row % 10 == side else name for row, name in enumerate(read)],
                    "mark": [None if row % 10 == 5 + side else encoded(mark) for row, mark in enumerate(noisy)],
                }
            )
        )
    return sides[0], sides[1]


@pytest.fixture(scope="module", autouse=True)
def short_training():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder_inputs, "_SIZE", 32)
        patch.setattr(encoder_inputs, "_READING_SIZE", 40)
        patch.setattr(adapt, "_EPOCHS", (2, 2))
        patch.setattr(focus, "_PATCHES", 2)
        yield


@pytest.fixture(scope="module")
def run(tables, tmp_path_factory):
    """A run that learned from both tables: its links and its folder."""
    folder = tmp_path_factory.mktemp("adapted") / "run"
    return link(*tables, image=["mark"], adapt=True, run=folder), folder


def test_the_learned_vectors_are_one_more_comparison_and_a_note_says_what_was_learned(run):
    links, _ = run
    assert any(LEARNED in name for name in links.scores.column_names)
    (note,) = (note for note in links.notes if "Learned from" in note)
    assert "120 records in 2 epochs" in note
    assert "mean reciprocal rank of" in note
    right = [(pair["left_id"], pair["right_id"]) for pair in links.to_arrow().to_pylist()]
    assert np.mean([a[1:] == b[1:] for a, b in right]) > 0.9


def test_a_run_goes_on_in_its_training_and_gives_the_same_links(tables, run, tmp_path, monkeypatch):
    links, finished = run
    folder = shutil.copytree(finished, tmp_path / "run")
    for stage in folder.glob("*.parquet"):
        stage.unlink()
    monkeypatch.setattr("kinfolk.methods.clippings.field_contrast.FieldContrast.loss", None)  # no step is done again
    assert link(*tables, image=["mark"], adapt=True, run=folder).to_arrow().equals(links.to_arrow())


def test_what_the_encoder_looked_at_can_be_asked_and_stands_in_the_report(tables, run, tmp_path):
    links, folder = run
    found = links.focus("a3", "b3")
    assert [field.label for field in found.fields] == ["mark", "name"]
    assert found.fields[0].left.pixels.shape == (1, 32, 32)
    assert "".join(character for character, _ in found.fields[1].right.words) == tables[1].column("name")[3].as_py()
    missing = links.focus("a5", "b5")
    assert [np.isnan(field.loss) for field in missing.fields] == [True, False]
    assert missing.fields[0].left is None

    again = load(folder)
    assert again.focus("a3", "b3").cosine == pytest.approx(found.cosine, abs=1e-6)
    assert "What the learned encoder looked at" in again.report(tmp_path / "report.html").read_text("utf-8")
    assert replace(links, models=None).focus("a3", "b3") is None


def judged_pairs(num: int) -> list[dict[str, object]]:
    """So many firms with themselves, and each with the next."""
    return [
        {"left_id": f"a{row}", "right_id": f"b{row + other}", "label": 1 - other}
        for row in range(num)
        for other in (0, 1)
    ]


def test_labels_reach_the_encoder_in_two_halves(tables, tmp_path, monkeypatch):
    monkeypatch.setattr(halves, "LEAST", 20)
    monkeypatch.setattr(finetune, "FINETUNING", replace(finetune.FINETUNING, epochs=2))
    settings = {"image": ["mark"], "adapt": True, "labels": judged_pairs(24), "run": tmp_path / "run"}
    links = link(*tables, **settings)
    assert any("Then from labels of 24 things" in note for note in links.notes)
    models = [RecordModel.load(tmp_path / "run" / "model" / f"labels-{half}") for half in (1, 2)]
    assert [stage["stage"] for stage in models[0].about["stages"]] == ["pretrain", "finetune"]
    assert [model.about["stages"][1]["classes"] for model in models] == [12, 12]

    found = links.focus("a30", "b30")  # of which nobody judged anything: the mean of both encoders
    row = links.scores.filter((pc.field("left") == 30) & (pc.field("right") == 30))
    (shown,) = row.column(SIMILARITY + LEARNED).to_pylist()
    assert found.cosine == pytest.approx(shown, abs=1e-5)
    assert load(tmp_path / "run").focus("a30", "b30").cosine == pytest.approx(found.cosine, abs=1e-6)


def test_one_table_learns_from_itself(tables):
    left, right = tables
    both = pa.concat_tables([left, right])
    found = dedupe(both, image=["mark"], adapt=True)
    assert any("120 records in 2 epochs" in note for note in found.notes)
    truth = {(f"a{row}", f"b{row}") for row in range(FIRMS)}
    clusters = {}
    for row in found.to_arrow().to_pylist():
        clusters.setdefault(row["cluster_id"], []).append(row["id"])
    pairs = {tuple(sorted(ids)) for ids in clusters.values() if len(ids) == 2}
    assert len(pairs & truth) > 0.8 * FIRMS


def test_tables_without_images_can_be_learned_from_too(tables):
    left, right = (table.drop_columns("mark") for table in tables)
    notes = link(left, right, adapt=True).notes
    assert any(note.startswith(("Learned from", "Training on the tables")) for note in notes)


def test_too_few_records_are_refused(tables):
    left, right = tables
    with pytest.raises(ConfigurationError, match="adapt learns from the records, and needs 64 at least. Got 40"):
        link(left.slice(0, 20), right.slice(0, 20), adapt=True)


def test_reading_comes_before_the_records_and_leaves_their_fields_as_they_are(tables, tmp_path, monkeypatch):
    font = tmp_path / "latin.ttf"
    font.write_bytes(pytest.importorskip("PIL.ImageFont").load_default(20).font_bytes)
    monkeypatch.setattr(reading, "find_fonts", lambda: find_fonts(places=[font], system=False))
    monkeypatch.setattr(reading, "RECIPE", replace(reading.RECIPE, epochs=1))
    monkeypatch.setattr(reading, "_STRINGS", (200, 200))
    links = link(*tables, image=["mark"], adapt="reading", run=tmp_path / "run")
    assert any(note.startswith(("Learned from 120 records", "Training on the tables")) for note in links.notes)
    model = RecordModel.load(tmp_path / "run" / "model")
    assert [stage["stage"] for stage in model.about["stages"]] == ["read", "pretrain"]
    assert model.field_names == ("mark", "name")
    assert links.focus("a3", "b3").fields[0].left.pixels.shape == (1, 40, 40)


def test_an_image_of_one_shade_shows_nothing(tables):
    left = (
        tables[0]
        .slice(0, 2)
        .set_column(
            2, "mark", pa.array([encoded(np.full((20, 20), 240, np.uint8)), tables[0].column("mark")[1].as_py()])
        )
    )
    records = read_records(left, image=["mark"])
    (mark,) = encoder_inputs.inputs_of((records,), [], [FieldPair("mark", "mark", "image")], on_error="raise").fields
    assert mark.present.tolist() == [False, True]


def test_another_way_to_adapt_is_refused(tables):
    with pytest.raises(ConfigurationError, match="adapt must be False, True or 'reading'. Got 'writing'"):
        link(*tables, image=["mark"], adapt="writing")

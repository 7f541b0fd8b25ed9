"""Adapting a text encoder to two tables: firms that one table calls by their name and trade, and the other in its own words."""

import shutil

import numpy as np
import pyarrow as pa
import pytest

import kinfolk
from kinfolk.data import read_records
from kinfolk.data.texts import Texts
from kinfolk.errors import ConfigurationError, MissingExtraError
from kinfolk.linking import adapt_text
from kinfolk.linking.alignment import FieldPair
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.compare import Comparisons
from kinfolk.linking.halves import NEITHER
from kinfolk.linking.likely_pairs import LikelyPairs
from kinfolk.linking.likely_texts import full_batches, items_of_pairs
from kinfolk.linking.meaning import Meaning, Vectors, encode_tables, open_encoder
from kinfolk.linking.pipeline import link
from kinfolk.linking.stored import load

pytest.importorskip("lightning", reason="needs kinfolk[train]: lightning is not installed")
pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")

FIRMS = 160
TRADES = [("brewery", "beer"), ("bakery", "bread"), ("foundry", "iron"), ("tannery", "leather"), ("mill", "flour")]
ADAPTED = "The text encoder was adapted"


def quiet(_: float) -> None:
    """Is told how far it is."""


@pytest.fixture(scope="module")
def tables() -> tuple[pa.Table, pa.Table]:
    """Two tables of the same firms; what the one calls a brewery is beer in the other."""
    rng = np.random.default_rng(5)
    names = ["".join(rng.choice(list("abdegiklmnorstu"), 7)) for _ in range(FIRMS)]
    trades = rng.integers(0, len(TRADES), FIRMS)
    sides = []
    for side in range(2):
        said = [f"{TRADES[trade][side]} {name}" for trade, name in zip(trades, names, strict=True)]
        towns = [f"town {town}" for town in rng.integers(0, 9, FIRMS)]
        sides.append(pa.table({"id": [f"{'ab'[side]}{row}" for row in range(FIRMS)], "firm": said, "town": towns}))
    return sides[0], sides[1]


@pytest.fixture(scope="module")
def encoder(tables, tmp_path_factory) -> str:
    """A bag of tokens that has seen the tables for one epoch."""
    folder = tmp_path_factory.mktemp("bag")
    texts = [text for table in tables for text in table.column("firm").to_pylist()]
    both = pa.table({"text": texts, "other": [text.split()[0] for text in texts]})
    kinfolk.train(
        both, method="simcse", output=folder, encoder="bag", encoder_settings={"width": 32, "vocab_size": 300},
        column="text", positive="other", recipe={"epochs": 1, "batch_size": 4}, held_out=0,
    )  # fmt: skip
    return str(folder)


@pytest.fixture(scope="module")
def run(tables, encoder, tmp_path_factory):
    """A run that adapted the encoder: its links and its folder."""
    folder = tmp_path_factory.mktemp("adapted") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adapt_text, "_RATE", 1e-2)
        return link(*tables, encoder=encoder, adapt=True, run=folder), folder


def test_a_note_and_a_stage_say_what_the_encoder_was_adapted_to(run):
    links, folder = run
    (note,) = (note for note in links.notes if note.startswith(ADAPTED))
    assert f"to {FIRMS} pairs" in note
    (stage,) = (stage for stage in links.stages if stage.name == "adapt text")
    assert stage.detail == note
    assert note in load(folder).notes
    assert not any("Learned from" in note for note in links.notes)  # there is no image, so nothing else is trained


def test_adapted_vectors_know_what_the_tables_say_in_other_words(encoder, run):
    _, folder = run
    words = [list(words) for words in zip(*TRADES, strict=True)]

    def found(of) -> float:
        vectors = [np.asarray(of.encode(side)) for side in words]
        return float(np.diag(vectors[0] @ vectors[1].T).mean() - (vectors[0] @ vectors[1].T).mean())

    before = found(open_encoder(encoder))
    halves = [found(open_encoder(folder / "text-model" / half)) for half in ("half-1", "half-2")]
    assert min(halves) > before + 0.1


def test_a_run_goes_on_in_its_training_and_gives_the_same_links(tables, encoder, run, tmp_path, monkeypatch):
    links, finished = run
    monkeypatch.setattr(adapt_text, "_RATE", 1e-2)
    folder = shutil.copytree(finished, tmp_path / "run")
    for stage in folder.glob("*.parquet"):
        stage.unlink()
    shutil.rmtree(folder / "vectors", ignore_errors=True)
    shutil.rmtree(folder / "text-model" / "half-2")  # as if it had been killed between the two
    again = link(*tables, encoder=encoder, adapt=True, run=folder)
    assert again.to_arrow().equals(links.to_arrow())
    assert again.scores.equals(links.scores)


def test_a_pair_is_compared_by_the_encoder_that_did_not_learn_from_it(tables, encoder):
    left, right = (read_records(table) for table in tables)
    fields = [FieldPair("firm", "firm", "text"), FieldPair("town", "town", "text")]
    pairs = LikelyPairs(np.arange(120), np.arange(120), np.ones(120))
    learner = adapt_text.TextLearner(encoder, open_encoder(encoder), None, 0)
    shares = list[float]()
    adapted = learner.learn(left, right, fields, lambda _: pairs, shares.append)
    assert shares == sorted(shares)
    assert (len(shares), shares[-1]) == (12, 1.0)  # two halves of 60 pairs by two views, 20 in a batch
    assert set(adapted.half_left[:120]) == {0, 1}
    assert set(adapted.half_left[120:]) == {NEITHER}
    meaning = adapted.encode_tables(left, right, fields, None, quiet)
    whole = meaning.views[0]
    *alone, before = (encode_tables(one, left, right, fields, None, quiet).views[0] for one in adapted.encoders)
    rows = np.arange(FIRMS)
    cosines = np.stack([Vectors(of.left, of.right).cosines(rows, rows) for of in alone])
    unseen = np.where(adapted.half_left == 0, cosines[1], cosines[0])
    expected = np.where(adapted.half_left == NEITHER, cosines.mean(axis=0), unseen)
    np.testing.assert_allclose(whole.cosines(rows, rows), expected, atol=1e-5)
    np.testing.assert_array_equal(meaning.unadapted[0].cosines(rows, rows), before.cosines(rows, rows))


def test_the_adapted_vectors_are_searched_and_those_of_before_are_compared_beside_them(rng):
    def vectors() -> Vectors:
        left, right = (of / np.linalg.norm(of, axis=1, keepdims=True) for of in rng.normal(size=(2, 3, 4)))
        return Vectors(left.astype(np.float32), right.astype(np.float32))

    pairs = Candidates(np.array([0, 2]), np.array([1, 2]))
    nothing = Comparisons((), np.zeros((2, 0), np.float32), {}, np.zeros(2))
    adapted, before = (vectors(), vectors()), (vectors(), vectors())
    meaning = Meaning(adapted, before)
    assert meaning.searched() == [adapted[0]]
    compared = meaning.add_to(nothing, pairs)
    assert compared.shown == {"meaning": 0}
    expected = [of.cosines(pairs.left, pairs.right) for of in (*adapted, *before)]
    np.testing.assert_array_equal(compared.values, np.column_stack(expected))


def test_items_are_whole_records_and_main_fields_of_which_both_sides_say_something_else():
    left = read_records(pa.table({"id": ["a", "b"], "name": ["tv", "radio"], "kind": ["new", None]}))
    right = read_records(pa.table({"id": ["x", "y"], "name": ["television", "radio"], "kind": ["new", "old"]}))
    fields = [FieldPair("name", "name", "text"), FieldPair("kind", "kind", "text")]
    pairs = LikelyPairs(np.array([0, 1]), np.array([0, 1]), np.ones(2))
    items = items_of_pairs(left, right, fields, pairs, np.array([7, 9]))
    assert items.columns[0] == ("tv | new", "radio", "tv")
    assert items.columns[1] == ("television | new", "radio | old", "television")
    assert items.rows.tolist() == [0, 1, 0]
    assert items.groups.tolist() == [7, 9, 7]
    assert [items.corpus_names[view] for view in items.corpora] == ["record", "record", "main field"]


def test_a_view_that_says_the_same_all_over_fills_no_batch_and_is_left_out():
    rows = np.arange(60)
    texts = Texts(
        (tuple(f"one {row}" for row in rows) + ("shop",) * 60, tuple(f"other {row}" for row in rows) + ("store",) * 60),
        np.concatenate([rows, rows]),
        groups=np.concatenate([rows, rows]),
        corpora=np.repeat([0, 1], 60),
        corpus_names=("record", "main field"),
    )
    items, size = full_batches(texts, least=8, most=32)
    assert size == 20  # a third of what has nothing in common, so that any order fills them
    assert items.corpus_names == ("record",)
    assert items.columns[0] == texts.columns[0][:60]
    assert full_batches(texts.take(rows + 60), least=8, most=32)[1] == 0


def test_too_few_records_or_pairs_leave_the_encoder_as_it_is_and_say_so(tables, encoder):
    few = [table.slice(0, 20) for table in tables]
    links = link(*few, encoder=encoder, adapt=True)
    assert any("was not adapted: that takes 64 records at least, and there are 40" in note for note in links.notes)
    plain = link(*few, encoder=encoder).scores
    assert links.scores.replace_schema_metadata(None).equals(plain.replace_schema_metadata(None))
    strangers = [tables[0].slice(0, 80), tables[1].slice(80)]
    links = link(*strangers, encoder=encoder, adapt=True)
    assert any("was not adapted: letters and fields alone make" in note for note in links.notes)


def test_what_is_missing_is_named_before_any_work(tables, encoder, monkeypatch):
    monkeypatch.setattr(adapt_text, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="Adapting the text encoder"):
        link(*tables, encoder=encoder, adapt=True)


class Letters:
    """How often each letter comes, which no training begins with."""

    def encode(self, texts):
        return np.array(
            [[text.count(letter) for letter in "abcdefghijklmnopqrstuvwxyzäöüßàé"] for text in texts], float
        )


def test_an_encoder_that_makes_its_vectors_in_another_way_is_left_as_it_is(tables, encoder):
    left, right = (read_records(table) for table in tables)
    fields = [FieldPair("firm", "firm", "text")]
    adapted = adapt_text.TextLearner(encoder, Letters(), None, 0).learn(left, right, fields, None, quiet)
    assert adapted.encoders == ()
    assert "was not adapted: training makes vectors by the mean over the last layer" in adapted.note


def test_neither_an_object_nor_any_folder_can_be_trained(tables, tmp_path, encoder):
    opened = open_encoder(encoder)
    assert adapt_text.text_learner(True, Letters(), Letters(), folder=None, seed=0) is None
    assert adapt_text.text_learner(False, encoder, opened, folder=None, seed=0) is None
    assert adapt_text.text_learner(True, encoder, opened, folder=None, seed=0) is not None
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="adapt trains the encoder, and .* cannot be trained"):
        adapt_text.TextLearner(str(tmp_path), opened, None, 0).learn(*map(read_records, tables), [], None, quiet)

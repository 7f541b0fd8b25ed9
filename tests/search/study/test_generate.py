"""The generator: shares that pass are those asked for, neighbors are the true ones, and the same seed makes the same study."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.search.metric import stored_form
from kinfolk.search.study import Study, Terms, generate
from kinfolk.search.study.columns import chosen_columns
from kinfolk.search.study.truth import Truth

ROWS, QUERIES = 700, 20


def table_of(num: int) -> pa.Table:
    return pa.table(
        {
            "id": range(num),
            "town": [f"town {row % 10}" for row in range(num)],
            "day": pa.array(range(num), pa.int32()).cast(pa.date32()),
            "tags": [["even"] if row % 2 else ["odd", "all"] for row in range(num)],
        }
    )


def passes(study: Study, terms: Terms) -> np.ndarray:
    """Row by row, without an index."""
    kept = np.ones(len(study.vectors), dtype=bool)
    for term in terms:
        values = study.attributes.column(term.column).to_pylist()
        if isinstance(term.value, tuple):
            low, high = term.value
            kept &= [value is not None and low <= value <= high for value in values]
        elif term.kind == "emis":
            kept &= [value is not None and term.value in value for value in values]
        else:
            kept &= [value == term.value for value in values]
    return kept


@pytest.fixture(scope="module")
def study() -> Study:
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(12, 8))
    vectors = centers[rng.integers(0, 12, ROWS + QUERIES)] + 0.5 * rng.normal(size=(ROWS + QUERIES, 8))
    return generate(vectors, table_of(ROWS + QUERIES), queries=QUERIES, seed=1)


def test_there_is_a_cell_for_each_kind_and_share(study: Study) -> None:
    shares = ("50", "10", "1", "0.1")
    kinds = {f"{kind}-{share}" for kind in ("em", "r", "emis") for share in shares}
    both = {f"r_{kind}-{share}" for kind in ("em", "emis") for share in ("10", "1")}
    assert {cell.name for cell in study.cells} == {
        "none",
        "em",
        "r",
        "emis",
        "far-10",
        "far-1",
        "near-1",
        *kinds,
        *both,
    }
    assert study.facts["columns"] == {"em": "town", "r": "day", "emis": "tags"}
    about = {cell.name: cell.about for cell in study.cells}
    assert about["em-10"] == "town (of the table)"
    assert about["em-1"] == "drawn_label (drawn)"
    assert about["emis-50"] == "tags (of the table)"


def test_the_share_that_passes_is_the_one_asked_for(study: Study) -> None:
    for cell in study.cells:
        if cell.share is None:
            continue
        sizes = [passes(study, terms).sum() for terms in cell.terms]
        # clusters are as large as they are
        slack = 4 if cell.name.startswith(("far", "near")) else 1.5
        assert cell.share * ROWS / slack <= np.mean(sizes) <= max(1, slack * cell.share * ROWS), cell.name


def test_true_neighbors_are_those_of_brute_force(study: Study) -> None:
    vectors, queries = study.vectors.astype(np.float64), study.queries.astype(np.float64)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    for cell in study.cells:
        for query, terms, true in zip(queries, cell.terms, cell.truth, strict=True):
            kept = passes(study, terms)
            scores = np.where(kept, vectors @ query, -np.inf)
            assert len(true) == min(100, kept.sum())
            assert kept[true].all()
            assert np.allclose(scores[true], np.sort(scores)[::-1][: len(true)], atol=1e-6)


def test_clusters_are_far_from_or_near_to_their_queries(study: Study) -> None:
    truth = Truth(study.vectors, study.attributes)
    cells = {cell.name: cell for cell in study.cells}
    lifts = {name: truth.lift(cell.terms, cells["none"].truth) for name, cell in cells.items()}
    assert np.mean(np.array(lifts["far-10"]) < 1) > 0.5
    assert np.mean(np.array(lifts["far-1"]) < 1) > 0.5
    assert np.median(lifts["near-1"]) > 5  # a hundredth of 700 rows is 7 of the 100 nearest, so that 7 is the most
    assert lifts["none"] == [1.0] * QUERIES


def test_recall_counts_rows_that_pass_and_takes_any_at_one_distance(study: Study) -> None:
    truth = Truth(study.vectors, study.attributes)
    cell = next(cell for cell in study.cells if cell.name == "em-10")
    found = np.stack([true[:10] for true in cell.truth])
    assert truth.recall(study.queries, cell.terms, cell.truth, found, 10) == 1.0
    assert truth.recall(
        study.queries, cell.terms, cell.truth, np.where(np.arange(10) < 4, found, -1), 10
    ) == pytest.approx(0.4)
    assert truth.recall(
        study.queries, cell.terms, cell.truth, np.repeat(found[:, :1], 10, axis=1), 10
    ) == pytest.approx(0.1)
    outside = np.stack([np.flatnonzero(~passes(study, terms))[:10] for terms in cell.terms])
    assert truth.recall(study.queries, cell.terms, cell.truth, outside, 10) == 0.0
    with pytest.raises(DataError, match="rows from 0 to 699, or -1 for none. Got 700 to 700"):
        truth.recall(study.queries, cell.terms, cell.truth, np.full((QUERIES, 1), ROWS), 10)
    twins = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    pair = Truth(twins, pa.table({"a": [1, 1, 1]}))
    assert pair.recall(twins[:1], [()], [np.array([0])], np.array([[1]]), 1) == 1.0


def test_more_rows_than_there_are_are_repeated_with_noise(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(60, 16))
    study = generate(vectors, table_of(60), queries=10, rows=130, seed=3)
    assert study.vectors.shape == (130, 16)
    assert (study.facts["real_vectors"], study.facts["jittered_vectors"]) == (50, 80)
    assert "noise of length 0.5" in str(study.facts["jitter"])
    held = {tuple(row) for row in study.queries}
    assert not held & {tuple(row) for row in study.vectors}
    closest = (study.vectors[50:].astype(np.float64) @ study.vectors[:50].T).max(axis=1)
    assert 0.7 < closest.min() < closest.max() < 0.99
    fewer = generate(vectors, table_of(60), queries=10, rows=30, seed=3)
    known = {tuple(row) for row in stored_form(vectors, name="vectors", metric="cosine")}
    assert len(fewer.vectors) == 30
    assert {tuple(row) for row in fewer.vectors} <= known


def test_the_seed_makes_the_study(rng: np.random.Generator) -> None:
    vectors, table = rng.normal(size=(80, 4)), table_of(80)
    one, same, other = (generate(vectors, table, queries=5, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.vectors, same.vectors)
    assert one.attributes.equals(same.attributes)
    assert [list(cell.terms) for cell in one.cells] == [list(cell.terms) for cell in same.cells]
    assert not np.array_equal(one.queries, other.queries)


def test_columns_are_found_or_taken_as_asked() -> None:
    table = table_of(40).append_column("words", [[f"a{row % 3}, b;c" for row in range(40)]])
    found = chosen_columns(table, {})
    assert {kind: name for kind, (name, _) in found.items()} == {"em": "town", "r": "day", "emis": "tags"}
    assert found["r"][1].to_pylist() == list(range(40))
    asked = chosen_columns(table, {"emis": "words", "em": "id"})
    assert asked["emis"][1][1].as_py() == ["a1", "b", "c"]
    with pytest.raises(
        ConfigurationError, match="A column for r must hold numbers, dates or times. 'town' holds string"
    ):
        chosen_columns(table, {"r": "town"})
    with pytest.raises(ConfigurationError, match="has no column 'twon'. Did you mean 'town'"):
        chosen_columns(table, {"em": "twon"})


def test_what_cannot_be_a_study_is_said(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(30, 4))
    with pytest.raises(DataError, match="a row for each vector. Got 29 rows, 30 vectors"):
        generate(vectors, table_of(29))
    with pytest.raises(DataError, match="100 queries need 200 vectors or more. Got 30"):
        generate(vectors, table_of(30))
    with pytest.raises(DataError, match="vectors must hold finite numbers"):
        generate(np.full((30, 4), np.nan), table_of(30), queries=3)
    with pytest.raises(ConfigurationError, match="queries and rows must be at least 1"):
        generate(vectors, table_of(30), queries=3, rows=0)
    with pytest.raises(ConfigurationError, match="The study draws a column 'near_tags'"):
        generate(vectors, pa.table({"near_tags": range(30)}), queries=3)

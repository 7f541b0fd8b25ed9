"""Links under a condition: only pairs that pass become candidates, in every search and in both directions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import kinfolk
from kinfolk.data import read_records
from kinfolk.errors import ConfigurationError, RunError
from kinfolk.linking.condition import PairCondition
from kinfolk.search import col, mine

NUM = 90
NEAR = "country = mine.country AND year BETWEEN mine.year - 2 AND mine.year + 2"


class Letters:
    """Encodes a text by how often it has each letter."""

    fingerprint = "letters"

    def encode(self, texts):
        return np.array([[text.count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts], float)


@pytest.fixture
def tables(rng: np.random.Generator) -> tuple[pa.Table, pa.Table]:
    """Two tables of the same things, of which every third is of another year; some without a country."""
    syllables = ["ka", "lo", "mi", "ten", "sur", "pa", "dre", "vi"]
    names = ["".join(rng.choice(syllables, 3)) + " " + "".join(rng.choice(syllables, 3)) for _ in range(NUM)]
    years = rng.integers(1900, 1990, NUM)
    countries = [None if n % 10 == 0 else "NL" if n % 2 else "BE" for n in range(NUM)]

    def table(side: str, later: int) -> pa.Table:
        shown = [str(year + later * (n % 3 == 0)) for n, year in enumerate(years)]
        return pa.table({"id": [f"{side}{n}" for n in range(NUM)], "name": names, "year": shown, "country": countries})

    return table("l", 0), table("r", 9)


def passing(left: pa.Table, right: pa.Table) -> np.ndarray:
    """The pairs that pass ``NEAR``, by a slow loop: bool (left, right)."""
    ours, theirs = (
        list(zip(*(t.column(c).to_pylist() for c in ("country", "year")), strict=True)) for t in (left, right)
    )
    return np.array([[a == c and a is not None and abs(int(b) - int(d)) <= 2 for c, d in theirs] for a, b in ours])


@pytest.mark.parametrize("encoder", [None, Letters()], ids=["ngrams", "vectors"])
def test_only_pairs_that_pass_are_candidates(tables: tuple[pa.Table, pa.Table], encoder: Letters | None) -> None:
    passes = passing(*tables)
    links = kinfolk.link(*tables, where=NEAR, encoder=encoder)
    pairs = links.scores.column("left").to_numpy(), links.scores.column("right").to_numpy()
    assert passes[pairs].all()
    same = np.flatnonzero(passes.diagonal())
    assert set(zip(same, same, strict=True)) <= set(zip(*(rows.tolist() for rows in pairs), strict=True))
    assert any(NEAR in note and f"{passes.sum():,}" in note for note in links.notes)


def test_condition_knows_which_pairs_pass(tables: tuple[pa.Table, pa.Table]) -> None:
    condition = PairCondition(NEAR, *map(read_records, tables))
    rows = np.divmod(np.random.default_rng(1).permutation(NUM * NUM), NUM)
    slow = passing(*tables)
    assert condition.passes(*rows).tolist() == slow[rows].tolist()
    assert condition.num_pairs == slow.sum()


def test_python_and_sql_are_one_condition_and_another_is_refused(
    tables: tuple[pa.Table, pa.Table], tmp_path: Path
) -> None:
    kinfolk.link(*tables, where="year >= mine.year", run=tmp_path / "run")
    kinfolk.link(*tables, where=col("year") >= mine("year"), run=tmp_path / "run")
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["where"] == "col('year') >= mine('year')"
    for other in ("year > mine.year", None):
        with pytest.raises(RunError, match="another where"):
            kinfolk.link(*tables, where=other, run=tmp_path / "run")


def test_labeled_pairs_must_pass_too(tables: tuple[pa.Table, pa.Table]) -> None:
    slow = passing(*tables)
    labels = [{"left_id": f"l{n}", "right_id": f"r{n}", "label": 1} for n in range(1, 10)]
    links = kinfolk.link(*tables, where=NEAR, labels=labels)
    refused = sum(not slow[n, n] for n in range(1, 10))
    assert f"{refused} labeled pairs do not pass the condition; they were left out." in links.notes
    assert slow[links.scores.column("left").to_numpy(), links.scores.column("right").to_numpy()].all()


def test_where_no_pair_passes_nothing_is_linked_and_a_note_says_why(tables: tuple[pa.Table, pa.Table]) -> None:
    links = kinfolk.link(*tables, where="year > 2500")
    assert len(links) == 0
    assert any("No pair passes 'year > 2500'" in note and "from 1900 to" in note for note in links.notes)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("yaer = 1950", "right table, .* has no column 'yaer'. Did you mean 'year'"),
        ("year = mine.yaer", "left table, .* has no column 'yaer'. Did you mean 'year'"),
        ("year = 'x'", "needs a number"),
        ("year = mine.name", "needs a number"),
        ("UPPER(name) = 'A'", "not possible in a filter"),
    ],
)
def test_what_cannot_be_a_condition_is_said(tables: tuple[pa.Table, pa.Table], where: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        kinfolk.link(*tables, where=where)


def test_a_column_that_is_not_compared_can_be_in_the_condition(tables: tuple[pa.Table, pa.Table]) -> None:
    links = kinfolk.link(*tables, where="year = mine.year", ignore=["year"])
    years = [t.column("year").to_numpy(zero_copy_only=False) for t in tables]
    left, right = (links.scores.column(side).to_numpy() for side in ("left", "right"))
    assert len(left)
    assert (years[0][left] == years[1][right]).all()

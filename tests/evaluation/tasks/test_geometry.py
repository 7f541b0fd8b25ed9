"""Alignment, uniformity and what else is said of a space."""

import math
from pathlib import Path

import numpy as np
import pytest

from kinfolk.errors import DataError
from kinfolk.evaluation.tasks.geometry import evaluate_geometry, geometry_figures
from kinfolk.objectives import alignment, uniformity

ANGLES = {"a": 0, "b": 90, "c": 180}


def test_known_answer(on_circle, written) -> None:
    """Each text counts once: two pairs at right angles, one opposite."""
    pairs = written("pairs.csv", "sentence1,sentence2\na,b\na,c\na,a\n")
    (row,) = evaluate_geometry(on_circle(ANGLES), pairs).tables["geometry"]
    assert (row.set, row.texts, row.pairs) == ("pairs", 3, 3)
    assert row.uniformity == pytest.approx(math.log((2 * math.exp(-4) + math.exp(-8)) / 3))
    assert row.alignment == pytest.approx((2 + 4 + 0) / 3)
    assert row.mean_cosine == pytest.approx(-1 / 3)
    assert 1 < row.effective_rank <= 2


def test_agrees_with_the_objectives(rng: np.random.Generator) -> None:
    import torch

    vectors, first, second = rng.normal(size=(3, 60, 5))
    row = geometry_figures("x", vectors, (first, second))
    assert row.uniformity == pytest.approx(uniformity(torch.from_numpy(vectors)).item())
    assert row.alignment == pytest.approx(alignment(torch.from_numpy(first), torch.from_numpy(second)).item())
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert row.mean_cosine == pytest.approx((units @ units.T)[~np.eye(60, dtype=bool)].mean())


def test_with_scores_only_the_same_count_as_pairs(on_circle, written) -> None:
    encode = on_circle(ANGLES)
    scored = "sentence1,sentence2,score\na,b,5\na,c,2\n"
    (row,) = evaluate_geometry(encode, written("five.csv", scored)).tables["geometry"]
    assert (row.pairs, row.alignment, row.texts) == (1, pytest.approx(2), 3)
    (row,) = evaluate_geometry(encode, written("low.csv", scored.replace(",5", ",4"))).tables["geometry"]
    assert (row.pairs, row.alignment) == (0, None)


def test_lines_tables_and_folders(on_circle, written, tmp_path: Path) -> None:
    encode = on_circle(ANGLES)
    (row,) = evaluate_geometry(encode, written("lines.txt", "a\n\nb\na\n")).tables["geometry"]
    assert (row.set, row.texts, row.pairs, row.mean_cosine) == ("lines", 2, None, pytest.approx(0))
    written("sets/one.csv", "id,text\n1,a\n2,c\n")
    written("sets/two.csv", "id,text\n1,a\n2,b\n")
    found = evaluate_geometry(encode, tmp_path / "sets").tables["geometry"]
    assert [(row.set, round(row.mean_cosine, 9)) for row in found] == [("one", -1), ("two", 0)]
    with pytest.raises(DataError, match="same: the geometry needs two different texts or more. Got 1"):
        evaluate_geometry(encode, written("same.csv", "id,text\n1,a\n2,a\n"))

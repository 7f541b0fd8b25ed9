"""Late interaction, the scorer of a benchmark, is what its definition says."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "late_interaction.py"
SPEC = importlib.util.spec_from_file_location("late_interaction", PATH)
late_interaction = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(late_interaction)


def test_the_score_is_the_mean_over_the_query_of_the_best_token_of_the_document(rng):
    query = rng.normal(size=(4, 8)).astype(np.float32)
    documents = [rng.normal(size=(length, 8)).astype(np.float32) for length in (3, 1, 7)]
    expected = [np.mean([max(token @ other for other in document) for token in query]) for document in documents]
    found = late_interaction.mean_of_best(query, np.concatenate(documents), np.array([0, 3, 4]))
    assert found == pytest.approx(expected, rel=1e-5)

"""What counts as a table of unit vectors."""

import numpy as np
import pytest

from kinfolk.data.unit_vectors import unit_vectors
from kinfolk.errors import DataError


def test_unit_rows_and_zeros_pass_without_a_copy() -> None:
    table = np.array([[1, 0], [0, 0], [0.6, 0.8]], dtype=np.float32)
    assert unit_vectors(table, name="queries") is table


def test_rows_normalized_in_half_precision_pass(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(50, 300))
    half = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    np.testing.assert_array_equal(unit_vectors(half, name="queries"), half.astype(np.float32))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, 0.0], r"queries must have the shape \(num, 2\)\. Got \(2,\)"),
        ([[1.0, 0.0, 0.0]], r"the shape \(num, 2\)\. Got \(1, 3\)"),
        ([[1.0, 0.0], [3.0, 4.0]], r"Row 2 has the length 5\. Divide each row by its length"),
        ([[np.nan, 0.0]], "Row 1 has the length nan"),
        ([[0.0, np.inf]], "Row 1 has the length inf"),
    ],
)
def test_what_is_refused(values: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        unit_vectors(values, name="queries", dim=2)

"""Calibration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation import brier_score, expected_calibration_error, reliability

pairs = st.lists(st.tuples(st.floats(0, 1, allow_subnormal=False), st.booleans()), min_size=1, max_size=40)


def test_known_answer() -> None:
    # Bin [.2, .4): stated .3, true 0 of 2. Bin [.8, 1]: stated .9, true 2 of 2. (2 * .3 + 2 * .1) / 4 = .2
    assert expected_calibration_error([0.3, 0.3, 0.9, 0.9], [0, 0, 1, 1], 5) == pytest.approx(0.2)
    assert brier_score([0.3, 0.3, 0.9, 0.9], [0, 0, 1, 1]) == pytest.approx((0.09 + 0.09 + 0.01 + 0.01) / 4)


@given(rows=pairs, num_bins=st.integers(1, 12))
def test_equal_width_equals_slow_loop(rows: list[tuple[float, bool]], num_bins: int) -> None:
    stated, correct = np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])
    total = 0.0
    for index in range(num_bins):
        inside = np.array([min(int(value * num_bins), num_bins - 1) == index for value in stated])
        if inside.any():
            total += inside.mean() * abs(stated[inside].mean() - correct[inside].mean())
    assert expected_calibration_error(stated, correct, num_bins) == pytest.approx(total, abs=1e-12)


@given(rows=pairs, num_bins=st.integers(1, 12))
def test_equal_mass_equals_slow_loop(rows: list[tuple[float, bool]], num_bins: int) -> None:
    stated, correct = np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])
    order = np.argsort(stated, kind="stable")
    groups: dict[int, list[int]] = {}
    for rank, row in enumerate(order):
        groups.setdefault(rank * num_bins // len(rows), []).append(int(row))
    total = sum(abs(float((stated[group] - correct[group]).sum())) for group in groups.values()) / len(rows)
    got = expected_calibration_error(stated, correct, num_bins, binning="mass")
    assert got == pytest.approx(total, abs=1e-12)


def test_calibrated_scores_have_no_error_and_constant_ones_all() -> None:
    rng = np.random.default_rng(0)
    stated = rng.random(200_000)
    correct = rng.random(200_000) < stated
    assert expected_calibration_error(stated, correct) < 0.006
    assert expected_calibration_error(np.ones(10), np.zeros(10)) == 1.0


def test_equal_mass_sees_the_crowd_at_zero() -> None:
    # 1,000 pairs at .001 of which 40 are true: one bin of equal width, half the pairs' error hidden in none.
    stated, correct = np.full(1000, 0.001), np.arange(1000) < 40
    assert expected_calibration_error(stated, correct, binning="mass") >= 0.039


def test_reliability_table() -> None:
    rows = reliability([0.05, 0.15, 0.12, 1.0, 0.95], [0, 1, 0, 1, 1]).to_pylist()
    assert [row["count"] for row in rows] == [1, 2, 2]
    assert [row["observed"] for row in rows] == [0.0, 0.5, 1.0]
    assert (rows[1]["lowest"], rows[1]["highest"]) == (0.12, 0.15)
    assert rows[1]["mean_probability"] == pytest.approx(0.135)
    wilson = binomtest(1, 2).proportion_ci(method="wilson")
    assert (rows[1]["low"], rows[1]["high"]) == pytest.approx((wilson.low, wilson.high))


def test_errors() -> None:
    with pytest.raises(DataError, match=r"in \[0, 1\]. Row 2 holds 1.5"):
        expected_calibration_error([0.1, 1.5], [0, 1])
    with pytest.raises(DataError, match="Row 1 holds nan"):
        brier_score([float("nan")], [0])
    with pytest.raises(ConfigurationError, match="at least 1. Got 0"):
        expected_calibration_error([0.1], [0], 0)
    with pytest.raises(ConfigurationError, match="'width' or 'mass'. Got 'depth'"):
        reliability([0.1], [0], binning="depth")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="at least one pair"):
        brier_score([], [])

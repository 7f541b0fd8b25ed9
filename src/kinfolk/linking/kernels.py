"""Compiled loops over pairs; each has a slow reference in the tests."""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(cache=True)
def pair_dot(starts_a, columns_a, values_a, starts_b, columns_b, values_b, rows_a, rows_b):  # type: ignore[no-untyped-def]
    """Inner products of pairs of rows of two CSR matrices with sorted columns: float32 (pairs,)."""
    out = np.zeros(len(rows_a), dtype=np.float32)
    for pair in range(len(rows_a)):
        a, end_a = starts_a[rows_a[pair]], starts_a[rows_a[pair] + 1]
        b, end_b = starts_b[rows_b[pair]], starts_b[rows_b[pair] + 1]
        total = np.float32(0)
        while a < end_a and b < end_b:
            if columns_a[a] == columns_b[b]:
                total += values_a[a] * values_b[b]
                a += 1
                b += 1
            elif columns_a[a] < columns_b[b]:
                a += 1
            else:
                b += 1
        out[pair] = total
    return out


@nb.njit(cache=True)
def weigh_columns(values, mean, slope, if_missing, place, num_places):  # type: ignore[no-untyped-def]
    """Sums of ``slope * (value - mean)``, or of ``if_missing`` where a value is NaN, by place: float64 (rows, places).

    A column whose slope and ``if_missing`` are 0 adds nothing, whatever its place.
    """
    out = np.zeros((len(values), num_places))
    for row in range(len(values)):
        for column in range(len(mean)):
            if slope[column] != 0.0 or if_missing[column] != 0.0:
                value = values[row, column]
                term = if_missing[column] if np.isnan(value) else slope[column] * (value - mean[column])
                out[row, place[column]] += term
    return out


@nb.njit(cache=True)
def best_two(keys, num_keys, scores, floor):  # type: ignore[no-untyped-def]
    """Best and second-best score of each key, both at least ``floor``."""
    best = np.full(num_keys, floor)
    second = np.full(num_keys, floor)
    for pair in range(len(keys)):
        key, score = keys[pair], scores[pair]
        if score > best[key]:
            second[key] = best[key]
            best[key] = score
        elif score > second[key]:
            second[key] = score
    return best, second


@nb.njit(cache=True)
def take_greedily(order, left, right, num_left, num_right, left_once, right_once):  # type: ignore[no-untyped-def]
    """Walk the pairs in ``order`` and take each whose ends are still free (an end that may be used again always is)."""
    used_left = np.zeros(num_left, dtype=np.bool_)
    used_right = np.zeros(num_right, dtype=np.bool_)
    taken = np.zeros(len(left), dtype=np.bool_)
    for pair in order:
        i, j = left[pair], right[pair]
        if (left_once and used_left[i]) or (right_once and used_right[j]):
            continue
        used_left[i] = True
        used_right[j] = True
        taken[pair] = True
    return taken

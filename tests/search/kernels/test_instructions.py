"""Compiled instructions mean what their Python says, bit for bit, on this processor and on the plainest of its kind."""

import os
import subprocess
import sys
from pathlib import Path

import numba as nb
import numpy as np
import pytest

import kinfolk
from kinfolk.search.kernels.byte_products import QUERIES, ROWS, byte_products
from kinfolk.search.kernels.instructions import (
    LANES,
    lanes_at_least,
    next_at_least,
    plane_count,
    prefetch,
    trailing_zeros,
)
from kinfolk.search.kernels.products import code_product, inner_product, square_distance
from kinfolk.search.kernels.rotation import random_signs, rotate

PLAINEST = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}


@nb.njit
def compiled(query, rows, at, dim, planes, lines, rounded, codes, word, packed, out):  # type: ignore[no-untyped-def]
    prefetch(lines, 8)
    byte_products(codes, 0, packed, 0, 32, out, 0, ROWS)
    return (
        inner_product(query, rows, at, dim),
        square_distance(query, rows, at, dim),
        plane_count(planes, 32, lines, 8),
        code_product(rounded, codes, 64, 128),
        trailing_zeros(word),
        lanes_at_least(rows, 2, rows[9]),
    )


def in_python(*given):  # type: ignore[no-untyped-def]
    return compiled.py_func(*given)


def check(dims: tuple[int, ...]) -> None:
    rng = np.random.default_rng(5)
    words = rng.integers(0, 2**63, size=(2, 64), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    rounded, codes = (
        rng.integers(-2047, 2048, size=128).astype(np.int16),
        rng.integers(-127, 128, size=256).astype(np.int8),
    )
    packed = rng.integers(0, 256, size=32 * ROWS).astype(np.uint8)
    for dim in dims:
        rows = (rng.normal(size=3 * dim) * 10.0 ** rng.integers(-3, 4, size=3 * dim)).astype(np.float32)
        query = np.zeros(-(-dim // 32) * 32)
        query[:dim] = rng.normal(size=dim).astype(np.float32)
        given = (query, rows, 2 * dim, dim, words[0], words[1], rounded, codes, np.uint64(1 << 41), packed)
        by_vectors, one_by_one = np.zeros((2, QUERIES * ROWS), dtype=np.int32)
        assert compiled(*given, by_vectors) == in_python(*given, one_by_one), dim
        np.testing.assert_array_equal(by_vectors, one_by_one)


def test_vectors_of_the_processor_mean_what_python_says() -> None:
    check((6, 7, 31, 32, 33, 64, 385, 1000))


@pytest.mark.parametrize("size", [0, 1, LANES, 3 * LANES + 5])
def test_the_next_value_at_least_as_high_is_found_wherever_it_is(rng: np.random.Generator, size: int) -> None:
    values = rng.permutation(size).astype(np.float32)
    for start in range(size + 1):
        for bound in (-np.inf, size - 2, size):
            expected = next((place for place in range(start, size) if values[place] >= bound), size)
            assert _next(values, start, size, np.float32(bound)) == expected


@nb.njit
def _next(values, start, stop, bound):  # type: ignore[no-untyped-def]
    return next_at_least(values, start, stop, bound)


def test_a_processor_without_features_gives_the_same_bits() -> None:
    code = "import test_instructions as t; t.check((6, 7, 33, 385))"
    places = os.pathsep.join([str(Path(__file__).parent), str(Path(kinfolk.__file__).parents[1]), *sys.path])
    run = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | PLAINEST | {"PYTHONPATH": places}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("dim", [1, 2, 7, 64, 385, 511])
def test_a_rotation_keeps_lengths_and_angles(rng: np.random.Generator, dim: int) -> None:
    table = rng.normal(size=(5, dim)).astype(np.float32)
    turned, signs = table.copy(), random_signs(dim, 3)
    for row in turned:
        rotate(row, signs)
    np.testing.assert_allclose(turned @ turned.T, table @ table.T, rtol=1e-4, atol=1e-4 * dim)


def test_a_rotation_spreads_a_single_value_over_all(rng: np.random.Generator) -> None:
    # A sign code of a vector along one axis would be worthless without it.
    for dim in (384, 500):
        signs = random_signs(dim, int(rng.integers(1000)))
        for place in (0, dim // 2, dim - 1):
            axis = np.zeros(dim, dtype=np.float32)
            axis[place] = 1
            rotate(axis, signs)
            assert np.abs(axis).max() < 5 / np.sqrt(dim)
            assert np.median(np.abs(axis)) > 0.2 / np.sqrt(dim)

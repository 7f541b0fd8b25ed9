"""Compiled instructions mean what their Python says, bit for bit, on this processor and on the plainest of its kind."""

import os
import subprocess
import sys
from pathlib import Path

import numba as nb
import numpy as np
import pytest

import kinfolk
from kinfolk.search.kernels.instructions import plane_count, prefetch, trailing_zeros
from kinfolk.search.kernels.products import code_product, inner_product, square_distance
from kinfolk.search.kernels.rotation import random_signs, rotate

PLAINEST = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}


@nb.njit
def compiled(query, rows, at, dim, planes, lines, rounded, codes, word):  # type: ignore[no-untyped-def]
    prefetch(lines, 8)
    return (
        inner_product(query, rows, at, dim),
        square_distance(query, rows, at, dim),
        plane_count(planes, 32, lines, 8),
        code_product(rounded, codes, 64, 128),
        trailing_zeros(word),
    )


def in_python(query, rows, at, dim, planes, lines, rounded, codes, word):  # type: ignore[no-untyped-def]
    return compiled.py_func(query, rows, at, dim, planes, lines, rounded, codes, word)


def check(dims: tuple[int, ...]) -> None:
    rng = np.random.default_rng(5)
    words = rng.integers(0, 2**63, size=(2, 64), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    rounded, codes = (
        rng.integers(-2047, 2048, size=128).astype(np.int16),
        rng.integers(-127, 128, size=256).astype(np.int8),
    )
    for dim in dims:
        rows = (rng.normal(size=3 * dim) * 10.0 ** rng.integers(-3, 4, size=3 * dim)).astype(np.float32)
        query = np.zeros(-(-dim // 32) * 32)
        query[:dim] = rng.normal(size=dim).astype(np.float32)
        given = (query, rows, 2 * dim, dim, words[0], words[1], rounded, codes, np.uint64(1 << 41))
        assert compiled(*given) == in_python(*given), dim


def test_vectors_of_the_processor_mean_what_python_says() -> None:
    check((1, 7, 31, 32, 33, 64, 385, 1000))


def test_a_processor_without_features_gives_the_same_bits() -> None:
    code = "import test_instructions as t; t.check((1, 7, 33, 385))"
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

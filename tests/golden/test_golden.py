"""Numbers made by the code of the papers' authors: ours must be the same to the last digit the file allows.

``pytest tests/golden --golden FOLDER`` runs another folder of vectors, too.
"""

import numpy as np
import pytest
import torch

from adapters import ADAPTERS
from golden_case import VECTORS, Case
from kinfolk.errors import ConfigurationError


def test_same_numbers(case: Case) -> None:
    compare(case)


def test_single_precision_loses_little(committed_in_float32: Case) -> None:
    compare(committed_in_float32)


def compare(case: Case) -> None:
    try:
        outputs = ADAPTERS[case.family](case)
    except ConfigurationError:
        assert case.has_no_pair, "a batch from which something can be learned was refused"
        return
    assert outputs, "an adapter that compares nothing"
    for name, value in outputs.items():
        if name not in case:  # a file may hold a part of the family's outputs
            continue
        expected = case.arrays[name]
        if value is None:  # there is nothing to measure
            assert not np.nan_to_num(expected).any(), name
            continue
        got = value.detach().double().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        assert got.shape == expected.shape, name
        if expected.dtype.kind in "biuO":
            np.testing.assert_array_equal(got, expected, err_msg=name)
        else:
            assert np.isfinite(got).all(), f"{name} is not finite"
            known = np.isfinite(expected)  # where the authors' code gives no number, any will do
            relative, absolute = case.tolerance(name)
            np.testing.assert_allclose(got[known], expected[known].astype(np.float64), relative, absolute, err_msg=name)


def test_every_output_of_a_family_is_compared(committed: Case) -> None:
    """What a committed file expects is not passed over; an unseen one may hold more, to look at."""
    expected = {name for name in committed.arrays if name.startswith(("loss", "grad"))}
    try:
        assert expected <= set(ADAPTERS[committed.family](committed))
    except ConfigurationError:
        assert committed.has_no_pair


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_a_family_has_vectors(name: str) -> None:
    assert list(VECTORS.glob(f"{name}__*"))


@pytest.mark.parametrize(
    ("name", "precision", "tolerance"),
    [
        ("ntxent__basic", torch.float64, (1e-6, 1e-8)),
        ("ntxent__basic", torch.float32, (1e-4, 1e-5)),
        ("ntxent__fp16_inputs", torch.float64, (1e-3, 1e-5)),
        ("groco__steep", torch.float64, (1e-6, 1e-8)),
        ("groco__steep", torch.float32, (1e-3, 1e-5)),
        ("diffsort__cauchy_odd_even", torch.float32, (1e-4, 1e-5)),
        ("dclw__f32", torch.float64, (1e-4, 1e-5)),
        ("clip__symmetric", torch.float64, (1e-4, 1e-6)),
        ("metrics__best_f1", torch.float64, (1e-6, 1e-8)),
        ("whitenedcse__sgw_eval", torch.float64, (1e-3, 1e-4)),
        ("whitenedcse__multipos_loss", torch.float64, (1e-4, 1e-6)),
        ("contriever__moco_3steps", torch.float64, (1e-4, 1e-5)),
        ("contriever__crop_stats_64", torch.float64, (0, 0.02)),
    ],
)
def test_tolerance_is_what_the_file_states(name: str, precision: torch.dtype, tolerance: tuple[float, float]) -> None:
    assert Case(VECTORS / f"{name}.npz", precision).tolerance("loss") == tolerance

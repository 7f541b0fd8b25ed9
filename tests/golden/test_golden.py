"""Numbers made by the code of the papers' authors: ours must be the same to the last digit the file allows.

``pytest tests/golden --golden FOLDER`` runs another folder of vectors.
"""

import numpy as np
import pytest
import torch

from adapters import ADAPTERS
from golden_case import Case
from kinfolk.errors import ConfigurationError


def test_same_numbers(case: Case) -> None:
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
        got = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        assert got.shape == expected.shape, name
        if expected.dtype.kind in "biu":
            np.testing.assert_array_equal(got, expected, err_msg=name)
        else:
            relative, absolute = case.tolerance(name)
            np.testing.assert_allclose(
                got.astype(np.float64), expected.astype(np.float64), relative, absolute, err_msg=name
            )


def test_every_output_of_a_family_is_compared_somewhere(cases: list[Case]) -> None:
    """What a file expects is neither an input nor passed over: names of losses and gradients are all returned."""
    for case in cases:
        expected = {n for n in case.arrays if n.startswith(("loss", "grad"))}
        try:
            returned = set(ADAPTERS[case.family](case))
        except ConfigurationError:
            continue
        assert expected <= returned | PASSED_OVER, f"{case.name}: {sorted(expected - returned - PASSED_OVER)}"


PASSED_OVER: set[str] = set()


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_a_family_has_vectors(name: str, golden_folder_is_the_default: bool, cases: list[Case]) -> None:
    if golden_folder_is_the_default:
        assert any(case.family == name for case in cases)

"""CLIP with known duplicates, and without the positive in the denominator."""

import math

import pytest
import torch

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import CLIP
from kinfolk.objectives.infonce import info_nce

SCALE = 3.0


def test_two_orthonormal_pairs_by_hand():
    eye = torch.eye(2, dtype=torch.float64)
    of_images, of_texts = info_nce(eye, eye, temperature=1 / SCALE)
    expected = torch.full((2,), math.log(1 + math.exp(-SCALE)), dtype=torch.float64)
    torch.testing.assert_close(of_images, expected)
    torch.testing.assert_close(of_texts, expected)


def test_a_common_permutation_changes_nothing():
    generator = torch.Generator().manual_seed(0)
    images, texts = torch.randn(2, 9, 4, generator=generator, dtype=torch.float64)
    groups, order = torch.arange(9) % 4, torch.randperm(9, generator=generator)
    loss = CLIP()
    torch.testing.assert_close(
        loss(images, texts, groups=groups), loss(images[order], texts[order], groups=groups[order])
    )


@pytest.mark.parametrize("decoupled", [False, True])
def test_groups_against_a_slow_loop(decoupled):
    generator = torch.Generator().manual_seed(1)
    images, texts = torch.nn.functional.normalize(torch.randn(2, 7, 5, generator=generator, dtype=torch.float64), dim=2)
    groups = torch.tensor([0, 1, 0, 2, 3, 3, 3])
    found, _ = info_nce(images, texts, temperature=0.2, groups=groups, decoupled=decoupled)
    for i in range(7):
        logits = images[i] @ texts.T / 0.2
        allowed = [j for j in range(7) if groups[j] != groups[i] or (j == i and not decoupled)]
        torch.testing.assert_close(found[i], logits[allowed].logsumexp(0) - logits[i])


def test_groups_of_one_are_no_groups():
    images, texts = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(CLIP()(images, texts, groups=torch.arange(6)), CLIP()(images, texts))


def test_a_batch_of_one_group_is_refused():
    with pytest.raises(ConfigurationError, match="All items of the batch are in one group"):
        CLIP()(torch.eye(3), torch.eye(3), groups=torch.zeros(3, dtype=torch.int64))

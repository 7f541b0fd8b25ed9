"""Differentiable sorting networks: sorted values and the permutation that sorts, both with gradients.

A sorting network compares pairs of wires in a fixed order and puts the smaller value of a pair on the lower wire.
Relaxed, a pair is exchanged by a share only. With steepness s and a sigmoid f, a comparison of a and b, where a
should be smaller, is the mixture::

    alpha = f(s (b - a)),    a' = alpha a + (1 - alpha) b,    b' = (1 - alpha) a + alpha b

The same mixtures of the columns of an identity matrix are the relaxed permutation P: P[i, j] says how much of input i
lands on rank j, every row and column sums to one, and the sorted values are P^T x.

Source: Petersen, Borgelt, Kuehne & Deussen, "Differentiable sorting networks for scalable sorting and ranking
supervision", ICML 2021, arXiv 2105.04019 (the networks, logistic and logistic_phi); the same authors, "Monotonic
differentiable sorting networks", ICLR 2022, arXiv 2203.09630 (cauchy, reciprocal, optimal).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import as_computed, check_positive, check_within

Network = Literal["odd_even", "bitonic"]
Relaxation = Literal["cauchy", "gaussian", "logistic", "logistic_phi", "optimal", "reciprocal"]

_Layer = tuple[int, ...]  # the wire that each wire is compared with; itself where it rests


class SoftSort(NamedTuple):
    """Scores after a differentiable sorting network.

    Attributes:
        values: ascending as far as the steepness allows, (..., n).
        permutation: how much input i lands on rank j, (..., n, n), [..., i, j]; rank 0 is the smallest.
    """

    values: Tensor
    permutation: Tensor


def soft_sort(
    scores: Tensor,
    *,
    steepness: float = 10.0,
    relaxation: Relaxation = "cauchy",
    network: Network = "odd_even",
    art_lambda: float = 0.25,
) -> SoftSort:
    """Sort along the last dimension, smallest first.

    Args:
        scores: floats (..., n), n >= 1; half precision is computed in float32.
        steepness: in (0, inf); the larger, the closer to the hard permutation.
        relaxation: the sigmoid. All are 1/2 at equal scores; cauchy, reciprocal and optimal keep the sorted values
            monotonic in the scores.
        network: odd_even has n layers; bitonic about log2(n)^2 / 2, for any n.
        art_lambda: exponent of logistic_phi, in [0, 1]: differences d become d / |d|^art_lambda.

    Raises:
        ConfigurationError: scores without a last dimension, or a parameter out of its range.
    """
    values, comparisons = _run(scores, steepness, relaxation, network, art_lambda)
    wires = scores.shape[-1]
    permutation = torch.eye(wires, dtype=values.dtype, device=values.device).expand(*scores.shape, wires)
    for partner, stay in comparisons:
        permutation = torch.lerp(permutation[..., partner], permutation, stay[..., None, :])
    return SoftSort(values, permutation)


def rank_probabilities(
    scores: Tensor,
    groups: Tensor,
    *,
    steepness: float = 10.0,
    relaxation: Relaxation = "cauchy",
    network: Network = "odd_even",
    art_lambda: float = 0.25,
) -> Tensor:
    """Probability of each input to land in each group of ranks: ``soft_sort(...).permutation @ groups``.

    The network is run backwards from the groups, so that no permutation is made: time and memory of a layer grow with
    n x groups instead of n x n.

    Args:
        scores: floats (..., n).
        groups: which rank belongs to which group, 0 or 1, (n, groups).
        steepness, relaxation, network, art_lambda: see ``soft_sort``.

    Returns:
        (..., n, groups).

    Raises:
        ConfigurationError: as ``soft_sort``, or groups that do not fit.
    """
    values, comparisons = _run(scores, steepness, relaxation, network, art_lambda)
    if groups.ndim != 2 or len(groups) != scores.shape[-1]:
        raise ConfigurationError(
            f"groups must have shape ({scores.shape[-1]} ranks, groups). Got {tuple(groups.shape)}."
        )
    probability = groups.to(values).expand(*scores.shape, groups.shape[1])
    for partner, stay in reversed(comparisons):  # the mixture of two wires is a symmetric matrix
        probability = torch.lerp(probability[..., partner, :], probability, stay[..., None])
    return probability


def _run(
    scores: Tensor, steepness: float, relaxation: Relaxation, network: Network, art_lambda: float
) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """Sorted values, and for each layer the partner of each wire, (n,), and the share that stays on it, (..., n)."""
    if scores.ndim < 1 or scores.shape[-1] < 1 or not scores.is_floating_point():
        raise ConfigurationError(
            f"scores must be a floating-point tensor of shape (..., n), n >= 1. "
            f"Got {scores.dtype} of shape {tuple(scores.shape)}."
        )
    check_positive("steepness", steepness)
    check_within("art_lambda", art_lambda, 0.0, 1.0)
    wires = torch.arange(scores.shape[-1], device=scores.device)
    layers = torch.tensor(_layers(len(wires), network), device=scores.device).view(-1, len(wires))
    values, comparisons = as_computed(scores), []
    for partner in layers:
        other = values[..., partner]
        # Seen from the upper wire of a pair the difference has the other sign; a wire at rest meets itself and stays.
        difference = torch.where(partner < wires, values - other, other - values)
        stay = _share(difference, steepness, relaxation, art_lambda)
        values = torch.lerp(other, values, stay)
        comparisons.append((partner, stay))
    return values, comparisons


def _share(difference: Tensor, steepness: float, relaxation: Relaxation, art_lambda: float) -> Tensor:
    """The sigmoid: in [0, 1], 1/2 at 0, f(d) + f(-d) = 1."""
    d = steepness * difference
    if relaxation == "cauchy":
        return 0.5 + torch.atan(d) / math.pi
    if relaxation == "gaussian":
        return 0.5 + 0.5 * torch.erf(d / math.sqrt(2))
    if relaxation == "logistic":
        return torch.sigmoid(d)
    if relaxation == "logistic_phi":  # the authors' 1e-10 keeps the slope finite at equal scores
        return torch.sigmoid(d / torch.pow(difference.abs() + 1e-10, art_lambda))
    if relaxation == "reciprocal":
        return 0.5 + 0.5 * d / (2 + d.abs())
    if relaxation == "optimal":  # linear near 0, then 1 - 1/(16 d): the least error of all monotonic ones
        size = d.abs().clamp(min=0.25)
        return 0.5 + torch.where(d.abs() <= 0.25, d, d.sign() * (0.5 - 1 / (16 * size)))
    raise ConfigurationError(f"relaxation must be of {', '.join(get_args(Relaxation))}. Got {relaxation!r}.")


@lru_cache(maxsize=64)
def _layers(wires: int, network: Network) -> tuple[_Layer, ...]:
    if network == "odd_even":
        return tuple(_neighbors(wires, layer % 2) for layer in range(wires))
    if network == "bitonic":
        return _bitonic(wires)
    raise ConfigurationError(f"network must be of {', '.join(get_args(Network))}. Got {network!r}.")


def _neighbors(wires: int, first: int) -> _Layer:
    """Compares wires (0, 1), (2, 3) ... or, with first = 1, (1, 2), (3, 4) ...; one without a neighbor rests."""
    partners = [((wire - first) ^ 1) + first for wire in range(wires)]
    return tuple(partner if 0 <= partner < wires else wire for wire, partner in enumerate(partners))


def _bitonic(wires: int) -> tuple[_Layer, ...]:
    """The form in which every comparison puts the smaller value on the lower wire.

    Blocks of 2, 4, 8 ... wires are merged: first each wire with its mirror image in the block, then with those at half
    the distance, a quarter, and so on. This exchanges the same values as the usual form with descending blocks. Wires
    that a power of two has too many would hold minus infinity at the bottom, where they never move: leaving them out
    keeps a sorting network for every number of wires. (Left out of the form with descending blocks, as in the authors'
    code, they do not: 22 wires are no longer sorted.)
    """
    power = (wires - 1).bit_length()
    too_many = 2**power - wires
    layers = []
    for block in range(1, power + 1):
        for flip in (2**block - 1, *(2**bit for bit in reversed(range(block - 1)))):
            partners = [((wire + too_many) ^ flip) - too_many for wire in range(wires)]
            layers.append(tuple(partner if partner >= 0 else wire for wire, partner in enumerate(partners)))
    return tuple(layers)

"""Random numbers, one an image, all from a generator that the caller owns: the same seed gives the same views."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError

Range = tuple[float, float]


def uniform(num: int, between: Range, *, generator: torch.Generator) -> Tensor:
    """Numbers evenly distributed in [low, high), (num,)."""
    low, high = between
    return torch.rand(num, generator=generator, device=generator.device) * (high - low) + low


def log_uniform(num: int, between: Range, *, generator: torch.Generator) -> Tensor:
    """Positive numbers whose logarithm is evenly distributed in [log low, log high), (num,)."""
    low, high = between
    return uniform(num, (math.log(low), math.log(high)), generator=generator).exp()


def chance(num: int, probability: float, *, generator: torch.Generator) -> Tensor:
    """Which of ``num`` images are chosen, each with this probability; bool (num,)."""
    return torch.rand(num, generator=generator, device=generator.device) < probability


def permutations(num: int, length: int, *, generator: torch.Generator) -> Tensor:
    """An order of 0 … length - 1 for each image, all orders alike; int64 (num, length)."""
    return torch.rand(num, length, generator=generator, device=generator.device).argsort(dim=1)


def check_range_of(name: str, between: Range, *, least: float, most: float) -> None:
    """Refuse a range that is not least <= low <= high <= most.

    Raises:
        ConfigurationError: it is not.
    """
    low, high = between
    if not least <= low <= high <= most:
        raise ConfigurationError(
            f"{name} must be two numbers, the lower first, in [{least:g}, {most:g}]. Got {low:g} and {high:g}."
        )


def check_shares(**shares: float) -> None:
    """Refuse settings that are not in [0, 1], by their names.

    Raises:
        ConfigurationError: one of them is not.
    """
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ConfigurationError(f"{name} must be in [0, 1]. Got {share:g}.")

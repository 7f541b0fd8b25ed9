"""What every objective does with its inputs first: check them, and bring them to unit length in sufficient precision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.errors import ConfigurationError

Similarity = Literal["cosine", "dot"]

_LEAST_TEMPERATURE = 1e-6  # below, logits are so large that rounding alone overflows their exponentials
_EPSILON = 1e-12  # least norm of a row: a row of zeros stays zeros and has a finite gradient


def unit(embeddings: Tensor) -> Tensor:
    """Rows of unit length, in float32 for half precision and in the given type otherwise; rows of zeros stay zeros."""
    return F.normalize(as_computed(embeddings), dim=-1, eps=_EPSILON)


def as_compared(embeddings: Tensor, similarity: Similarity) -> Tensor:
    """Rows whose products are the similarities: unit ones for "cosine", and for "dot" the rows as they are."""
    return unit(embeddings) if similarity == "cosine" else as_computed(embeddings)


def as_computed(values: Tensor) -> Tensor:
    """Values in the type an objective computes in: float32 for half precision, and the given one otherwise."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def full_precision(embeddings: Tensor) -> torch.autocast:
    """A context in which autocast leaves matrix products in the type of their inputs."""
    return torch.autocast(embeddings.device.type, enabled=False)


def check_embeddings(embeddings: Sequence[Tensor], names: Sequence[str], *, least: int = 2) -> None:
    """Refuse embeddings that are not tables of floats of one shape with enough rows, computed in one type.

    Args:
        embeddings: tensors that should be (items, dim), all of one shape.
        names: what the messages call them.
        least: items from which the objective says something.

    Raises:
        ConfigurationError: they are not.
    """
    first = embeddings[0]
    for tensor, name in zip(embeddings, names, strict=True):
        if tensor.ndim != 2 or not tensor.is_floating_point():
            raise ConfigurationError(
                f"{name} must be a floating-point tensor of shape (items, dim). "
                f"Got {tensor.dtype} of shape {tuple(tensor.shape)}."
            )
        if tensor.shape != first.shape:
            raise ConfigurationError(
                f"{names[0]} and {name} must have one shape (items, dim). "
                f"Got {tuple(first.shape)} and {tuple(tensor.shape)}."
            )
        if (tensor.dtype == torch.float64) != (first.dtype == torch.float64):
            raise ConfigurationError(
                f"{names[0]} and {name} must both be float64, or neither. Got {first.dtype} and {tensor.dtype}. Convert one."
            )
    if len(first) < least:
        raise ConfigurationError(
            f"The batch needs at least {least} items to have a negative. Got {len(first)}. Use a larger batch."
        )


def check_views(views: Sequence[Tensor], *, least_views: int = 2, least: int = 2) -> None:
    """Refuse views that are not ``least_views`` or more tensors (items, dim) of one shape.

    Raises:
        ConfigurationError: they are not.
    """
    if len(views) < least_views:
        raise ConfigurationError(f"At least {least_views} views of the batch are needed. Got {len(views)}.")
    check_embeddings(views, [f"view {number}" for number in range(1, len(views) + 1)], least=least)


def check_labels(labels: Tensor, items: int, name: str = "labels") -> None:
    """Refuse labels that are not one integer an item.

    Raises:
        ConfigurationError: they are not.
    """
    if labels.shape != (items,) or labels.is_floating_point():
        raise ConfigurationError(
            f"{name} must be {items} integers, one an item. Got {labels.dtype} of shape {tuple(labels.shape)}."
        )


def check_positive(name: str, value: float) -> float:
    """The value, if it is a finite number above 0.

    Raises:
        ConfigurationError: it is not.
    """
    if not 0 < value < float("inf"):
        raise ConfigurationError(f"{name} must be a number in (0, inf). Got {value}.")
    return float(value)


def check_temperature(value: float) -> float:
    """The value, if it is a temperature at which single precision still tells logits apart.

    Raises:
        ConfigurationError: it is not.
    """
    if not _LEAST_TEMPERATURE <= value < float("inf"):
        raise ConfigurationError(f"temperature must be a number in [{_LEAST_TEMPERATURE:g}, inf). Got {value}.")
    return float(value)


def check_similarity(value: Similarity) -> Similarity:
    """The value, if it is "cosine" or "dot".

    Raises:
        ConfigurationError: it is not.
    """
    if value not in ("cosine", "dot"):
        raise ConfigurationError(f"similarity must be 'cosine' or 'dot'. Got {value!r}.")
    return value


def check_not_negative(name: str, value: float) -> float:
    """The value, if it is a finite number of at least 0.

    Raises:
        ConfigurationError: it is not.
    """
    if not 0 <= value < float("inf"):
        raise ConfigurationError(f"{name} must be a number in [0, inf). Got {value}.")
    return float(value)


def check_count(name: str, value: int, *, least: int = 1) -> int:
    """The value as an integer, if it is a whole number of at least ``least``.

    Raises:
        ConfigurationError: it is not.
    """
    if not value >= least or value % 1 != 0:
        raise ConfigurationError(f"{name} must be a whole number of at least {least}. Got {value!r}.")
    return int(value)


def check_dim(embeddings: Tensor, name: str, dim: int) -> None:
    """Refuse embeddings of another length than the objective was made for.

    Raises:
        ConfigurationError: they are.
    """
    if embeddings.shape[1] != dim:
        raise ConfigurationError(
            f"{name} must be of shape (items, {dim}), as what it meets was made with dim={dim}. "
            f"Got {tuple(embeddings.shape)}. Make the objective with dim={embeddings.shape[1]}."
        )


def check_within(name: str, value: float, low: float, high: float) -> float:
    """The value, if it is in [low, high].

    Raises:
        ConfigurationError: it is not.
    """
    if not low <= value <= high:
        raise ConfigurationError(f"{name} must be in [{low:g}, {high:g}]. Got {value}.")
    return float(value)


def item_major(views: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Unit rows of all views, the views of one item together, and the item of each row.

    Args:
        views: V tensors (items, dim).

    Returns:
        (items x V, dim) and int64 (items x V,).
    """
    stacked = torch.stack(tuple(views), dim=1)
    items = torch.arange(len(stacked), device=stacked.device).repeat_interleave(len(views))
    return unit(stacked).flatten(0, 1), items

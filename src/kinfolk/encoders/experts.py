"""Experts: N small networks of one shape side by side, each row of a batch through one of them.

Rows of one expert are brought together, go through it in one product, and return to their places. A row costs what it
costs in a single network, whatever N is. An expert is gated or plain::

    gated:  [u; v] = Wi x + bi,   y = Wo( act(u) * v ) + bo
    plain:                        y = Wo( act(Wi x + bi) ) + bo

Source: Hallee, Kapur, Patel, Gleghorn & Khomtchouk, "Contrastive learning and mixture of experts enables precise vector
embeddings", 2024, arXiv 2401.15713 (enforced routing by domain); the gated form is that of ModernBERT, the plain that of BERT.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinfolk.errors import ConfigurationError

Activation = Callable[[Tensor], Tensor]
Unknown = Literal["error", "mean"]

UNKNOWN = -1  # in place of the number of an expert

ACTIVATIONS: dict[str, Activation] = {
    "gelu": F.gelu,
    "gelu_new": partial(F.gelu, approximate="tanh"),
    "relu": F.relu,
    "silu": F.silu,
}


@dataclass(frozen=True)
class RowGroups:
    """The rows of a batch by expert.

    Attributes:
        order: rows, those of the first expert first, int64 (rows,).
        back: where each row stands in that order, int64 (rows,).
        counts: rows of each expert, in order; one more where some may go through the mean of all.
    """

    order: Tensor
    back: Tensor
    counts: tuple[int, ...]


def group_rows(assignment: Tensor, num_experts: int, *, unknown: Unknown = "error") -> RowGroups:
    """Group rows by the expert they are assigned to.

    Args:
        assignment: integer (rows,), in [0, num_experts), or ``UNKNOWN``.
        num_experts: at least 1.
        unknown: what becomes of rows that are ``UNKNOWN``: "error" refuses them; "mean" sends them through one more
            expert, whose weights are the mean of all.

    Raises:
        ConfigurationError: an assignment that is not one integer a row, or out of range.
    """
    if unknown not in get_args(Unknown):
        raise ConfigurationError(f"unknown must be 'error' or 'mean'. Got {unknown!r}.")
    if assignment.ndim != 1 or assignment.is_floating_point() or assignment.dtype == torch.bool:
        raise ConfigurationError(
            f"assignment must be integers (rows,). Got {assignment.dtype} of shape {tuple(assignment.shape)}."
        )
    least = UNKNOWN if unknown == "mean" else 0
    if len(assignment) and not least <= int(assignment.min()) <= int(assignment.max()) < num_experts:
        raise ConfigurationError(
            f"assignment must be in [0, {num_experts}), the experts. Got {int(assignment.min())} to "
            f"{int(assignment.max())}. For rows of an unknown domain give {UNKNOWN} and unknown='mean'."
        )
    assignment = assignment.long()
    groups = num_experts
    if unknown == "mean":
        assignment, groups = torch.where(assignment == UNKNOWN, num_experts, assignment), num_experts + 1
    order = torch.argsort(assignment, stable=True)
    return RowGroups(order, torch.argsort(order), tuple(torch.bincount(assignment, minlength=groups).tolist()))


class Experts(nn.Module):
    """N experts of one shape, their weights stacked.

    An expert without a row has a gradient of zeros, and so an optimizer with momentum or weight decay still moves it.

    Args:
        num_experts: N, at least 1.
        dim: of what comes in and goes out.
        hidden_dim: width between the two products.
        gated: see the formula.
        activation: "gelu", "gelu_new", "relu" or "silu"; or a function.
        dropout: before the second product, in [0, 1).
        bias: whether there are bi and bo.

    Attributes:
        weight_in, bias_in: (N, hidden_dim, dim) and (N, hidden_dim), twice hidden_dim where gated, u before v.
        weight_out, bias_out: (N, dim, hidden_dim) and (N, dim).

    Raises:
        ConfigurationError: an option that is not possible.
    """

    def __init__(
        self,
        num_experts: int,
        dim: int,
        hidden_dim: int,
        *,
        gated: bool = True,
        activation: str | Activation = "gelu",
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        for name, size in (("num_experts", num_experts), ("dim", dim), ("hidden_dim", hidden_dim)):
            if size < 1:
                raise ConfigurationError(f"{name} must be at least 1. Got {size}.")
        if not 0 <= dropout < 1:
            raise ConfigurationError(f"dropout must be in [0, 1). Got {dropout}.")
        if isinstance(activation, str):
            if activation not in ACTIVATIONS:
                raise ConfigurationError(f"activation must be of {', '.join(ACTIVATIONS)}. Got {activation!r}.")
            activation = ACTIVATIONS[activation]
        self.gated, self.activation, self.dropout = gated, activation, dropout
        first = 2 * hidden_dim if gated else hidden_dim
        self.weight_in, self.bias_in = _stack(num_experts, first, dim, bias=bias)
        self.weight_out, self.bias_out = _stack(num_experts, dim, hidden_dim, bias=bias)

    @classmethod
    def copies(
        cls,
        first: nn.Linear,
        second: nn.Linear,
        num_experts: int,
        *,
        gated: bool,
        activation: Activation,
        dropout: float = 0.0,
    ) -> Experts:
        """N copies of a network that is there.

        Args:
            first, second: its two products.
            num_experts, gated, activation, dropout: see the class.
        """
        experts = cls(
            num_experts, first.in_features, second.in_features,
            gated=gated, activation=activation, dropout=dropout, bias=first.bias is not None,
        ).to(first.weight)  # fmt: skip
        with torch.no_grad():
            for layer, weight, bias in (
                (first, experts.weight_in, experts.bias_in),
                (second, experts.weight_out, experts.bias_out),
            ):
                weight.copy_(layer.weight.expand_as(weight))
                if bias is not None:
                    bias.copy_(layer.bias.expand_as(bias))
        return experts

    def __len__(self) -> int:
        """N."""
        return len(self.weight_in)

    def forward(self, inputs: Tensor, groups: RowGroups) -> Tensor:
        """Each row through its expert, of the shape of the inputs.

        Args:
            inputs: (rows, ..., dim).
            groups: of the rows, see ``group_rows``.

        Raises:
            ConfigurationError: groups of another number of rows or experts.
        """
        if len(groups.order) != len(inputs) or not 0 <= len(groups.counts) - len(self) <= 1:
            raise ConfigurationError(
                f"groups must be of {len(inputs)} rows and {len(self)} experts. "
                f"Got {len(groups.order)} rows and {len(groups.counts)} experts."
            )
        parts = inputs[groups.order].split(groups.counts)
        outputs = [
            self._through(part, *weights) for part, weights in zip(parts, self._weights(len(parts)), strict=True)
        ]
        return torch.cat(outputs)[groups.back]

    @torch.no_grad()
    def append_copy(self, of: int) -> None:
        """Add a copy of expert ``of`` behind the others. The weights are new tensors: an optimizer must be made anew."""
        for name, weight in list(self.named_parameters()):
            setattr(self, name, nn.Parameter(torch.cat([weight, weight[of, None]]), weight.requires_grad))

    def _weights(self, groups: int) -> Iterator[tuple[Tensor, Tensor | None, Tensor, Tensor | None]]:
        """The weights of each expert, and of their mean where there is one group more."""

        def each(stack: Tensor) -> list[Tensor]:
            # One view of all experts at once: the gradient is one stack, in which an expert without rows has zeros.
            own = list(stack.unbind(0))
            return [*own, stack.mean(0)] if groups > len(own) else own

        def each_bias(stack: Tensor | None) -> Sequence[Tensor | None]:
            return [None] * groups if stack is None else each(stack)

        return zip(
            each(self.weight_in), each_bias(self.bias_in), each(self.weight_out), each_bias(self.bias_out), strict=True
        )

    def _through(
        self, rows: Tensor, weight_in: Tensor, bias_in: Tensor | None, weight_out: Tensor, bias_out: Tensor | None
    ) -> Tensor:
        hidden = F.linear(rows, weight_in, bias_in)
        if self.gated:
            u, v = hidden.chunk(2, dim=-1)
            hidden = self.activation(u) * v
        else:
            hidden = self.activation(hidden)
        return F.linear(F.dropout(hidden, self.dropout, self.training), weight_out, bias_out)


def _stack(num_experts: int, rows: int, columns: int, *, bias: bool) -> tuple[nn.Parameter, nn.Parameter | None]:
    """Weights of N linear layers as torch starts one."""
    bound = columns**-0.5
    weight = nn.Parameter(torch.empty(num_experts, rows, columns).uniform_(-bound, bound))
    return weight, nn.Parameter(torch.empty(num_experts, rows).uniform_(-bound, bound)) if bias else None

"""Routers: which experts a text or a token goes through, where no domain is given.

With p = softmax of the gate's logits over the experts::

    sentence top-k    logits averaged over the tokens;  y = sum of p_e expert_e(x) over the k largest, not renormalized
    token top-k       logits of each token;             y = sum of p_e expert_e(x) over the k largest, which add up to 1
    sentence switch   logits averaged over the tokens;  y = expert_argmax(x), not scaled: the gate learns from an
                                                        auxiliary loss alone (``kinfolk.objectives.router_losses``)
    token type        no gate;                          y = expert_type(x) of each token

Source: Hallee et al., "Contrastive learning and mixture of experts enables precise vector embeddings", 2024,
arXiv 2401.15713, and the earlier release of its authors. That averages over padding, too; here a mask leaves it out.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinfolk.encoders.experts import Experts, group_rows
from kinfolk.errors import ConfigurationError

Gating = Literal["sentence-top-k", "token-top-k", "sentence-switch"]


class Routed(NamedTuple):
    """What a router gives.

    Attributes:
        hidden: (texts, tokens, dim).
        logits: of the gate, averaged over the tokens of a text, (texts, experts).
    """

    hidden: Tensor
    logits: Tensor


def sentence_top_k(experts: Experts, hidden: Tensor, gate: Tensor, *, k: int, mask: Tensor | None = None) -> Routed:
    """All tokens of a text through the k experts of its largest weights, which are not renormalized.

    Args:
        experts: N of them.
        hidden: (texts, tokens, dim).
        gate: (N, dim).
        k: in [1, N].
        mask: which tokens are there, bool or 0 and 1 (texts, tokens); None takes all, padding included.

    Raises:
        ConfigurationError: a k that is not possible, or shapes that do not fit.
    """
    _check(experts, hidden, gate, k)
    logits = _mean_over_tokens(F.linear(hidden, gate), mask)
    weights, chosen = logits.softmax(dim=-1).topk(k, dim=-1)
    return Routed(_weighted(experts, hidden, weights, chosen), logits)


def token_top_k(experts: Experts, hidden: Tensor, gate: Tensor, *, k: int, mask: Tensor | None = None) -> Routed:
    """Each token through the k experts of its largest weights, which add up to 1.

    Args:
        experts, hidden, gate, k: see ``sentence_top_k``.
        mask: for the mean of the logits only: padding is routed, too.

    Raises:
        ConfigurationError: a k that is not possible, or shapes that do not fit.
    """
    _check(experts, hidden, gate, k)
    logits = F.linear(hidden, gate)
    largest, chosen = logits.flatten(0, 1).topk(k, dim=-1)
    # The softmax over the chosen logits is the softmax over all, renormalized.
    routed = _weighted(experts, hidden.flatten(0, 1), largest.softmax(dim=-1), chosen)
    return Routed(routed.view_as(hidden), _mean_over_tokens(logits, mask))


def sentence_switch(experts: Experts, hidden: Tensor, gate: Tensor, *, mask: Tensor | None = None) -> Routed:
    """All tokens of a text through the expert of its largest logit; no gradient reaches the gate through the output.

    Args:
        experts, hidden, gate, mask: see ``sentence_top_k``.

    Raises:
        ConfigurationError: shapes that do not fit.
    """
    _check(experts, hidden, gate, 1)
    logits = _mean_over_tokens(F.linear(hidden, gate), mask)
    return Routed(experts(hidden, group_rows(logits.argmax(dim=-1), len(experts))), logits)


def token_type(experts: Experts, hidden: Tensor, token_types: Tensor) -> Tensor:
    """Each token through the expert of its type, (texts, tokens, dim).

    Args:
        experts: N of them.
        hidden: (texts, tokens, dim).
        token_types: integer (texts, tokens), in [0, N).

    Raises:
        ConfigurationError: types that are not one integer a token, or out of range.
    """
    if token_types.shape != hidden.shape[:2]:
        raise ConfigurationError(
            f"token_types must be integers {tuple(hidden.shape[:2])}, one a token. Got {tuple(token_types.shape)}."
        )
    routed: Tensor = experts(hidden.flatten(0, 1), group_rows(token_types.flatten(), len(experts)))
    return routed.view_as(hidden)


class Gate(nn.Module):
    """A gate that is learned, and the way it routes.

    Args:
        dim: of the tokens.
        num_experts: N.
        gating: one of "sentence-top-k", "token-top-k", "sentence-switch".
        k: experts a text or token goes through, in [1, N]; a switch has 1.

    Raises:
        ConfigurationError: an option that is not possible.
    """

    def __init__(self, dim: int, num_experts: int, *, gating: Gating = "token-top-k", k: int = 2) -> None:
        super().__init__()
        if gating not in get_args(Gating):
            raise ConfigurationError(f"gating must be one of {', '.join(get_args(Gating))}. Got {gating!r}.")
        self.gating, self.k = gating, 1 if gating == "sentence-switch" else k
        _check_k(self.k, num_experts)
        bound = dim**-0.5
        self.weight = nn.Parameter(torch.empty(num_experts, dim).uniform_(-bound, bound))

    def forward(self, experts: Experts, hidden: Tensor, *, mask: Tensor | None = None) -> Routed:
        """Hidden states through the experts; see the functions of this file."""
        if self.gating == "sentence-switch":
            return sentence_switch(experts, hidden, self.weight, mask=mask)
        by_top_k = sentence_top_k if self.gating == "sentence-top-k" else token_top_k
        return by_top_k(experts, hidden, self.weight, k=self.k, mask=mask)

    @torch.no_grad()
    def append_copy(self, of: int) -> None:
        """Add an expert whose logits are those of expert ``of``."""
        self.weight = nn.Parameter(torch.cat([self.weight, self.weight[of, None]]), self.weight.requires_grad)


def _weighted(experts: Experts, rows: Tensor, weights: Tensor, chosen: Tensor) -> Tensor:
    """Weighted sum of each row through k experts: rows (rows, ..., dim), weights and chosen (rows, k)."""
    k = chosen.shape[1]
    each: Tensor = experts(rows.repeat_interleave(k, dim=0), group_rows(chosen.flatten(), len(experts)))
    shaped = weights.to(each.dtype).view(*weights.shape, *[1] * (rows.ndim - 1))
    weighted: Tensor = shaped * each.unflatten(0, (-1, k))
    return weighted.sum(1)


def _mean_over_tokens(logits: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return logits.mean(1)
    there = mask.to(logits.dtype).unsqueeze(-1)
    return (logits * there).sum(1) / there.sum(1).clamp_min(1)


def _check(experts: Experts, hidden: Tensor, gate: Tensor, k: int) -> None:
    if hidden.ndim != 3 or gate.shape != (len(experts), hidden.shape[-1]):
        raise ConfigurationError(
            f"hidden must be (texts, tokens, dim) and gate ({len(experts)}, dim). "
            f"Got {tuple(hidden.shape)} and {tuple(gate.shape)}."
        )
    _check_k(k, len(experts))


def _check_k(k: int, num_experts: int) -> None:
    if not 1 <= k <= num_experts:
        raise ConfigurationError(f"k must be in [1, {num_experts}], the number of experts. Got {k}.")

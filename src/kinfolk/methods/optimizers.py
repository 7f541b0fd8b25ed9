"""Optimizers and the schedule of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from kinfolk.methods.recipe import Recipe

_MOMENTUM = 0.9


class LARS(Optimizer):
    """Stochastic gradient descent whose step, for each tensor, is a fixed share of the tensor's own length.

    With weight w, gradient g, weight decay l and trust h, a tensor moves against its momentum of
    ``h |w| / (|g| + l |w|) (g + l w)``. Groups with ``adapt=False`` (biases, norms) move as in plain gradient descent.

    Source: You, Gitman & Ginsburg, "Large batch training of convolutional networks", 2017, arXiv 1708.03888, algorithm 1.

    Args:
        parameters: tensors, or groups with ``weight_decay`` and ``adapt`` of their own.
        lr: learning rate.
        momentum: in [0, 1).
        weight_decay: in [0, inf).
        trust: share of its length that a tensor moves at learning rate 1.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        *,
        momentum: float = _MOMENTUM,
        weight_decay: float = 0.0,
        trust: float = 0.001,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust, "adapt": True}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move every tensor that has a gradient by one step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, weight.grad, group)
        return loss

    def _move(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        update = gradient.add(weight, alpha=group["weight_decay"])
        if group["adapt"]:
            of_weight, of_update = weight.norm(), gradient.norm() + group["weight_decay"] * weight.norm()
            ratio = group["trust"] * of_weight / of_update
            update = update * torch.where((of_weight > 0) & (of_update > 0), ratio, 1.0)
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weight)
        state["momentum"].mul_(group["momentum"]).add_(update)
        weight.sub_(state["momentum"], alpha=group["lr"])


def make_optimizer(
    module: nn.Module, recipe: Recipe, *, slow: Sequence[nn.Module] = (), slow_share: float = 1.0
) -> Optimizer:
    """The optimizer of a recipe; biases, norms and other parameters of one dimension or none are not decayed.

    Args:
        module: what is trained.
        recipe: how.
        slow: parts of the module that learn at a rate of their own.
        slow_share: that rate as a share of the recipe's, in (0, inf).
    """
    trained = [p for p in module.parameters() if p.requires_grad]
    inside = {id(p) for part in slow for p in part.parameters()}
    rate = recipe.scaled_rate
    groups = _groups([p for p in trained if id(p) not in inside], recipe, rate)
    groups += _groups([p for p in trained if id(p) in inside], recipe, slow_share * rate)
    if recipe.optimizer == "sgd":
        return SGD(groups, lr=rate, momentum=_MOMENTUM)
    return AdamW(groups, lr=rate) if recipe.optimizer == "adamw" else LARS(groups, lr=rate)


def _groups(parameters: Sequence[Tensor], recipe: Recipe, rate: float) -> list[dict[str, Any]]:
    """Parameters that learn at one rate: those that are decayed, and those that are not."""
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "lr": rate, "weight_decay": recipe.weight_decay},
        {
            "params": [p for p in parameters if p.ndim <= 1],
            "lr": rate,
            "weight_decay": 0.0,
            **({"adapt": False} if recipe.optimizer == "lars" else {}),
        },
    ]
    return [group for group in groups if group["params"]]


def warmup_cosine(step: int, *, warmup: int, total: int) -> float:
    """Share of the learning rate at a step: a line from 0 up, then half a cosine down to 0, in [0, 1].

    Args:
        step: from 0 on.
        warmup: steps of the rise; the first step is not 0 but 1 / warmup.
        total: steps of the whole training.
    """
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, total - warmup))
    return (1 + math.cos(math.pi * done)) / 2

"""The peers' losses behind one signature: embeddings (items, dim) of two views, or of one with labels, to a scalar.

lightly imports torchvision, which these losses do not use and the environment does not have: names of it that are asked
for while it is imported are empty classes.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable
from types import ModuleType
from typing import ClassVar

import torch
from torch import Tensor

Loss = Callable[..., Tensor]


class _Absent(ModuleType):
    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class _NoTorchvision(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self) if name.split(".")[0] == "torchvision" else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _Absent(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def lightly_losses(temperature: float) -> dict[str, Loss]:
    sys.meta_path.append(_NoTorchvision())
    from lightly.loss import DCLLoss, NTXentLoss

    return {"ntxent": NTXentLoss(temperature=temperature), "dcl": DCLLoss(temperature=temperature)}


def metric_learning_losses(temperature: float) -> dict[str, Loss]:
    from pytorch_metric_learning.losses import NTXentLoss, SelfSupervisedLoss, SupConLoss

    return {
        "ntxent": SelfSupervisedLoss(NTXentLoss(temperature=temperature)),
        "supcon": SupConLoss(temperature=temperature),
    }


def plain_losses(temperature: float) -> dict[str, Loss]:
    """The formulas as one writes them down, with the whole matrix."""

    def rows(first: Tensor, second: Tensor) -> Tensor:
        return torch.nn.functional.normalize(torch.cat([first, second]), dim=1)

    def ntxent(first: Tensor, second: Tensor) -> Tensor:
        z = rows(first, second)
        logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
        partner = torch.arange(len(z)).roll(len(first))
        return torch.nn.functional.cross_entropy(logits, partner)

    def dcl(first: Tensor, second: Tensor) -> Tensor:
        z = rows(first, second)
        logits = z @ z.T / temperature
        own = torch.eye(len(first), dtype=torch.bool).repeat(2, 2)
        positive = (z * z.roll(len(first), 0)).sum(1) / temperature
        return (logits.masked_fill(own, -torch.inf).logsumexp(1) - positive).mean()

    def supcon(first: Tensor, labels: Tensor) -> Tensor:
        z = torch.nn.functional.normalize(first, dim=1)
        logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
        same = (labels[:, None] == labels[None]).fill_diagonal_(False)
        of_pair = logits.log_softmax(1).masked_fill(~same, 0)
        return -(of_pair.sum(1) / same.sum(1)).mean()

    return {"ntxent": ntxent, "dcl": dcl, "supcon": supcon}

"""The gates of Hydra: which dimensions a pair of classes shares.

Each class has an embedding e; the gate of a pair is a small network of the mean of its two, and so the same whichever of
them is the anchor's::

    g = sigmoid( W2 BN( ReLU( W1 BN( ReLU( (e_y + e_y')/2 ) ) ) ) )     in (0, 1)^D

Source: Wu, Atito, Feng, Mo, Kittler & Awais, "Rethinking positive pairs in contrastive learning", 2024, arXiv 2410.18200;
the order of the layers, ReLU before batch norm, is that of the authors' code.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import as_computed, check_count, check_labels


class GateNetwork(nn.Module):
    """A gate for each pair of classes. It belongs to the loss, not to the encoder, and is learned with it.

    Args:
        num_classes: labels are in [0, num_classes).
        dim: length of the embeddings that are gated.
        class_dim: length of the embedding of a class.
        hidden_dim: width of the hidden layer.
        fuse: "mean", a gate of the mean of both classes' embeddings, or "product", the product of a gate for each class.
    """

    def __init__(
        self,
        num_classes: int,
        dim: int = 256,
        *,
        class_dim: int = 512,
        hidden_dim: int = 1024,
        fuse: Literal["mean", "product"] = "mean",
    ) -> None:
        super().__init__()
        if fuse not in ("mean", "product"):
            raise ConfigurationError(f"fuse must be 'mean' or 'product'. Got {fuse!r}.")
        self.fuse = fuse
        for name, count in (
            ("num_classes", num_classes),
            ("dim", dim),
            ("class_dim", class_dim),
            ("hidden_dim", hidden_dim),
        ):
            check_count(name, count)
        self.classes = nn.Embedding(num_classes, class_dim)
        self.network = nn.Sequential(
            nn.ReLU(),
            nn.BatchNorm1d(class_dim),
            nn.Linear(class_dim, hidden_dim),
            nn.ReLU(),
            nn.BatchNorm1d(hidden_dim),
            nn.Linear(hidden_dim, dim),
            nn.Sigmoid(),
        )

    def forward(self, labels: Tensor, target_labels: Tensor) -> Tensor:
        """Gates (items, dim), in (0, 1).

        Args:
            labels, target_labels: both classes of each pair, integer (items,), in [0, num_classes).

        Raises:
            ConfigurationError: labels out of range, or one pair alone in training mode, which has no batch statistics.
        """
        for given, name in ((labels, "labels"), (target_labels, "target_labels")):
            self._check(given, len(labels), name)
        if self.training and len(labels) < 2:
            raise ConfigurationError(
                f"The gate network needs at least 2 items for its batch norm in training mode. Got {len(labels)}. "
                "Use a larger batch, or eval()."
            )
        own, target = self.classes(labels), self.classes(target_labels)
        if self.fuse == "product":
            gates: Tensor = self.network(own) * self.network(target)
        else:
            gates = self.network((own + target) / 2)
        return gates

    def _check(self, labels: Tensor, items: int, name: str) -> None:
        check_labels(labels, items, name)
        num_classes = self.classes.num_embeddings
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < num_classes:
            raise ConfigurationError(
                f"{name} must be in [0, {num_classes}). Got {int(labels.min())} to {int(labels.max())}."
            )


def gate_entropy(gates: Tensor) -> Tensor:
    """Mean entropy of the gates, each taken for the probability that its dimension is open: nats, in [0, log 2].

    Args:
        gates: in [0, 1], of any shape.
    """
    least = torch.finfo(as_computed(gates).dtype).eps  # a gate of exactly 0 or 1 would have an infinite slope
    is_open = as_computed(gates).clamp(least, 1 - least)
    entropy: Tensor = torch.special.entr(is_open) + torch.special.entr(1 - is_open)
    return entropy.mean()


def gate_activation(gates: Tensor) -> Tensor:
    """Mean number of open dimensions, the sum of a gate, in [0, dim].

    Args:
        gates: in [0, 1], (items, dim).
    """
    return as_computed(gates).sum(1).mean()

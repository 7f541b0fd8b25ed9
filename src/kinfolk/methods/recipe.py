"""How long and how fast a method is trained: what papers call the recipe, as data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

from kinfolk.errors import ConfigurationError
from kinfolk.methods.settings import read_setting

OptimizerName = Literal["sgd", "adamw", "lars"]
_BASE_BATCH = 256  # papers give learning rates for a batch of this size and scale them linearly


@dataclass(frozen=True)
class Recipe:
    """Settings of training that every method has.

    Attributes:
        epochs: passes over the data, at least 1.
        batch_size: items of one step, at least 2; the last incomplete batch of an epoch is dropped.
        optimizer: "sgd" (with momentum 0.9), "adamw" or "lars".
        learning_rate: for a batch of 256, in (0, inf); scaled linearly with the batch for sgd and lars, not for adamw.
        weight_decay: in [0, inf); never on biases, norms, temperatures.
        warmup_epochs: in [0, inf), over which the learning rate rises linearly from 0; then it falls to 0 as a cosine.
        accumulate: batches whose gradients are added up before a step, at least 1.
        precision: "float32", or "bfloat16" where the processor is fast at it.
        clip_norm: largest norm of the gradient, in (0, inf); None does not clip.
    """

    epochs: int = 100
    batch_size: int = 256
    optimizer: OptimizerName = "sgd"
    learning_rate: float = 0.06
    weight_decay: float = 5e-4
    warmup_epochs: float = 1.0
    accumulate: int = 1
    precision: Literal["float32", "bfloat16"] = "float32"
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        for name, value, least in (
            ("epochs", self.epochs, 1),
            ("batch_size", self.batch_size, 2),
            ("accumulate", self.accumulate, 1),
        ):
            if value < least:
                raise ConfigurationError(f"{name} must be an integer of at least {least}. Got {value}.")
        if not 0 < self.learning_rate < float("inf"):
            raise ConfigurationError(f"learning_rate must be a number in (0, inf). Got {self.learning_rate}.")
        for name, share in (("weight_decay", self.weight_decay), ("warmup_epochs", self.warmup_epochs)):
            if not 0 <= share < math.inf:
                raise ConfigurationError(f"{name} must be a number in [0, inf). Got {share}.")
        if self.clip_norm is not None and not 0 < self.clip_norm < math.inf:
            raise ConfigurationError(f"clip_norm must be a number in (0, inf), or none. Got {self.clip_norm}.")
        if self.optimizer not in ("sgd", "adamw", "lars"):
            raise ConfigurationError(f"optimizer must be 'sgd', 'adamw' or 'lars'. Got {self.optimizer!r}.")
        if self.precision not in ("float32", "bfloat16"):
            raise ConfigurationError(f"precision must be 'float32' or 'bfloat16'. Got {self.precision!r}.")

    def changed(self, given: Mapping[str, object]) -> Self:
        """The recipe with other values for some fields; texts, as a command line has them, are converted.

        Raises:
            ConfigurationError: a field that a recipe does not have, or a value that is not possible.
        """
        chosen: dict[str, Any] = {}
        for name, value in given.items():
            if name not in asdict(self):
                raise ConfigurationError(f"A recipe has no {name!r}. It has: {', '.join(asdict(self))}.")
            if name == "clip_norm" and str(value).lower() == "none":
                chosen[name] = None
            else:
                kind = float if name == "clip_norm" else type(getattr(self, name))
                chosen[name] = read_setting(name, kind, value)
        return replace(self, **chosen)

    @property
    def scaled_rate(self) -> float:
        """The learning rate at this batch size."""
        if self.optimizer == "adamw":
            return self.learning_rate
        return self.learning_rate * self.batch_size * self.accumulate / _BASE_BATCH

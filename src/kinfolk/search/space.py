"""What vectors were made by, so that vectors of two models are never compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kinfolk.errors import ConfigurationError


@dataclass(frozen=True)
class VectorSpace:
    """The space that vectors live in; only vectors of one space may be compared.

    Attributes:
        model: the fingerprint of the encoder: a name that changes whenever its vectors would.
        dim: width of the vectors, at least 1.
        weights: weight of each part that was pooled, by name, such as ``{"image": 0.6, "text": 0.4}``; empty where
            nothing was.
    """

    model: str
    dim: int
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.dim < 1:
            raise ConfigurationError(f"dim must be at least 1. Got {self.dim}.")

    def require(self, other: VectorSpace) -> None:
        """Raise where vectors of another space come to those of this one.

        Raises:
            ConfigurationError: another model, width, or weights.
        """
        for what, expected, came in (
            ("the model", self.model, other.model),
            ("the width", self.dim, other.dim),
            ("the weights", dict(self.weights), dict(other.weights)),
        ):
            if expected != came:
                raise ConfigurationError(
                    f"Vectors can be compared only with those of their own space: {what} of the index is {expected!r}, "
                    f"that of the vectors {came!r}. Encode the vectors as those of the index were, or build a new index."
                )

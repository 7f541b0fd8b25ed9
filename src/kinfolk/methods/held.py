"""What records or texts say of a training that does not learn from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from kinfolk.evaluation.spread import effective_rank
from kinfolk.objectives import uniformity

_COLLAPSED_RANK = 2.0


@dataclass(frozen=True)
class Held:
    """What they say.

    Attributes:
        score: by which states are compared; lower is better.
        measures: by name, for people.
    """

    score: float
    measures: Mapping[str, float]

    def as_dict(self) -> Mapping[str, float]:
        """The measures by name."""
        return self.measures

    def warning(self) -> str | None:
        """What is wrong with the space, in one sentence, or None."""
        rank = self.measures.get("effective_rank")
        if rank is not None and rank < _COLLAPSED_RANK:
            return (
                f"The vectors have collapsed: effective rank {rank:.1f}. Lower the learning rate, or check that the "
                "records differ."
            )
        return None


def spread_of(vectors: npt.NDArray[np.float32]) -> dict[str, float]:
    """How pooled vectors fill the space; nothing for fewer than two."""
    if len(vectors) < 2:
        return {}
    return {
        "effective_rank": effective_rank(vectors),
        "uniformity": float(uniformity(torch.from_numpy(vectors))),
    }

"""What an encoder that was trained before makes of the pairs it is to learn from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from kinfolk.data.texts import Texts
from kinfolk.encoders.text_features import evaluating
from kinfolk.evaluation.far_pairs import FarPairs, far_pairs
from kinfolk.methods.texts.method import TextBatch, TextMethod


@torch.no_grad()
def check_pairs(
    method: TextMethod, texts: Texts, rows: npt.NDArray[np.int64], batch_size: int, seed: int
) -> FarPairs | None:
    """How many pairs, of the data or made by the method, look unrelated to its encoder as it is, without dropout.

    Args:
        method: not trained yet.
        texts: of the training.
        rows: which of them to look at.
        batch_size: texts at a time.
        seed: of the pairs that are made, and of the random ones they are compared with.

    Returns:
        None where a text is its own positive, or for a single text.
    """
    generator = torch.Generator().manual_seed(seed)
    sides: tuple[list[npt.NDArray[np.float32]], list[npt.NDArray[np.float32]]] = ([], [])
    with evaluating(method):
        for start in range(0, len(rows), batch_size):
            at = rows[start : start + batch_size]
            found = method.pairs(TextBatch(tuple(tuple(c[row] for row in at) for c in texts.columns), at), generator)
            if found is None:
                return None
            for side, features in zip(sides, found, strict=True):
                side.append(features.float().cpu().numpy())
    first, second = (np.concatenate(side) for side in sides)
    return far_pairs(first, second, seed=seed) if len(first) > 1 else None

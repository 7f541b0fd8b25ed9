"""Scores that are kept as they are made, so that a killed run asks the scorer for nothing twice.

The scores of a list of pairs are kept in parts: runs of consecutive pairs, each in a file that is whole or absent. What the list is
of stands beside them, and parts of another list are refused.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from kinfolk.data.run import Run
from kinfolk.search.cross_encoder.cur import Floats
from kinfolk.search.cross_encoder.scorer import Advance

PAIRS_A_PART = 4096


def score_in_parts(
    score: Callable[[slice], Floats],
    num_pairs: int,
    *,
    folder: Path | None,
    key: dict[str, str],
    batch_size: int,
    advance: Advance | None = None,
) -> Floats:
    """Scores of a list of pairs, float64 (num_pairs,).

    Args:
        score: of some consecutive pairs, at most ``batch_size`` of them.
        num_pairs: how many there are.
        folder: keeps the parts, about 4,096 pairs each; None keeps nothing.
        key: identifies the pairs and the scorer.
        batch_size: pairs at a time.
        advance: told the share that is done.

    Raises:
        RunError: the folder holds the scores of other pairs, or of another scorer.
        DataError: a part is damaged, or cannot be written.
    """
    per_part = batch_size * max(1, PAIRS_A_PART // batch_size)
    store = Run(folder, {**key, "pairs": f"{num_pairs}, {per_part} a part"})
    scores = np.empty(num_pairs)
    for start in range(0, num_pairs, per_part):
        stop = min(start + per_part, num_pairs)
        found = store.load(f"{start:012d}")
        if found is None:
            for begin in range(start, stop, batch_size):
                if advance is not None:
                    advance(begin / num_pairs)
                part = slice(begin, min(begin + batch_size, stop))
                scores[part] = score(part)
            store.save(f"{start:012d}", pa.table({"score": scores[start:stop]}))
        else:
            scores[start:stop] = found.column("score").to_numpy()
    if advance is not None:
        advance(1.0)
    return scores


def forget_parts(folder: Path) -> None:
    """Remove the parts, once their scores are kept elsewhere."""
    if folder.is_dir():
        shutil.rmtree(folder)

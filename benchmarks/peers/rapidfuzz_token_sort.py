"""RapidFuzz: token sort ratio of whole records, every left record against every right one.

``process.cdist`` with ``fuzz.token_sort_ratio`` and ``utils.default_process``, the ten best of every left record kept.
RapidFuzz gives scores and leaves the cut to its user; its own cut here is a score of 80, the figure most commonly used.
The comparison is complete, so it is the peer that grows with the product of the tables.

Run: ``python -m benchmarks.peers.rapidfuzz_token_sort er-abt-buy``
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from rapidfuzz import fuzz, process, utils

from benchmarks.peers.protocol import ScoredPairs, Task, as_strings, run_peer

TOP = 10
CUT = 80.0


def link(left: pd.DataFrame, right: pd.DataFrame, task: Task) -> ScoredPairs:
    """The ten best right records of every left record."""
    left_text, right_text = ([utils.default_process(text) for text in side] for side in as_strings(left, right, task))
    rows, columns, scores = [], [], []
    block = 256
    for start in range(0, len(left), block):
        ratio = process.cdist(left_text[start : start + block], right_text, scorer=fuzz.token_sort_ratio, workers=1)
        k = min(TOP, ratio.shape[1])
        nearest = np.argpartition(-ratio, k - 1, axis=1)[:, :k]
        rows.append(np.repeat(np.arange(start, start + len(ratio)), k))
        columns.append(nearest.ravel())
        scores.append(np.take_along_axis(ratio, nearest, axis=1).ravel().astype(np.float64))
    row, column, score = np.concatenate(rows), np.concatenate(columns), np.concatenate(scores)
    return ScoredPairs(
        left["id"].to_numpy()[row].tolist(),
        right["id"].to_numpy()[column].tolist(),
        score.tolist(),
        (score >= CUT).tolist(),
        cut="token sort ratio at least 80",
        threshold=CUT,
    )


if __name__ == "__main__":
    run_peer("rapidfuzz", ("rapidfuzz",), link)

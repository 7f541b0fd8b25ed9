"""Plain character TF-IDF: the strongest label-free baseline there is, and the yardstick of cost.

Whole records, character 3-grams within words, sublinear term frequency (scikit-learn), the ten nearest right records of
every left record by cosine. Own cut: cosine 0.5. Needs no labels and no truth.

Run: ``python -m benchmarks.peers.tfidf er-abt-buy``
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.peers.protocol import ScoredPairs, Task, as_strings, run_peer

TOP = 10
CUT = 0.5


def link(left: pd.DataFrame, right: pd.DataFrame, task: Task) -> ScoredPairs:
    """The ten nearest right records of every left record."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    left_text, right_text = as_strings(left, right, task)
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), sublinear_tf=True)
    vectorizer.fit(left_text + right_text)
    a, b = vectorizer.transform(left_text), vectorizer.transform(right_text).T.tocsr()
    rows, columns, scores = [], [], []
    block = max(1, 20_000_000 // max(1, len(right)))
    for start in range(0, len(left), block):
        similarity = (a[start : start + block] @ b).toarray()
        k = min(TOP, similarity.shape[1])
        nearest = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        rows.append(np.repeat(np.arange(start, start + len(similarity)), k))
        columns.append(nearest.ravel())
        scores.append(np.take_along_axis(similarity, nearest, axis=1).ravel())
    row, column, score = np.concatenate(rows), np.concatenate(columns), np.concatenate(scores)
    return ScoredPairs(
        left["id"].to_numpy()[row].tolist(),
        right["id"].to_numpy()[column].tolist(),
        score.tolist(),
        (score >= CUT).tolist(),
        cut="cosine at least 0.5",
        threshold=CUT,
    )


if __name__ == "__main__":
    run_peer("tfidf", ("scikit-learn",), link)

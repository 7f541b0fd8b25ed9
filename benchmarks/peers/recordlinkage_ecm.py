"""Python Record Linkage Toolkit: field-wise comparisons and its unsupervised ECM classifier.

As its guide "Link two datasets" shows: Jaro-Winkler with threshold 0.85 on short text fields, cosine of character q-grams
at 0.4, 0.6 and 0.8 on longer ones (Jaro-Winkler says little about a sentence), exact on numbers, missing values count as
disagreement; then ``ECMClassifier().fit_predict`` without labels. Fields are the columns of the same name.
Candidates: the full index up to seven million pairs, beyond that the union of sorted neighbourhoods (window 9) on every
shared text column, as the guide advises for larger tables with misspellings. One table: the same, within the table.

Run: ``python -m benchmarks.peers.recordlinkage_ecm er-abt-buy``
"""

from __future__ import annotations

import pandas as pd
import recordlinkage

from benchmarks.peers.protocol import ScoredPairs, Task, is_numeric, run_peer, shared_attributes

FULL_INDEX_LIMIT = 7_000_000
WINDOW = 9
THRESHOLD = 0.85
SHORT_WORDS = 2.5
LONG_THRESHOLDS = (0.4, 0.6, 0.8)


def link(left: pd.DataFrame, right: pd.DataFrame, task: Task) -> ScoredPairs:
    """Every candidate pair with its match probability; the classifier's own prediction is the link."""
    columns = shared_attributes(left, right)
    numeric = {column for column in columns if is_numeric(left[column], right[column])}
    a, b = (table.set_index("id")[columns].replace("", None) for table in (left, right))

    indexer = recordlinkage.Index()
    full = len(a) * len(b) <= FULL_INDEX_LIMIT
    if full:
        indexer.full()
    else:
        for column in columns:
            if column not in numeric:
                indexer.sortedneighbourhood(column, window=WINDOW)
    candidates = indexer.index(a, b)

    compare = recordlinkage.Compare()
    for column in columns:
        if column in numeric:
            compare.exact(column, column, label=column)
        elif pd.concat([a[column], b[column]]).dropna().str.split().str.len().mean() <= SHORT_WORDS:
            compare.string(column, column, method="jarowinkler", threshold=THRESHOLD, label=column)
        else:
            for least in LONG_THRESHOLDS:
                compare.string(column, column, method="cosine", threshold=least, label=f"{column} {least}")
    features = compare.compute(candidates, a, b)

    classifier = recordlinkage.ECMClassifier()
    links = classifier.fit_predict(features)
    probability = classifier.prob(features)
    # Pairs on which every field disagrees are the bulk of a full index and can never be linked.
    shown = features.sum(axis=1) > 0
    kept = features.index[shown]
    return ScoredPairs(
        kept.get_level_values(0).tolist(),
        kept.get_level_values(1).tolist(),
        probability[shown].tolist(),
        kept.isin(links).tolist(),
        cut="the classifier's own prediction",
        threshold=0.5,
        probability=True,
        notes={"columns": ", ".join(columns), "candidates": len(candidates), "index": "full" if full else "sorted"},
    )


if __name__ == "__main__":
    run_peer("recordlinkage", ("recordlinkage", "pandas"), link)

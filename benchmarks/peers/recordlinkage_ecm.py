"""Python Record Linkage Toolkit: field-wise comparisons and its unsupervised ECM classifier.

As its guide "Link two datasets" shows: a comparison per column of the same name, missing values count as
disagreement, then ``ECMClassifier().fit_predict`` without labels. Text is compared by its q-gram similarity with
threshold 0.5 (of its methods and thresholds this did best on most sets: a kindness), numbers exactly.

Candidates are a second kindness: the ten nearest right records of every left one by character TF-IDF, on the main
column and on the whole record. Its own blocking and sorted neighbourhoods lose half the matches of product titles (pair
completeness 0.37 and 0.47 on Abt-Buy and Amazon-Google), and on its full index EM settles on something else.

Run: ``python -m benchmarks.peers.recordlinkage_ecm er-abt-buy``
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import recordlinkage

from benchmarks.peers import tfidf
from benchmarks.peers.protocol import ScoredPairs, Task, is_numeric, run_peer, shared_attributes

THRESHOLD = 0.5


def link(left: pd.DataFrame, right: pd.DataFrame, task: Task) -> ScoredPairs:
    """Every candidate pair with its match probability; the classifier's own prediction is the link."""
    columns = shared_attributes(left, right)
    numeric = {column for column in columns if is_numeric(left[column], right[column])}
    a, b = (table.set_index("id")[columns].replace("", None) for table in (left, right))

    near = (tfidf.link(left, right, replace(task, fields=fields)) for fields in ("main", "whole"))
    candidates = pd.MultiIndex.from_tuples(
        sorted({pair for found in near for pair in zip(found.left_id, found.right_id, strict=True)})
    )
    compare = recordlinkage.Compare()
    for column in columns:
        if column in numeric:
            compare.exact(column, column, label=column)
        else:
            compare.string(column, column, method="qgram", threshold=THRESHOLD, label=column)
    features = compare.compute(candidates, a, b)

    classifier = recordlinkage.ECMClassifier()
    links = classifier.fit_predict(features)
    probability = classifier.prob(features)
    return ScoredPairs(
        features.index.get_level_values(0).tolist(),
        features.index.get_level_values(1).tolist(),
        probability.tolist(),
        features.index.isin(links).tolist(),
        cut="the classifier's own prediction",
        threshold=0.5,
        probability=True,
        notes={"columns": ", ".join(columns)},
    )


if __name__ == "__main__":
    run_peer("recordlinkage", ("recordlinkage", "pandas"), link)

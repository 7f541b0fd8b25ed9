"""dedupe: active-learning linkage, taught by 100 labels from the truth among its own candidate pairs.

Its ``RecordLink`` example, with the truth in the place of the person at the keyboard: ``prepare_training`` draws the
tool's candidate pairs; ``--labels`` of them are answered, chosen by the tool one at a time (``uncertain_pairs``, its
documented way) or at random (``--labelling random``); ``train``; then every pair it blocks is scored. If the labels
hold fewer than two matches or two non-matches, which the tool cannot train on, more are answered until they do, and the
number is reported. Its own cut: threshold 0.5, the default of ``join``. One table: ``Dedupe`` and ``partition``.

Variables: ``Price`` for numbers, ``Text`` for columns of more than eight words on average, ``String`` for the others.

Run: ``python -m benchmarks.peers.dedupe_labels er-abt-buy``
"""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Callable

import dedupe.variables as dv
import numpy as np
import pandas as pd
from dedupe._typing import RecordDictPair

import dedupe as dd
from benchmarks.peers.protocol import (
    THRESHOLDS,
    ScoredClusters,
    ScoredPairs,
    Task,
    attributes,
    is_numeric,
    run_peer,
    shared_attributes,
)

LONG_WORDS = 8
CUT = 0.5
LEAST_OF_A_KIND = 2

Value = str | float | None
Row = dict[str, Value]


def clean(text: str, numeric: bool) -> Value:
    """The cleaning of the tool's own examples: lower case, no punctuation, None where missing."""
    if numeric:
        number = pd.to_numeric(re.sub(r"[$,]", "", text), errors="coerce")
        return float(number) if number > 0 else None
    return re.sub(r"[\s\-/',:]+", " ", text).strip().lower() or None


def prepare(tables: list[pd.DataFrame], columns: list[str]) -> tuple[list[dict[str, Row]], list[dv.base.Variable]]:
    """The tables as dedupe reads them, and one variable per column."""
    variables: list[dv.base.Variable] = []
    numeric = {}
    for column in columns:
        filled = pd.concat([table[column][table[column] != ""] for table in tables])
        missing = any((table[column] == "").any() for table in tables)
        numeric[column] = is_numeric(filled)
        if numeric[column]:
            variables.append(dv.Price(column, has_missing=True))
        elif filled.str.split().str.len().mean() > LONG_WORDS:
            variables.append(dv.Text(column, has_missing=missing, corpus=filled.tolist()))
        else:
            variables.append(dv.String(column, has_missing=missing))
    data = [
        {
            row["id"]: {"__id": row["id"], **{column: clean(row[column], numeric[column]) for column in columns}}
            for row in table.to_dict("records")
        }
        for table in tables
    ]
    return data, variables


def teach(
    linker: dd.RecordLink | dd.Dedupe, is_match: Callable[[str, str], bool], task: Task
) -> dict[str, str | int | float]:
    """Answers candidate pairs from the truth and trains."""
    if linker.active_learner is None:
        raise RuntimeError("prepare_training comes before teach")
    match: list[RecordDictPair] = []
    distinct: list[RecordDictPair] = []
    pool: list[RecordDictPair] = list(linker.active_learner.candidates)
    random.Random(task.seed).shuffle(pool)
    num_pool = len(pool)
    active = task.labelling == "active"
    while pool and (len(match) + len(distinct) < task.num_labels or min(len(match), len(distinct)) < LEAST_OF_A_KIND):
        pair = linker.uncertain_pairs()[0] if active else pool.pop()
        true = is_match(str(pair[0]["__id"]), str(pair[1]["__id"]))
        (match if true else distinct).append(pair)
        if active:
            linker.mark_pairs({"match": [pair] if true else [], "distinct": [] if true else [pair]})
    if not active:
        linker.mark_pairs({"match": match, "distinct": distinct})
    linker.train()
    return {"labels": len(match) + len(distinct), "labels_match": len(match), "candidates_to_label": num_pool}


def link(left: pd.DataFrame, right: pd.DataFrame, task: Task) -> ScoredPairs:
    """Every pair the trained linker blocks, with its score."""
    (data_left, data_right), variables = prepare([left, right], shared_attributes(left, right))
    np.random.seed(task.seed)
    random.seed(task.seed)
    linker = dd.RecordLink(variables, num_cores=0)
    linker.prepare_training(data_left, data_right)
    truth = task.matches()
    notes = teach(linker, lambda a, b: (a, b) in truth or (b, a) in truth, task)
    scores = linker.score(linker.pairs(data_left, data_right))
    pair_ids, score = scores["pairs"], scores["score"]
    return ScoredPairs(
        [str(identifier) for identifier in pair_ids[:, 0]],
        [str(identifier) for identifier in pair_ids[:, 1]],
        score.astype(np.float64).tolist(),
        (score > CUT).tolist(),
        cut="score above 0.5",
        threshold=CUT,
        probability=True,
        notes=notes,
    )


def dedupe(table: pd.DataFrame, task: Task) -> ScoredClusters:
    """The tool's own clustering at each threshold of a grid."""
    columns = [column for column in attributes(table) if (table[column] != "").mean() >= 0.05]
    (data,), variables = prepare([table], columns)
    np.random.seed(task.seed)
    random.seed(task.seed)
    deduper = dd.Dedupe(variables, num_cores=0)
    deduper.prepare_training(data)
    truth = task.clusters()
    notes = teach(deduper, lambda a, b: truth[a] == truth[b], task)
    scores = deduper.score(deduper.pairs(data))
    by_threshold = {}
    for cut in THRESHOLDS:
        clusters = deduper.cluster(scores, cut)
        by_threshold[cut] = {str(record): str(n) for n, (members, _) in enumerate(clusters) for record in members}
    return ScoredClusters(by_threshold, cut="threshold 0.5", threshold=CUT, notes=notes)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    run_peer("dedupe", ("dedupe", "scikit-learn"), link, dedupe)

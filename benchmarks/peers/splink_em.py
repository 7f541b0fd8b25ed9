"""Splink on DuckDB: Fellegi-Sunter with expectation maximisation, no labels.

The steps of its tutorial: comparisons per column, blocking rules, a prior from a deterministic rule (recall 0.7), u
from a million random pairs, m by EM in one session per blocking rule, predict. Fields are the columns of the same
name: a number is compared exactly, a code made mostly of digits by Levenshtein distance 1 and 2, a short text by
Jaro-Winkler at 0.92 and 0.8 with term frequencies, a longer one by the Jaccard similarity of its words (custom
levels) and the number of rare words in common (``ArrayIntersectAtSizes``).

Blocking: equality on every column that is not long, unless it makes more than half a million pairs, and a shared rare
word (``arrays_to_explode``; a word of at most twenty records) on every longer one; EM sessions, which cannot explode,
block on the rarest word of each longer column instead. Its documentation leaves the cut to the user; its own cut here
is a match probability of 0.5. One table: the same with ``dedupe_only``; clusters are connected components at the
threshold.

Run: ``python -m benchmarks.peers.splink_em er-abt-buy``
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Literal

import pandas as pd
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.internals.blocking_rule_creator import BlockingRuleCreator
from splink.internals.comparison_creator import ComparisonCreator

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

SHORT_WORDS = 4
RARE_RECORDS = 20
MOST_PAIRS = 500_000
CUT = 0.5


def words_of(text: str) -> list[str]:
    return sorted(set(re.findall(r"\w+", text.lower())))


def prepare(tables: list[pd.DataFrame], columns: list[str]) -> tuple[list[pd.DataFrame], dict[str, str]]:
    """Adds to each table the words of its longer columns; tells for each column how it is compared."""
    prepared = [table[["id"]].rename(columns={"id": "unique_id"}) for table in tables]
    kind: dict[str, str] = {}
    for column in columns:
        filled = pd.concat([table[column][table[column] != ""] for table in tables])
        if is_numeric(filled):
            kind[column] = "number"
        else:
            kind[column] = "short" if filled.str.split().str.len().mean() <= SHORT_WORDS else "long"
            if kind[column] == "short" and filled.str.count(r"\d").sum() > filled.str.len().sum() / 2:
                kind[column] = "code"
            elif kind[column] == "short" and not num_equal_pairs(tables, column):
                kind[column] = "long"  # nothing to block on as a whole, so by its words
        for table, result in zip(tables, prepared, strict=True):
            result[column] = table[column].str.lower().replace("", None)
        if kind[column] == "long":
            lists = [table[column].map(words_of) for table in tables]
            frequency = Counter(word for words in lists for row in words for word in row)
            for words, result in zip(lists, prepared, strict=True):
                result[f"words_{column}"] = [row or None for row in words]
                rare = [[word for word in row if frequency[word] <= RARE_RECORDS] for row in words]
                result[f"rare_{column}"] = [row or None for row in rare]
                # A word of one record joins nothing; the rarest that can join is the session's blocking key.
                keys = [[word for word in row if frequency[word] > 1] for row in rare]
                result[f"key_{column}"] = [min(row, key=frequency.__getitem__) if row else None for row in keys]
    return prepared, kind


def word_overlap(column: str) -> cl.CustomComparison:
    """Levels on the Jaccard similarity of the words of a longer column, in the SQL that custom levels take."""
    a, b = f'"words_{column}_l"', f'"words_{column}_r"'
    jaccard = f"len(list_intersect({a}, {b})) / len(list_distinct(list_concat({a}, {b})))"
    levels = [
        {"sql_condition": f"{jaccard} >= {least}", "label_for_charts": f"Jaccard at least {least}"}
        for least in (0.9, 0.7, 0.5, 0.35, 0.2)
    ]
    return cl.CustomComparison(
        output_column_name=f"words_{column}",
        comparison_levels=[cll.NullLevel(f"words_{column}"), *levels, cll.ElseLevel()],
    )


def num_equal_pairs(tables: list[pd.DataFrame], column: str) -> int:
    """How many pairs of records have the same value in a column."""
    counts = [table[column].replace("", None).dropna().str.lower().value_counts() for table in tables]
    return int((counts[0] * counts[-1]).sum())


def train(
    tables: list[pd.DataFrame], columns: list[str], link_type: Literal["link_only", "dedupe_only"]
) -> tuple[Linker, dict[str, str | int | float]]:
    """A linker with all its parameters estimated, and what it was set up with."""
    prepared, kind = prepare(tables, columns)
    comparisons: list[ComparisonCreator | dict[str, Any]] = []
    rules: list[BlockingRuleCreator | dict[str, Any]] = []
    sessions: list[BlockingRuleCreator] = []
    for column in columns:
        if kind[column] == "number":
            comparisons.append(cl.ExactMatch(column))
        elif kind[column] == "code":
            comparisons.append(cl.LevenshteinAtThresholds(column, [1, 2]))
        elif kind[column] == "short":
            comparison = cl.JaroWinklerAtThresholds(column, [0.92, 0.8])
            comparisons.append(comparison.configure(term_frequency_adjustments=True))
        else:
            comparisons.append(word_overlap(column))
            comparisons.append(cl.ArrayIntersectAtSizes(f"rare_{column}", [3, 2, 1]))
            rules.append(block_on(f"rare_{column}", arrays_to_explode=[f"rare_{column}"]))
            sessions.append(block_on(f"key_{column}"))
        if kind[column] != "long" and num_equal_pairs(prepared, column) <= MOST_PAIRS:
            rules.append(block_on(column))
            sessions.append(block_on(column))
    settings = SettingsCreator(
        link_type=link_type,
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=rules,
    )
    api = DuckDBAPI()
    frames = [api.register(table, dataset_display_name=f"table_{number}") for number, table in enumerate(prepared)]
    linker = Linker(frames if len(frames) > 1 else frames[0], settings)
    distinctive = max(
        (column for column in columns if kind[column] != "number"),
        key=lambda column: min(table[column].nunique() / len(table) for table in tables),
    )
    failed = 0
    if num_equal_pairs(prepared, distinctive):  # otherwise the rule finds nothing and splink's default prior stays
        linker.training.estimate_probability_two_random_records_match([block_on(distinctive)], recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6)
    for rule in sessions:
        try:
            linker.training.estimate_parameters_using_expectation_maximisation(rule)
        except Exception as error:  # splink's exceptions share no base class; a session that cannot train is counted
            print(f"EM session skipped: {error}")
            failed += 1
    return linker, {"columns": ", ".join(f"{c} ({kind[c]})" for c in columns), "sessions_failed": failed}


def link(left: pd.DataFrame, right: pd.DataFrame, task: Task) -> ScoredPairs:
    """Every blocked pair with its match probability."""
    linker, notes = train([left, right], shared_attributes(left, right), "link_only")
    pairs: pd.DataFrame = linker.inference.predict().as_pandas_dataframe()  # type: ignore[no-untyped-call]
    # Which of the two tables comes first in a pair is splink's choice.
    swapped = (pairs["source_dataset_l"] == "table_1").to_numpy()
    first, second = pairs["unique_id_l"].to_numpy(), pairs["unique_id_r"].to_numpy()
    probability = pairs["match_probability"].to_numpy()
    return ScoredPairs(
        [b if swap else a for a, b, swap in zip(first, second, swapped, strict=True)],
        [a if swap else b for a, b, swap in zip(first, second, swapped, strict=True)],
        probability.tolist(),
        (probability >= CUT).tolist(),
        cut="match probability at least 0.5",
        threshold=CUT,
        probability=True,
        notes=notes,
    )


def dedupe(table: pd.DataFrame, task: Task) -> ScoredClusters:
    """Connected components of the predicted pairs at each threshold."""
    columns = [c for c in attributes(table) if (table[c] != "").mean() >= 0.05]
    linker, notes = train([table], columns, "dedupe_only")
    pairs = linker.inference.predict(threshold_match_probability=THRESHOLDS[0])
    by_threshold = {}
    for cut in THRESHOLDS:
        found = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, cut)
        clusters: pd.DataFrame = found.as_pandas_dataframe()  # type: ignore[no-untyped-call]
        by_threshold[cut] = dict(zip(clusters["unique_id"], clusters["cluster_id"].astype(str), strict=True))
    return ScoredClusters(by_threshold, cut="match probability at least 0.5", threshold=CUT, notes=notes)


if __name__ == "__main__":
    run_peer("splink", ("splink", "duckdb"), link, dedupe)

"""What every peer's script has in common: read one set, link it, write scored pairs and what they cost.

A script hands ``run_peer`` its function for two tables and, if it has one, its function for one table. Written are

* ``benchmarks/.work/pairs/<set>__<peer>.parquet`` - ``left_id, right_id, score, link`` (the tool's own decision); for a
  one-table set ``benchmarks/.work/clusters/<set>__<peer>.parquet`` - ``threshold, id, cluster_id`` over a grid of
  thresholds;
* beside it, the same name ``.json`` - versions, threshold, seconds (CPU and wall, children included), peak memory.

CPU and memory are those of the whole process, imports and reading included, as for kinfolk.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.costs import process_costs
from benchmarks.sets import WORK, is_link_set, read_clusters, read_matches, set_folder

THRESHOLDS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)


@dataclass(frozen=True)
class Task:
    """One set as a peer gets it; truth is there only for tools that learn from labels."""

    name: str
    seed: int
    num_labels: int
    fields: str = "whole"
    labelling: str = "active"

    def matches(self) -> set[tuple[str, str]]:
        return set(read_matches(self.name))

    def clusters(self) -> dict[str, str]:
        return read_clusters(self.name)


@dataclass(frozen=True)
class ScoredPairs:
    """What a tool makes of two tables: its candidate pairs, its scores, and which of them it links by itself."""

    left_id: list[str]
    right_id: list[str]
    score: list[float]
    link: list[bool]
    cut: str
    threshold: float | None = None
    probability: bool = False
    notes: dict[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredClusters:
    """What a tool makes of one table: a clustering at each threshold of a grid, and its own threshold."""

    by_threshold: dict[float, dict[str, str]]
    cut: str
    threshold: float
    notes: dict[str, str | int | float] = field(default_factory=dict)


LinkTables = Callable[[pd.DataFrame, pd.DataFrame, Task], ScoredPairs]
DedupeTable = Callable[[pd.DataFrame, Task], ScoredClusters]


def read_table(path: Path) -> pd.DataFrame:
    """A table with every value as text, "" where missing."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def attributes(table: pd.DataFrame) -> list[str]:
    """The columns other than the id."""
    return [column for column in table.columns if column != "id"]


def shared_attributes(left: pd.DataFrame, right: pd.DataFrame) -> list[str]:
    """Columns of the same name in both tables that are filled in at least one row in twenty of each."""
    return [
        column
        for column in attributes(left)
        if column in right.columns and (left[column] != "").mean() >= 0.05 and (right[column] != "").mean() >= 0.05
    ]


def main_attribute(left: pd.DataFrame, right: pd.DataFrame) -> str:
    """The column a person would match on: the shared text column that tells most records apart."""

    def told_apart(column: str) -> float:
        return float(min(len(set(table[column]) - {""}) / len(table) for table in (left, right)))

    columns = shared_attributes(left, right)
    texts = [column for column in columns if not is_numeric(left[column], right[column])]
    return max(texts or columns, key=told_apart)


def as_strings(left: pd.DataFrame, right: pd.DataFrame, task: Task) -> tuple[list[str], list[str]]:
    """Each record as one string: its filled values joined by a space, or its main column (``--fields main``)."""

    def join(table: pd.DataFrame, columns: list[str]) -> list[str]:
        rows = zip(*(table[column] for column in columns), strict=True)
        return [" ".join(value for value in row if value) for row in rows]

    if task.fields == "main":
        column = main_attribute(left, right)
        return join(left, [column]), join(right, [column])
    return join(left, attributes(left)), join(right, attributes(right))


def is_numeric(*columns: pd.Series[str]) -> bool:
    """Whether nearly all the filled values of the columns are numbers."""
    values = pd.concat([column[column != ""] for column in columns])
    numbers = pd.to_numeric(values.str.replace(r"[$,]", "", regex=True), errors="coerce")
    return len(values) > 0 and bool(numbers.notna().mean() > 0.95)


def run_peer(peer: str, packages: tuple[str, ...], link: LinkTables, dedupe: DedupeTable | None = None) -> None:
    """Parses the command line, runs the tool on one set and writes pairs and costs.

    Args:
        peer: the name under which results are kept.
        packages: distributions whose versions are recorded.
        link: the tool on two tables.
        dedupe: the tool on one table, where it has such a mode.
    """
    parser = argparse.ArgumentParser(description=f"{peer} on one developer set")
    parser.add_argument("set", help="name of the set, for example er-abt-buy or febrl4")
    parser.add_argument("--seed", type=int, default=0, help="seed of whatever the tool draws")
    parser.add_argument("--labels", type=int, default=100, help="number of labels, for tools that need them")
    parser.add_argument("--fields", choices=("whole", "main"), default="whole", help="what tools of one string compare")
    parser.add_argument("--labelling", choices=("active", "random"), default="active", help="who chooses the labels")
    options = parser.parse_args()
    task = Task(options.set, options.seed, options.labels, options.fields, options.labelling)
    peer += "" if task.fields == "whole" else f"-{task.fields}"
    peer += "" if task.labelling == "active" else f"-{task.labelling}"
    folder = set_folder(task.name)
    stem = f"{task.name}__{peer}" + (f"__seed{task.seed}" if task.seed else "")
    if is_link_set(task.name):
        left, right = read_table(folder / "left.csv.gz"), read_table(folder / "right.csv.gz")
        pairs = link(left, right, task)
        columns = {"left_id": pairs.left_id, "right_id": pairs.right_id, "score": pairs.score, "link": pairs.link}
        outcome: ScoredPairs | ScoredClusters = pairs
        path = WORK / "pairs" / f"{stem}.parquet"
        table = pa.table(columns)
    else:
        if dedupe is None:
            parser.error(f"{peer} has no mode for one table; {task.name} is a set to deduplicate")
        clusters = dedupe(read_table(folder / "records.csv.gz"), task)
        rows = [(cut, a, b) for cut, labels in clusters.by_threshold.items() for a, b in labels.items()]
        outcome = clusters
        path = WORK / "clusters" / f"{stem}.parquet"
        names = ("threshold", "id", "cluster_id")
        table = pa.table({name: [row[at] for row in rows] for at, name in enumerate(names)})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    costs = {
        "peer": peer,
        "set": task.name,
        "seed": task.seed,
        "versions": {package: version(package) for package in packages},
        "cut": outcome.cut,
        "threshold": outcome.threshold,
        "probability": isinstance(outcome, ScoredPairs) and outcome.probability,
        "num_pairs": len(outcome.score) if isinstance(outcome, ScoredPairs) else None,
        "notes": outcome.notes,
        **process_costs(),
    }
    path.with_suffix(".json").write_text(json.dumps(costs, indent=1), encoding="utf-8")
    print(json.dumps(costs))

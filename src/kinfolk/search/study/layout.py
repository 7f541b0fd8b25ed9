"""The files of a filtered-search study, as Iff, Brügger, Chrapek, Besta and Hoefler published theirs (arXiv 2507.21989).

::

    database_vectors.fvecs        database_attributes.jsonl      query_vectors.fvecs       ground_truth.ivecs
    em_query_attributes.jsonl     {"label": 7}                                             ground_truth_em.ivecs
    r_query_attributes.jsonl      {"range_start": 1, "range_end": 9}                       ground_truth_r.ivecs
    emis_query_attributes.jsonl   {"label": "steel"}                                       ground_truth_emis.ivecs

A study that ``generate`` made has more: ``study.json`` says how it was made, and ``cells/NAME`` holds, under the same names, the filters
of each further cell and their ground truth. Where a cell has several files of filters, all of a query's must hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from kinfolk.data.atomic import atomic_write, write_table
from kinfolk.errors import DataError
from kinfolk.search.study.terms import KINDS, Kind, Term, Terms, from_json, to_json
from kinfolk.search.study.vecs import Lists, Vectors, read_fvecs, read_ivecs, write_fvecs, write_ivecs

VECTORS, ATTRIBUTES, QUERIES = "database_vectors.fvecs", "database_attributes.jsonl", "query_vectors.fvecs"
FACTS, CELLS = "study.json", "cells"
TRUTH = 100  # neighbors of a query in the files

PUBLISHED_COLUMNS: dict[Kind, str] = {"em": "number_of_sub_categories", "r": "update_date", "emis": "main_categories"}
"""The attribute behind each filter of the published files."""


@dataclass(frozen=True, eq=False)
class Cell:
    """The same queries under one kind of filter.

    Attributes:
        name: of its folder; ``em``, ``r``, ``emis`` and ``none`` are the study's own.
        row: the kind of filter, as a row of the winner map.
        share: of the rows that should pass, in (0, 1]; None where it is as it comes.
        about: a sentence on what is filtered, and whether it is real or drawn.
        terms: what each query asks for.
        truth: the true neighbors of each query, at most 100, nearest first; fewer where fewer pass.
    """

    name: str
    row: str
    share: float | None
    about: str
    terms: Sequence[Terms]
    truth: Lists


@dataclass(frozen=True, eq=False)
class Study:
    """Vectors with attributes, queries, and cells of filters.

    Attributes:
        vectors: float32 (rows, dim).
        attributes: a row for each vector; the columns that filters speak of, at least.
        queries: float32 (queries, dim).
        cells: the filters.
        facts: how it was made.
    """

    vectors: Vectors
    attributes: pa.Table
    queries: Vectors
    cells: Sequence[Cell]
    facts: Mapping[str, object] = field(default_factory=dict)


def write_study(study: Study, folder: str | Path) -> None:
    """Write a study in the layout above; ``study.json`` comes last, so that a folder with it is whole.

    Raises:
        DataError: a file cannot be written.
    """
    folder = Path(folder)
    write_fvecs(study.vectors, folder / VECTORS)
    write_table(study.attributes, folder / ATTRIBUTES)
    write_fvecs(study.queries, folder / QUERIES)
    cells = []
    for cell in study.cells:
        columns = {term.kind: term.column for term in cell.terms[0]}
        place = _place(folder, cell.name, list(columns))
        for kind in columns:
            lines = (
                json.dumps(to_json(term), ensure_ascii=False)
                for terms in cell.terms
                for term in terms
                if term.kind == kind
            )
            with atomic_write(place / f"{kind}_query_attributes.jsonl") as temporary:
                temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        write_ivecs(cell.truth, place / _truth_name(list(columns)))
        cells.append({"name": cell.name, "row": cell.row, "share": cell.share, "about": cell.about, "columns": columns})
    with atomic_write(folder / FACTS) as temporary:
        temporary.write_text(
            json.dumps({**study.facts, "cells": cells}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def read_study(folder: str | Path, *, columns: Mapping[Kind, str] | None = None) -> Study:
    """Read a study: the published files, or a folder that ``write_study`` wrote.

    Args:
        folder: of the files.
        columns: the attribute behind each filter where there is no ``study.json``; None for those of the published files.

    Raises:
        DataError: a file is absent, cut short, or does not fit the others; which, and what was expected.
    """
    folder = Path(folder)
    vectors, queries = read_fvecs(folder / VECTORS), read_fvecs(folder / QUERIES)
    if vectors.shape[1] != queries.shape[1]:
        raise DataError(
            f"{folder / QUERIES} must hold vectors of {vectors.shape[1]} numbers, as {VECTORS} does. Got {queries.shape[1]}."
        )
    facts, listed = _facts(folder, {**PUBLISHED_COLUMNS, **(columns or {})})
    wanted = list(dict.fromkeys(column for entry in listed for column in entry.columns.values()))
    attributes = _read_attributes(folder / ATTRIBUTES, wanted, len(vectors))
    cells = []
    for entry in listed:
        place = _place(folder, entry.name, list(entry.columns))
        terms: list[Terms] = [()] * len(queries)
        for kind, column in entry.columns.items():
            read = _read_terms(place / f"{kind}_query_attributes.jsonl", kind, column, len(queries))
            terms = [(*before, term) for before, term in zip(terms, read, strict=True)]
        truth = read_ivecs(place / _truth_name(list(entry.columns)), num=len(queries), below=len(vectors))
        cells.append(Cell(entry.name, entry.row, entry.share, entry.about, terms, truth))
    return Study(vectors, attributes, queries, cells, facts)


@dataclass(frozen=True)
class _Listed:
    """A cell as ``study.json`` lists it."""

    name: str
    row: str
    share: float | None
    about: str
    columns: dict[Kind, str]


def _facts(folder: Path, published: Mapping[Kind, str]) -> tuple[dict[str, object], list[_Listed]]:
    path = folder / FACTS
    if not path.exists():
        listed = [_Listed("none", "no filter", 1.0, "no filter", {})]
        listed += [
            _Listed(kind, kind.upper(), None, f"{published[kind]}, as the files have it", {kind: published[kind]})
            for kind in KINDS
        ]
        return {}, listed
    try:
        facts = dict(json.loads(path.read_text("utf-8")))
        listed = [
            _Listed(entry["name"], entry["row"], entry["share"], entry["about"], dict(entry["columns"]))
            for entry in facts.pop("cells")
        ]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path} must list the cells of the study, and cannot be read ({error!r}). Generate the study again."
        ) from error
    if any(not set(entry.columns) <= set(KINDS) or Path(entry.name).name != entry.name for entry in listed):
        raise DataError(
            f"{path} must list cells with filters of the kinds {', '.join(KINDS)}. Generate the study again."
        )
    return facts, listed


def _place(folder: Path, name: str, kinds: list[Kind]) -> Path:
    """The folder of a cell: the study's own lie beside the vectors."""
    return folder if name == ("_".join(kinds) or "none") else folder / CELLS / name


def _truth_name(kinds: list[Kind]) -> str:
    return "_".join(["ground_truth", *kinds]) + ".ivecs"


def _read_attributes(path: Path, columns: list[str], num: int) -> pa.Table:
    values: dict[str, list[object]] = {column: [] for column in columns}
    rows = 0
    for number, row in _lines(path):
        rows = number
        for column, listed in values.items():
            if column not in row:
                raise DataError(f"{path} line {number:,}: the attribute '{column}' is needed. Got {', '.join(row)}.")
            listed.append(row[column])
    if rows != num:
        raise DataError(f"{path} must have a line for each of {num:,} vectors. Got {rows:,}: it may be cut short.")
    try:
        # of no columns a table has no rows, so that one of nulls gives it its length
        return pa.table({**{"": pa.nulls(num)}, **{name: pa.array(each) for name, each in values.items()}}).select(
            columns
        )
    except pa.ArrowException as error:
        raise DataError(f"{path}: each attribute must hold values of one kind ({error}). Correct them.") from error


def _read_terms(path: Path, kind: Kind, column: str, num: int) -> list[Term]:
    terms = []
    for number, line in _lines(path):
        term = from_json(line, kind, column)
        if isinstance(term, str):
            raise DataError(f"{path} line {number:,}: {term}")
        terms.append(term)
    if len(terms) != num:
        raise DataError(f"{path} must have a line for each of {num:,} queries. Got {len(terms):,}.")
    return terms


def _lines(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """The objects of a .jsonl file, with the numbers of their lines."""
    if not path.is_file():
        raise DataError(f"There is no file {path}. A study has files of this name; see `kinfolk bench fanns --help`.")
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, text in enumerate(file, start=1):
            try:
                row = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise DataError(
                    f"{path} line {number:,}: a JSON object is needed, and the line cannot be read ({error})."
                ) from error
            if not isinstance(row, dict):
                raise DataError(f"{path} line {number:,}: a JSON object is needed. Got {text.strip()[:40]}.")
            yield number, row

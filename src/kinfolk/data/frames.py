"""Tables already in memory: Arrow, pandas, polars and what narwhals knows, lists of dicts, dicts of lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, cast, runtime_checkable

import pyarrow as pa

from kinfolk.data.columns import arrow_array, column_of, flatten_table, table_of_columns, table_of_rows
from kinfolk.data.names import distinct_names
from kinfolk.data.source import Source
from kinfolk.errors import DataError


@runtime_checkable
class ArrowStream(Protocol):
    """Anything that hands out its rows through the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


def read_memory(source: object, name: str) -> Source:
    """Read a table that is already in memory.

    Args:
        source: an Arrow table or stream, a pandas, polars or other frame that narwhals knows (lazy ones are
            collected), a list of dicts, or a dict of equally long sequences.
        name: for messages.

    Raises:
        DataError: none of these.
    """
    if isinstance(source, (pa.Table, pa.RecordBatch)):
        return flatten_table(pa.table(source) if isinstance(source, pa.RecordBatch) else source, name)
    if isinstance(source, Mapping):
        return _read_mapping(source, name)
    if isinstance(source, Sequence) and not isinstance(source, (str, bytes)):
        for position, row in enumerate(source, start=1):
            if not isinstance(row, Mapping):
                raise DataError(
                    f"{name} element {position}: a dict of column names and values is needed. Got {type(row).__name__}."
                )
        return table_of_rows(cast(Sequence[Mapping[str, object]], source), name)
    frame = _read_frame(source, name)
    if frame is not None:
        return frame
    if isinstance(source, ArrowStream):
        return flatten_table(pa.table(source), name)
    raise DataError(
        "A table is needed: a file name, a SELECT statement, an Arrow, pandas or polars table, a list of dicts "
        f"or a dict of lists. Got {type(source).__name__}."
    )


def _read_mapping(source: Mapping[object, object], name: str) -> Source:
    columns: list[tuple[object, Iterable[object]]] = []
    for column, values in source.items():
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise DataError(f"{name} column '{column}': a list of values is needed. Got {type(values).__name__}.")
        columns.append((column, values))
    return table_of_columns(columns, name)


def _read_frame(source: object, name: str) -> Source | None:
    import narwhals as nw

    if hasattr(source, "to_frame") and not hasattr(source, "columns"):
        return None
    notes: list[str] = []
    if nw.dependencies.is_pandas_dataframe(source):
        source, notes = _with_index(source, name)
        return _read_pandas(source, name, notes)
    frame = nw.from_native(source, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    if not isinstance(frame, nw.DataFrame):
        return None
    arrays = []
    for column in frame.columns:
        try:
            arrays.append(pa.chunked_array([frame[column].to_arrow()]))
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError):
            array, note = column_of(frame[column].to_list(), column)
            arrays.append(pa.chunked_array([array]))
            notes.extend([f"{name}: {note}"] if note else [])
    flat = flatten_table(pa.Table.from_arrays(arrays, names=list(frame.columns)), name)
    return Source(flat.table, (*notes, *flat.notes))


def _with_index(source: object, name: str) -> tuple[object, list[str]]:
    """A pandas index with a name, or one of text, holds the ids more often than not: keep it as the first columns."""
    import pandas as pd

    assert isinstance(source, pd.DataFrame)
    index = source.index
    named = any(n is not None for n in index.names)
    if isinstance(index, pd.RangeIndex) or (not named and pd.api.types.is_integer_dtype(index.dtype)):
        return source, []
    names, _ = distinct_names(
        [n if n is not None else ("index" if i == 0 else f"index_{i + 1}") for i, n in enumerate(index.names)]
    )
    fresh = [n if n not in source.columns else f"index_{n}" for n in names]
    said = " and ".join(f"'{n}'" for n in fresh)
    kept = index.to_frame(index=False, name=fresh if isinstance(index, pd.MultiIndex) else fresh[0])
    joined = pd.concat([kept, source.reset_index(drop=True)], axis=1)
    return joined, [f"{name}: the index of the frame was read as column {said}."]


def _read_pandas(source: object, name: str, notes: list[str]) -> Source:
    import pandas as pd

    assert isinstance(source, pd.DataFrame)
    names, header_notes = distinct_names(["_".join(map(str, c)) if isinstance(c, tuple) else c for c in source.columns])
    found = [*notes, *(f"{name}: {n}" for n in header_notes)]
    arrays: list[pa.ChunkedArray] = []
    for position, column in enumerate(names):
        series = source.iloc[:, position]
        array = arrow_array(series)
        if array is None:
            array, note = column_of([None if v is pd.NA or v is pd.NaT else v for v in series.tolist()], column)
            found.extend([f"{name}: {note}"] if note else [])
        arrays.append(array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array]))
    flat = flatten_table(pa.Table.from_arrays(arrays, names=names), name)
    return Source(flat.table, (*found, *flat.notes))

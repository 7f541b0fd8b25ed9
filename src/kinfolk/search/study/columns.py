"""Which columns of a table a study filters by, and their values as the study writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from kinfolk.data.names import names_an_id, require_columns
from kinfolk.errors import ConfigurationError
from kinfolk.search.study.terms import KINDS, Kind

_SEPARATORS = re.compile(r"\s*[,;|]\s*")
_MOST_VALUES = 0.5  # distinct values to rows, up to which a column repeats enough to be matched
_NEEDED = {
    "em": "texts, whole numbers or true and false",
    "r": "numbers, dates or times",
    "emis": "lists, or texts with commas",
}


def chosen_columns(table: pa.Table, asked: Mapping[Kind, str | None]) -> dict[Kind, tuple[str, pa.Array]]:
    """The column behind each kind of filter.

    Args:
        table: the user's.
        asked: by kind the name of a column; None or absent lets one be found: for ``em`` the column of texts, whole numbers or true and
            false that repeats and has the most values, for ``r`` the column of numbers or dates with the most, for ``emis`` the first of
            lists.

    Returns:
        By kind the name and the values: texts or whole numbers for ``em``, numbers for ``r`` (dates as days and times as seconds since
        1970), lists of texts for ``emis``, where a text is split at commas, semicolons and bars. Kinds without a column are left out.

    Raises:
        ConfigurationError: no such column, or one that cannot be filtered so.
    """
    chosen: dict[Kind, str] = {}
    for kind in KINDS:
        name = asked.get(kind)
        if name is not None:
            require_columns([name], table.column_names, "The table of attributes")
            if not _FITS[kind](table.schema.field(name).type):
                raise ConfigurationError(
                    f"A column for {kind} must hold {_NEEDED[kind]}. '{name}' holds {table.schema.field(name).type}."
                )
            chosen[kind] = name
    for kind in ("emis", "r", "em"):
        if kind not in chosen:
            name = _found(table, kind, set(chosen.values()))
            if name is not None:
                chosen[kind] = name
    return {kind: (chosen[kind], _values(table.column(chosen[kind]), kind)) for kind in KINDS if kind in chosen}


def _found(table: pa.Table, kind: Kind, taken: set[str]) -> str | None:
    """The column that suits a kind best; texts are not taken for lists unless they are asked for."""
    free = [name for name in table.column_names if name not in taken and not names_an_id(name)]
    fitting = [
        name
        for name in free
        if _FITS[kind](table.schema.field(name).type)
        and not (kind == "emis" and _is_text(table.schema.field(name).type))
    ]
    if kind == "emis":
        return next(iter(fitting), None)
    counts = {name: pc.count_distinct(table.column(name)).as_py() for name in fitting}
    most = len(table) * (_MOST_VALUES if kind == "em" else 1)
    return max((name for name in fitting if 1 < counts[name] <= most), key=lambda name: counts[name], default=None)


def _values(column: pa.ChunkedArray, kind: Kind) -> pa.Array:
    """A column in the types of a study."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # of no chunks
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], column.type)
    if types.is_dictionary(whole.type):
        whole = whole.dictionary_decode()
    if kind == "emis":
        if _is_text(whole.type):
            split = [None if text is None else _split(text) for text in whole.to_pylist()]
            return pa.array(split, pa.list_(pa.string()))
        return whole.cast(pa.list_(pa.string()))
    if types.is_date(whole.type):
        return whole.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    if types.is_timestamp(whole.type):
        return whole.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    if kind == "r":
        return whole.cast(pa.int64() if types.is_integer(whole.type) else pa.float64())
    return whole.cast(pa.string() if _is_text(whole.type) else pa.int64())


def _split(text: str) -> list[str]:
    return [part for part in dict.fromkeys(_SEPARATORS.split(text.strip())) if part]


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if types.is_dictionary(kind) else kind


def _is_text(kind: pa.DataType) -> bool:
    return bool(types.is_string(_plain(kind)) or types.is_large_string(_plain(kind)))


def _is_list(kind: pa.DataType) -> bool:
    listed = types.is_list(kind) or types.is_large_list(kind)
    return bool(listed and (_is_text(kind.value_type) or types.is_integer(kind.value_type)))


def _for_match(kind: pa.DataType) -> bool:
    return _is_text(kind) or bool(types.is_integer(kind) or types.is_boolean(kind))


def _for_range(kind: pa.DataType) -> bool:
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_date(kind) or types.is_timestamp(kind))


_FITS: dict[Kind, Callable[[pa.DataType], bool]] = {
    "em": _for_match,
    "r": _for_range,
    "emis": lambda kind: _is_list(kind) or _is_text(kind),
}

"""Dates as people write them, as days since 1970-01-01."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.data.text import as_text, is_string, one_array

Order = Literal["day first", "month first"]
Floats = npt.NDArray[np.float64]

_TIME = r"(?:[T ,]+\d{1,2}:\d{2}.*)?"
_YEAR_FIRST = rf"^(?P<y>\d{{4}})(?:[-/.]|\s*年\s*)(?P<m>\d{{1,2}})(?:[-/.]|\s*月\s*)(?P<d>\d{{1,2}})日?{_TIME}$"
_COMPACT = r"^(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:\.0)?$"
_YEAR_LAST = rf"^(?P<a>\d{{1,2}})[-/. ]+(?P<b>\d{{1,2}})[-/. ]+(?P<y>\d{{4}}|\d{{2}}){_TIME}$"
_DAY_MONTH_NAME = rf"^(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\.?[- ]*(?P<n>[A-Za-z]{{3,9}})\.?,?[- ]+(?P<y>\d{{4}}){_TIME}$"
_MONTH_NAME_DAY = rf"^(?P<n>[A-Za-z]{{3,9}})\.?[- ]+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?[- ]+(?P<y>\d{{4}}){_TIME}$"
_YEAR_ONLY = r"^(?P<y>[12]\d{3})(?:\.0)?$"
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
# Excel counts days from here (its 1900 has a 29 February that never was, hence two days before 1900-01-01).
_EXCEL_ZERO = -25569.0


@dataclass(frozen=True)
class Dates:
    """A column read as dates.

    Attributes:
        values: days since 1970-01-01 as float64, NaN where missing or unreadable.
        unreadable: rows (from 0) that hold something which is not a date.
        order: how "3/4/2001" was read.
        ambiguous: how many values could be read both ways.
        settled: whether some value could be read in one way only, and so decided the order.
        short_years: how many values had a year of two digits.
        years: how many values were a year only, taken as its first of January.
    """

    values: Floats
    unreadable: npt.NDArray[np.int64]
    order: Order = "month first"
    ambiguous: int = 0
    settled: bool = True
    short_years: int = 0
    years: int = 0


def parse_dates(column: pa.ChunkedArray, *, order: Order | None = None) -> Dates:
    """Read a column as dates.

    Args:
        column: Arrow dates or timestamps; text (ISO, YYYYMMDD, d/m/Y, m/d/Y, with an English month name, 年月日); whole
            numbers as YYYYMMDD, as a year, or as Excel's day count.
        order: how to read "3/4/2001"; None decides from the values that can be read in one way only, and without any
            such value takes "/" as month first (United States) and "." or "-" as day first.

    Returns:
        Days since 1970-01-01 (with a fraction only for timestamps), NaN where missing or unreadable.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return parse_dates(column.cast(kind.value_type), order=order)
    if pa.types.is_date(kind):
        return Dates(_as_floats(column.cast(pa.date32()).cast(pa.int32())), _no_rows())
    if pa.types.is_timestamp(kind):
        local = pc.local_timestamp(column) if kind.tz else column
        return Dates(
            np.floor(_as_floats(local.cast(pa.timestamp("s"), safe=False).cast(pa.int64())) / 86400), _no_rows()
        )
    if is_string(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _parse_text(as_text(column), order, excel=not is_string(kind))
    return Dates(np.full(len(column), np.nan), np.flatnonzero(column.is_valid().to_numpy()))


def _parse_text(text: pa.ChunkedArray, order: Order | None, *, excel: bool) -> Dates:
    encoded = one_array(text).dictionary_encode()
    unique: pa.Array = encoded.dictionary
    codes = np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(), dtype=np.int64)
    counts = np.bincount(codes[codes >= 0], minlength=len(unique))

    days = np.full(len(unique), np.nan)
    for pattern in (_YEAR_FIRST, _COMPACT):
        rows, parts = _extract(unique, pattern, days)
        days[rows] = _days(_ints(parts, "y"), _ints(parts, "m"), _ints(parts, "d"))
    for pattern in (_DAY_MONTH_NAME, _MONTH_NAME_DAY):
        rows, parts = _extract(unique, pattern, days)
        days[rows] = _days(_ints(parts, "y"), _months(parts["n"]), _ints(parts, "d"))

    rows, parts = _extract(unique, _YEAR_LAST, days)
    order, ambiguous, settled, short_years = _read_year_last(unique, rows, parts, days, counts, order)
    rows, parts = _extract(unique, _YEAR_ONLY, days)
    days[rows] = _days(_ints(parts, "y"), np.ones(len(rows), np.int64), np.ones(len(rows), np.int64))
    years = int(counts[rows].sum())
    if excel:
        rows, parts = _extract(unique, r"^(?P<s>\d{5})(?:\.\d+)?$", days)
        days[rows] = _ints(parts, "s") + _EXCEL_ZERO

    values = np.append(days, np.nan)[codes]
    return Dates(values, np.flatnonzero((codes >= 0) & np.isnan(values)), order, ambiguous, settled, short_years, years)


def _read_year_last(
    unique: pa.Array,
    rows: npt.NDArray[np.int64],
    parts: dict[str, pa.Array],
    days: Floats,
    counts: npt.NDArray[np.int64],
    order: Order | None,
) -> tuple[Order, int, bool, int]:
    """Read a/b/Y in place; the order is decided by the values that can be read in one way only."""
    if not len(rows):
        return order or "month first", 0, True, 0
    first, second, year = _ints(parts, "a"), _ints(parts, "b"), _ints(parts, "y")
    weight = counts[rows]
    short = year < 100
    year = np.where(short, np.where(year < 69, 2000 + year, 1900 + year), year)  # the POSIX pivot
    day_first, month_first = _days(year, second, first), _days(year, first, second)
    votes_day = int(weight[np.isfinite(day_first) & np.isnan(month_first)].sum())
    votes_month = int(weight[np.isfinite(month_first) & np.isnan(day_first)].sum())
    if order is None and votes_day == votes_month:
        slashes = pc.match_substring(unique.take(pa.array(rows)), pattern="/")
        order = "month first" if (pc.mean(slashes.cast(pa.int8())).as_py() or 0) >= 0.5 else "day first"
    elif order is None:
        order = "day first" if votes_day > votes_month else "month first"
    preferred, other = (day_first, month_first) if order == "day first" else (month_first, day_first)
    days[rows] = np.where(np.isfinite(preferred), preferred, other)
    both = np.isfinite(day_first) & np.isfinite(month_first) & (day_first != month_first)
    return order, int(weight[both].sum()), votes_day != votes_month, int(weight[short].sum())


def _extract(unique: pa.Array, pattern: str, days: Floats) -> tuple[npt.NDArray[np.int64], dict[str, pa.Array]]:
    """The named groups of the values that are still unread and match, and where they stand."""
    found = pc.extract_regex(unique, pattern=pattern)
    rows = np.flatnonzero(np.asarray(found.is_valid()) & np.isnan(days))
    hits = found.take(pa.array(rows, pa.int64()))
    names = [hits.type.field(i).name for i in range(hits.type.num_fields)]
    return rows, dict(zip(names, hits.flatten(), strict=True))


def _ints(parts: dict[str, pa.Array], name: str) -> npt.NDArray[np.int64]:
    return np.asarray(parts[name].cast(pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)


def _months(names: pa.Array) -> npt.NDArray[np.int64]:
    """Month numbers of English names, whole or cut to at least three letters; 0 for other words."""
    numbers = [
        next((i + 1 for i, m in enumerate(_MONTHS) if m.startswith(n) or (n == "sept" and i == 8)), 0)
        for n in pc.ascii_lower(names).to_pylist()
    ]
    return np.asarray(numbers, dtype=np.int64)


def _days(year: npt.NDArray[np.int64], month: npt.NDArray[np.int64], day: npt.NDArray[np.int64]) -> Floats:
    """Days since 1970-01-01; NaN for dates that do not exist."""
    legal = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = (np.where(legal, year, 1970) - 1970) * 12 + np.where(legal, month, 1) - 1
    start = months.astype("datetime64[M]").astype("datetime64[D]")
    after = (months + 1).astype("datetime64[M]").astype("datetime64[D]")
    date = start + (np.where(legal, day, 1) - 1).astype("timedelta64[D]")
    return np.where(legal & (date < after), date.astype(np.int64).astype(np.float64), np.nan)


def _as_floats(column: pa.ChunkedArray) -> Floats:
    return np.array(column.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _no_rows() -> npt.NDArray[np.int64]:
    return np.empty(0, np.int64)

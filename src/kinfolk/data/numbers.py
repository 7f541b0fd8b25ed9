"""Numbers as people write them: "$1,299.00", "1.299,00 €", "8.10 %", "(1995)", "１２"."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.data.text import as_text, is_string

Floats = npt.NDArray[np.float64]

_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_CURRENCY = r"USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|CNY|RMB|INR|SEK|NOK|DKK|PLN|CZK|BRL|MXN|ZAR|KRW|RUB|US\$|Rs\.?|kr\.?|zł|円|元"
_GROUPED = r"^[+-]?\d[\d.,]*$"
# Cells that stand for "no number" in a column of numbers; they are missing, not mistakes.
_NO_NUMBER = ("NA", "na", "N.A.", "n.a.", "-", "--", "–", "—", "?", ".", "none", "unknown", "Unknown")


@dataclass(frozen=True)
class Numbers:
    """A column read as numbers.

    Attributes:
        values: float64, NaN where missing or unreadable.
        unreadable: rows (from 0) that hold something which is not a finite number.
        decimal: the decimal mark used for values that can be read both ways ("1,299").
    """

    values: Floats
    unreadable: npt.NDArray[np.int64]
    decimal: str


def parse_numbers(column: pa.ChunkedArray, *, decimal: str | None = None) -> Numbers:
    """Read a column as numbers.

    Args:
        column: values of any Arrow type; text may carry currency signs, percent signs and grouped digits.
        decimal: "." or ","; None decides from the values ("12,50" and "1.299,00" speak for the comma).

    Returns:
        The values with NaN where missing or unreadable; infinities and ranges ("10-20") are unreadable.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return parse_numbers(column.cast(kind.value_type), decimal=decimal)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind):
        numeric = column.cast(pa.int8()) if pa.types.is_boolean(kind) else column
        values = np.array(numeric.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
        infinite = np.flatnonzero(np.isinf(values))
        values[infinite] = np.nan
        return Numbers(values, infinite, decimal or ".")
    if not is_string(kind):
        return Numbers(np.full(len(column), np.nan), np.flatnonzero(column.is_valid().to_numpy()), decimal or ".")
    return _parse_text(as_text(column), decimal)


def decimal_mark(column: pa.ChunkedArray) -> str:
    """The decimal mark a text column uses, "." unless its values speak for ","."""
    return _decide_mark(_without_signs(as_text(column))) if is_string(column.type) else "."


def _parse_text(text: pa.ChunkedArray, decimal: str | None) -> Numbers:
    plain = pc.match_substring_regex(text, pattern=_PLAIN)
    values = _to_float(pc.if_else(plain, text, pa.scalar(None, text.type)))
    present = text.is_valid().to_numpy()
    mark = decimal or "."
    # "1.299" is plain, yet in a column with decimal commas it means 1299: such columns are read the careful way.
    careful = present & (np.isnan(values) | _has_three_decimals(text)) if present.any() else present
    if careful.any():
        rows = np.flatnonzero(careful)
        rest = _without_signs(text.take(pa.array(rows)))
        mark = decimal or _decide_mark(_without_signs(text) if len(rows) < len(text) else rest)
        values[rows] = _to_float(_ungroup(rest, mark))
    unread = present & ~np.isfinite(values)
    values[~np.isfinite(values)] = np.nan
    if unread.any():
        rows = np.flatnonzero(unread)
        said_none = pc.is_in(text.take(pa.array(rows)), value_set=pa.array(_NO_NUMBER, text.type)).to_numpy()
        return Numbers(values, rows[~said_none], mark)
    return Numbers(values, np.flatnonzero(unread), mark)


def _has_three_decimals(text: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.match_substring_regex(text, pattern=r"^[+-]?\d{1,3}\.\d{3}$").fill_null(False).to_numpy())


def _to_float(text: pa.ChunkedArray) -> Floats:
    return np.array(text.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _without_signs(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Strip what surrounds the digits: currency, percent, spaces between groups, a closing comma or period."""
    if not pc.all(pc.string_is_ascii(text)).as_py():
        text = pa.chunked_array([[None if v is None else _ascii_digits(v) for v in text.to_pylist()]], type=text.type)
    for pattern, replacement in (
        (rf"^\((?:{_CURRENCY}|\p{{Sc}})?\s*([\d.,]+[.,]\d+)\)$", r"-\1"),  # accounting: ($1,299.00) is negative
        (r"^\((\d{4})\)", r"\1"),  # a year in parentheses is a year
        (rf"(?i)^([+-]?)\s*(?:{_CURRENCY}|\p{{Sc}})\s*([+-]?)", r"\1\2"),
        (rf"(?i)\s*(?:{_CURRENCY}|\p{{Sc}}|%)$", ""),
        (r"(\d)[\s'’](\d{3})", r"\1\2"),  # twice, because neighboring groups share a digit
        (r"(\d)[\s'’](\d{3})", r"\1\2"),
        (r"(\d)[.,;:]$", r"\1"),
        (r",-$", ""),
    ):
        text = pc.replace_substring_regex(text, pattern=pattern, replacement=replacement)
    return pc.utf8_trim_whitespace(text)


def _ascii_digits(value: str) -> str:
    if value.isascii():
        return value
    value = unicodedata.normalize("NFKC", value).replace("−", "-")
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in value)


def _decide_mark(text: pa.ChunkedArray) -> str:
    """Count the values that can be read in one way only."""
    comma = r"^[+-]?(\d+,\d{1,2}|\d+,\d{4,}|\d{1,3}(\.\d{3})+,\d+|\d{1,3}(\.\d{3}){2,})$"
    dot = r"^[+-]?(\d*\.\d{1,2}|\d*\.\d{4,}|\d{1,3}(,\d{2,3})+\.\d+|\d{1,3}(,\d{2,3})*,\d{3},\d{3})$"
    votes = [pc.sum(pc.match_substring_regex(text, pattern=p)).as_py() or 0 for p in (comma, dot)]
    return "," if votes[0] > votes[1] else "."


def _ungroup(text: pa.ChunkedArray, mark: str) -> pa.ChunkedArray:
    """Write grouped digits plainly; null for what is no number.

    A value that can be read in one way only is read that way, whatever the column's mark; the mark decides "1,299".
    """
    nothing = pa.scalar(None, text.type)
    numeric = pc.match_substring_regex(text, pattern=_GROUPED)
    scientific = pc.match_substring_regex(text, pattern=_PLAIN)
    grouped = pc.if_else(numeric, text, nothing)
    by_comma = pc.replace_substring(pc.replace_substring(grouped, pattern=".", replacement=""), pattern=",", replacement=".")
    by_dot = pc.replace_substring(grouped, pattern=",", replacement="")
    only_comma = pc.match_substring_regex(
        grouped, pattern=r"^[+-]?(\d*,\d{1,2}|\d*,\d{4,}|0+,\d+|\d{4,},\d+|\d{1,3}(\.\d{3})+,\d*|\d{1,3}(\.\d{3}){2,})$"
    )
    only_dot = pc.match_substring_regex(
        grouped, pattern=r"^[+-]?(\d*\.\d{1,2}|\d*\.\d{4,}|0+\.\d+|\d{4,}\.\d+|\d{1,3}(,\d{2,3})+\.\d*|\d{1,3}(,\d{2,3})*,\d{3},\d{3}|\d+)$"
    )
    either = pc.match_substring_regex(grouped, pattern=r"^[+-]?\d{1,3}[.,]\d{3}$")
    chosen = pc.if_else(either, by_comma if mark == "," else by_dot, nothing)
    chosen = pc.coalesce(pc.if_else(only_comma, by_comma, nothing), pc.if_else(only_dot, by_dot, nothing), chosen)
    return pc.coalesce(chosen, pc.if_else(pc.and_(scientific, pc.invert(numeric)), text, nothing))

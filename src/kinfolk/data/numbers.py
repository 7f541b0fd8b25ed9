"""Numbers as people write them: "$1,299.00", "1.299,00 €", "8.10 %", "(1995)", "１２"."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.data.text import as_text, is_string, one_array

Floats = npt.NDArray[np.float64]

_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_CURRENCY = (
    r"USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|CNY|RMB|INR|SEK|NOK|DKK|PLN|CZK|BRL|MXN|ZAR|KRW|RUB|US\$|Rs\.?|kr\.?|zł|円|元"
)
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
    if (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
    ):
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
    if not is_string(column.type):
        return "."
    unique = pc.unique(as_text(column)).drop_null()
    return _decide_mark(unique.filter(pc.match_substring_regex(unique, pattern=_PLAIN)), _tidy_rest(unique))


def _parse_text(text: pa.ChunkedArray, decimal: str | None) -> Numbers:
    encoded = one_array(text).dictionary_encode()  # people repeat themselves: each distinct cell is read once
    unique: pa.Array = encoded.dictionary
    codes = np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(), dtype=np.int64)

    plain = pc.match_substring_regex(unique, pattern=_PLAIN)
    values = _to_float(pc.if_else(plain, unique, pa.scalar(None, unique.type)))
    rest = _tidy_rest(unique)
    mark = decimal or _decide_mark(unique.filter(plain), rest)
    unplain = np.flatnonzero(~np.asarray(plain.to_numpy(zero_copy_only=False)))
    values[unplain] = _to_float(_ungroup(rest, mark))
    if mark == ",":
        # "1.299" looks plain, yet in a column with decimal commas it means 1299.
        grouped = np.flatnonzero(_has_three_decimals(unique))
        values[grouped] = _to_float(_ungroup(unique.take(pa.array(grouped)), mark))

    values[~np.isfinite(values)] = np.nan
    said_none = np.asarray(pc.is_in(unique, value_set=pa.array(_NO_NUMBER, unique.type)).to_numpy(zero_copy_only=False))
    unreadable = np.append(np.isnan(values) & ~said_none, False)[codes]
    return Numbers(np.append(values, np.nan)[codes], np.flatnonzero(unreadable), mark)


def _tidy_rest(unique: pa.Array) -> pa.Array:
    """The cells that are not plain numbers, without what surrounds their digits."""
    return _without_signs(unique.filter(pc.invert(pc.match_substring_regex(unique, pattern=_PLAIN))))


def _has_three_decimals(unique: pa.Array) -> npt.NDArray[np.bool_]:
    found = pc.match_substring_regex(unique, pattern=r"^[+-]?\d{1,3}\.\d{3}$")
    return np.asarray(found.to_numpy(zero_copy_only=False))


def _to_float(text: pa.Array) -> Floats:
    return np.array(text.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _without_signs(text: pa.Array) -> pa.Array:
    """Strip what surrounds the digits: currency, percent, spaces between groups, a closing comma or period."""
    if not pc.all(pc.string_is_ascii(text)).as_py():
        text = pa.array([None if v is None else _ascii_digits(v) for v in text.to_pylist()], type=text.type)
    for pattern, replacement in (
        # accounting writes a negative amount in parentheses: ($1,299.00)
        (rf"^\((?:{_CURRENCY}|\p{{Sc}})?\s*([\d.,]+[.,]\d+)\)$", r"-\1"),
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


def _decide_mark(*texts: pa.Array) -> str:
    """Count the values that can be read in one way only."""
    comma = r"^[+-]?(\d+,\d{1,2}|\d+,\d{4,}|\d{1,3}(\.\d{3})+,\d+|\d{1,3}(\.\d{3}){2,})$"
    dot = r"^[+-]?(\d*\.\d{1,2}|\d*\.\d{4,}|\d{1,3}(,\d{2,3})+\.\d+|\d{1,3}(,\d{2,3})+,\d{3})$"
    votes = [sum(pc.sum(pc.match_substring_regex(t, pattern=p)).as_py() or 0 for t in texts) for p in (comma, dot)]
    return "," if votes[0] > votes[1] else "."


def _ungroup(text: pa.Array, mark: str) -> pa.Array:
    """Write grouped digits plainly; null for what is no number.

    A value that can be read in one way only is read that way, whatever the column's mark; the mark decides "1,299".
    """
    nothing = pa.scalar(None, text.type)
    numeric = pc.match_substring_regex(text, pattern=_GROUPED)
    scientific = pc.match_substring_regex(text, pattern=_PLAIN)
    grouped = pc.if_else(numeric, text, nothing)
    by_comma = pc.replace_substring(
        pc.replace_substring(grouped, pattern=".", replacement=""), pattern=",", replacement="."
    )
    by_dot = pc.replace_substring(grouped, pattern=",", replacement="")
    only_comma = pc.match_substring_regex(
        grouped, pattern=r"^[+-]?(\d*,\d{1,2}|\d*,\d{4,}|0+,\d+|\d{4,},\d+|\d{1,3}(\.\d{3})+,\d*|\d{1,3}(\.\d{3}){2,})$"
    )
    only_dot = pc.match_substring_regex(
        grouped,
        pattern=r"^[+-]?(\d*\.\d{1,2}|\d*\.\d{4,}|0+\.\d+|\d{4,}\.\d+|\d{1,3}(,\d{2,3})+\.\d*|\d{1,3}(,\d{2,3})+,\d{3}|\d+)$",
    )
    either = pc.match_substring_regex(grouped, pattern=r"^[+-]?\d{1,3}[.,]\d{3}$")
    chosen = pc.if_else(either, by_comma if mark == "," else by_dot, nothing)
    chosen = pc.coalesce(pc.if_else(only_comma, by_comma, nothing), pc.if_else(only_dot, by_dot, nothing), chosen)
    return pc.coalesce(chosen, pc.if_else(pc.and_(scientific, pc.invert(numeric)), text, nothing))

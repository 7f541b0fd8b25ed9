"""Made-up persons in two registers, with the errors real registers have, for scale benchmarks, tests and examples.

The columns are those of the Febrl generator (Christen, 2005); every value is made here: names from syllables, drawn
with Zipf-like frequencies, so that the commonest surname is shared by one person in fifty and most are rare. The right
register describes some of the left one's persons again, after years in which values were mistyped, swapped or lost, and
households moved. Two members of a household share surname, address and phone: the hard non-matches.

A record is assembled column by column from integer codes, so half a million persons take seconds, not minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.errors import ConfigurationError

Codes = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]

COLUMNS = (
    "given_name",
    "surname",
    "street_number",
    "address",
    "suburb",
    "postcode",
    "state",
    "date_of_birth",
    "phone",
    "soc_sec_id",
)

_ONSETS = (*"bcdfghjklmnprstvw", "br", "ch", "dr", "kl", "st")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ee", "ou")
_CODAS = ("", "n", "r", "l", "s", "th", "ck", "m", "nd", "t")
_STREETS = ("street", "road", "avenue", "lane", "place", "court", "crescent", "way", "drive", "close")
_TOWNS = ("", "", "", " park", " bay", " heights", " vale", "ton", "ford", "field")
_STATES = ("north", "south", "east", "west", "inner", "coast", "hills", "lakes")

_NUM_GIVEN, _NUM_SURNAMES, _NUM_STREETS, _NUM_SUBURBS = 1_500, 20_000, 8_000, 3_000
_FIRST_DAY, _NUM_DAYS = np.datetime64("1920-01-01"), 33_000
_KEYS = np.array(list("abcdefghijklmnopqrstuvwxyz"), dtype=object)
_DIGITS = np.array(list("0123456789"), dtype=object)


@dataclass(frozen=True)
class Errors:
    """How often each error befalls a right record; all values are probabilities in [0, 1].

    Attributes:
        typo: a value gets one wrong, lost, doubled or transposed character; per value.
        missing: a value is missing; per value, in both tables.
        swapped_names: given name and surname change places; per record.
        moved: the household moved: address, suburb, postcode, state and phone are new; per record.
        married: the surname is new; per record.
    """

    typo: float = 0.08
    missing: float = 0.04
    swapped_names: float = 0.02
    moved: float = 0.10
    married: float = 0.03

    def __post_init__(self) -> None:
        for name in ("typo", "missing", "swapped_names", "moved", "married"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ConfigurationError(f"Errors.{name} must be a probability in [0, 1]. Got {value}.")


class Persons(NamedTuple):
    """Two registers, each with ``id`` and the columns of ``COLUMNS``, and the truth: ``left_id`` and ``right_id``."""

    left: pa.Table
    right: pa.Table
    truth: pa.Table


def generate_persons(
    num: int, *, overlap: float = 0.8, seed: int = 0, errors: Errors | None = None, household: float = 0.3
) -> Persons:
    """Two registers of persons, some of whom are in both.

    Args:
        num: records in each register, at least 1.
        overlap: share of each register that is also in the other, in [0, 1].
        seed: the same seed gives the same tables.
        errors: how often each error happens; ``None`` takes the defaults of ``Errors``.
        household: share of persons who live with the person before them, in [0, 1].

    Returns:
        left, right and truth; every value is text, null where missing; the rows of both tables are shuffled.

    Raises:
        ConfigurationError: a number is out of its range.
    """
    if num < 1:
        raise ConfigurationError(f"num must be at least 1. Got {num}.")
    for name, share in (("overlap", overlap), ("household", household)):
        if not 0.0 <= share <= 1.0:
            raise ConfigurationError(f"{name} must be a share in [0, 1]. Got {share}.")
    errors = errors or Errors()
    rng = np.random.default_rng(seed)
    num_shared = round(num * overlap)
    people = _people(2 * num - num_shared, household, rng)

    left_rows = rng.permutation(num)
    # The right register holds the last persons: the shared ones end the left register and begin the right one.
    right_rows = rng.permutation(np.arange(num - num_shared, 2 * num - num_shared))
    left = {column: values[left_rows] for column, values in people.items()}
    right = _live_on({column: values[right_rows] for column, values in people.items()}, errors, rng)
    for column in COLUMNS:
        _spoil(right[column], errors.typo, rng)
        for table in (left, right):
            table[column][rng.random(num) < errors.missing] = None
    left_ids = _identifiers("a", num)
    right_ids = _identifiers("b", num)
    left_at = np.empty(len(people["surname"]), dtype=np.int64)
    left_at[left_rows] = np.arange(num)
    in_both = np.flatnonzero(right_rows < num)
    truth = pa.table(
        {
            "left_id": pa.array(left_ids[left_at[right_rows[in_both]]], pa.string()),
            "right_id": pa.array(right_ids[in_both], pa.string()),
        }
    )
    return Persons(_table(left_ids, left), _table(right_ids, right), truth)


def _people(num: int, household: float, rng: np.random.Generator) -> dict[str, Texts]:
    # A member of a household points at its first person and takes over what the household shares.
    alone = rng.random(num) >= household
    alone[0] = True
    head = np.maximum.accumulate(np.where(alone, np.arange(num), 0))
    surname = _words(_NUM_SURNAMES, 2, rng)[_zipf(num, _NUM_SURNAMES, rng)]
    born = (_FIRST_DAY + rng.integers(0, _NUM_DAYS, num)).astype("datetime64[D]")
    people = {
        "given_name": _words(_NUM_GIVEN, 2, rng)[_zipf(num, _NUM_GIVEN, rng)],
        "surname": surname[head],
        "date_of_birth": born.astype(str).astype(object),
        "soc_sec_id": _numbers(rng.permutation(num) * 7 + 1_000_000),
    }
    people.update({column: values[head] for column, values in _homes(num, rng).items()})
    return people


def _homes(num: int, rng: np.random.Generator) -> dict[str, Texts]:
    streets = _words(_NUM_STREETS, 2, rng) + " " + _choose(_STREETS, _NUM_STREETS, rng)
    suburbs = _words(_NUM_SUBURBS, 2, rng) + _choose(_TOWNS, _NUM_SUBURBS, rng)
    suburb = _zipf(num, _NUM_SUBURBS, rng)
    # A suburb lies in one state and has one postcode.
    postcodes = _numbers(rng.integers(1000, 9999, _NUM_SUBURBS))
    states = _choose(_STATES, _NUM_SUBURBS, rng)
    return {
        "street_number": _numbers(1 + (rng.exponential(40, num)).astype(np.int64)),
        "address": streets[rng.integers(0, _NUM_STREETS, num)],
        "suburb": suburbs[suburb],
        "postcode": postcodes[suburb],
        "state": states[suburb],
        "phone": "0" + _numbers(rng.integers(1, 9, num)) + " " + _numbers(rng.integers(10_000_000, 99_999_999, num)),
    }


def _live_on(people: dict[str, Texts], errors: Errors, rng: np.random.Generator) -> dict[str, Texts]:
    num = len(people["surname"])
    moved = rng.random(num) < errors.moved
    for column, values in _homes(num, rng).items():
        people[column] = np.where(moved, values, people[column])
    married = rng.random(num) < errors.married
    people["surname"] = np.where(married, people["surname"][rng.permutation(num)], people["surname"])
    swapped = rng.random(num) < errors.swapped_names
    given, surname = people["given_name"], people["surname"]
    people["given_name"], people["surname"] = np.where(swapped, surname, given), np.where(swapped, given, surname)
    return people


def _spoil(values: Texts, share: float, rng: np.random.Generator) -> None:
    """One typing error in a share of the values, in place: a wrong, lost, doubled, or transposed character."""
    rows = np.flatnonzero(rng.random(len(values)) < share)
    kinds = rng.integers(0, 4, len(rows)).tolist()
    places = rng.random(len(rows)).tolist()
    letters = rng.choice(_KEYS, len(rows)).tolist()
    digits = rng.choice(_DIGITS, len(rows)).tolist()
    for row, kind, place, letter, digit in zip(rows.tolist(), kinds, places, letters, digits, strict=True):
        text: str = values[row]
        at = int(place * len(text))
        if kind == 0:
            text = text[:at] + (digit if text[at].isdigit() else letter) + text[at + 1 :]
        elif kind == 1 and len(text) > 1:
            text = text[:at] + text[at + 1 :]
        elif kind == 2:
            text = text[:at] + text[at] + text[at:]
        else:
            text = text[:at] + text[at : at + 2][::-1] + text[at + 2 :]
        values[row] = text


def _words(num: int, num_syllables: int, rng: np.random.Generator) -> Texts:
    """Distinct pronounceable words."""
    kinds = len(_ONSETS) * len(_VOWELS) * len(_CODAS)
    syllables = np.array([a + b + c for a in _ONSETS for b in _VOWELS for c in _CODAS], dtype=object)
    words = np.empty(0, dtype=object)
    while len(words) < num:
        parts = rng.integers(0, kinds, (num_syllables, num))
        fresh: Texts = syllables[parts[0]]
        for part in parts[1:]:
            fresh = fresh + syllables[part]
        words = np.array(list(dict.fromkeys([*words.tolist(), *fresh.tolist()])), dtype=object)
    return words[:num]


def _zipf(num: int, kinds: int, rng: np.random.Generator) -> Codes:
    """Codes whose frequency falls as 1 / (rank + 5): steep like names, without one name that rules all."""
    weight = 1.0 / (np.arange(kinds) + 5.0)
    edges = np.cumsum(weight)
    codes: Codes = np.searchsorted(edges, rng.random(num) * edges[-1]).astype(np.int64)
    return codes


def _choose(words: tuple[str, ...], num: int, rng: np.random.Generator) -> Texts:
    return np.array(words, dtype=object)[rng.integers(0, len(words), num)]


def _numbers(values: npt.NDArray[np.int64]) -> Texts:
    return values.astype(str).astype(object)


def _identifiers(letter: str, num: int) -> Texts:
    width = len(str(num - 1))
    return np.array([f"{letter}{row:0{width}d}" for row in range(num)], dtype=object)


def _table(ids: Texts, columns: dict[str, Texts]) -> pa.Table:
    return pa.table(
        {"id": pa.array(ids, pa.string()), **{name: pa.array(columns[name], pa.string()) for name in COLUMNS}}
    )

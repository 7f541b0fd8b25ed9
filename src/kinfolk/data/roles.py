"""Which role a column plays, judged by its name and its values; each rule is a small function that can be read alone."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.data.careful import EXTRA_COLUMN
from kinfolk.data.dates import parse_dates
from kinfolk.data.image_sources import holds_images, image_cell
from kinfolk.data.names import names_an_id
from kinfolk.data.numbers import parse_numbers
from kinfolk.data.profile import Profile, profile_column
from kinfolk.data.records import Role
from kinfolk.data.text import is_string

# A column so named is the id if every record has a value of its own.
_ID_LIKE_NAME = re.compile(r"([ _.-](id|key|uuid|guid)|[a-z]I[dD]|^id[ _-]?[A-Z0-9]\w*)$")
# Codes that name a thing in the world: they identify it, arithmetic on them means nothing, and they are evidence for a match.
_CODE_NAME = re.compile(
    r"(^|[ _.-])(tele?phone|phone|tel|fax|mobile|cell|zip|zip ?code|post ?code|postal|plz|ssn|soc[ _-]?sec|social[ _-]?sec\w*|isbn|issn|"
    r"ean|gtin|upc|asin|sku|mpn|iban|bic|swift|vat|tax|passport|licen[cs]e|code|doi|orcid|pmid|ip|url|barcode|"
    r"number|no|nr|num|house|model|part|serial|account)([ _.-](number|no|nr|num|id|code))?\d*$",
    re.I,
)
_ENTITY_CODE_NAME = re.compile(
    r"(ssn|soc[ _-]?sec|social[ _-]?sec|isbn|issn|ean|gtin|upc|asin|passport|tax|vat|doi|orcid|phone)", re.I
)
_DATE_NAME = re.compile(
    r"(^|[ _.-])(date|dob|born|birth(day|date)?|died|day|datum|since|until|created|updated|timestamp)([ _.-]|$)", re.I
)
_CATEGORY_NAME = re.compile(
    r"^(sex|gender|state|country|language|lang|currency|status|type|category|genre|kind|class|brand)$", re.I
)
_IMAGE_PATH = re.compile(r"(?i)^[^:?]*\.(png|jpe?g|webp|tiff?|gif|bmp)$")  # no address: nothing is fetched
_FILES_LOOKED_FOR = 50
_MAGIC: tuple[tuple[bytes, Literal["image", "audio"]], ...] = (
    (b"\xff\xd8\xff", "image"),
    (b"\x89PNG", "image"),
    (b"GIF8", "image"),
    (b"II*\0", "image"),
    (b"MM\0*", "image"),
    (b"\0\0\0\x0cjP  \r\n", "image"),
    (b"\xff\x4f\xff\x51", "image"),
    *((b"P%d%c" % (kind, blank), "image") for kind in range(1, 7) for blank in b" \n"),
    (b"qoif", "image"),
    (b"OggS", "audio"),
    (b"fLaC", "audio"),
    (b"ID3", "audio"),
)


@dataclass(frozen=True)
class Guess:
    """A role and the reason for it, in a few words."""

    role: Role
    why: str


ABSENT_IMAGES = Guess("text", "names of image files, most of which are not there")


def infer_roles(table: pa.Table, *, folder: Path | None = None) -> dict[str, Guess]:
    """Guess the role of every column.

    Args:
        table: any Arrow table with distinct column names.
        folder: where relative paths in it start; None for the working directory.

    Returns:
        column -> role and reason, in table order; at most one column is "id".
    """
    profiles = [profile_column(table.column(i), n, first=i == 0) for i, n in enumerate(table.column_names)]
    chosen = choose_id(profiles)
    guesses: dict[str, Guess] = {}
    for profile in profiles:
        if chosen is not None and profile.name == chosen[0]:
            guesses[profile.name] = Guess("id", chosen[1])
        else:
            guesses[profile.name] = next(
                guess
                for guess in _apply_rules(profile, has_id=chosen is not None, folder=folder or Path())
                if guess is not None
            )
    return guesses


def choose_id(profiles: list[Profile]) -> tuple[str, str] | None:
    """The id column and why: one named "id" or the like, else the first …_id/…Id/…key column with distinct values."""
    for p in profiles:
        if names_an_id(p.name) and (not p.rows or (p.present and is_scalar(p.kind))):
            return p.name, "its name says so"
    for p in profiles:
        named = _ID_LIKE_NAME.search(p.name) and not _ENTITY_CODE_NAME.search(p.name)
        if named and is_scalar(p.kind) and p.rows and not p.missing and p.distinct == p.rows:
            return p.name, "named like an id, and every record has its own"
    for p in profiles:
        unnamed = p.name in ("column_1", "index", "Unnamed: 0")
        if p.first and unnamed and len(profiles) > 1 and p.rows > 1 and not p.missing and p.distinct == p.rows:
            return p.name, "first column without a name, and every record has its own value"
    return None


def is_scalar(kind: pa.DataType) -> bool:
    """Whether values of this type can name a record."""
    return is_string(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _apply_rules(p: Profile, *, has_id: bool, folder: Path) -> Iterator[Guess | None]:
    """Every rule in its order; the first that has an opinion wins."""
    yield empty_rule(p)
    yield type_rule(p)
    if has_id:
        yield row_counter_rule(p)
    yield image_path_rule(p, folder)
    yield date_rule(p)
    yield code_name_rule(p)
    yield code_value_rule(p)
    yield flag_rule(p)
    yield number_rule(p)
    yield category_rule(p)
    yield Guess("text", "free text")


def empty_rule(p: Profile) -> Guess | None:
    """No value at all, or what a reader could not place: nothing to compare."""
    if p.name == EXTRA_COLUMN:
        return Guess("ignore", "cells beyond the header")
    return Guess("ignore", "every value is missing") if p.rows and not p.present else None


def type_rule(p: Profile) -> Guess | None:
    """Typed sources say what they hold."""
    if pa.types.is_date(p.kind) or pa.types.is_timestamp(p.kind):
        return Guess("date", "stored as a date")
    if pa.types.is_boolean(p.kind):
        return Guess("category", "stored as true or false")
    if holds_images(p.kind):
        cells = [image_cell(value) for value in p.raw.to_pylist()]
        heads = [cell for cell in cells if cell and isinstance(cell, bytes)]
        found = Counter(role for head in heads if (role := _role_of_bytes(head)))
        if found:
            ((role, _),) = found.most_common(1)
            return Guess(role, f"{role} bytes")
        if not heads and any(isinstance(cell, str) and _IMAGE_PATH.search(cell) for cell in cells):
            return Guess("image", "paths of images")
        return Guess("ignore", "bytes of an unknown kind")
    if pa.types.is_nested(p.kind):
        return Guess("text", "nested values, compared as JSON text")
    return None


def _role_of_bytes(data: bytes) -> Literal["image", "audio"] | None:
    """What the first bytes of a file say that it is."""
    if data[:4] == b"RIFF":
        return "audio" if data[8:12] == b"WAVE" else "image"
    if data[4:12] in (b"ftypavif", b"ftypavis") or (data[:2] == b"BM" and data[6:10] == bytes(4)):
        return "image"
    return next((role for magic, role in _MAGIC if data.startswith(magic)), None)


def image_path_rule(p: Profile, folder: Path) -> Guess | None:
    """Most values end like the name of an image file, and most of these files are there; a key stays a key."""
    if not is_string(p.kind) or _ID_LIKE_NAME.search(p.name) or p.share(_IMAGE_PATH.pattern) < 0.8:
        return None
    places = np.unique(np.linspace(0, len(p.sample) - 1, _FILES_LOOKED_FOR).astype(np.int64))
    there = [os.path.isfile(folder / path) for path in p.sample.take(places).to_pylist()]  # noqa: PTH113 - never raises
    return Guess("image", "names of image files") if np.mean(there) >= 0.5 else ABSENT_IMAGES


def row_counter_rule(p: Profile) -> Guess | None:
    """A counter beside the id (pandas writes one) says where a row stood, not what it is."""
    if (
        not re.match(r"^(column_\d+|index|unnamed: ?\d+|row|row_?(number|num|no))$", p.name, re.I)
        or p.distinct != p.rows
    ):
        return None
    return Guess("ignore", "counts the rows") if p.share(r"^\d+$") == 1 else None


def code_name_rule(p: Profile) -> Guess | None:
    """Telephone numbers, postal codes, ISBNs, foreign keys: digits that name something."""
    if pa.types.is_floating(p.kind) and p.share(r"^-?\d+$") < 0.9:
        return None
    if _ID_LIKE_NAME.search(p.name):
        return Guess("text", "named like a key")
    return Guess("text", "named like a code, not a quantity") if _CODE_NAME.search(p.name) else None


def code_value_rule(p: Profile) -> Guess | None:
    """Leading zeros, very long digit strings, or distinct digit strings of one length: codes, not quantities."""
    if not is_string(p.kind) and not pa.types.is_integer(p.kind):
        return None
    digits = p.share(r"^\d+$")
    if digits < 0.8:
        return None
    if p.share(r"^0\d+$") >= 0.005:
        return Guess("text", "digits with leading zeros")
    if p.share(r"^\d{12,}$") >= 0.8:
        return Guess("text", "very long digit strings")
    lengths = pc.value_counts(pc.utf8_length(p.sample))
    common = int(lengths.field("values")[int(np.argmax(lengths.field("counts").to_numpy()))].as_py())
    if common >= 7 and p.present >= 10 and p.share(rf"^\d{{{common}}}$") >= 0.95 and p.distinct >= 0.9 * p.present:
        return Guess("text", f"distinct codes of {common} digits")
    return None


def date_rule(p: Profile) -> Guess | None:
    """Most values are full dates; eight digits count only where most are a date of 1500 to 2100."""
    if not is_string(p.kind) and not pa.types.is_integer(p.kind):
        return None
    needed = 0.5 if _DATE_NAME.search(p.name) else 0.8
    if p.share(r"\d") < needed or p.share(r"^\d{1,7}(\.\d+)?$") > 1 - needed:
        return None
    dates = parse_dates(p.sample).values
    years = dates / 365.2425 + 1970
    good = float(np.mean(np.isfinite(dates) & (years >= 1000) & (years < 2200))) if len(dates) else 0.0
    return Guess("date", f"{good:.0%} of its values are dates") if good >= needed else None


def flag_rule(p: Profile) -> Guess | None:
    """At least ten rows of 0 and 1 only: a flag."""
    if p.present >= 10 and p.distinct <= 2 and p.share(r"^[01]$") == 1:
        return Guess("category", "only 0 and 1")
    return None


def number_rule(p: Profile) -> Guess | None:
    """Most values are numbers: amounts, measures, counts, years."""
    if not (
        is_string(p.kind) or pa.types.is_integer(p.kind) or pa.types.is_floating(p.kind) or pa.types.is_decimal(p.kind)
    ):
        return None
    if not is_string(p.kind):
        return Guess("number", "stored as numbers")
    if not len(p.sample) or p.share(r"\d") < 0.5:
        return None
    numbers = parse_numbers(p.sample)
    good = 1 - len(numbers.unreadable) / len(p.sample)  # "-" in a column of numbers means: none
    if good < 0.85:
        return None
    years = p.share(r"^\(?1[0-9]\d\d|20\d\d\)?(\.0)?[.,]?$") >= 0.9
    return Guess("number", "years" if years else f"{good:.0%} of its values are numbers")


def category_rule(p: Profile) -> Guess | None:
    """Few, short values that come again and again."""
    if p.present < 10 or not is_string(p.kind):
        return None
    length = pc.mean(pc.utf8_length(p.sample)).as_py() or 0.0
    limit = 0.1 if _CATEGORY_NAME.match(p.name) else 0.02
    few = p.distinct <= max(2, min(60, limit * p.present))
    return Guess("category", f"{p.distinct} short values that repeat") if few and length <= 16 else None

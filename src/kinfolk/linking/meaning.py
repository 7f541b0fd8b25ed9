"""What a text encoder adds to linking: candidates near in meaning, and how near the records of a pair are.

N-grams see spelling, an encoder sees what is meant: "tv" and "television". It sees model numbers badly, so it is one
comparison among the others, and the matcher finds out what it is worth on the tables at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from kinfolk.data import Records
from kinfolk.encoders import TextEncoder, encode_cached, load_text_encoder, record_texts
from kinfolk.encoders.batching import distinct_texts
from kinfolk.encoders.text import spread_rows
from kinfolk.errors import ConfigurationError
from kinfolk.linking.alignment import COMPARED_ROLES, FieldPair
from kinfolk.linking.candidates import Candidates, Neighbors, Rows
from kinfolk.linking.compare import MEANING, Comparisons
from kinfolk.linking.comparisons.pair_features import PairFeatures
from kinfolk.linking.near_vectors import nearest_between

_K = 5
_PAIRS_AT_ONCE = 1 << 16
_TEXTS_AT_ONCE = 4096


@runtime_checkable
class Encoder(Protocol):
    """Anything that turns texts into vectors."""

    def encode(self, texts: Sequence[str], /) -> np.ndarray:
        """One vector a text, (n, dim); zeros for a text that says nothing."""
        ...


@dataclass(frozen=True)
class Vectors:
    """Unit vectors of the records of both tables, or of one of their fields: float32 (records, dim), zeros for nothing."""

    left: np.ndarray
    right: np.ndarray

    def cosines(self, rows_left: np.ndarray, rows_right: np.ndarray) -> np.ndarray:
        """Cosines of pairs of rows: float32 (pairs,), NaN where a side says nothing."""
        out = np.empty(len(rows_left), dtype=np.float32)
        for start in range(0, len(out), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            out[part] = np.einsum("ij,ij->i", self.left[rows_left[part]], self.right[rows_right[part]])
        says_left, says_right = np.abs(self.left).sum(axis=1) > 0, np.abs(self.right).sum(axis=1) > 0
        return np.where(says_left[rows_left] & says_right[rows_right], out, np.float32(np.nan))

    def neighbors(
        self,
        k: int = _K,
        *,
        advance: Callable[[float], None] | None = None,
        groups: Callable[[], Iterable[Rows]] | None = None,
    ) -> Neighbors:
        """The k nearest records of either table for each record of the other, by cosine; none at or below 0.

        Args:
            k: how many, at least 1.
            advance: told the share that is done.
            groups: gives the pairs that may be found, as ``PairCondition.groups``; None for all.
        """
        return nearest_between(self.left, self.right, k, advance, groups)

    def take(self, rows: np.ndarray) -> Vectors:
        """Those of some records of one table that is compared with itself, in this order."""
        return Vectors(self.left[rows], self.right[rows])


@dataclass(frozen=True)
class Meaning:
    """Vectors of the whole records and, where there are several fields, of the first field of text.

    Attributes:
        views: of the encoder, or of what was made of it.
        unadapted: the same views by the encoder as it was; empty where nothing was made of it.
    """

    views: tuple[Vectors, ...]
    unadapted: tuple[Vectors, ...] = ()

    def searched(self) -> list[Vectors]:
        """The vectors whose neighbors are candidates: those of the whole records."""
        return [self.views[0]]

    def add_to(self, comparisons: Comparisons, pairs: Candidates) -> Comparisons:
        """The comparisons with a cosine for each view."""
        return comparisons.with_vectors(MEANING, self._cosines(pairs))

    def add_to_features(self, features: PairFeatures, pairs: Candidates) -> PairFeatures:
        """What a matcher learns from, with a cosine for each view."""
        kinds = (("", self.views), (", not adapted", self.unadapted))
        names = [
            f"{MEANING}: {of}{kind}" for kind, views in kinds for of in ("whole record", "main field")[: len(views)]
        ]
        return features.with_columns(MEANING, dict(zip(names, self._cosines(pairs), strict=True)))

    def _cosines(self, pairs: Candidates) -> list[np.ndarray]:
        return [view.cosines(pairs.left, pairs.right) for view in (*self.views, *self.unadapted)]


def open_encoder(encoder: str | Path | Encoder | None) -> Encoder | None:
    """The encoder behind a name, a folder, or itself; None for none.

    Raises:
        ConfigurationError: it is no encoder, or cannot be loaded.
        MissingExtraError: what it needs is not installed.
    """
    if encoder is None or encoder == "none":
        return None
    if isinstance(encoder, str | Path):
        if (Path(encoder).expanduser() / "kinfolk.json").exists():
            from kinfolk.methods.texts.opened import open_text_encoder

            return open_text_encoder(encoder)
        return load_text_encoder(encoder)
    if isinstance(encoder, Encoder):
        return encoder
    raise ConfigurationError(
        f"encoder must be a name, a folder, or an object with encode(texts). Got {type(encoder).__name__}."
    )


def fingerprint_of(encoder: Encoder | None, *, kept: bool) -> str:
    """What identifies the vectors of an encoder in a run folder.

    Args:
        encoder: the encoder, or None.
        kept: whether there is a run folder, to which a nameless encoder could return as another.

    Raises:
        ConfigurationError: the run is kept, and the encoder has no ``fingerprint``.
    """
    if encoder is None:
        return "none"
    given = getattr(encoder, "fingerprint", None)
    if given is None and kept:
        raise ConfigurationError(
            f"An encoder used with run needs an attribute 'fingerprint', a text that changes when its vectors do. "
            f"{type(encoder).__name__} has none: add one, or leave out run."
        )
    return str(given)


def encode_tables(
    encoder: Encoder,
    left: Records,
    right: Records,
    fields: Sequence[FieldPair],
    folder: Path | None,
    advance: Callable[[float], None],
) -> Meaning:
    """Encode the records of both tables, or those of one.

    Args:
        encoder: the encoder.
        left, right: the tables; the same one twice where it is compared with itself.
        fields: the fields that are compared.
        folder: the run folder, which keeps the vectors of a ``TextEncoder``; None keeps none.
        advance: told the share that is done.
    """
    tables = (left,) if left is right else (left, right)
    texts = [
        record_texts(table, names)
        for view in views_of_fields(left, right, fields)
        for table, names in zip(tables, view, strict=False)
    ]
    vectors = encode_texts(encoder, [text for side in texts for text in side], folder, advance)
    parts = np.split(vectors, np.cumsum([len(side) for side in texts])[:-1])
    width = len(tables)
    return Meaning(tuple(Vectors(parts[at], parts[at + width - 1]) for at in range(0, len(parts), width)))


def views_of_fields(
    left: Records, right: Records, fields: Sequence[FieldPair]
) -> list[tuple[Sequence[str], Sequence[str]]]:
    """The columns of both tables whose values are encoded together: all that are compared, and the first of text alone.

    Args:
        left, right: the tables.
        fields: the fields that are compared; where there is one only, it is no view of its own.
    """
    columns: list[tuple[Sequence[str], Sequence[str]]] = [(left.fields(*COMPARED_ROLES), right.fields(*COMPARED_ROLES))]
    if len(fields) > 1:
        columns += [((pair.left,), (pair.right,)) for pair in fields if pair.role == "text"][:1]
    return columns


def encode_texts(
    encoder: Encoder, texts: Sequence[str], folder: Path | None, advance: Callable[[float], None]
) -> np.ndarray:
    """Unit vectors of texts, each distinct text encoded once and a blank one not at all: float32 (n, dim)."""
    distinct, rows = distinct_texts(texts)
    parts: list[np.ndarray] = []
    for start in range(0, len(distinct), _TEXTS_AT_ONCE):
        advance(start / len(distinct))
        part = distinct[start : start + _TEXTS_AT_ONCE]
        if folder is not None and isinstance(encoder, TextEncoder):
            parts.append(encode_cached(encoder, part, folder))
        else:
            parts.append(_checked(np.asarray(encoder.encode(part)), part))
    if len({part.shape[1] for part in parts}) > 1:
        raise ConfigurationError("encode must return vectors of one length. Got several lengths for different texts.")
    return spread_rows(np.concatenate(parts) if parts else np.zeros((0, 1), np.float32), rows)


def _checked(given: np.ndarray, texts: Sequence[str]) -> np.ndarray:
    if given.ndim != 2 or len(given) != len(texts) or given.dtype.kind not in "fiu":
        raise ConfigurationError(
            f"encode must return numbers of shape ({len(texts)}, dim). Got {given.dtype} of shape {given.shape}."
        )
    if not np.isfinite(given).all():
        row = int(np.argmin(np.isfinite(given).all(axis=1)))
        raise ConfigurationError(f"encode must return finite numbers. Got others for the text {texts[row][:80]!r}.")
    vectors = given.astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0))

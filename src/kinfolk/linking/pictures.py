"""What images add to linking: candidates that look alike, and how much the images of a pair look alike.

Without an encoder that learned what matters, an image is its pixels, small and gray. That sees a scan beside its copy, brighter,
smaller or compressed anew, and a word beside the same word in a like hand. It does not see a thing from two sides. So it is one
comparison among the others, and the matcher finds out what it is worth on the tables at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kinfolk.data import Records
from kinfolk.data.images import OnError
from kinfolk.data.record_images import read_field_images
from kinfolk.errors import ConfigurationError
from kinfolk.linking.alignment import FieldPair
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.compare import MIN_DISTINCTNESS, Comparisons
from kinfolk.linking.comparisons.pair_features import PairFeatures
from kinfolk.linking.meaning import Vectors

_SIDE = 32  # pixels
_MOST_NAMED = 3  # images of a column that could not be read


@dataclass(frozen=True)
class Seen:
    """The images of one column as vectors.

    Attributes:
        vectors: float32 (records, dim), of length 1; zeros where there is nothing to see.
        values: a text for each record: equal for equal files only, "" where there is nothing to see.
        skipped: a sentence for each image that could not be read.
    """

    vectors: np.ndarray
    values: tuple[str, ...]
    skipped: tuple[str, ...] = ()

    def take(self, rows: np.ndarray) -> Seen:
        """Those of some records, in this order."""
        return Seen(self.vectors[rows], tuple(self.values[row] for row in rows.tolist()), self.skipped)


See = Callable[[Records, str, Callable[[float], None]], Seen]
"""Turns the images of a column into vectors; told what is to be told the share that is done."""


@dataclass(frozen=True)
class PictureField:
    """Two columns of images that are compared."""

    pair: FieldPair
    left: Seen
    right: Seen

    @property
    def vectors(self) -> Vectors:
        """Of both columns."""
        return Vectors(self.left.vectors, self.right.vectors)

    @property
    def distinctness(self) -> float:
        """Distinct images per record that has one, in [0, 1]."""
        there = [value for side in (self.left, self.right) for value in side.values if value]
        return len(set(there)) / max(1, len(there))

    @property
    def capacity(self) -> float:
        """How many nats it can carry that two images are alike: none is rarer than one in as many as there are."""
        return float(np.log(max(1, *(sum(value != "" for value in side.values) for side in (self.left, self.right)))))


@dataclass(frozen=True)
class Pictures:
    """The columns of images that are compared, and sentences about what could not be read."""

    fields: tuple[PictureField, ...] = ()
    notes: tuple[str, ...] = ()

    def searched(self) -> list[Vectors]:
        """The vectors whose neighbors are candidates: those of each column that tells records apart."""
        return [field.vectors for field in self.fields if field.distinctness > MIN_DISTINCTNESS]

    def add_to(self, comparisons: Comparisons, pairs: Candidates) -> Comparisons:
        """The comparisons with a cosine for each column."""
        for field in self.fields:
            cosines = field.vectors.cosines(pairs.left, pairs.right)
            comparisons = comparisons.with_vectors(
                field.pair.label, [cosines], np.where(np.isnan(cosines), 0.0, field.capacity)
            )
        return comparisons

    def add_to_features(self, features: PairFeatures, pairs: Candidates) -> PairFeatures:
        """What a matcher learns from, with a cosine for each column."""
        for field in self.fields:
            label = field.pair.label
            features = features.with_columns(label, {f"{label}: look": field.vectors.cosines(pairs.left, pairs.right)})
        return features

    def take(self, rows: np.ndarray) -> Pictures:
        """Those of some records of one table that is compared with itself, in this order."""
        return Pictures(
            tuple(PictureField(f.pair, f.left.take(rows), f.right.take(rows)) for f in self.fields), self.notes
        )


def check_not_image(column: str, images: Sequence[str]) -> None:
    """Refuse a column that is to be compared as images and left out.

    Raises:
        ConfigurationError: it is.
    """
    if column in images:
        raise ConfigurationError(f"'{column}' is named as a column of images and as one to leave out. Choose one.")


def see_pictures(
    left: Records, right: Records, pairs: Sequence[FieldPair], see: See, advance: Callable[[float], None]
) -> Pictures:
    """Look at the images of both tables, or those of one.

    Args:
        left, right: the tables; the same one twice where it is compared with itself.
        pairs: the columns that are compared.
        see: turns the images of a column into vectors.
        advance: told the share that is done.
    """
    columns = [(table, name) for p in pairs for table, name in ((left, p.left), (right, p.right))]
    if left is right:
        columns = columns[::2]
    seen = []
    for done, (table, name) in enumerate(columns):
        seen.append(see(table, name, lambda share, done=done: advance((done + share) / len(columns))))  # type: ignore[misc]
    notes = [note for (table, name), side in zip(columns, seen, strict=True) for note in _notes(table, name, side)]
    width = len(columns) // max(1, len(pairs))
    fields = [PictureField(pair, *(seen[width * at], seen[width * at + width - 1])) for at, pair in enumerate(pairs)]
    return Pictures(tuple(fields), tuple(notes))


def see_pixels(records: Records, field: str, advance: Callable[[float], None], *, on_error: OnError = "raise") -> Seen:
    """Images as their pixels: gray, 32 x 32, shown whole on white, without their mean and of length 1.

    The cosine of two is the correlation of their pixels: how bright an image is and how strong its contrast does not count. An
    image of one shade has no vector.

    Raises:
        DataError: an image cannot be read.
        MissingExtraError: Pillow is not installed.
    """
    images = read_field_images(records, field, size=_SIDE, channels=1, on_error=on_error, advance=advance)
    pixels = images.distinct.reshape(len(images.distinct), _SIDE * _SIDE).astype(np.float32)
    pixels -= pixels.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(pixels, axis=1, keepdims=True)
    plain = lengths[:, 0] < 1  # of numbers up to 255: rounding, no picture
    vectors = images.spread(np.where(plain[:, None], 0, pixels / np.maximum(lengths, 1)))
    there = np.abs(vectors).sum(axis=1) > 0
    values = tuple(value if seen else "" for value, seen in zip(images.values, there.tolist(), strict=True))
    return Seen(vectors, values, images.skipped)


def _notes(records: Records, field: str, seen: Seen) -> list[str]:
    """The first images of a column that could not be read, and how many more."""
    more = len(seen.skipped) - _MOST_NAMED
    rest = [f"{records.name}, column '{field}': {more:,} more images could not be read."] if more > 0 else []
    return [*seen.skipped[:_MOST_NAMED], *rest]

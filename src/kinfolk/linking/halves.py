"""What labels teach the encoder: two encoders, each from the labels of one half of the things.

A matcher learns what a cosine is worth from the pairs that a person judged. An encoder that learned from these same pairs puts
them nearer than any others, and would be believed too much. So where an encoder learned from a record of a pair, the pair is
seen by the other one; the pairs that nobody judged are seen by both.

Source: Arora, Yang, Jheng & Dell, CLIPPINGS, 2023, arXiv 2304.03464, supervised stage; that no pair is seen by who learned
from it is cross-fitting (Chernozhukov et al., 2018, arXiv 1608.00060, section 3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinfolk.linking.meaning import Vectors

if TYPE_CHECKING:
    from kinfolk.encoders.record_inputs import RecordInputs
    from kinfolk.methods.clippings.model import RecordModel

LEAST = 60  # things with two records or more, below which an encoder learns them by heart
NEITHER = -1
_TEXT_NOISE = 0.1


@dataclass(frozen=True)
class HalvedVectors(Vectors):
    """Vectors of two encoders side by side, of length 1 together: their product is the mean of both cosines.

    Attributes:
        half_left, half_right: which encoder learned from a record, 0 or 1, or ``NEITHER``: int8 (records,).
    """

    half_left: np.ndarray
    half_right: np.ndarray

    @classmethod
    def of(cls, first: Vectors, second: Vectors, half_left: np.ndarray, half_right: np.ndarray) -> HalvedVectors:
        """Put the vectors of both encoders side by side."""
        left, right = (
            np.hstack([one, other]) * np.float32(np.sqrt(0.5))
            for one, other in ((first.left, second.left), (first.right, second.right))
        )
        return cls(left, right, half_left, half_right)

    def cosines(self, rows_left: np.ndarray, rows_right: np.ndarray) -> np.ndarray:
        """As of ``Vectors``; a pair of which one encoder learned is seen by the other, and by both if both did."""
        found = super().cosines(rows_left, rows_right)
        halves = self.half_left[rows_left], self.half_right[rows_right]
        learned = [(halves[0] == half) | (halves[1] == half) for half in (0, 1)]
        width = self.left.shape[1] // 2
        for half, unseen in ((0, slice(0, width)), (1, slice(width, None))):
            only = learned[1 - half] & ~learned[half]
            alone = Vectors(self.left[:, unseen], self.right[:, unseen])
            found[only] = 2 * alone.cosines(rows_left[only], rows_right[only])
        return found

    def take(self, rows: np.ndarray) -> HalvedVectors:
        """As of ``Vectors``."""
        return HalvedVectors(self.left[rows], self.right[rows], self.half_left[rows], self.half_right[rows])


def halves_of(same: np.ndarray, num: int, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The things that are known to have several records, dealt into two halves.

    Args:
        same: pairs of rows that are judged the same, integers (pairs, 2).
        num: of records.
        seed: of the deal.

    Returns:
        The thing of each record, int64 (num,), and its half, int8 (num,): 0, 1, or ``NEITHER`` for a record that is alone. None
        where there are fewer than ``LEAST`` things.
    """
    from kinfolk.methods.clippings.classes import classes_of_pairs

    things = classes_of_pairs(same, num)
    several = np.flatnonzero(np.bincount(things, minlength=num) > 1)
    if len(several) < LEAST:
        return None
    half_of = np.full(num, NEITHER, np.int8)
    half_of[np.random.default_rng(seed).permutation(several)] = np.arange(len(several)) % 2
    return things, half_of[things]


def learn_halves(
    inputs: RecordInputs,
    things: np.ndarray,
    halves: np.ndarray,
    *,
    start: RecordModel,
    folder: Path,
    seed: int,
    advance: Callable[[float], None],
) -> tuple[RecordModel, RecordModel]:
    """Train an encoder on each half of the things (``finetune``), both from the same start.

    Args:
        inputs: the records.
        things, halves: see ``halves_of``.
        start: what was learned without labels.
        folder: of the encoders, each in a folder of its own, in which its training goes on where it was stopped.
        seed: of everything random.
        advance: told the share that is done.
    """
    from kinfolk.methods.clippings.finetune import finetune

    models = []
    for half, place in enumerate(places_of_halves(folder)):
        rows = np.flatnonzero(halves == half)
        models.append(
            finetune(
                inputs.take(rows),
                things[rows],
                output=place,
                start=start,
                text_noise=_TEXT_NOISE,
                seed=seed,
                progress=lambda end, done=half: advance((done + end.epoch / end.epochs) / 2),  # type: ignore[misc]
            )
        )
    return models[0], models[1]


def places_of_halves(folder: Path) -> tuple[Path, Path]:
    """Where the two encoders are kept, in the folder of the one that they began with."""
    return folder / "labels-1", folder / "labels-2"

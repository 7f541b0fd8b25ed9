"""A text encoder learns from the tables: the pairs that letters alone make likely are nearer to it afterwards than others.

An encoder that was trained on sentences at large does not know that a model number counts more than a brand, or that one
table says "tv" where the other says "television". Pairs that n-grams and fields make likely show it, without labels; each
learns to find its partner among those of the others. Some of these pairs are wrong, and an encoder that learned from a pair puts it
near whether it is right or not. So there are two encoders, each from one half of the pairs, and a pair that one of them learned
from is seen by the other.

Source: self-training, Yarowsky, ACL 1995; the loss is that of Gao, Yao & Chen, SimCSE, EMNLP 2021, arXiv 2104.08821, with
pairs; that no pair is judged by who learned from it is cross-fitting (Chernozhukov et al., 2018, arXiv 1608.00060, section 3).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from kinfolk.data import Records
from kinfolk.data.same_text import item_keys
from kinfolk.data.texts import Texts
from kinfolk.data.wording import counted
from kinfolk.encoders import TextEncoder, record_texts
from kinfolk.encoders.precision import processor_has_fast_bfloat16
from kinfolk.errors import ConfigurationError, MissingExtraError
from kinfolk.linking.adapt import Adapt
from kinfolk.linking.alignment import FieldPair
from kinfolk.linking.halves import HalvedVectors, halves_of
from kinfolk.linking.likely_pairs import LikelyPairs
from kinfolk.linking.meaning import Encoder, Meaning, encode_tables, views_of_fields

FEWEST_RECORDS = 64  # of both tables, below which there is nothing to learn from
_MOST_PAIRS = 2_000  # which bounds the time; of more some are drawn
_EPOCHS = 1
_RATE = 5e-5
_BATCH, _LEAST_BATCH = 32, 8  # pairs
_MOST_CHARACTERS = 128  # of a text while it is learned from, which bounds the time, too
_COMPARED, _ALIKE = 16, 0.99  # texts by which an encoder is compared with what is trained, and their least cosine
_MEASURED = 64  # items that are looked at after an epoch
_MODEL, _TRAINING = (
    "text-model",
    "training",
)  # folder of the encoders in the run folder, and of the training in that of an encoder
_UNADAPTED = "The text encoder was not adapted"


@dataclass(frozen=True)
class AdaptedText:
    """Two encoders, and which records each learned from.

    Attributes:
        note: what they learned from, or why nothing was learned, in one sentence.
        encoders: both; none where nothing was learned.
        half_left, half_right: which of them learned from a record, 0 or 1, or ``halves.NEITHER``: int8 (records,).
    """

    note: str
    encoders: tuple[Encoder, ...] = ()
    half_left: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int8))
    half_right: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int8))

    def encode_tables(
        self,
        left: Records,
        right: Records,
        fields: Sequence[FieldPair],
        folder: Path | None,
        advance: Callable[[float], None],
    ) -> Meaning:
        """Encode the records of both tables by both encoders; see ``meaning.encode_tables``."""
        first, second = (
            encode_tables(encoder, left, right, fields, folder, lambda share, done=done: advance((done + share) / 2))  # type: ignore[misc]
            for done, encoder in enumerate(self.encoders)
        )
        return Meaning(
            tuple(
                HalvedVectors.of(*views, self.half_left, self.half_right)
                for views in zip(first.views, second.views, strict=True)
            )
        )


@dataclass(frozen=True)
class TextLearner:
    """Trains a text encoder on two tables.

    Attributes:
        name: of the encoder, or its folder.
        encoder: as it was opened.
        folder: the run folder, in which the training goes on where it was stopped; None keeps nothing.
        seed: of everything random.

    Raises:
        MissingExtraError: what training needs is not installed.
    """

    name: str
    encoder: Encoder
    folder: Path | None
    seed: int

    def __post_init__(self) -> None:
        if any(find_spec(name) is None for name in ("torch", "lightning", "safetensors")):
            raise MissingExtraError("Adapting the text encoder to the tables (adapt)", "train")

    def learn(
        self,
        left: Records,
        right: Records,
        fields: Sequence[FieldPair],
        likely: Callable[[Callable[[float], None]], LikelyPairs],
        advance: Callable[[float], None],
    ) -> AdaptedText:
        """Train on the records of both tables.

        Args:
            left, right: the tables.
            fields: the fields that are compared.
            likely: finds the pairs to learn from, and is told whom to tell the share that is done.
            advance: told the share that is done.

        Returns:
            The encoders, or none and why.

        Raises:
            ConfigurationError: an encoder that cannot be trained.
        """
        num = len(left) + len(right)
        if num < FEWEST_RECORDS:
            return AdaptedText(f"{_UNADAPTED}: that takes {FEWEST_RECORDS} records at least, and there are {num}.")
        if not self._begins_alike(record_texts(left, views_of_fields(left, right, fields)[0][0])):
            return AdaptedText(
                f"{_UNADAPTED}: training makes vectors by the mean over the last layer, and this encoder in another way."
            )
        pairs = likely(lambda share: advance(0.2 * share))
        if len(pairs) > _MOST_PAIRS:
            pairs = pairs.take(np.sort(np.random.default_rng(self.seed).permutation(len(pairs))[:_MOST_PAIRS]))
        dealt = halves_of(np.stack([pairs.left, pairs.right + len(left)], axis=1), num, self.seed)
        if dealt is None:
            return AdaptedText(
                f"{_UNADAPTED}: letters and fields alone make {counted(len(pairs), 'pair', 'pairs')} likely, too few to learn from."
            )
        things, halves = dealt
        items = items_of_pairs(left, right, fields, pairs, things[pairs.left])
        half_of_item = halves[pairs.left][items.rows]
        of_halves = [items.take(np.flatnonzero(half_of_item == half)) for half in (0, 1)]
        if min(map(batch_that_fills, of_halves)) < _LEAST_BATCH:
            return AdaptedText(f"{_UNADAPTED}: what letters and fields alone make likely says the same on both sides.")
        encoders = list[Encoder]()
        with _place(self.folder) as place:
            for half, of_half in enumerate(of_halves):
                begin = 0.2 + 0.4 * half  # share of the time
                encoders.append(
                    self._train(of_half, place / f"half-{half + 1}", lambda share, at=begin: advance(at + 0.4 * share))  # type: ignore[misc]
                )
        note = (
            f"The text encoder was adapted, without labels, to {len(pairs):,} pairs that letters and fields alone make "
            f"likely, in two copies, of which each compares the pairs that the other one learned from."
        )
        return AdaptedText(note, tuple(encoders), halves[: len(left)], halves[len(left) :])

    @cached_property
    def _settings(self) -> dict[str, int]:
        """Of the tower: it is to cut texts where the encoder does."""
        most = self.encoder.model.max_tokens if isinstance(self.encoder, TextEncoder) else None
        return {} if most is None else {"max_tokens": most}

    def _begins_alike(self, texts: Sequence[str]) -> bool:
        """Whether the tower that is trained gives the vectors of the encoder.

        Raises:
            ConfigurationError: there is no such tower.
        """
        from kinfolk.encoders.text_by_name import text_tower
        from kinfolk.methods.texts.model import TextModel

        try:
            tower = text_tower(self.name, self._settings)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"adapt trains the encoder, and {self.name!r} cannot be trained. {error} Leave out adapt, or take another encoder."
            ) from error
        sample = [text for text in texts if text][:_COMPARED]
        vectors = TextModel(tower.eval(), {}).encode(sample), np.asarray(self.encoder.encode(sample))
        return bool((np.einsum("ij,ij->i", *vectors) > _ALIKE * np.linalg.norm(vectors[1], axis=1)).all())

    def _train(self, items: Texts, place: Path, advance: Callable[[float], None]) -> Encoder:
        from kinfolk.methods.checkpoints import CHECKPOINT
        from kinfolk.methods.registry import find_method
        from kinfolk.methods.texts.fit import train_texts
        from kinfolk.methods.texts.negatives import Mining
        from kinfolk.methods.texts.opened import open_text_encoder

        entry = find_method("simcse")
        train_texts(
            items,
            entry=entry,
            settings=entry.read_settings({"head": False}),
            recipe=entry.recipe.changed(
                {
                    "epochs": _EPOCHS,
                    "batch_size": batch_that_fills(items),
                    "learning_rate": _RATE,
                    "precision": "bfloat16" if processor_has_fast_bfloat16() else "float32",
                }
            ),
            encoder=self.name,
            encoder_settings=self._settings,
            folder=place,
            checkpoint=place / _TRAINING / CHECKPOINT,
            seed=self.seed,
            checkpoint_minutes=1.0,
            held_out=0,
            report=False,
            progress=lambda end: advance(end.epoch / end.epochs),
            facts={"data": "likely pairs of two tables"},
            sampling_coefficient=0.0,
            mine=None,
            mining=Mining(),
            measured=_MEASURED,
        )
        return open_text_encoder(place)


def text_learner(
    adapt: Adapt, encoder: str | Path | Encoder | None, opened: Encoder | None, *, folder: Path | None, seed: int
) -> TextLearner | None:
    """What trains the text encoder; None where nothing is to be learned, or an object was given, which cannot be trained.

    Args:
        adapt: as given.
        encoder: as given.
        opened: the encoder behind it.
        folder: the run folder, or None.
        seed: of everything random.

    Raises:
        MissingExtraError: what training needs is not installed.
    """
    if not adapt or opened is None or not isinstance(encoder, str | Path):
        return None
    return TextLearner(str(encoder), opened, folder, seed)


def items_of_pairs(
    left: Records, right: Records, fields: Sequence[FieldPair], pairs: LikelyPairs, things: np.ndarray
) -> Texts:
    """What an encoder learns from: of each pair the texts of its records, and those of their main field.

    Args:
        left, right: the tables.
        fields: the fields that are compared.
        pairs: the pairs.
        things: one number for pairs of the same thing, which are no negatives of each other, int64 (pairs,).

    Returns:
        Items, whose rows are those of ``pairs``; what says nothing on a side, or the same on both, is left out.
    """
    anchors, positives, rows = list[str](), list[str](), list[int]()
    for names_left, names_right in views_of_fields(left, right, fields):
        texts_left, texts_right = record_texts(left, names_left), record_texts(right, names_right)
        for row, (a, b) in enumerate(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)):
            one, other = texts_left[a][:_MOST_CHARACTERS], texts_right[b][:_MOST_CHARACTERS]
            if one and other and one != other:
                anchors.append(one)
                positives.append(other)
                rows.append(row)
    return Texts((tuple(anchors), tuple(positives)), np.array(rows, np.int64), groups=things[rows])


def batch_that_fills(items: Texts) -> int:
    """How large batches are: so small that the items fill them in any order, though no text and no thing comes twice in one.

    Items that have nothing in common are picked until none is left; in another order they are a third as many at least, for each
    item has three keys.
    """
    from kinfolk.methods.texts.batches import distinct_batches

    if not len(items):
        return 0
    keys = item_keys(items).T.tolist()
    return min(_BATCH, len(distinct_batches(range(len(items)), keys, len(items))[0]) // len(keys))


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    """Where the encoders are kept: in the run folder, or nowhere."""
    if folder is not None:
        yield folder / _MODEL
        return
    place = Path(tempfile.mkdtemp(prefix="kinfolk-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)

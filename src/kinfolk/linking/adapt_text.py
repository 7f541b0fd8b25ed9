"""A text encoder learns from the tables: the pairs that letters alone make likely are nearer to it afterwards than others.

An encoder that was trained on sentences at large does not know that a model number counts more than a brand, or that one
table says "tv" where the other says "television". Pairs that n-grams and fields make likely show it, without labels; each
learns to find its partner among those of the others. Some of these pairs are wrong, and an encoder that learned from a pair puts it
near whether it is right or not. So there are two encoders, each from one half of the pairs, and a pair that one of them learned
from is seen by the other. What both learned is after all what letters say, so the encoder as it was, which nobody taught that, is
compared beside them.

Source: self-training, Yarowsky, ACL 1995; the loss is that of Gao, Yao & Chen, SimCSE, EMNLP 2021, arXiv 2104.08821, with
pairs; that no pair is judged by who learned from it is cross-fitting (Chernozhukov et al., 2018, arXiv 1608.00060, section 3).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from kinfolk.data import Records
from kinfolk.data.texts import Texts
from kinfolk.data.wording import counted
from kinfolk.encoders import TextEncoder, record_texts
from kinfolk.encoders.precision import processor_has_fast_bfloat16
from kinfolk.errors import ConfigurationError, MissingExtraError
from kinfolk.linking.adapt import Adapt
from kinfolk.linking.alignment import FieldPair
from kinfolk.linking.halves import HalvedVectors, halves_of
from kinfolk.linking.likely_pairs import LikelyPairs
from kinfolk.linking.likely_texts import full_batches, items_of_pairs
from kinfolk.linking.meaning import Encoder, Meaning, encode_tables, views_of_fields

FEWEST_RECORDS = 64  # of both tables, below which there is nothing to learn from
_MOST_PAIRS = 1_000  # which bounds the time; of more some are drawn
_EPOCHS = 1
_RATE = 5e-5
_BATCH, _LEAST_BATCH = 32, 8  # pairs
_COMPARED, _ALIKE = 16, 0.99  # texts by which an encoder is compared with what is trained, and their least cosine
_MEASURED = 64  # items that are looked at after an epoch
_MODEL = "text-model"  # folder of the encoders in the run folder
_TRAINING = "training"  # folder in that of an encoder
_UNADAPTED = "The text encoder was not adapted"


@dataclass(frozen=True)
class AdaptedText:
    """Two encoders, which records each learned from, and what both began with.

    Attributes:
        note: what they learned from, or why nothing was learned, in one sentence.
        encoders: both, and the one they began with; none where nothing was learned.
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
        """Encode the records of both tables by all three; see ``meaning.encode_tables``."""
        first, second, before = (
            encode_tables(encoder, left, right, fields, folder, lambda share, done=done: advance((done + share) / 3))  # type: ignore[misc]
            for done, encoder in enumerate(self.encoders)
        )
        return Meaning(
            tuple(
                HalvedVectors.of(*views, self.half_left, self.half_right)
                for views in zip(first.views, second.views, strict=True)
            ),
            before.views,
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
        of_halves = [
            full_batches(items.take(np.flatnonzero(half_of_item == half)), least=_LEAST_BATCH, most=_BATCH)
            for half in (0, 1)
        ]
        if not all(size for _, size in of_halves):
            return AdaptedText(f"{_UNADAPTED}: what letters and fields alone make likely says the same on both sides.")
        encoders = list[Encoder]()
        with _place(self.folder) as place:
            for half, (of_half, size) in enumerate(of_halves):
                begin = 0.2 + 0.4 * half  # share of the time
                tell = partial(_tell_part, advance, begin)
                encoders.append(self._train(of_half, size, place / f"half-{half + 1}", tell))
        note = (
            f"The text encoder was adapted, without labels, to {len(pairs):,} pairs that letters and fields alone make "
            f"likely, in two copies, of which each compares the pairs that the other one learned from."
        )
        return AdaptedText(note, (*encoders, self.encoder), halves[: len(left)], halves[len(left) :])

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
        return bool((np.einsum("ij,ij->i", *vectors) >= _ALIKE * np.linalg.norm(vectors[1], axis=1)).all())

    def _train(self, items: Texts, batch_size: int, place: Path, advance: Callable[[float], None]) -> Encoder:
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
                    "batch_size": batch_size,
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
            progress=None,
            facts={"data": "likely pairs of two tables"},
            sampling_coefficient=0.0,
            mine=None,
            mining=Mining(),
            measured=_MEASURED,
            advance=advance,
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


def _tell_part(advance: Callable[[float], None], begin: float, share: float) -> None:
    """Tell how much of all is done, where this much of the training of one half is."""
    advance(begin + 0.4 * share)


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

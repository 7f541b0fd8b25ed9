"""What the tables teach without a label: which image belongs to which text, learned from the records themselves.

The fields of one record belong together; that of another record does not. From this alone an encoder of records learns what
an image of a word has to do with what a scanner read, or a photograph with its caption. Its vectors replace the bare pixels
where images are compared, and the pooled vector of the whole record becomes one more comparison, beside n-grams and the
fields: the matcher finds out what it is worth.

Source: Arora, Yang, Jheng & Dell, CLIPPINGS, 2023, arXiv 2304.03464, self-supervised stage.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from kinfolk.data import Records
from kinfolk.data.images import OnError
from kinfolk.encoders.pooling import pool
from kinfolk.errors import ConfigurationError, MissingExtraError
from kinfolk.linking.alignment import FieldPair
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.compare import LEARNED, Comparisons
from kinfolk.linking.comparisons.pair_features import PairFeatures
from kinfolk.linking.encoder_inputs import inputs_of
from kinfolk.linking.meaning import Vectors
from kinfolk.linking.pictures import PictureField, Pictures

if TYPE_CHECKING:
    from kinfolk.encoders.record_inputs import RecordInputs
    from kinfolk.methods.clippings.model import RecordModel

_SEEN, _SEEN_READING = 60_000, 20_000  # records in all epochs, which bounds the time; who can read needs fewer
_EPOCHS = (1, 30)
_GOING_ON = 5e-4  # learning rate of an encoder that can read
_MODEL = "model"  # folder of the encoder in the run folder
_LEAST = 64  # records, below which there is nothing to learn from


@dataclass(frozen=True)
class Learned:
    """Records as the encoder sees them that was trained on them.

    Attributes:
        whole: pooled vectors of the records.
        images: vectors of each column of images, by its label.
        note: what the training brought, in one sentence.
    """

    whole: Vectors
    images: dict[str, Vectors]
    note: str

    def see(self, pictures: Pictures) -> Pictures:
        """The columns of images with learned vectors in place of pixels."""
        fields = [
            PictureField(
                field.pair,
                replace(field.left, vectors=self.images[field.pair.label].left),
                replace(field.right, vectors=self.images[field.pair.label].right),
            )
            for field in pictures.fields
        ]
        return replace(pictures, fields=tuple(fields))

    def searched(self) -> list[Vectors]:
        """The vectors whose neighbors are candidates: the pooled ones."""
        return [self.whole]

    def add_to(self, comparisons: Comparisons, pairs: Candidates) -> Comparisons:
        """The comparisons with the cosine of the pooled vectors."""
        return comparisons.with_vectors(LEARNED, [self.whole.cosines(pairs.left, pairs.right)])

    def add_to_features(self, features: PairFeatures, pairs: Candidates) -> PairFeatures:
        """What a matcher learns from, with the cosine of the pooled vectors."""
        return features.with_columns(LEARNED, {f"{LEARNED}: record": self.whole.cosines(pairs.left, pairs.right)})

    def take(self, rows: np.ndarray) -> Learned:
        """Those of some records of one table that is compared with itself, in this order."""
        images = {label: Vectors(of.left[rows], of.right[rows]) for label, of in self.images.items()}
        return Learned(Vectors(self.whole.left[rows], self.whole.right[rows]), images, self.note)


Adapt = bool | Literal["reading"]
"""Whether an encoder is trained on the records, and "reading" where it learns to read first."""

ModelSource = Callable[[], "RecordModel"]
"""Gives the encoder that was trained on the tables; read from its folder only where it is asked for."""


@dataclass
class Learner:
    """Trains an encoder on the records of two tables, or of one.

    Attributes:
        reading: whether the images are crops of the texts, and the encoder learns to read from drawn ones first.
        folder: the run folder, in which the training goes on where it was stopped; None keeps nothing.
        on_error: what happens at an image that cannot be read.
        seed: of everything random.
        model: what this process trained.
    """

    reading: bool
    folder: Path | None
    on_error: OnError
    seed: int
    model: RecordModel | None = None

    def learn(
        self,
        left: Records,
        right: Records,
        fields: Sequence[FieldPair],
        images: Sequence[FieldPair],
        advance: Callable[[float], None],
    ) -> Learned:
        """Train on the fields and the columns of images, and encode the records; see ``learn_from_tables``."""
        learned, self.model = learn_from_tables(
            left,
            right,
            fields,
            images,
            advance,
            reading=self.reading,
            folder=self.folder,
            on_error=self.on_error,
            seed=self.seed,
        )
        return learned

    @property
    def source(self) -> ModelSource | None:
        """The encoder: of this process, or of the run folder, in which an earlier one may have left it."""
        model = self.model
        return kept_model(self.folder) if model is None else lambda: model


def kept_model(folder: Path | None) -> ModelSource | None:
    """The encoder that a run with ``adapt`` left in its folder; None where there is none, or nothing to read it with."""
    place = None if folder is None else folder / _MODEL
    if place is None or not (place / "config.json").exists() or not _can_train():
        return None

    @cache
    def read() -> RecordModel:
        from kinfolk.methods.clippings.model import RecordModel

        return RecordModel.load(place)

    return read


def learn_from_tables(
    left: Records,
    right: Records,
    fields: Sequence[FieldPair],
    images: Sequence[FieldPair],
    advance: Callable[[float], None],
    *,
    reading: bool,
    folder: Path | None,
    on_error: OnError,
    seed: int,
) -> tuple[Learned, RecordModel]:
    """Train an encoder on the records of both tables, or of one, and encode them with it.

    Args:
        left, right: the tables; the same one twice where it is compared with itself.
        fields: the fields that are compared.
        images: the columns of images that are compared.
        advance: told the share that is done.
        reading: whether the images are crops of the texts, and the encoder learns to read from drawn ones first.
        folder: the run folder, in which the training goes on where it was stopped; None keeps nothing.
        on_error: what happens at an image that cannot be read.
        seed: of everything random.

    Raises:
        ConfigurationError: too few records; for reading, no text or not one column of images.
        DataError: for reading, no font of this machine has the characters.
        MissingExtraError: what training needs is not installed.
    """
    if not _can_train():
        raise MissingExtraError("Learning from the tables (adapt)", "train")
    from kinfolk.methods.clippings.pretrain import SMALL, pretrain
    from kinfolk.methods.clippings.reading import READING, learn_to_read

    tables = (left,) if left is right else (left, right)
    inputs = inputs_of(tables, fields, images, reading=reading, on_error=on_error)
    if reading and len(images) != 1:
        named = ", ".join(pair.label for pair in images) or "none"
        raise ConfigurationError(f"Learning to read needs one column of images, which shows the texts. Got {named}.")
    if len(inputs) < _LEAST:
        raise ConfigurationError(
            f"adapt learns from the records, and needs {_LEAST} at least. Got {len(inputs)}. Leave it out."
        )
    epochs = int(np.clip(round((_SEEN_READING if reading else _SEEN) / len(inputs)), *_EPOCHS))
    begin = 0.5 if reading else 0.0  # share of the time that reading takes
    with _place(folder) as place:
        start = None
        if reading:
            start = learn_to_read(
                inputs,
                output=place / "reading",
                towers=replace(READING, image_settings={"channels": 1}),
                seed=seed,
                progress=lambda end: advance(begin * end.epoch / end.epochs),
            )
        model = pretrain(
            inputs,
            output=place,
            start=start,
            towers=SMALL,
            own=1.0,
            text_noise=0.1,
            recipe={"epochs": epochs} if start is None else {"epochs": epochs, "learning_rate": _GOING_ON},
            seed=seed,
            progress=lambda end: advance(begin + (0.9 - begin) * end.epoch / end.epochs),
        )
    parts = model.encoder.encode_parts(inputs, advance=lambda share: advance(0.9 + 0.1 * share))
    return _learned(model, inputs, parts, images, len(left), left is right), model


def _can_train() -> bool:
    return all(find_spec(name) is not None for name in ("torch", "lightning", "safetensors"))


def check_adapt(adapt: Adapt) -> None:
    """Refuse what is no way to adapt, before any work.

    Raises:
        ConfigurationError: it is none.
    """
    if adapt not in (False, True, "reading"):
        raise ConfigurationError(f"adapt must be False, True or 'reading'. Got {adapt!r}.")


def learner(adapt: Adapt, *, folder: Path | None, on_error: OnError, seed: int) -> Learner | None:
    """What trains on the tables; None where nothing is to be learned."""
    return Learner(adapt == "reading", folder, on_error, seed) if adapt else None


def _learned(
    model: RecordModel,
    inputs: RecordInputs,
    parts: np.ndarray,
    images: Sequence[FieldPair],
    num_left: int,
    within: bool,
) -> Learned:
    def of_tables(vectors: np.ndarray) -> Vectors:
        return Vectors(vectors, vectors) if within else Vectors(vectors[:num_left], vectors[num_left:])

    place = {field.name: at for at, field in enumerate(inputs.fields)}
    stage = model.about["stages"][-1]
    best = [end for end in model.history if end.epoch == stage["best_epoch"]]
    found = best[0].measures.get("reciprocal_rank") if best else None
    note = (
        "Training on the tables made nothing better; its vectors are those of the encoder that it began with."
        if not best
        else f"Learned from {len(inputs):,} records in {len(model.history)} epochs."
        if found is None
        else f"Learned from {len(inputs):,} records in {len(model.history)} epochs: in records held out, a field finds the "
        f"others of its record at a mean reciprocal rank of {found:.2f}."
    )
    return Learned(
        of_tables(pool(list(parts.transpose(1, 0, 2)), model.encoder.weights().tolist())),
        {pair.label: of_tables(parts[:, place[pair.label]]) for pair in images},
        note,
    )


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    """Where the model is kept: in the run folder, or nowhere."""
    if folder is not None:
        yield folder / _MODEL
        return
    place = Path(tempfile.mkdtemp(prefix="kinfolk-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)

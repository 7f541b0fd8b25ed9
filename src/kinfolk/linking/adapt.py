"""What the tables teach: which image belongs to which text, learned from the records themselves, and then from labels.

The fields of one record belong together; that of another record does not. From this alone an encoder of records learns what
an image of a word has to do with what a scanner read, or a photograph with its caption. Its vectors replace the bare pixels
where images are compared, and the pooled vector of the whole record becomes one more comparison, beside n-grams and the
fields: the matcher finds out what it is worth. Where enough pairs are judged, the pooled vectors learn from them, too.

Source: Arora, Yang, Jheng & Dell, CLIPPINGS, 2023, arXiv 2304.03464, self-supervised and supervised stage.
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
from kinfolk.linking.encoder_inputs import inputs_of
from kinfolk.linking.halves import HalvedVectors, halves_of, learn_halves, places_of_halves
from kinfolk.linking.labels import Labels
from kinfolk.linking.learned import Learned
from kinfolk.linking.meaning import Vectors

if TYPE_CHECKING:
    from kinfolk.encoders.record_inputs import RecordInputs
    from kinfolk.methods.clippings.model import RecordModel

_SEEN, _SEEN_READING = 60_000, 20_000  # records in all epochs, which bounds the time; who can read needs fewer
_EPOCHS = (1, 30)
_GOING_ON = 5e-4  # learning rate of an encoder that can read
_MODEL = "model"  # folder of the encoder in the run folder
_LEAST = 64  # records, below which there is nothing to learn from

Adapt = bool | Literal["reading"]
"""Whether an encoder is trained on the records, and "reading" where it learns to read first."""

ModelSource = Callable[[], "tuple[RecordModel, ...]"]
"""Gives the encoders whose mean cosine is compared: one, or two that learned from labels; read only where asked for."""


@dataclass
class Learner:
    """Trains an encoder on the records of two tables, or of one.

    Attributes:
        reading: whether the images are crops of the texts, and the encoder learns to read from drawn ones first.
        folder: the run folder, in which the training goes on where it was stopped; None keeps nothing.
        on_error: what happens at an image that cannot be read.
        seed: of everything random.
        models: what this process trained.
    """

    reading: bool
    folder: Path | None
    on_error: OnError
    seed: int
    models: tuple[RecordModel, ...] = ()

    def learn(
        self,
        left: Records,
        right: Records,
        fields: Sequence[FieldPair],
        images: Sequence[FieldPair],
        judged: Labels | None,
        advance: Callable[[float], None],
    ) -> Learned:
        """Train on the records of both tables, or of one, and encode them.

        Args:
            left, right: the tables; the same one twice where it is compared with itself.
            fields: the fields that are compared.
            images: the columns of images that are compared.
            judged: pairs of rows that a person judged.
            advance: told the share that is done.

        Raises:
            ConfigurationError: too few records; for reading, no text or not one column of images.
            DataError: for reading, no font of this machine has the characters.
            MissingExtraError: what training needs is not installed.
        """
        if not _can_train():
            raise MissingExtraError("Learning from the tables (adapt)", "train")
        inputs = self._inputs(left, right, fields, images)
        num_left = 0 if left is right else len(left)
        halves = None
        if judged is not None:
            same = judged.label == 1
            halves = halves_of(
                np.stack([judged.left[same], judged.right[same] + num_left], axis=1), len(inputs), self.seed
            )
        until = 0.9 if halves is None else 0.5  # share of the time that learning without labels takes
        with _place(self.folder) as place:
            model = learn_without_labels(
                inputs, place, reading=self.reading, seed=self.seed, advance=lambda share: advance(until * share)
            )
            self.models = (
                (model,)
                if halves is None
                else learn_halves(
                    inputs,
                    *halves,
                    start=model,
                    folder=place,
                    seed=self.seed,
                    advance=lambda share: advance(until + (0.9 - until) * share),
                )
            )
        parts = model.encoder.encode_parts(inputs, advance=lambda share: advance(0.9 + 0.1 * share))
        at = {field.name: number for number, field in enumerate(inputs.fields)}
        looks = {pair.label: _of_tables(parts[:, at[pair.label]], num_left) for pair in images}
        note = _note_on(model, len(inputs))
        if halves is None:
            return Learned(_whole(model, parts, num_left), looks, note)
        first, second = (_whole(taught, taught.encoder.encode_parts(inputs), num_left) for taught in self.models)
        of_half = halves[1]
        whole = HalvedVectors.of(first, second, of_half[:num_left] if num_left else of_half, of_half[num_left:])
        return Learned(whole, looks, f"{note} {_note_on_labels(self.models)}")

    def _inputs(
        self, left: Records, right: Records, fields: Sequence[FieldPair], images: Sequence[FieldPair]
    ) -> RecordInputs:
        tables = (left,) if left is right else (left, right)
        inputs = inputs_of(tables, fields, images, reading=self.reading, on_error=self.on_error)
        if self.reading and len(images) != 1:
            named = ", ".join(pair.label for pair in images) or "none"
            raise ConfigurationError(
                f"Learning to read needs one column of images, which shows the texts. Got {named}."
            )
        if len(inputs) < _LEAST:
            raise ConfigurationError(
                f"adapt learns from the records, and needs {_LEAST} at least. Got {len(inputs)}. Leave it out."
            )
        return inputs

    @property
    def source(self) -> ModelSource | None:
        """The encoders: of this process, or of the run folder, in which an earlier one may have left them."""
        models = self.models
        return (lambda: models) if models else kept_models(self.folder)


def kept_models(folder: Path | None) -> ModelSource | None:
    """The encoders that a run with ``adapt`` left in its folder; None where there are none, or nothing to read them with."""
    place = None if folder is None else folder / _MODEL
    if place is None or not (place / "config.json").exists() or not _can_train():
        return None
    taught = places_of_halves(place)
    places = taught if all((half / "config.json").exists() for half in taught) else (place,)

    @cache
    def read() -> tuple[RecordModel, ...]:
        from kinfolk.methods.clippings.model import RecordModel

        return tuple(map(RecordModel.load, places))

    return read


def learn_without_labels(
    inputs: RecordInputs, place: Path, *, reading: bool, seed: int, advance: Callable[[float], None]
) -> RecordModel:
    """Train an encoder on records alone.

    Args:
        inputs: the records.
        place: the folder of the model.
        reading: whether it learns to read first, from drawn texts.
        seed: of everything random.
        advance: told the share that is done.
    """
    from kinfolk.methods.clippings.pretrain import SMALL, pretrain
    from kinfolk.methods.clippings.reading import READING, learn_to_read

    epochs = int(np.clip(round((_SEEN_READING if reading else _SEEN) / len(inputs)), *_EPOCHS))
    begin = 0.5 if reading else 0.0  # share of the time that reading takes
    start = None
    if reading:
        start = learn_to_read(
            inputs,
            output=place / "reading",
            towers=replace(READING, image_settings={"channels": 1}),
            seed=seed,
            progress=lambda end: advance(begin * end.epoch / end.epochs),
        )
    return pretrain(
        inputs,
        output=place,
        start=start,
        towers=SMALL,
        own=1.0,
        text_noise=0.1,
        recipe={"epochs": epochs} if start is None else {"epochs": epochs, "learning_rate": _GOING_ON},
        seed=seed,
        progress=lambda end: advance(begin + (1 - begin) * end.epoch / end.epochs),
    )


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


def _of_tables(vectors: np.ndarray, num_left: int) -> Vectors:
    """Of both tables, or of one, where the left one has no records of its own."""
    return Vectors(vectors[:num_left], vectors[num_left:]) if num_left else Vectors(vectors, vectors)


def _whole(model: RecordModel, parts: np.ndarray, num_left: int) -> Vectors:
    """Pooled vectors under the weights that the model has learned."""
    return _of_tables(pool(list(parts.transpose(1, 0, 2)), model.encoder.weights().tolist()), num_left)


def _note_on(model: RecordModel, num: int) -> str:
    """What training on the records brought."""
    stage = model.about["stages"][-1]
    best = [end for end in model.history if end.epoch == stage["best_epoch"]]
    if not best:
        return "Training on the tables made nothing better; its vectors are those of the encoder that it began with."
    learned = f"Learned from {num:,} records in {len(model.history)} epochs"
    found = best[0].measures.get("reciprocal_rank")
    if found is None:
        return f"{learned}."
    return f"{learned}: in records held out, a field finds the others of its record at a mean reciprocal rank of {found:.2f}."


def _note_on_labels(taught: Sequence[RecordModel]) -> str:
    """What labels taught the encoder."""
    stages = [model.about["stages"][-1] for model in taught]
    before, after = (-np.mean([stage[name] for stage in stages]) for name in ("score_at_start", "score"))
    return (
        f"Then from labels of {sum(stage['classes'] for stage in stages):,} things: of those held out, a record finds another of "
        f"its thing at a mean reciprocal rank of {after:.2f}, where it was {before:.2f}."
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

"""Stages 2 and 3 from beginning to end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from kinfolk.encoders.record import Towers
from kinfolk.encoders.record_inputs import FieldKind, RecordInputs
from kinfolk.errors import ConfigurationError
from kinfolk.methods.batches import WholeLoader
from kinfolk.methods.clippings.batch import Corruption, RecordBatch
from kinfolk.methods.clippings.guard import Guard, split_rows
from kinfolk.methods.clippings.model import RecordModel
from kinfolk.methods.clippings.neighborhoods import NeighborhoodBatches
from kinfolk.methods.clippings.pooled_classes import PooledClasses, encode_pooled, found_again
from kinfolk.methods.clippings.stage import HELD_OUT, encoder_of, fingerprint, recipe_of, seeded, train_stage
from kinfolk.methods.history import EpochEnd
from kinfolk.methods.recipe import Recipe
from kinfolk.objectives import MarginContrastive, SupCon

FINETUNING = Recipe(epochs=10, batch_size=126, optimizer="adamw", learning_rate=3e-4, weight_decay=0.05, clip_norm=1.0)
_RIVALS = 1_000  # records that are learned from, among which those that are held out are looked for


def finetune(
    inputs: RecordInputs,
    labels: npt.NDArray[np.integer],
    *,
    output: str | Path,
    start: RecordModel | None = None,
    towers: Towers = Towers(),  # noqa: B008 - frozen
    objective: Literal["supcon", "margin"] = "supcon",
    temperature: float = 0.1,
    neighbors: int = 3,
    per_class: int = 3,
    views: str = "document",
    text_noise: float = 0.05,
    drop: float = 0.1,
    learn_weights: bool = True,
    locked: Sequence[FieldKind] = (),
    recipe: Mapping[str, object] | None = None,
    seed: int = 0,
    progress: Callable[[EpochEnd], None] | None = None,
) -> RecordModel:
    """Learn from labels which records are the same (stages 2 and 3).

    A fifth of the classes is held out: the weights that find their records again best among all are kept, and these are those of the
    start if training made them no better. The same call goes on where a killed one stopped, at the end of an epoch.

    Args:
        inputs: the records.
        labels: the class of each, integers (records,); see ``classes_of_pairs`` where pairs are what is known.
        output: the folder of the model, and of the state while it trains.
        start: the model of the stage before; None starts anew.
        towers: of a new encoder.
        objective: "supcon", which learns from classes of two records or more; or "margin", to which classes of one say
            something, too.
        temperature: of "supcon", in (0, inf).
        neighbors, per_class: see ``NeighborhoodBatches``.
        views, text_noise, drop: see ``Corruption``.
        learn_weights: whether the weights of the fields are learned.
        locked: kinds of fields whose towers stay as they are, and only what is made of their features is learned: for a trained tower
            and few records.
        recipe: fields of ``Recipe`` that differ from ``FINETUNING``.
        seed: of everything random.
        progress: told of each epoch as it ends.

    Raises:
        ConfigurationError: labels that do not fit, too few classes, or an option that is not possible.
        RunError: the folder belongs to another training.
    """
    given = _require_labels(labels, len(inputs))
    if objective not in ("supcon", "margin"):
        raise ConfigurationError(f"objective must be 'supcon' or 'margin'. Got {objective!r}.")
    usable = inputs.present.any(axis=1)
    if objective == "supcon":
        usable &= np.isin(given, _classes_of_two(given[usable]))
    described, classes = inputs.take(np.flatnonzero(usable)), given[usable]
    names = _classes_of_two(classes)
    if len(names) < 4:
        raise ConfigurationError(f"Learning from labels needs four classes of two records or more. Got {len(names)}.")
    held_classes = names[split_rows(len(names), share=HELD_OUT, seed=seed)[1]]
    held = np.isin(classes, held_classes)
    training, validation = described.take(np.flatnonzero(~held)), described.take(np.flatnonzero(held))
    rivals = np.random.default_rng(seed).permutation(len(training))[:_RIVALS]
    chosen = recipe_of(FINETUNING, recipe or {})
    settings: dict[str, object] = {
        "objective": objective, "temperature": temperature, "neighbors": neighbors, "per_class": per_class,
        "views": views, "text_noise": text_noise, "drop": drop, "learn_weights": learn_weights,
        "locked": list(locked),
    }  # fmt: skip
    with seeded(seed):
        encoder = encoder_of(training, start, towers)
        encoder.lock(locked, projections=False)
        corrupt = Corruption(training, views=views, text_noise=text_noise, drop=drop)
        loss = SupCon(temperature) if objective == "supcon" else MarginContrastive()
        module = PooledClasses(encoder, corrupt, loss, learn_weights=learn_weights)

    def embed(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        return encode_pooled(encoder, training.take(rows))

    learned = classes[~held]
    loader = WholeLoader(
        lambda rows: RecordBatch(training.take(rows), np.array(rows), learned[rows]),
        NeighborhoodBatches(
            learned, embed, batch_size=chosen.batch_size, neighbors=neighbors, per_class=per_class, seed=seed
        ),
    )
    return train_stage(
        module,
        encoder,
        loader,
        Guard(partial(found_again, inputs=validation, labels=classes[held], others=training.take(rivals))),
        Path(output),
        stage="finetune",
        data=fingerprint(described) + hashlib.blake2b(classes.tobytes(), digest_size=8).hexdigest(),
        start=start,
        settings=settings,
        recipe=chosen,
        seed=seed,
        checkpoint_minutes=None,  # neighborhoods follow from the weights at the beginning of an epoch
        progress=progress,
        facts={"records": len(described), "classes": len(np.unique(classes))},
    )


def _require_labels(labels: npt.NDArray[np.integer], num: int) -> npt.NDArray[np.int64]:
    """Labels as int64, one a record.

    Raises:
        ConfigurationError: they are not.
    """
    given = np.asarray(labels)
    if given.shape != (num,) or given.dtype.kind not in "iu":
        raise ConfigurationError(
            f"labels must be {num} integers, one a record. Got {given.dtype} of shape {given.shape}."
        )
    return given.astype(np.int64)


def _classes_of_two(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    classes, sizes = np.unique(labels, return_counts=True)
    return classes[sizes > 1]

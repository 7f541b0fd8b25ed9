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
from kinfolk.methods.clippings.tower_recipe import TowerRecipe
from kinfolk.methods.history import EpochEnd
from kinfolk.objectives import MarginContrastive, SupCon

FINETUNING = TowerRecipe(
    epochs=10, batch_size=126, optimizer="adamw", learning_rate=3e-4, weight_decay=0.05, clip_norm=1.0
)
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
    sources: npt.NDArray[np.integer] | None = None,
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
        sources: where each record comes from, integers (records,): the weights that are kept are then those by which a record
            of a class that is held out finds its class best in each other source, as it will have to where two tables are
            linked. Records of a negative source are learned from, but neither ask nor are looked for. None asks for the
            nearest record of the class, whatever its source, which rewards finding what is easy: two copies in one table.
        locked: kinds of fields whose towers stay as they are, and only what is made of their features is learned: for a trained tower
            and few records.
        recipe: fields of ``TowerRecipe`` that differ from ``FINETUNING``.
        seed: of everything random.
        progress: told of each epoch as it ends.

    Raises:
        ConfigurationError: labels that do not fit, too few classes, or an option that is not possible.
        RunError: the folder belongs to another training.
    """
    given = _require_integers("labels", labels, len(inputs))
    if objective not in ("supcon", "margin"):
        raise ConfigurationError(f"objective must be 'supcon' or 'margin'. Got {objective!r}.")
    usable = inputs.present.any(axis=1)
    if objective == "supcon":
        usable &= np.isin(given, _classes_of_two(given[usable]))
    described, classes = inputs.take(np.flatnonzero(usable)), given[usable]
    source_of = None if sources is None else _require_integers("sources", sources, len(inputs))[usable]
    names = _classes_of_two(classes)
    if len(names) < 4:
        raise ConfigurationError(f"Learning from labels needs four classes of two records or more. Got {len(names)}.")
    held_classes = names[split_rows(len(names), share=HELD_OUT, seed=seed)[1]]
    held = np.isin(classes, held_classes)
    training = described.take(np.flatnonzero(~held))
    asked, rivals = np.flatnonzero(held), np.random.default_rng(seed).permutation(np.flatnonzero(~held))
    if source_of is not None:
        asked, rivals = asked[source_of[asked] >= 0], rivals[source_of[rivals] >= 0]
        _require_links(classes[asked], source_of[asked])
    rivals = rivals[:_RIVALS]
    of_both = None if source_of is None else (source_of[asked], source_of[rivals])
    chosen = recipe_of(FINETUNING, recipe or {})
    settings: dict[str, object] = {
        "objective": objective, "temperature": temperature, "neighbors": neighbors, "per_class": per_class,
        "views": views, "text_noise": text_noise, "drop": drop, "learn_weights": learn_weights,
        "locked": list(locked),
    }  # fmt: skip
    if source_of is not None:
        settings["sources"] = hashlib.blake2b(source_of.tobytes(), digest_size=8).hexdigest()
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
        Guard(
            partial(
                found_again,
                inputs=described.take(asked),
                labels=classes[asked],
                others=described.take(rivals),
                sources=of_both,
            )
        ),
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


def _require_integers(name: str, values: npt.NDArray[np.integer], num: int) -> npt.NDArray[np.int64]:
    """Labels or sources as int64, one a record.

    Raises:
        ConfigurationError: they are not.
    """
    given = np.asarray(values)
    if given.shape != (num,) or given.dtype.kind not in "iu":
        raise ConfigurationError(
            f"{name} must be {num} integers, one a record. Got {given.dtype} of shape {given.shape}."
        )
    return given.astype(np.int64)


def _require_links(labels: npt.NDArray[np.int64], sources: npt.NDArray[np.int64]) -> None:
    """Refuse sources by which nothing can be measured.

    Raises:
        ConfigurationError: no class that is held out has records of two sources.
    """
    if len(np.unique(np.column_stack([labels, sources]), axis=0)) == len(np.unique(labels)):
        raise ConfigurationError(
            "sources must be two or more in some of the classes that are held out, a fifth of all. "
            "Got one at most in each. Give more classes that have records of several sources, or no sources."
        )


def _classes_of_two(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    classes, sizes = np.unique(labels, return_counts=True)
    return classes[sizes > 1]

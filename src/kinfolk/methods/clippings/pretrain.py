"""Stage 1 from beginning to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from kinfolk.encoders.record import FieldSpec, Towers
from kinfolk.encoders.record_inputs import FieldKind, RecordInputs
from kinfolk.errors import DataError
from kinfolk.methods.batches import BatchLoader, EpochBatches
from kinfolk.methods.clippings.batch import Corruption, RecordBatch
from kinfolk.methods.clippings.field_contrast import FieldContrast, groups_of, held_out
from kinfolk.methods.clippings.guard import Guard, split_rows
from kinfolk.methods.clippings.model import RecordModel
from kinfolk.methods.clippings.stage import (
    HELD_OUT,
    MOST_HELD,
    encoder_of,
    fingerprint,
    recipe_of,
    seeded,
    train_stage,
    with_fields,
)
from kinfolk.methods.clippings.tower_recipe import TowerRecipe
from kinfolk.methods.history import EpochEnd

SMALL = Towers(image="convnext", image_settings={"depth": 6, "width": 32, "patch_size": 4, "channels": 1})
"""For pictures of any kind in shades of gray: small enough to be learned on a CPU in minutes."""

PRETRAINING = TowerRecipe(
    epochs=20, batch_size=128, optimizer="adamw", learning_rate=1e-3, weight_decay=1e-3, clip_norm=1.0
)


def pretrain(
    inputs: RecordInputs,
    *,
    output: str | Path,
    start: RecordModel | None = None,
    towers: Towers = Towers(),  # noqa: B008 - frozen
    specs: Sequence[FieldSpec] | None = None,
    temperature: float = 0.07,
    decoupled: bool = False,
    own: float = 0.0,
    views: str = "document",
    text_noise: float = 0.05,
    locked: Sequence[FieldKind] = (),
    recipe: Mapping[str, object] | None = None,
    seed: int = 0,
    checkpoint_minutes: float | None = 5.0,
    progress: Callable[[EpochEnd], None] | None = None,
) -> RecordModel:
    """Learn, without labels, which fields belong to one record (stage 1).

    A fifth of the records, at most 4,000, is held out: the weights that do best on them are kept, and these are those of the
    start if training made them no better. The same call goes on where a killed one stopped.

    Args:
        inputs: the records; fields may be missing.
        output: the folder of the model, and of the state while it trains.
        start: a model to go on from; None starts anew.
        towers: of a new encoder.
        specs: what a new encoder is to know of the fields; None takes it from the records.
        temperature, decoupled, own: see ``FieldContrast``.
        views, text_noise: see ``Corruption``.
        locked: kinds of fields whose vectors stay as they are, while the others learn to meet them: for a trained tower and few
            records (LiT: Zhai et al., CVPR 2022, arXiv 2111.07991).
        recipe: fields of ``TowerRecipe`` that differ from ``PRETRAINING``; a batch is at most half of the records, and the warm-up,
            unless given, a tenth of the epochs.
        seed: of everything random.
        checkpoint_minutes: see ``kinfolk.train``.
        progress: told of each epoch as it ends.

    Raises:
        DataError: fewer than four records have a field.
        ConfigurationError: an option that is not possible.
        RunError: the folder belongs to another training.
    """
    described = with_fields(inputs)
    if len(described) < 4:
        raise DataError(f"Learning from records needs four that have a field, at least. Got {len(described)}.")
    learned, held = split_rows(len(described), share=HELD_OUT, most=MOST_HELD, seed=seed)
    training, validation = described.take(learned), described.take(held)
    chosen = recipe_of(PRETRAINING, recipe or {})
    chosen = chosen.changed({"batch_size": max(2, min(chosen.batch_size, len(training) // 2))})
    settings: dict[str, object] = {
        "temperature": temperature, "decoupled": decoupled, "own": own, "views": views, "text_noise": text_noise,
        "locked": list(locked),
    }  # fmt: skip
    with seeded(seed):
        encoder = encoder_of(described, start, towers, specs)
        encoder.lock(locked)
        corrupt = Corruption(training, views=views, text_noise=text_noise, drop=0.0)
        module = FieldContrast(
            encoder, corrupt, groups_of(training), temperature=temperature, decoupled=decoupled, own=own
        )
    loader = BatchLoader(
        lambda rows: RecordBatch(training.take(rows), np.array(rows)),
        EpochBatches(len(training), chosen.batch_size, seed),
    )
    return train_stage(
        module,
        encoder,
        loader,
        Guard(lambda _: held_out(encoder, validation, decoupled=decoupled, corrupt=corrupt)),
        Path(output),
        stage="pretrain",
        data=fingerprint(described),
        start=start,
        settings=settings,
        recipe=chosen,
        seed=seed,
        checkpoint_minutes=checkpoint_minutes,
        progress=progress,
        facts={"records": len(described)},
    )

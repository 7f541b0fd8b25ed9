"""What the stages of a training have in common: the key, the state, the guard, the folder of the model."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from kinfolk.encoders.record import FieldSpec, RecordEncoder, Towers
from kinfolk.encoders.record_inputs import RecordInputs
from kinfolk.encoders.whitened_start import whiten_projections
from kinfolk.methods.checkpoints import CHECKPOINT, Checkpoints
from kinfolk.methods.clippings.guard import Guard
from kinfolk.methods.clippings.model import RecordModel
from kinfolk.methods.clippings.tower_recipe import TowerRecipe, slow_towers
from kinfolk.methods.history import HISTORY, EpochEnd
from kinfolk.methods.loop import run
from kinfolk.methods.trainable import Trainable
from kinfolk.methods.watch import Watch

PAPER = "Arora, Yang, Jheng & Dell, CLIPPINGS, 2023, arXiv 2304.03464"
HELD_OUT = 0.2  # share of the records, or of the classes, by which states are compared
MOST_HELD = 4_000  # records: all are compared with all after each epoch
_WARMUP = 0.1  # share of a short training
_STATE = "training"  # the folder, in that of the model, where a training keeps what it needs to go on


def train_stage(
    module: Trainable,
    encoder: RecordEncoder,
    loader: DataLoader[Any],
    guard: Guard,
    folder: Path,
    *,
    stage: str,
    data: str,
    start: RecordModel | None,
    settings: Mapping[str, object],
    recipe: TowerRecipe,
    seed: int,
    checkpoint_minutes: float | None,
    progress: Callable[[EpochEnd], None] | None,
    facts: Mapping[str, object],
) -> RecordModel:
    """Train, keep what did best, and write the model."""
    module.recipe, module.seed = recipe, seed
    slow_towers(module, encoder, recipe)
    module.steps = recipe.epochs * math.ceil(len(loader) / recipe.accumulate)
    key = {
        "version": version("kinfolk"),
        "stage": stage,
        "records": data,
        "encoder": json.dumps(encoder.describe(), sort_keys=True),
        "start": "anew" if start is None else start.fingerprint(),
        "settings": json.dumps(settings, sort_keys=True),
        "recipe": json.dumps(asdict(recipe), sort_keys=True),
        "seed": str(seed),
    }
    checkpoints = Checkpoints(folder / _STATE / CHECKPOINT, key, minutes=checkpoint_minutes)
    watch = Watch(folder / _STATE / HISTORY, guard, checkpoints, patience=None, progress=progress)
    run(module, loader, checkpoints, callbacks=[guard, watch])
    guard.restore(module)
    said = {
        "stage": stage, "settings": dict(settings), "recipe": asdict(recipe), "seed": seed, **facts,
        "best_epoch": guard.best_epoch, "score": guard.best, "score_at_start": guard.start,
    }  # fmt: skip
    stages = [] if start is None else list(start.about["stages"])
    model = RecordModel(encoder.eval(), {"paper": PAPER, "stages": [*stages, said]}, tuple(watch.history))
    model.save(folder)
    return model


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random weights that follow from the seed; torch's own random numbers stay as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def encoder_of(
    inputs: RecordInputs, start: RecordModel | None, towers: Towers, specs: Sequence[FieldSpec] | None = None
) -> RecordEncoder:
    """A new encoder for records, or a copy of the one to go on from; projections of trained towers begin whitened.

    Args:
        inputs: the records.
        start: the model to go on from; None makes a new encoder.
        towers: of a new encoder.
        specs: what it is to know of the fields; None takes it from the records.

    Raises:
        ConfigurationError: that one reads other fields.
    """
    if start is None:
        encoder = RecordEncoder(specs_of(inputs) if specs is None else specs, towers)
        whiten_projections(encoder, inputs, towers.trained)
        return encoder
    start.require_fields(inputs)
    encoder = copy.deepcopy(start.encoder).train()
    encoder.lock(())
    return encoder


def recipe_of(standard: TowerRecipe, given: Mapping[str, object]) -> TowerRecipe:
    """The recipe with what was given; a training of few epochs warms up for a tenth of them, unless told otherwise."""
    chosen = standard.changed(given)
    short = min(chosen.warmup_epochs, _WARMUP * chosen.epochs)
    return chosen if "warmup_epochs" in given else replace(chosen, warmup_epochs=short)


def with_fields(inputs: RecordInputs) -> RecordInputs:
    """The records that have a field at all."""
    there = inputs.present.any(axis=1)
    return inputs if there.all() else inputs.take(np.flatnonzero(there))


def specs_of(inputs: RecordInputs) -> list[FieldSpec]:
    """What an encoder must know of the fields of records."""
    specs = []
    for field in inputs.fields:
        middle, spread = 0.0, 1.0
        if field.kind == "number" and field.present.any() and not isinstance(field.values, tuple):
            values = field.values[field.present].astype(np.float64)
            quarter, middle, three_quarters = map(float, np.quantile(values, (0.25, 0.5, 0.75)))
            # of a bell curve the deviation, and no sentinel of 999,999 moves it
            spread = (three_quarters - quarter) / 1.349 or float(np.std(values)) or 1.0
        specs.append(FieldSpec(field.name, field.kind, middle, spread))
    return specs


def fingerprint(inputs: RecordInputs) -> str:
    """A text that changes when the records do."""
    digest = hashlib.blake2b(digest_size=16)
    for field in inputs.fields:
        digest.update(f"{field.name}\0{field.kind}\0".encode())
        digest.update(np.packbits(field.present).tobytes())
        if isinstance(field.values, tuple):
            digest.update(json.dumps(field.values).encode())
        else:
            digest.update(np.ascontiguousarray(field.values).data)
    return digest.hexdigest()

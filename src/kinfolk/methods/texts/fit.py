"""Training a text tower from beginning to end, and going on where a killed training stopped."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from kinfolk.data.texts import Texts
from kinfolk.encoders.text_by_name import text_tower_for
from kinfolk.errors import ConfigurationError
from kinfolk.evaluation.reciprocal_rank import mean_reciprocal_rank
from kinfolk.methods.batches import BatchLoader, EpochBatches
from kinfolk.methods.checkpoints import Checkpoints
from kinfolk.methods.held import Held, spread_of
from kinfolk.methods.history import HISTORY, EpochEnd
from kinfolk.methods.loop import run
from kinfolk.methods.model import REPORT
from kinfolk.methods.recipe import Recipe
from kinfolk.methods.registry import Entry
from kinfolk.methods.settings import Setting
from kinfolk.methods.texts.held_out import hold_out
from kinfolk.methods.texts.method import TextBatch, TextMethod
from kinfolk.methods.texts.model import TextModel
from kinfolk.methods.watch import Watch
from kinfolk.objectives import alignment
from kinfolk.views.word_noise import delete_words

_SAMPLE = 1_000  # items that are measured after each epoch


def train_texts(
    texts: Texts,
    *,
    entry: Entry,
    settings: Mapping[str, Setting],
    recipe: Recipe,
    encoder: str,
    encoder_settings: Mapping[str, int],
    folder: Path,
    checkpoint: Path,
    seed: int,
    checkpoint_minutes: float | None,
    held_out: int | None,
    report: bool,
    progress: Callable[[EpochEnd], None] | None,
    facts: Mapping[str, object],
) -> TextModel:
    """Train on texts, and keep the model.

    Args:
        texts: what is learned from.
        entry, settings: the method.
        recipe: how it is trained.
        encoder, encoder_settings: see ``text_tower_for``.
        folder: of the model.
        checkpoint: the file a training goes on from; the history lies beside it.
        seed: of everything random.
        checkpoint_minutes, held_out, report: see ``kinfolk.train``.
        progress: told of each epoch as it ends.
        facts: what the model is to know of where the texts are from.

    Raises:
        ConfigurationError: the texts lack what the method needs, or an option is not possible.
        DataError: the folder cannot be written to.
        RunError: the folder belongs to another training, or the loss is no longer a number.
    """
    whole = _fitting(texts, entry)
    kept, held = hold_out(whole.texts, held_out, seed=seed)
    learned = whole.take(kept)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tower = text_tower_for(learned.texts, encoder, encoder_settings)
        module = entry.make(tower, **settings)
    assert isinstance(module, TextMethod)
    module.prepare(learned)

    def batch(rows: list[int]) -> TextBatch:
        at = np.array(rows)
        columns = tuple(tuple(column[row] for row in rows) for column in learned.columns)
        return TextBatch(columns, at, None if learned.labels is None else learned.labels[at])

    loader = BatchLoader(batch, EpochBatches(len(learned), recipe.batch_size, seed))
    module.recipe, module.seed = recipe, seed
    module.steps = recipe.epochs * math.ceil(len(loader) / recipe.accumulate)
    key = {
        "version": version("kinfolk"),
        "texts": _fingerprint(learned),
        "method": entry.name,
        "encoder": json.dumps([encoder, dict(encoder_settings)], sort_keys=True),
        "settings": json.dumps(dict(settings), sort_keys=True),
        "recipe": json.dumps(asdict(recipe), sort_keys=True),
        "seed": str(seed),
    }
    checkpoints = Checkpoints(checkpoint, key, minutes=checkpoint_minutes)
    start = TextModel(copy.deepcopy(tower).eval(), {}) if report else None
    sample = np.random.default_rng(seed).permutation(len(learned))[:_SAMPLE]
    monitor = _Monitor(learned.take(sample), seed)
    before = monitor.measure(module)
    watch = Watch(checkpoint.with_name(HISTORY), monitor, checkpoints, patience=None, progress=progress)
    run(module, loader, checkpoints, callbacks=[watch])
    last = watch.history[-1]
    about = {
        "version": version("kinfolk"),
        "method": entry.name,
        "paper": entry.paper,
        "encoder": encoder,
        "encoder_settings": dict(encoder_settings),
        "dim": tower.dim,
        "settings": dict(settings),
        "recipe": asdict(recipe),
        "seed": seed,
        "texts": len(learned),
        "held_out": len(held),
        "notes": list(learned.notes),
        "epochs": last.epoch,
        "before": {} if before is None else dict(before.measures),
        "measures": {"loss": last.loss, **last.measures},
        **facts,
    }
    model = TextModel(tower.eval(), about, tuple(watch.history))
    model.save(folder)
    if start is not None:
        model.report(folder / REPORT, whole, before=start)
    return model


class _Monitor:
    """Measures a method on texts that are fixed at the start.

    Alignment is that of texts with their positives or, where there are none, with themselves without a tenth of their words.

    Args:
        texts: to encode.
        seed: of the words that are lost.
    """

    def __init__(self, texts: Texts, seed: int) -> None:
        self._texts, self._paired = texts.texts, len(texts.columns) > 1
        rng = np.random.default_rng(seed)
        self._others = texts.columns[1] if self._paired else delete_words(texts.texts, rng=rng)

    def measure(self, method: TextMethod) -> Held | None:
        """The space as it is now; None where vectors are not numbers."""
        model = TextModel(method.encoder, {})
        vectors, others = model.encode(self._texts), model.encode(self._others)
        if not (np.isfinite(vectors).all() and np.isfinite(others).all()):
            return None
        found = {"reciprocal_rank": _rank(vectors, others)} if self._paired else {}
        near = float(alignment(torch.from_numpy(vectors), torch.from_numpy(others)))
        return Held(0.0, {**found, "alignment": near, **spread_of(vectors)})


def _rank(texts: npt.NDArray[np.float32], positives: npt.NDArray[np.float32]) -> float:
    """How early the positive of a text comes among those of the sample; these are learned from, so it tells of the fit."""
    return float(mean_reciprocal_rank(texts, positives))


def _fitting(texts: Texts, entry: Entry) -> Texts:
    """The texts as the method takes them.

    Raises:
        ConfigurationError: it has no use for some of the texts, or needs labels and there are none.
    """
    if len(texts.columns) > entry.texts:
        unread = ("positive", "negative")[entry.texts - 1]
        raise ConfigurationError(f"The method {entry.name} makes no use of {unread}. Leave it out, or take simcse.")
    if entry.labels and texts.labels is None:
        raise ConfigurationError(
            f"The method {entry.name} learns from labels. Say which column holds them (label), or take another method."
        )
    return texts.complete()


def _fingerprint(texts: Texts) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for column in texts.columns:
        for text in column:
            digest.update(text.encode("utf-8", "surrogatepass"))
            digest.update(b"\0")
        digest.update(b"\1")
    if texts.labels is not None:
        digest.update(texts.labels.tobytes())
    return digest.hexdigest()

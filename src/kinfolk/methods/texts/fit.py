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

from kinfolk.data.held_out_texts import hold_out
from kinfolk.data.same_text import item_groups, item_keys
from kinfolk.data.texts import Texts
from kinfolk.data.wording import listed
from kinfolk.encoders.text_by_name import is_trained, text_tower_for
from kinfolk.errors import ConfigurationError
from kinfolk.evaluation.reciprocal_rank import mean_reciprocal_rank
from kinfolk.methods.batches import BatchLoader
from kinfolk.methods.checkpoints import Checkpoints
from kinfolk.methods.held import Held, spread_of
from kinfolk.methods.history import HISTORY, EpochEnd
from kinfolk.methods.loop import run
from kinfolk.methods.model import REPORT
from kinfolk.methods.recipe import Recipe
from kinfolk.methods.registry import Entry
from kinfolk.methods.settings import Setting
from kinfolk.methods.texts.batches import TextBatches
from kinfolk.methods.texts.check import check_pairs
from kinfolk.methods.texts.method import TextBatch, TextMethod
from kinfolk.methods.texts.mined import mine_texts
from kinfolk.methods.texts.model import TextModel
from kinfolk.methods.texts.negatives import Mining, Source
from kinfolk.methods.watch import Steps, Watch
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
    sampling_coefficient: float,
    mine: Source | None,
    mining: Mining,
    measured: int = _SAMPLE,
    advance: Callable[[float], None] | None = None,
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
        sampling_coefficient: how much the size of a corpus counts, see ``sampling_probabilities``.
        mine, mining: where hard negatives are looked for, and how; see ``mine_negatives``.
        measured: items that are measured before the training and after each epoch, at most; at least 1.
        advance: told after each step the share of all that are done.

    Raises:
        ConfigurationError: the texts lack what the method needs, or an option is not possible.
        DataError: the folder cannot be written to.
        RunError: the folder belongs to another training, or the loss is no longer a number.
    """
    whole = _fitting(texts, entry, mine, encoder)
    kept, held = hold_out(whole.texts, held_out, seed=seed)
    learned = whole.take(kept)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tower = text_tower_for([text for column in learned.columns for text in column], encoder, encoder_settings)
        module = entry.make(tower, **settings)
        assert isinstance(module, TextMethod)
        if module.corpora(learned)[0] is None and sampling_coefficient:
            raise ConfigurationError("sampling_coefficient weighs corpora. Say which column holds them (corpus).")
        module.begin_from(Path(encoder).expanduser())
        if module.encoder is not tower and encoder_settings:
            raise ConfigurationError(
                f"{encoder} is a mixture of experts, which goes on as it is. Leave out {listed(list(encoder_settings))}."
            )
        mined = None
        if mine is not None:
            mined = mine_texts(learned, by=mine, mining=mining, encode=TextModel(tower, {}).encode, seed=seed)
            learned = mined.texts
        module.prepare(learned)
    module.train()  # a model that was loaded has its dropout switched off, and Lightning leaves that as it is
    corpora, corpus_names = module.corpora(learned)
    order = TextBatches(
        item_keys(learned), recipe.batch_size, seed,
        corpora=corpora, corpus_names=corpus_names, coefficient=sampling_coefficient,
    )  # fmt: skip
    groups = item_groups(learned)

    def batch(rows: list[int]) -> TextBatch:
        at = np.array(rows)
        columns = tuple(tuple(column[row] for row in rows) for column in learned.columns)
        drawn = () if mined is None else (mined.draw(rows, order.epoch),)
        return TextBatch((*columns, *drawn), at, None if learned.labels is None else learned.labels[at], groups[at])

    loader = BatchLoader(batch, order)
    module.recipe, module.seed = recipe, seed
    module.steps = recipe.epochs * math.ceil(len(loader) / recipe.accumulate)
    key = {
        "version": version("kinfolk"),
        "texts": _fingerprint(learned),
        "corpora": str(sampling_coefficient),
        "negatives": json.dumps([mine, asdict(mining)]),
        "method": entry.name,
        "encoder": json.dumps([encoder, dict(encoder_settings)], sort_keys=True),
        "settings": json.dumps(dict(settings), sort_keys=True),
        "recipe": json.dumps(asdict(recipe), sort_keys=True),
        "seed": str(seed),
    }
    checkpoints = Checkpoints(checkpoint, key, minutes=checkpoint_minutes)
    start = TextModel(copy.deepcopy(module.encoder).eval(), {}) if report else None
    sample = np.random.default_rng(seed).permutation(len(learned))[:measured]
    far = check_pairs(module, learned, sample, recipe.batch_size, seed) if is_trained(encoder) else None
    monitor = _Monitor(learned.take(sample), seed)
    before = monitor.measure(module)
    watch = Watch(checkpoint.with_name(HISTORY), monitor, checkpoints, patience=None, progress=progress)
    run(module, loader, checkpoints, callbacks=[watch] if advance is None else [watch, Steps(advance)])
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
        "mined": None if mined is None else {"by": mine, **asdict(mining), "items": mined.with_hard},
        "far_pairs": None if far is None else asdict(far),
        "epochs": last.epoch,
        "before": {} if before is None else dict(before.measures),
        "measures": {"loss": last.loss, **last.measures},
        "labels": list(learned.label_names),
        **facts,
    }
    match = None if module.match is None else module.match.eval()
    model = TextModel(module.encoder.eval(), about, tuple(watch.history), match)
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
        self._texts, self._paired = texts, len(texts.columns) > 1
        rng = np.random.default_rng(seed)
        self._others = texts.columns[1] if self._paired else delete_words(texts.texts, rng=rng)

    def measure(self, method: TextMethod) -> Held | None:
        """The space as it is now; None where vectors are not numbers."""
        model = TextModel(method.encoder, {})
        domains = model.domains_of(self._texts)
        vectors, others = (model.encode(texts, domains=domains) for texts in (self._texts.texts, self._others))
        if not (np.isfinite(vectors).all() and np.isfinite(others).all()):
            return None
        found = {"reciprocal_rank": _rank(vectors, others)} if self._paired else {}
        near = float(alignment(torch.from_numpy(vectors), torch.from_numpy(others)))
        return Held(0.0, {**found, "alignment": near, **spread_of(vectors)})


def _rank(texts: npt.NDArray[np.float32], positives: npt.NDArray[np.float32]) -> float:
    """How early the positive of a text comes among those of the sample; these are learned from, so it tells of the fit."""
    return float(mean_reciprocal_rank(texts, positives))


def _fitting(texts: Texts, entry: Entry, mine: Source | None, encoder: str) -> Texts:
    """The texts as the method takes them.

    Raises:
        ConfigurationError: it has no use for some of the texts, or needs labels and there are none; or negatives cannot be mined.
    """
    if len(texts.columns) > entry.texts:
        unread = ("positive", "negative")[entry.texts - 1]
        raise ConfigurationError(f"The method {entry.name} makes no use of {unread}. Leave it out, or take simcse.")
    if entry.labels and texts.labels is None:
        raise ConfigurationError(
            f"The method {entry.name} learns from labels. Say which column holds them (label), or take another method."
        )
    if mine is not None:
        if entry.texts < 3:
            raise ConfigurationError(
                f"The method {entry.name} makes no use of negatives. Leave out mine, or take simcse."
            )
        if len(texts.columns) != 2:
            raise ConfigurationError(
                "mine needs positive, and takes the place of negative. Name the one column, not the other."
            )
        if mine == "model" and not is_trained(encoder):
            raise ConfigurationError(
                f"mine='model' asks the encoder what is near, and {encoder!r} has not been trained. Begin with a trained one "
                "(encoder), or take 'bm25'."
            )
    return texts.complete()


def _fingerprint(texts: Texts) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for column in texts.columns:
        for text in column:
            digest.update(text.encode("utf-8", "surrogatepass"))
            digest.update(b"\0")
        digest.update(b"\1")
    for numbers in (texts.labels, texts.groups, texts.corpora):
        digest.update(b"\2" if numbers is None else numbers.tobytes())
    return digest.hexdigest()

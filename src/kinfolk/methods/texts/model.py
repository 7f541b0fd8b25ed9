"""A trained text tower in a folder, which sentence-transformers reads, too, unless it is one over characters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kinfolk.data.texts import Texts, read_texts
from kinfolk.encoders.batching import distinct_texts
from kinfolk.encoders.characters import CharacterTransformer
from kinfolk.encoders.st_folder import save_sentence_transformer
from kinfolk.encoders.subwords import load_subword_transformer
from kinfolk.encoders.text import spread_rows
from kinfolk.encoders.text_by_name import CHARACTERS, TextTower
from kinfolk.encoders.text_features import encode_texts
from kinfolk.encoders.token_bag import SETTINGS, TokenBag
from kinfolk.encoders.weights import save_weights, weights_fingerprint
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.methods.description import read_description, reading_model, write_description
from kinfolk.methods.history import HISTORY, EpochEnd, read_history, write_history
from kinfolk.methods.model import REPORT

ABOUT = "kinfolk.json"
"""The file that makes a folder one of these models; it comes last."""

_CHARACTERS = "characters.safetensors"
FILES = (ABOUT, "modules.json", "config.json", "model.safetensors", SETTINGS, _CHARACTERS, HISTORY, REPORT)
"""Files of a model that another must not overwrite."""

_AT_ONCE = 4096  # texts


@dataclass(frozen=True, eq=False)
class TextModel:
    """A text tower and what is known of it.

    Attributes:
        encoder: texts to features.
        about: its name and settings, the method, its settings and recipe, the seed, measures.
        history: what was known after each epoch.
    """

    encoder: TextTower
    about: Mapping[str, Any]
    history: tuple[EpochEnd, ...] = ()

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self.encoder.dim

    def encode(
        self, texts: Sequence[str], *, advance: Callable[[float], None] | None = None
    ) -> npt.NDArray[np.float32]:
        """Unit vectors of texts, float32 (texts, dim), each distinct text encoded once; zeros for a blank one.

        Args:
            texts: any number.
            advance: told the share that is done.
        """
        distinct, rows = distinct_texts(texts)
        vectors = np.zeros((len(distinct), self.dim), np.float32)
        for start in range(0, len(distinct), _AT_ONCE):
            part = encode_texts(self.encoder, distinct[start : start + _AT_ONCE])
            lengths = np.linalg.norm(part, axis=1, keepdims=True)
            vectors[start : start + len(part)] = np.divide(part, lengths, out=np.zeros_like(part), where=lengths > 0)
            if advance is not None:
                advance((start + len(part)) / len(distinct))
        return spread_rows(vectors, rows)

    @cached_property
    def fingerprint(self) -> str:
        """A text that changes when the vectors would."""
        tower = self.encoder
        limit = tower.max_characters if isinstance(tower, CharacterTransformer) else tower.max_tokens
        return weights_fingerprint(tower, f"{type(tower).__name__} {limit}")

    def report(self, path: str | Path, data: object, *, before: TextModel | None = None) -> Path:
        """Write the report, one HTML file that needs no network: measures over the epochs, a map of the texts, neighbors.

        Args:
            path: the HTML file.
            data: texts to show, as a rule those of the training: which were held out of it is then known.
            before: the model as it was before the training, whose neighbors are shown beside.

        Raises:
            DataError: the texts cannot be read, or the file cannot be written.
        """
        columns = {name: self.about.get(name) for name in ("column", "positive", "negative", "label")}
        texts = data if isinstance(data, Texts) else read_texts(data, **columns)
        # The report stands to the right of methods; only this convenience reaches over.
        write = import_module("kinfolk.report").write_text_training_report
        return Path(write(self, texts.complete(), path, before=before))

    def save(self, folder: str | Path) -> Path:
        """Write the model; the description comes last, so that a folder that has one is whole.

        Raises:
            DataError: the folder cannot be written to.
        """
        folder = Path(folder)
        if isinstance(self.encoder, CharacterTransformer):
            save_weights(self.encoder, folder / _CHARACTERS)
        else:
            if isinstance(self.encoder, TokenBag):
                self.encoder.save(folder)
            save_sentence_transformer(self.encoder, folder)
        write_history(self.history, folder / HISTORY)
        write_description(self.about, folder / ABOUT, kind="texts")
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> TextModel:
        """Read a model that ``save`` wrote.

        Raises:
            DataError: the folder holds no such model, or a broken one.
        """
        folder = Path(folder)
        with reading_model(folder, kind="texts"):
            about = read_description(folder / ABOUT, kind="texts")
            encoder = _read_tower(folder, about["encoder"], about["encoder_settings"])
        return cls(encoder.eval(), about, read_history(folder / HISTORY))


def _read_tower(folder: Path, name: str, settings: Mapping[str, int]) -> TextTower:
    from safetensors.torch import load_file

    if name == CHARACTERS:
        tower = CharacterTransformer(**settings)
        tower.load_state_dict(load_file(folder / _CHARACTERS))
        return tower
    if (folder / SETTINGS).exists():
        return TokenBag.load(folder)
    limit = {"max_tokens": settings["max_tokens"]} if "max_tokens" in settings else {}
    try:
        return load_subword_transformer(str(folder), **limit)
    except ConfigurationError as error:
        raise DataError(f"{folder} does not hold a model of texts that can be read. {error}") from error

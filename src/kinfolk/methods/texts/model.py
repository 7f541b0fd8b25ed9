"""A trained text tower in a folder, which sentence-transformers reads, too, but for those over characters and with gates.

Of a mixture of experts by domain that library reads what the mixture is to texts of no known domain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from kinfolk.data.texts import Texts, read_texts
from kinfolk.data.wording import reason_of
from kinfolk.encoders.batching import distinct_texts
from kinfolk.encoders.characters import CharacterTransformer
from kinfolk.encoders.experts import UNKNOWN
from kinfolk.encoders.mixture_tower import DOMAINS, MixtureTower
from kinfolk.encoders.st_folder import save_sentence_transformer
from kinfolk.encoders.subwords import load_subword_transformer
from kinfolk.encoders.text import spread_rows, unit_rows
from kinfolk.encoders.text_by_name import CHARACTERS, TextTower
from kinfolk.encoders.text_features import encode_texts
from kinfolk.encoders.token_bag import SETTINGS, TokenBag
from kinfolk.encoders.weights import save_weights, weights_fingerprint
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.methods.description import read_description, reading_model, write_description
from kinfolk.methods.history import HISTORY, EpochEnd, read_history, write_history
from kinfolk.methods.model import REPORT
from kinfolk.methods.texts.label_vectors import label_vectors
from kinfolk.objectives import TextLabelMatch, zero_shot

ABOUT = "kinfolk.json"
"""The file that makes a folder one of these models; it comes last."""

MATCH = "text_label_match.safetensors"
"""The file of what tells whether a label belongs to a text, where that was learned."""

_CHARACTERS = "characters.safetensors"
FILES = (
    ABOUT, "modules.json", "config.json", "model.safetensors", SETTINGS, MATCH, DOMAINS, _CHARACTERS, HISTORY, REPORT,
)  # fmt: skip
"""Files of a model that another must not overwrite."""

_AT_ONCE = 4096  # texts


@dataclass(frozen=True, eq=False)
class TextModel:
    """A text tower and what is known of it.

    Attributes:
        encoder: texts to features.
        about: its name and settings, the method, its settings and recipe, the seed, measures.
        history: what was known after each epoch.
        match: tells whether a label belongs to a text; None where that was not learned.
    """

    encoder: TextTower
    about: Mapping[str, Any]
    history: tuple[EpochEnd, ...] = ()
    match: TextLabelMatch | None = None

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self.encoder.dim

    def encode(
        self,
        texts: Sequence[str],
        *,
        domains: Sequence[str] | None = None,
        advance: Callable[[float], None] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Unit vectors of texts, float32 (texts, dim), each distinct text encoded once; zeros for a blank one.

        Args:
            texts: any number.
            domains: of the texts, for a mixture of experts by domain. Names that are none of its domains, and all texts where
                this is None, go through the mean of its experts.
            advance: told the share that is done.

        Raises:
            ConfigurationError: domains for another model, or not one for each text; or the tower gives a number that is not finite.
        """
        tower = self.encoder
        if not isinstance(tower, MixtureTower) or not tower.by_domain:
            if domains is not None:
                raise ConfigurationError("domains are for a mixture of experts by domain. This model needs none.")
            return self._encoded(tower, texts, advance)
        if domains is None:
            return self._encoded(tower.dense(), texts, advance)
        if len(domains) != len(texts):
            raise ConfigurationError(f"domains must be one for each of the {len(texts)} texts. Got {len(domains)}.")
        numbers, done = tower.numbers(domains).numpy(), 0
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for number in np.unique(numbers):
            rows = np.flatnonzero(numbers == number)
            dense = tower.dense(None if number == UNKNOWN else tower.domains[number])
            vectors[rows] = self._encoded(dense, [texts[row] for row in rows.tolist()], None)
            done += len(rows)
            if advance is not None:
                advance(done / len(texts))
        return vectors

    def _encoded(
        self, tower: TextTower, texts: Sequence[str], advance: Callable[[float], None] | None
    ) -> npt.NDArray[np.float32]:
        distinct, rows = distinct_texts(texts)
        vectors = np.zeros((len(distinct), self.dim), np.float32)
        for start in range(0, len(distinct), _AT_ONCE):
            texts_of_part = distinct[start : start + _AT_ONCE]
            part = unit_rows(encode_texts(tower, texts_of_part), texts_of_part)
            vectors[start : start + len(part)] = part
            if advance is not None:
                advance((start + len(part)) / len(distinct))
        return spread_rows(vectors, rows)

    def domains_of(self, texts: Texts) -> tuple[str, ...] | None:
        """What ``encode`` takes as the domains of texts: their labels, or None where the model, or the texts, have none."""
        by_domain = isinstance(self.encoder, MixtureTower) and self.encoder.by_domain
        return texts.named_labels if by_domain else None

    def label_probabilities(
        self, texts: Sequence[str], names: Sequence[str], *, advance: Callable[[float], None] | None = None
    ) -> npt.NDArray[np.float32]:
        """Probability that the label of each name belongs to each text, float32 (texts, names), each in [0, 1].

        The labels are asked about one by one: the probabilities of a text need not add up to 1.

        Args:
            texts: any number.
            names: of labels, which the training need not have shown.
            advance: told the share that is done.

        Raises:
            ConfigurationError: the model has not learned to match texts and labels, or a name has no word.
        """
        if self.match is None:
            raise ConfigurationError(
                f"Labels are told by a model that the method textlabel trained. Got one of {self.about.get('method', 'no method')}."
            )
        device = next(self.match.parameters()).device
        features = torch.from_numpy(encode_texts(self.encoder, texts, advance=advance)).to(device)
        found = zero_shot(self.match, features, names, embed=partial(label_vectors, self.encoder))
        return found.cpu().numpy()

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
        texts = data if isinstance(data, Texts) else read_texts(data, blank_labels=True, **columns)
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
        elif isinstance(self.encoder, MixtureTower):
            self.encoder.save(folder)
            if self.encoder.by_domain:
                save_sentence_transformer(self.encoder.dense(), folder)
        else:
            if isinstance(self.encoder, TokenBag):
                self.encoder.save(folder)
            save_sentence_transformer(self.encoder, folder)
        if self.match is not None:
            save_weights(self.match, folder / MATCH)
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
            try:
                encoder = _read_tower(folder, about["encoder"], about["encoder_settings"])
                match = read_match(folder, encoder.dim)
            except (ConfigurationError, DataError) as error:
                raise DataError(f"{folder} does not hold a model of texts that can be read. {error}") from error
        return cls(encoder.eval(), about, read_history(folder / HISTORY), match)


def read_match(folder: Path, dim: int) -> TextLabelMatch | None:
    """What was learned beside a tower about texts and labels; None where a folder holds none.

    Args:
        folder: of a model.
        dim: of its vectors.

    Raises:
        DataError: the file is broken.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not (folder / MATCH).is_file():
        return None
    match = TextLabelMatch(dim)
    try:
        match.load_state_dict(load_file(folder / MATCH))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError(f"{folder / MATCH} cannot be read ({reason_of(error)}). Train the model again.") from error
    return match.eval()


def _read_tower(folder: Path, name: str, settings: Mapping[str, int]) -> TextTower:
    from safetensors.torch import load_file

    if name == CHARACTERS:
        tower = CharacterTransformer(**settings)
        tower.load_state_dict(load_file(folder / _CHARACTERS))
        return tower
    if (folder / DOMAINS).exists():
        return MixtureTower.load(folder)
    if (folder / SETTINGS).exists():
        return TokenBag.load(folder)
    limit = {"max_tokens": settings["max_tokens"]} if "max_tokens" in settings else {}
    return load_subword_transformer(str(folder), **limit)

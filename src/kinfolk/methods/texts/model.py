"""A trained text tower in a folder, which sentence-transformers reads, too, unless it is one over characters."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kinfolk.data import atomic_write
from kinfolk.data.wording import reason_of
from kinfolk.encoders.batching import distinct_texts
from kinfolk.encoders.characters import CharacterTransformer
from kinfolk.encoders.st_folder import save_sentence_transformer
from kinfolk.encoders.subwords import load_subword_transformer
from kinfolk.encoders.text import spread_rows, unit_rows
from kinfolk.encoders.text_by_name import CHARACTERS, TextTower
from kinfolk.encoders.text_features import encode_texts
from kinfolk.encoders.token_bag import SETTINGS, TokenBag
from kinfolk.errors import DataError, KinfolkError
from kinfolk.methods.history import HISTORY, EpochEnd, read_history, write_history

ABOUT = "kinfolk.json"
"""The file that makes a folder one of these models; it comes last."""

_CHARACTERS = "characters.safetensors"
FILES = (ABOUT, "modules.json", "config.json", "model.safetensors", SETTINGS, _CHARACTERS, HISTORY)
"""Files of a model that another must not overwrite."""

_FORMAT = 1
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

        Raises:
            ConfigurationError: the tower gives a number that is not finite.
        """
        distinct, rows = distinct_texts(texts)
        vectors = np.zeros((len(distinct), self.dim), np.float32)
        for start in range(0, len(distinct), _AT_ONCE):
            texts_of_part = distinct[start : start + _AT_ONCE]
            part = unit_rows(encode_texts(self.encoder, texts_of_part), texts_of_part)
            vectors[start : start + len(part)] = part
            if advance is not None:
                advance((start + len(part)) / len(distinct))
        return spread_rows(vectors, rows)

    @cached_property
    def fingerprint(self) -> str:
        """A text that changes when the vectors would."""
        cut = getattr(self.encoder, "max_tokens", None)
        digest = hashlib.blake2b(f"{type(self.encoder).__name__} {cut}".encode(), digest_size=16)
        for name, tensor in sorted(self.encoder.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def save(self, folder: str | Path) -> Path:
        """Write the model; the description comes last, so that a folder that has one is whole.

        Raises:
            DataError: the folder cannot be written to.
        """
        from safetensors.torch import save

        folder = Path(folder)
        if isinstance(self.encoder, CharacterTransformer):
            weights = {name: value.contiguous() for name, value in self.encoder.state_dict().items()}
            with atomic_write(folder / _CHARACTERS) as aside:
                aside.write_bytes(save(weights))
        else:
            if isinstance(self.encoder, TokenBag):
                self.encoder.save(folder)
            save_sentence_transformer(self.encoder, folder)
        write_history(self.history, folder / HISTORY)
        with atomic_write(folder / ABOUT) as aside:
            aside.write_text(json.dumps({"kinfolk_text_model": _FORMAT, **self.about}, indent=1), "utf-8")
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> TextModel:
        """Read a model that ``save`` wrote.

        Raises:
            DataError: the folder holds no such model, or a broken one.
        """
        folder = Path(folder)
        try:
            about = json.loads((folder / ABOUT).read_text("utf-8"))
            if about.pop("kinfolk_text_model") != _FORMAT:
                raise ValueError("another format")
            encoder = _read_tower(folder, about["encoder"], about["encoder_settings"])
        except FileNotFoundError:
            raise DataError(
                f"{folder} holds no model of texts: there is no {ABOUT}. Give the folder that `kinfolk train` wrote."
            ) from None
        except KinfolkError as error:
            raise DataError(f"{folder} does not hold a model of texts that can be read. {error}") from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            raise DataError(
                f"{folder} does not hold a model of texts that can be read ({reason_of(error)}). Train it again."
            ) from error
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
    return load_subword_transformer(str(folder), **limit)

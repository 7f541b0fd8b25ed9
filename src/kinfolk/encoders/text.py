"""Texts to unit vectors, with any sentence-transformers model.

Every distinct text is encoded once; texts of nearly the same length share a batch. The model itself stands behind the
small ``TextModel`` contract, so that everything here (order, duplicates, blanks, memory) is tested without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from kinfolk.encoders.batching import distinct_texts, token_batches
from kinfolk.encoders.progress import EncodingProgress
from kinfolk.errors import ConfigurationError

Vectors = npt.NDArray[np.float32]

# Tokens of one pass through the model, padding included: large enough to keep many cores busy, small enough that the
# activations of a base-size model stay under half a gigabyte.
TOKENS_PER_BATCH = 8192

# Texts whose tokens are counted together: enough for batches of equal length, few enough for memory to stay flat.
TEXTS_PER_CHUNK = 16_384

# Natural text has three to eight characters to a token, so cutting here changes no vector of it, while a cell of ten
# megabytes would otherwise be tokenized in full to keep its first few hundred tokens.
_CHARACTERS_PER_TOKEN = 64


class Tokenized(NamedTuple):
    """Texts as a model takes them.

    Attributes:
        inputs: one a text; only the model knows what they are.
        lengths: tokens of each text after cutting, int64 (n,), at least 1.
    """

    inputs: Sequence[Any]
    lengths: npt.NDArray[np.int64]


class TextModel(Protocol):
    """What a model has to offer to become an encoder."""

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        ...

    @property
    def max_tokens(self) -> int | None:
        """Tokens after which a text is cut; None when there is no limit."""
        ...

    @property
    def fingerprint(self) -> str:
        """A name that changes whenever the vectors would: weights, pooling, precision."""
        ...

    def tokenize(self, texts: Sequence[str]) -> Tokenized:
        """Turn texts into what ``embed`` takes."""
        ...

    def embed(self, inputs: Sequence[Any]) -> Vectors:
        """Return the vectors of one batch, shape (n, dim), not necessarily of unit length; ``inputs`` are some of ``tokenize``."""
        ...


@dataclass(frozen=True)
class TextEncoder:
    """Encodes texts into unit vectors.

    Attributes:
        name: what the user called the model.
        model: the model behind it.
    """

    name: str
    model: TextModel

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self.model.dim

    @property
    def fingerprint(self) -> str:
        """A name that changes whenever the vectors would; vectors kept on disk carry it."""
        return self.model.fingerprint

    def encode(
        self, texts: Sequence[str], *, progress: bool = False, advance: Callable[[float], None] | None = None
    ) -> Vectors:
        """Return one unit vector for each text.

        Args:
            texts: n strings. Equal strings are encoded once. Text beyond the model's limit is cut.
            progress: show a progress bar on the error stream when the job lasts over two seconds.
            advance: told the share that is done.

        Returns:
            float32 array (n, dim). A blank text says nothing and gets zeros, so that its cosine with anything is 0: two
            missing descriptions are not alike.

        Raises:
            DataError: if something in ``texts`` is not a string.
            ConfigurationError: if the model gives a number that is not finite.
        """
        distinct, rows = distinct_texts(texts)
        vectors = np.empty((len(distinct), self.dim), dtype=np.float32)
        with EncodingProgress(distinct, shown=progress, advance=advance) as bar:
            for start in range(0, len(distinct), TEXTS_PER_CHUNK):
                chunk = distinct[start : start + TEXTS_PER_CHUNK]
                vectors[start : start + len(chunk)] = self.encode_chunk(chunk, bar)
        return spread_rows(vectors, rows)

    def encode_chunk(self, texts: Sequence[str], progress: EncodingProgress) -> Vectors:
        """Return the unit vectors, float32 (n, dim), of distinct texts that are not blank, few enough to sort at once.

        Args:
            texts: n strings.
            progress: told of every batch done.

        Raises:
            ConfigurationError: if the model gives a number that is not finite.
        """
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        inputs, lengths = self.model.tokenize([self._prepare(text) for text in texts])
        for batch in token_batches(lengths, budget=TOKENS_PER_BATCH):
            of = [texts[row] for row in batch]
            vectors[batch] = unit_rows(self.model.embed([inputs[row] for row in batch]), of)
            progress.advance(of)
        return vectors

    def _prepare(self, text: str) -> str:
        if self.model.max_tokens is not None:
            text = text[: self.model.max_tokens * _CHARACTERS_PER_TOKEN]
        # Half a surrogate pair (a text cut in the middle of an emoji) is a legal Python string that tokenizers refuse.
        return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def spread_rows(vectors: Vectors, rows: npt.NDArray[np.int64]) -> Vectors:
    """Return for each row its vector, or zeros where the row number is -1.

    Args:
        vectors: float32 (m, dim).
        rows: int64 (n,), each in -1 … m - 1.
    """
    spread = np.zeros((len(rows), vectors.shape[1]), dtype=np.float32)
    present = rows >= 0
    spread[present] = vectors[rows[present]]
    return spread


def unit_rows(vectors: Vectors, texts: Sequence[str]) -> Vectors:
    """Bring vectors to unit length; zeros, which a model may give (a bag of unknown words), stay zeros.

    Args:
        vectors: float32 (n, dim).
        texts: what each is the vector of.

    Raises:
        ConfigurationError: if a number is not finite.
    """
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        text = texts[int(np.argmin(finite))]
        raise ConfigurationError(
            f"An encoder must give finite numbers. This one gives others for the text {text[:80]!r}. Its weights are damaged: "
            "train it again, or copy it again."
        )
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return unit

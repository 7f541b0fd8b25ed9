"""A text model without torch, so that batching, order, duplicates and the cache are tested everywhere."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kinfolk.encoders.text import Tokenized


class HashingModel:
    """A text's vector is the sum of its words' fixed random vectors; every row depends on its own text only.

    So any order and any batches must give the same vectors. The model remembers the batches it was given.
    """

    def __init__(self, dim: int = 16, max_tokens: int | None = 32, fingerprint: str = "hashing") -> None:
        self.dim = dim
        self.max_tokens = max_tokens
        self.fingerprint = fingerprint
        self.batches: list[list[str]] = []

    @property
    def embedded(self) -> list[str]:
        """All texts embedded so far, in the order of embedding."""
        return [text for batch in self.batches for text in batch]

    def tokenize(self, texts: Sequence[str]) -> Tokenized:
        lengths = [max(1, len(self._words(text))) for text in texts]
        return Tokenized(texts, np.array(lengths, dtype=np.int64))

    def embed(self, inputs: Sequence[str]) -> npt.NDArray[np.float32]:
        self.batches.append(list(inputs))
        return np.stack([self.alone(text) for text in inputs])

    def alone(self, text: str) -> npt.NDArray[np.float32]:
        """The vector of one text, not of unit length; fails on half a surrogate pair as a tokenizer does."""
        vector = np.zeros(self.dim, dtype=np.float32)
        for word in self._words(text):
            seed = int.from_bytes(hashlib.blake2b(word.encode("utf-8"), digest_size=8).digest(), "little")
            vector += np.random.default_rng(seed).normal(size=self.dim).astype(np.float32)
        return vector

    def _words(self, text: str) -> list[str]:
        return text.split()[: self.max_tokens]

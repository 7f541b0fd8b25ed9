"""A bag of subword tokens: the mean of their embeddings, each by a weight that starts as the idf and is learned.

With u_t the embedding of token t, w_t its weight, n the texts and n_t those with the token::

    z = sum_t w_t u_t / sum_t w_t,      w_t = 1 + log( (1 + n) / (1 + n_t) )  at the start

It knows no order of words, is very fast, and learns from few texts. The tokenizer is trained on the texts themselves.

Source: the mean of word embeddings as a text is that of Iyyer et al., "Deep unordered composition rivals syntactic
methods", ACL 2015; idf: Sparck Jones, "A statistical interpretation of term specificity", 1972, smoothed as in
scikit-learn. Weights that are learned, over subwords of one's own texts, are a project definition.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from kinfolk.data.atomic import atomic_write
from kinfolk.encoders.own_tokenizer import legible, train_tokenizer
from kinfolk.errors import ConfigurationError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SETTINGS = "token_bag.json"
_TOKENIZER, _WEIGHTS = "tokenizer.json", "token_bag.safetensors"
_AT_ONCE = 4096  # texts
_END = -1  # of a text, in a table of tokens


class TokenBag(nn.Module):
    """Texts to features. ``TokenBag.of_texts`` makes one.

    Args:
        tokenizer: texts to numbers of tokens.
        width: of the features, at least 1.
        max_tokens: after which a text is cut, at least 1.

    Attributes:
        dim: width of the features.
        embeddings: of the tokens, (vocabulary, dim).
        log_weights: natural logs of the weights, (vocabulary,); 0 until they are set.

    Raises:
        ConfigurationError: an option that is not possible.
    """

    def __init__(self, tokenizer: Tokenizer, *, width: int = 128, max_tokens: int = 256) -> None:
        super().__init__()
        for name, value in (("width", width), ("max_tokens", max_tokens)):
            if value < 1:
                raise ConfigurationError(f"{name} must be at least 1. Got {value}.")
        self.tokenizer, self.dim, self.max_tokens = tokenizer, width, max_tokens
        size = tokenizer.get_vocab_size()
        self.embeddings = nn.Parameter(torch.randn(size, width) / width**0.5)
        self.log_weights = nn.Parameter(torch.zeros(size))

    @classmethod
    def of_texts(
        cls,
        texts: Sequence[str],
        *,
        width: int = 128,
        max_tokens: int = 256,
        vocab_size: int = 8192,
        min_count: int = 2,
    ) -> TokenBag:
        """Train the tokenizer on texts, and start the weights at the idf in them.

        Args:
            texts: of the user, without their truth.
            width, max_tokens: see the class.
            vocab_size, min_count: see ``train_tokenizer``.

        Raises:
            ConfigurationError: an option that is not possible.
            MissingExtraError: tokenizers is not installed.
        """
        bag = cls(
            train_tokenizer(texts, vocab_size=vocab_size, min_count=min_count), width=width, max_tokens=max_tokens
        )
        with torch.no_grad():
            bag.log_weights.copy_(torch.from_numpy(bag.idf(texts)).log())
        return bag

    def idf(self, texts: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Inverse document frequency of each token in texts, (vocabulary,), at least 1."""
        counts = np.zeros(len(self.log_weights))
        for start in range(0, len(texts), _AT_ONCE):
            for numbers in self._numbers(texts[start : start + _AT_ONCE]):
                counts[list(set(numbers))] += 1
        return 1 + np.log((1 + len(texts)) / (1 + counts))

    def counts(self, texts: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """How often each token occurs in texts, each cut as the bag cuts it, (vocabulary,)."""
        counts = np.zeros(len(self.log_weights), np.int64)
        for start in range(0, len(texts), _AT_ONCE):
            numbers = [number for of in self._numbers(texts[start : start + _AT_ONCE]) for number in of]
            counts += np.bincount(np.array(numbers, np.int64), minlength=len(counts))
        return counts

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Numbers of the tokens of texts, int64 (texts, length), -1 where a text has ended."""
        rows = [torch.tensor(numbers, dtype=torch.int64) for numbers in self._numbers(texts)]
        least = torch.full((1,), _END)  # a table of empty texts has one column
        return pad_sequence([row if len(row) else least for row in rows], True, _END) if rows else least[:0, None]

    def pieces(self, texts: Sequence[str], *, most: int) -> Tensor:
        """As ``tokens``, to cut views from, each text cut after ``most`` of them."""
        encoded = self.tokenizer.encode_batch([legible(text) for text in texts], add_special_tokens=False)
        rows = [torch.tensor(of.ids[:most] or [_END], dtype=torch.int64) for of in encoded]
        return pad_sequence(rows, True, _END) if rows else torch.full((0, 1), _END)

    def wrap(self, pieces: Tensor) -> Tensor:
        """Tokens of views that were cut from ``pieces``, cut to what the bag takes."""
        return pieces[:, : self.max_tokens]

    def forward(self, tokens: Tensor) -> Tensor:
        """Features of texts, (texts, dim), zeros for an empty one.

        Args:
            tokens: see there.
        """
        there, numbers = tokens != _END, tokens.clamp_min(0)
        # A softmax over the tokens of a text: the largest weight is taken out, so that none overflows.
        logs = self.log_weights[numbers].masked_fill(~there, -torch.inf)
        largest = logs.amax(1, keepdim=True).clamp_min(torch.finfo(logs.dtype).min)
        shares = (logs - largest).exp()
        shares = shares / shares.sum(1, keepdim=True).clamp_min(torch.finfo(logs.dtype).tiny)
        return F.embedding_bag(numbers, self.embeddings, per_sample_weights=shares, mode="sum")

    def save(self, folder: str | Path) -> None:
        """Write tokenizer, settings and weights.

        Raises:
            DataError: the folder cannot be written.
        """
        from safetensors.torch import save_file

        with atomic_write(Path(folder) / _TOKENIZER) as path:
            path.write_text(self.tokenizer.to_str(), "utf-8")
        with atomic_write(Path(folder) / _WEIGHTS) as path:
            save_file(self.state_dict(), path)
        with atomic_write(Path(folder) / SETTINGS) as path:
            path.write_text(json.dumps({"width": self.dim, "max_tokens": self.max_tokens}), "utf-8")

    @classmethod
    def load(cls, folder: str | Path, *, max_tokens: int | None = None) -> TokenBag:
        """Read what ``save`` wrote.

        Args:
            folder: of the bag.
            max_tokens: after which a text is cut; None takes what was saved.

        Raises:
            ConfigurationError: there is no bag in the folder.
        """
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        for name in (SETTINGS, _TOKENIZER, _WEIGHTS):
            if not (Path(folder) / name).is_file():
                raise ConfigurationError(f"{folder} must be the folder of a saved bag of tokens. It has no {name}.")
        settings = json.loads((Path(folder) / SETTINGS).read_text("utf-8"))
        if max_tokens is not None:
            settings["max_tokens"] = max_tokens
        bag = cls(Tokenizer.from_file(str(Path(folder) / _TOKENIZER)), **settings)
        bag.load_state_dict(load_file(Path(folder) / _WEIGHTS))
        return bag

    def _numbers(self, texts: Sequence[str]) -> list[list[int]]:
        encoded = self.tokenizer.encode_batch([legible(text) for text in texts], add_special_tokens=False)
        return [of.ids[: self.max_tokens] for of in encoded]

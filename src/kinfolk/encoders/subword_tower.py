"""From texts to tables of subword tokens, by the tokenizer of a model of transformers: what towers over subwords share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from kinfolk.encoders.own_tokenizer import legible
from kinfolk.errors import ConfigurationError

END = -1  # of a text, in a table of tokens


class SubwordTower(nn.Module):
    """Texts to tokens.

    Args:
        tokenizer: of a model of transformers.
        max_tokens: after which a text is cut, at least 1.
    """

    def __init__(self, tokenizer: Any, *, max_tokens: int) -> None:
        super().__init__()
        if max_tokens < 1:
            raise ConfigurationError(f"max_tokens must be at least 1. Got {max_tokens}.")
        self.tokenizer, self.max_tokens = tokenizer, max_tokens

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Numbers of the tokens of texts, int64 (texts, length), -1 where a text has ended."""
        if not texts:
            return torch.full((0, 1), END)
        numbers = self.tokenizer([legible(text) for text in texts], truncation=True, max_length=self.max_tokens)[
            "input_ids"
        ]
        return pad_sequence([torch.tensor(of, dtype=torch.int64) for of in numbers], True, END)

    def pieces(self, texts: Sequence[str], *, most: int) -> Tensor:
        """As ``tokens``, without what stands at the ends of a text, to cut views from; ``wrap`` makes tokens of them.

        Args:
            texts: any number.
            most: tokens after which a text is cut, which may be more than the tower takes.
        """
        if not texts:
            return torch.full((0, 1), END)
        numbers = self.tokenizer(
            [legible(text) for text in texts], truncation=True, max_length=most, add_special_tokens=False, verbose=False
        )["input_ids"]
        return pad_sequence([torch.tensor(of or [END], dtype=torch.int64) for of in numbers], True, END)

    def wrap(self, pieces: Tensor) -> Tensor:
        """Tokens of views that were cut from ``pieces``, cut to what the tower takes, with the special tokens at the ends."""
        begin, end = self._ends
        room = max(1, self.max_tokens - len(begin) - len(end))
        rows = [
            torch.cat([torch.tensor(begin), row[row != END][:room], torch.tensor(end)]).to(torch.int64)
            for row in pieces
        ]
        return pad_sequence(rows, True, END)

    @cached_property
    def _ends(self) -> tuple[list[int], list[int]]:
        """What the tokenizer puts before and behind a text."""
        bare = self.tokenizer("a", add_special_tokens=False)["input_ids"]
        whole = self.tokenizer("a")["input_ids"]
        at = next(at for at in range(len(whole)) if whole[at : at + len(bare)] == bare)
        return whole[:at], whole[at + len(bare) :]

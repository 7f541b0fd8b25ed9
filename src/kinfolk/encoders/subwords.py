"""A text model of transformers as a text tower that is trained further: subword tokens in, their mean out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from kinfolk.encoders.hub import first_line, from_cache_or_hub, local_folder, quiet_loading
from kinfolk.encoders.own_tokenizer import legible
from kinfolk.encoders.sentence_transformer import OFFLINE_NAMES, offline_folder
from kinfolk.encoders.text_pooling import pool_tokens
from kinfolk.errors import ConfigurationError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_KIND = "a transformers model"
_END = -1  # of a text, in a table of tokens


class SubwordTransformer(nn.Module):
    """Texts to features: the mean over the last hidden states of their tokens.

    Args:
        model: takes ``input_ids`` and ``attention_mask``.
        tokenizer: of the model.
        max_tokens: after which a text is cut, at least 1.

    Attributes:
        dim: width of the features.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any, *, max_tokens: int = 64) -> None:
        super().__init__()
        if max_tokens < 1:
            raise ConfigurationError(f"max_tokens must be at least 1. Got {max_tokens}.")
        self.model, self.tokenizer, self.max_tokens = model, tokenizer, max_tokens
        self.dim = int(model.config.hidden_size)

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Numbers of the tokens of texts, int64 (texts, length), -1 where a text has ended."""
        if not texts:
            return torch.full((0, 1), _END)
        numbers = self.tokenizer([legible(text) for text in texts], truncation=True, max_length=self.max_tokens)[
            "input_ids"
        ]
        return pad_sequence([torch.tensor(of, dtype=torch.int64) for of in numbers], True, _END)

    def pieces(self, texts: Sequence[str], *, most: int) -> Tensor:
        """As ``tokens``, without what stands at the ends of a text, to cut views from; ``wrap`` makes tokens of them.

        Args:
            texts: any number.
            most: tokens after which a text is cut, which may be more than the tower takes.
        """
        if not texts:
            return torch.full((0, 1), _END)
        numbers = self.tokenizer(
            [legible(text) for text in texts], truncation=True, max_length=most, add_special_tokens=False, verbose=False
        )["input_ids"]
        return pad_sequence([torch.tensor(of or [_END], dtype=torch.int64) for of in numbers], True, _END)

    def wrap(self, pieces: Tensor) -> Tensor:
        """Tokens of views that were cut from ``pieces``, cut to what the tower takes, with the special tokens at the ends."""
        begin, end = self._ends
        room = max(1, self.max_tokens - len(begin) - len(end))
        rows = [
            torch.cat([torch.tensor(begin), row[row != _END][:room], torch.tensor(end)]).to(torch.int64)
            for row in pieces
        ]
        return pad_sequence(rows, True, _END)

    @cached_property
    def _ends(self) -> tuple[list[int], list[int]]:
        """What the tokenizer puts before and behind a text."""
        bare = self.tokenizer("a", add_special_tokens=False)["input_ids"]
        whole = self.tokenizer("a")["input_ids"]
        at = next(at for at in range(len(whole)) if whole[at : at + len(bare)] == bare)
        return whole[:at], whole[at + len(bare) :]

    def forward(self, tokens: Tensor) -> Tensor:
        """Features of texts, (texts, dim).

        Args:
            tokens: see there.
        """
        there = tokens != _END
        outputs = self.model(input_ids=tokens.clamp_min(0), attention_mask=there.long())
        return pool_tokens([outputs.last_hidden_state], there)


def load_subword_transformer(name: str, *, max_tokens: int = 64) -> SubwordTransformer:
    """Load a text model.

    Args:
        name: a folder with config.json and a tokenizer; "minilm" for the model that the extra ``offline`` installs; or a
            name on the Hugging Face hub, in which case the network is used only where the local cache does not hold it.
        max_tokens: after which a text is cut.

    Raises:
        ConfigurationError: there is no such model, or it cannot be loaded.
        MissingExtraError: "minilm" is not installed.
    """
    folder = offline_folder() if name in OFFLINE_NAMES else local_folder(name, kinds={"config.json": _KIND})
    if folder is None:
        model, tokenizer = from_cache_or_hub(
            name,
            _load,
            instead=f"a folder, or {OFFLINE_NAMES[0]!r} for the model that kinfolk[offline] installs",
        )
        return SubwordTransformer(model, tokenizer, max_tokens=max_tokens)
    try:
        with quiet_loading():
            model, tokenizer = _load(str(folder))
    except Exception as error:  # Which error a damaged model gives depends on the file and on the library's version.
        raise ConfigurationError(
            f"Cannot load the text encoder {name!r}: {first_line(error)} Check that the folder is complete."
        ) from error
    return SubwordTransformer(model, tokenizer, max_tokens=max_tokens)


def _load(source: str) -> tuple[PreTrainedModel, Any]:
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source)
    model: PreTrainedModel = AutoModel.from_pretrained(source)
    return model.float(), tokenizer

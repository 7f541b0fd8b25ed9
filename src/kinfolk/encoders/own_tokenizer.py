"""A tokenizer of subwords that is trained on one's own texts.

Byte pair encoding over bytes: what is frequent in the texts becomes a token, and what is not falls apart into smaller
ones, at last into bytes. So no text of any script is without tokens. Compatible forms of a character are one, and so are
upper and lower case; a word is the same token at the start of a text and within it.

Source: Sennrich, Haddow & Birch, "Neural machine translation of rare words with subword units", ACL 2016,
arXiv 1508.07909; over bytes: Radford et al., "Language models are unsupervised multitask learners", 2019.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from kinfolk.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")  # with the numbers 0 to 4
_BYTES = 256
LEAST = len(SPECIAL) + _BYTES


def train_tokenizer(texts: Iterable[str], *, vocab_size: int = 8192, min_count: int = 2) -> Tokenizer:
    """Learn the subwords of texts. The same texts give the same tokenizer.

    Args:
        texts: any, read once.
        vocab_size: tokens at most, at least 261: all bytes and five special tokens.
        min_count: of a pair, below which it is not joined, at least 1.

    Raises:
        ConfigurationError: an option that is not possible.
        MissingExtraError: tokenizers is not installed.
    """
    if vocab_size < LEAST:
        raise ConfigurationError(
            f"vocab_size must be at least {LEAST}, all bytes and special tokens. Got {vocab_size}."
        )
    if min_count < 1:
        raise ConfigurationError(f"min_count must be at least 1. Got {min_count}.")
    if find_spec("tokenizers") is None:
        raise MissingExtraError("A tokenizer of one's own texts", "text")
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.train_from_iterator(
        map(legible, texts),
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=min_count,
            special_tokens=list(SPECIAL),
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def legible(text: str) -> str:
    """The text with a question mark for half a surrogate pair, which tokenizers refuse."""
    return text.encode("utf-8", "replace").decode("utf-8")

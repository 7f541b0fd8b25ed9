"""A table of token vectors that stands in for a trained transformer: much faster, and a good part of what it knows.

The transformer reads each token of its vocabulary once, alone between the marks of a text. The features are centered and
turned into their main directions, of which the first are kept, and a text is the mean of those of its tokens, each by how
rare it is in texts of one's own. With n_t the occurrences of token t among N tokens of these, and V tokens in the vocabulary::

    p_t = (n_t + 1) / (N + V)        w_t = a / (a + p_t)

What is made is a ``TokenBag``; it can be trained further. It knows no order of words, and no word in its context.

Source: the table is that of Tulkens & van Dongen, "Model2Vec: fast state-of-the-art static embeddings", 2024, after Reimers
& Gurevych's encoders, EMNLP 2019; the weights are those of Arora, Liang & Ma, "A simple but tough-to-beat baseline for
sentence embeddings", ICLR 2017, with the frequencies smoothed by adding one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from kinfolk.encoders.subwords import SubwordTransformer
from kinfolk.encoders.text_features import evaluating
from kinfolk.encoders.token_bag import TokenBag
from kinfolk.errors import ConfigurationError

_AT_ONCE = 512  # tokens


def distill_static(
    teacher: SubwordTransformer,
    texts: Sequence[str],
    *,
    dim: int = 256,
    sif: float = 1e-3,
    max_tokens: int = 256,
    advance: Callable[[float], None] | None = None,
) -> TokenBag:
    """Make a bag of the tokens of a transformer, with the features that it gives each of them.

    Args:
        teacher: stays as it is; its tokenizer must be a fast one.
        texts: of the kind that will be encoded, from which the frequencies of the tokens are taken.
        dim: width of the vectors, at least 1; at most as many directions are kept as there are.
        sif: the a of the weights, in (0, inf): the frequency at which a token counts half.
        max_tokens: of the bag, after which a text is cut.
        advance: told the share of the vocabulary that is done.

    Returns:
        The bag, with the tokenizer of the teacher. Marks such as [CLS] have the vector 0.

    Raises:
        ConfigurationError: an option that is not possible, no texts, or a tokenizer without a fast form.
    """
    if dim < 1:
        raise ConfigurationError(f"dim must be at least 1. Got {dim}.")
    if not 0 < sif < float("inf"):
        raise ConfigurationError(f"sif must be in (0, inf). Got {sif}.")
    if not texts:
        raise ConfigurationError("texts must hold at least one text, from which frequencies are taken. Got none.")
    fast = getattr(teacher.tokenizer, "backend_tokenizer", None)
    if fast is None:
        raise ConfigurationError(
            f"The tokenizer of the teacher must have a fast form. Got a {type(teacher.tokenizer).__name__}. Take another model."
        )
    tokenizer = type(fast).from_str(fast.to_str())
    tokenizer.no_padding()  # a bag cuts texts itself, and padding would count as tokens
    tokenizer.no_truncation()
    words = np.setdiff1d(np.arange(tokenizer.get_vocab_size()), teacher.tokenizer.all_special_ids)
    features = main_directions(_features(teacher, words, advance), dim)
    bag = TokenBag(tokenizer, width=features.shape[1], max_tokens=max_tokens)
    counts = bag.counts(texts)
    frequency = (counts + 1) / (counts.sum() + len(counts))
    with torch.no_grad():
        bag.embeddings.zero_()
        bag.embeddings[torch.from_numpy(words)] = torch.from_numpy(features)
        bag.log_weights.copy_(torch.from_numpy(np.log(sif / (sif + frequency))))
    return bag


def main_directions(vectors: npt.NDArray[np.float32], dim: int) -> npt.NDArray[np.float32]:
    """Vectors centered and turned into the directions in which they differ most, float32 (num, the fewer of dim and width).

    Each direction points where its largest part is positive, so that the same vectors give the same numbers anywhere.

    Args:
        vectors: (num, width), at least one.
        dim: directions to keep, at least 1.

    Source: Pearson, "On lines and planes of closest fit to systems of points in space", 1901 (principal components).
    """
    centered = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centered.T @ centered)
    axes = axes[:, ::-1][:, :dim]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return np.asarray(centered @ axes, np.float32)


@torch.no_grad()
def _features(
    teacher: SubwordTransformer, words: npt.NDArray[np.int64], advance: Callable[[float], None] | None
) -> npt.NDArray[np.float32]:
    """What the teacher makes of each token alone, float32 (tokens, dim)."""
    device = next(teacher.parameters()).device
    parts = []
    with evaluating(teacher):
        for start in range(0, len(words), _AT_ONCE):
            part = torch.from_numpy(words[start : start + _AT_ONCE])
            parts.append(teacher(teacher.wrap(part[:, None]).to(device)).float().cpu().numpy())
            if advance is not None:
                advance(min(1.0, (start + _AT_ONCE) / len(words)))
    return np.concatenate(parts)

"""Views of texts as numbers of tokens: independent crops, lost tokens, a span and what stood around it.

Texts are rows of one array, int64 (texts, length), -1 after the end of each, as the text encoders take them. They hold
no special tokens: those are put around a view, not around what it is cut from. Whatever is random comes from a numpy
generator that the caller owns.

Source: Izacard et al., "Unsupervised dense information retrieval with contrastive learning", TMLR 2022, arXiv
2112.09118, section 3; inverse cloze: Lee, Chang & Toutanova, "Latent retrieval for weakly supervised open domain
question answering", ACL 2019, arXiv 1906.00300, section 4.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.views.draws import Range, check_range_of, check_shares

_END = -1

Tokens = npt.NDArray[np.int64]


def chunk_grid(stream: npt.NDArray[np.integer], *, length: int, rng: np.random.Generator) -> Tokens:
    """Cut a stream of tokens into chunks, from a random place on, so that other tokens share a chunk in each epoch.

    Args:
        stream: the tokens of the corpus one after the other, (tokens,).
        length: tokens of a chunk, at least 1.
        rng: draws where the first chunk begins, in [0, length).

    Returns:
        int64 (chunks, length). The tokens before the first chunk and those after the last whole one are left out this
        time. There is always a chunk: a stream that is shorter than one is returned whole, (1, tokens).

    Raises:
        ConfigurationError: a length below 1.
        DataError: no tokens, or not a row of integers of at least 0.
    """
    if length < 1:
        raise ConfigurationError(f"length must be at least 1. Got {length}.")
    if stream.ndim != 1 or stream.dtype.kind not in "iu" or not len(stream) or stream.min() < 0:
        raise DataError(
            f"stream must be integers of at least 0, one a token, and not empty. "
            f"Got {stream.dtype} of shape {stream.shape}."
        )
    length = min(length, len(stream))
    offset = int(rng.integers(min(length, len(stream) - length + 1)))
    chunks = (len(stream) - offset) // length
    return stream[offset : offset + chunks * length].reshape(chunks, length).astype(np.int64)


def random_crop(
    tokens: npt.NDArray[np.integer], *, ratio: Range = (0.1, 0.5), least: int = 1, rng: np.random.Generator
) -> Tokens:
    """One crop of each text; two calls give two independent crops, which may overlap, nest or be the same.

    The share of a text that is kept is drawn evenly from ``ratio``, its length rounded down, and where it begins is
    drawn evenly from all places where it fits.

    Args:
        tokens: int (texts, length), -1 after the end of each.
        ratio: share of a text that is kept, lowest and highest, in [0, 1].
        least: tokens of a crop at least, or the whole text where it has fewer. 0 gives the authors' rule, by which a
            crop of a short text may be empty.
        rng: see above.

    Returns:
        int64 (texts, length of the longest crop), -1 after the end of each.

    Raises:
        ConfigurationError: settings out of range.
        DataError: tokens are not such an array.
    """
    lengths, places = _measured(tokens)
    starts, ends = _spans(lengths, ratio, np.minimum(least, lengths), lengths, rng)
    return _kept(tokens, (places >= starts[:, None]) & (places < ends[:, None]))


def random_window(tokens: npt.NDArray[np.integer], *, length: int, rng: np.random.Generator) -> Tokens:
    """A piece of each text that is longer than ``length``, from a random place; shorter texts whole.

    Args:
        tokens: int (texts, length), -1 after the end of each.
        length: tokens of a piece at most, at least 1.
        rng: see above.

    Returns:
        int64 (texts, tokens of the longest piece), -1 after the end of each.

    Raises:
        ConfigurationError: a length below 1.
        DataError: tokens are not such an array.
    """
    if length < 1:
        raise ConfigurationError(f"length must be at least 1. Got {length}.")
    lengths, places = _measured(tokens)
    sizes = np.minimum(lengths, length)
    starts = rng.integers(lengths - sizes, endpoint=True)
    return _kept(tokens, (places >= starts[:, None]) & (places < (starts + sizes)[:, None]))


def delete_tokens(tokens: npt.NDArray[np.integer], *, rate: float = 0.1, rng: np.random.Generator) -> Tokens:
    """Texts without some of their tokens.

    Args:
        tokens: int (texts, length), -1 after the end of each.
        rate: probability that a token is lost, in [0, 1]; each alone. A text that would lose all keeps one of them.
        rng: see above.

    Returns:
        int64 (texts, length of the longest), -1 after the end of each.

    Raises:
        ConfigurationError: a rate out of range.
        DataError: tokens are not such an array.
    """
    check_shares(rate=rate)
    lengths, places = _measured(tokens)
    drawn = np.where(places < lengths[:, None], rng.random(tokens.shape), -1.0)
    kept = drawn >= rate
    if tokens.shape[1]:
        emptied = np.flatnonzero((lengths > 0) & ~kept.any(axis=1))
        kept[emptied, drawn[emptied].argmax(axis=1)] = True
    return _kept(tokens, kept)


def inverse_cloze(
    tokens: npt.NDArray[np.integer], *, ratio: Range = (0.1, 0.5), keep: float = 0.0, rng: np.random.Generator
) -> tuple[Tokens, Tokens]:
    """A span of each text, and the text around it: from the one the other is to be found.

    Args:
        tokens: int (texts, length), -1 after the end of each.
        ratio: share of a text that the span takes, lowest and highest, in [0, 1]. Span and surroundings have a token at
            least; a text of one token is both.
        keep: probability that the surroundings keep the span, in [0, 1]; 0.1 in Lee et al., so that equal words
            count, too.
        rng: see above.

    Returns:
        Spans and surroundings, int64 (texts, length of the longest), -1 after the end of each.

    Raises:
        ConfigurationError: settings out of range.
        DataError: tokens are not such an array.
    """
    check_shares(keep=keep)
    lengths, places = _measured(tokens)
    starts, ends = _spans(lengths, ratio, np.minimum(1, lengths), np.maximum(lengths - 1, np.minimum(1, lengths)), rng)
    inside = (places >= starts[:, None]) & (places < ends[:, None])
    whole = (rng.random(len(tokens)) < keep) | (lengths == 1)
    return _kept(tokens, inside), _kept(tokens, (places < lengths[:, None]) & (~inside | whole[:, None]))


def _spans(
    lengths: Tokens, ratio: Range, least: Tokens, most: Tokens, rng: np.random.Generator
) -> tuple[Tokens, Tokens]:
    """Where a random span of each text begins and ends, within bounds on its length."""
    check_range_of("ratio", ratio, least=0, most=1)
    if (least < 0).any():
        raise ConfigurationError(f"least must be at least 0. Got {least.min()}.")
    sizes = np.floor(lengths * rng.uniform(*ratio, size=len(lengths))).astype(np.int64).clip(least, most)
    starts = rng.integers(lengths - sizes, endpoint=True)
    return starts, starts + sizes


def _measured(tokens: npt.NDArray[np.integer]) -> tuple[Tokens, Tokens]:
    """The length of each text and the places of tokens in a row."""
    if tokens.ndim != 2 or tokens.dtype.kind != "i":
        raise DataError(f"tokens must be signed integers (texts, length). Got {tokens.dtype} of shape {tokens.shape}.")
    there, places = tokens != _END, np.arange(tokens.shape[1])
    lengths = there.sum(axis=1)
    if (there != (places < lengths[:, None])).any():
        row = int((there != (places < lengths[:, None])).any(axis=1).argmax())
        raise DataError(f"tokens may be {_END} only after the end of a text. Row {row + 1} holds it between others.")
    return lengths, places


def _kept(tokens: npt.NDArray[np.integer], kept: npt.NDArray[np.bool_]) -> Tokens:
    """Some tokens of each text, one after the other."""
    lengths = kept.sum(axis=1)
    out = np.full((len(tokens), lengths.max(initial=0)), _END)
    out[np.arange(out.shape[1]) < lengths[:, None]] = tokens[kept]
    return out

"""Attention of texts that lie one behind the other, and room for few shapes.

oneDNN makes a kernel for each shape of a product, holds up to a thousand of them, half a megabyte each, and takes milliseconds to
make one. Batches of texts are hardly ever of one shape. So the tokens of a batch are rounded up to one of sixteen numbers between a
power of two and the next, and short texts of one length go through attention in pieces whose numbers are powers of two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

# Up to this length two products of all heads at once are faster in bfloat16 than the kernel of attention, which goes from
# head to head: 1.7 times for 12 tokens, 1.3 times for 40. In float32 the kernel is.
_SHORT = 64
_TOKENS = 2048  # of a piece of short texts, at most


class Run(NamedTuple):
    """Tokens of neighboring texts of one length."""

    tokens: slice
    texts: slice
    length: int


class Piece(NamedTuple):
    """Tokens of texts of one length that go through attention together, and how."""

    tokens: slice
    length: int
    at_once: bool


def runs_of(texts: Sequence[Sequence[int]]) -> Iterator[Run]:
    """The texts of one length that are neighbors, from the first to the last."""
    token, row = 0, 0
    for length, group in groupby(map(len, texts)):
        count = sum(1 for _ in group)
        yield Run(slice(token, token + count * length), slice(row, row + count), length)
        token, row = token + count * length, row + count


def pieces_of(runs: Sequence[Run], *, at_once: bool) -> list[Piece]:
    """What goes through attention together: runs, and of short texts, where they go at once, pieces of few shapes."""
    pieces = []
    for run in runs:
        if not at_once or run.length > _SHORT:
            pieces.append(Piece(run.tokens, run.length, at_once=False))
            continue
        start, left, most = run.tokens.start, run.texts.stop - run.texts.start, _TOKENS // run.length
        while left:
            texts = 1 << (min(left, most).bit_length() - 1)
            pieces.append(Piece(slice(start, start + texts * run.length), run.length, at_once=True))
            start, left = start + texts * run.length, left - texts
    return pieces


def room_for(tokens: int) -> int:
    """A number of tokens rounded up, by less than a sixteenth."""
    step = 1 << max(0, tokens.bit_length() - 5)
    return -(-tokens // step) * step


def attend(inputs: Tensor, heads: int, pieces: Sequence[Piece]) -> Tensor:
    """What each token takes from the tokens of its text, (tokens, width); zeros in the room behind the texts.

    Args:
        inputs: queries, keys and values, (tokens, 3 · width).
        heads: of attention.
        pieces: the texts.
    """
    width = inputs.shape[1] // 3
    attended = inputs.new_empty((len(inputs), width))
    attended[pieces[-1].tokens.stop :] = 0  # what was there before need not be a number
    for piece in pieces:
        query, key, value = inputs[piece.tokens].view(-1, piece.length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        taken = (attend_at_once if piece.at_once else F.scaled_dot_product_attention)(query, key, value)
        attended[piece.tokens].view(-1, piece.length, heads, width // heads).copy_(taken.transpose(1, 2))
    return attended


def attend_at_once(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention by two products over all texts and heads; each (texts, heads, length, width of a head)."""
    texts, heads, length, width = query.shape
    query, key, value = (part.reshape(-1, length, width) for part in (query, key, value))
    nothing = query.new_empty((1, 1, 1))
    likeness = torch.baddbmm(nothing, query, key.transpose(1, 2), beta=0, alpha=width**-0.5)
    return torch.bmm(torch.softmax(likeness, -1), value).view(texts, heads, length, width)

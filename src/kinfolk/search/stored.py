"""Everything that a search of vectors reads, as one value that is never changed.

A search holds the value it began with, so whoever adds rows meanwhile makes a new one and disturbs nobody.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from kinfolk.search.bitmaps import count_bits
from kinfolk.search.graph import Links
from kinfolk.search.kernels.codes import code_width, encode_codes
from kinfolk.search.kernels.lines import aligned_lines, encode_lines, line_layout
from kinfolk.search.kernels.subsets import bitmap_of, read_only
from kinfolk.search.metric import Floats, Metric, lengths_of

_STEP = 1 << 12  # rows a thread encodes at a time
_GROWTH = 1.5  # of the room for rows, when it is full
NONE_DEAD: npt.NDArray[np.uint64] = np.empty(0, dtype=np.uint64)


@dataclass(frozen=True, eq=False)
class Stored:
    """Vectors and what is derived from them.

    Attributes:
        metric: ``cosine``, ``ip`` or ``l2``.
        vectors: in the form of ``stored_form``, float32 (num, dim).
        lines: one bit a dimension, uint64 (num, words), each line aligned to 64 bytes.
        mean, signs: what the lines and codes were made with.
        lengths: of the vectors, float64 (num,).
        sample: rows of a sample, int64.
        links: of the graph's rows, which are the first ones, int32 (num_linked, 32); none without a graph.
        codes, code_numbers: one byte a dimension, int8 (num, width), and two numbers a row, float32 (num, 2).
        dead: bitmap of deleted rows, uint64; without words none was.
    """

    metric: Metric
    vectors: Floats
    lines: npt.NDArray[np.uint64]
    mean: Floats
    signs: Floats
    lengths: npt.NDArray[np.float64]
    sample: npt.NDArray[np.int64]
    links: Links
    codes: npt.NDArray[np.int8]
    code_numbers: Floats
    dead: npt.NDArray[np.uint64]

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                object.__setattr__(self, field.name, read_only(value))

    @property
    def num(self) -> int:
        """Rows, deleted ones included."""
        return len(self.vectors)

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self.vectors.shape[1])

    @property
    def squared(self) -> bool:
        """Whether scores are minus squared distances."""
        return self.metric == "l2"

    @property
    def has_graph(self) -> bool:
        """Whether there is something to walk on."""
        return len(self.links) > 0

    @property
    def num_unlinked(self) -> int:
        """Rows that came after the graph was built."""
        return self.num - len(self.links)

    @cached_property
    def largest(self) -> float:
        """The largest length of a vector."""
        return float(self.lengths.max(initial=0.0))

    @cached_property
    def half_squares(self) -> Floats | None:
        """Half the squared length of each vector, for ``l2``."""
        return (self.lengths**2 / 2).astype(np.float32) if self.squared else None

    @cached_property
    def sample_lines(self) -> npt.NDArray[np.uint64]:
        """The lines of the sample, flat, one after the other."""
        return read_only(lines_of(self.lines, self.sample).reshape(-1))

    @cached_property
    def alive(self) -> int:
        """Rows that were not deleted."""
        return self.num - count_bits(self.dead)


def lines_of(lines: npt.NDArray[np.uint64], rows: npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
    """A copy of some lines, aligned as all are."""
    copy = aligned_lines(len(rows), lines.shape[1])
    np.take(lines, rows, axis=0, out=copy)
    return copy


def aligned(lines: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The lines, or where they are not aligned a copy that is."""
    if lines.ctypes.data % 64 == 0:
        return lines
    copy = aligned_lines(*lines.shape)
    copy[:] = lines
    return copy


def derived(
    vectors: Floats, mean: Floats, signs: Floats, *, squared: bool, threads: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int8], Floats, npt.NDArray[np.float64]]:
    """Lines, codes with their numbers, and lengths of vectors."""
    num, dim = vectors.shape
    mean, signs = read_only(mean), read_only(signs)
    lines = aligned_lines(num, line_layout(dim)[0])
    codes, numbers = np.zeros((num, code_width(dim)), dtype=np.int8), np.zeros((num, 2), dtype=np.float32)

    def encode(start: int) -> None:
        part = slice(start, start + _STEP)
        encode_lines(vectors[part], mean, signs, squared, lines[part], lines[part].view(np.float32))
        encode_codes(vectors[part], mean, squared, codes[part], numbers[part])

    if threads == 1 or num <= _STEP:
        for start in range(0, num, _STEP):
            encode(start)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(encode, range(0, num, _STEP)))
    return lines, codes, numbers, lengths_of(vectors)


def with_dead(dead: npt.NDArray[np.uint64], rows: npt.NDArray[np.integer], num: int) -> npt.NDArray[np.uint64]:
    """The bitmap of deleted rows with more of them."""
    words = bitmap_of(rows, num)
    words[: len(dead)] |= dead
    return words


class Room:
    """Arrays with spare rows, so that appending costs by what is appended.

    A row that was handed out is never written to again: searches may be reading it.
    """

    def __init__(self) -> None:
        self._arrays: dict[str, npt.NDArray[Any]] = {}

    def append(self, name: str, old: npt.NDArray[Any], added: npt.NDArray[Any]) -> Any:
        """The rows of ``old``, which was handed out last under this name or is no array of this room, and more behind them."""
        num = len(old) + len(added)
        room = self._arrays.get(name)
        if room is None or len(room) < num:
            shape = (int(_GROWTH * num), *old.shape[1:])
            room = aligned_lines(*shape) if name == "lines" else np.empty(shape, dtype=old.dtype)
            room[: len(old)] = old
            self._arrays[name] = room
        room[len(old) : num] = added
        return room[:num]

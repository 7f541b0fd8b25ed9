"""Inner products of many vectors with many, as fast as the machine makes them, and how far each may be off.

Nothing is decided by these products: they tell which pairs are worth an exact one. Where the processor multiplies bfloat16 in
hardware and torch is there, large tables are multiplied in it, at more than twice the speed of float32.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from kinfolk.encoders.precision import processor_has_fast_bfloat16

if TYPE_CHECKING:
    import torch

_LARGE = 1 << 36  # multiplications from which on bfloat16 saves more than it takes to import torch
_FEW_ROWS = 8  # so few at a time are multiplied in float32: it is memory that counts
_HALF_ULP = 2.0**-8  # relative rounding of bfloat16, of eight binary digits


class Side:
    """The vectors of one side in the precision in which they are multiplied.

    Args:
        vectors: float32 (records, dim).
        bfloat16: whether they are rounded.

    Attributes:
        vectors: as given, contiguous.
        lengths: of the vectors, float64 (records,).
        errors: lengths of what rounding took away, float64 (records,).
        halves: the rounded vectors; None where nothing is rounded.
        rounding: of a product that is stored, relative to it.
    """

    def __init__(self, vectors: np.ndarray, *, bfloat16: bool) -> None:
        self.vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self.lengths = np.linalg.norm(self.vectors, axis=1).astype(np.float64)
        self.errors = np.zeros(len(self.vectors))
        self.halves: torch.Tensor | None = None
        self.rounding = _HALF_ULP if bfloat16 else 0.0
        if bfloat16:
            import torch

            given = torch.from_numpy(self.vectors)
            self.halves = given.to(torch.bfloat16)
            self.errors = (given - self.halves.float()).norm(dim=1).double().numpy()

    def reach(self) -> tuple[float, float]:
        """The largest length and the largest error."""
        return float(self.lengths.max(initial=0)), float(self.errors.max(initial=0))


class Products:
    """The products of two sides, or of one with itself, a tile at a time.

    Args:
        left, right: float32 (records, dim); the same array twice where a table is compared with itself.
        tile: most rows of either side at a time.

    Attributes:
        left, right: both sides.
    """

    def __init__(self, left: np.ndarray, right: np.ndarray, tile: tuple[int, int]) -> None:
        bfloat16 = left.size * len(right) >= _LARGE and _has_bfloat16()
        self.left = Side(left, bfloat16=bfloat16)
        self.right = self.left if right is left else Side(right, bfloat16=bfloat16)
        self._out = np.empty(tile[0] * tile[1], np.float32)
        self._rounded: torch.Tensor | None = None
        if bfloat16:
            import torch

            self._rounded = torch.empty(self._out.size, dtype=torch.bfloat16)

    def of(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """The products of some rows with some: float32 (left rows, right rows), valid until the next call.

        Args:
            left, right: rows, integers, ascending.
        """
        shape, size = (len(left), len(right)), len(left) * len(right)
        out = self._out[:size].reshape(shape)
        if self._rounded is None or self.left.halves is None or self.right.halves is None or len(left) < _FEW_ROWS:
            np.matmul(self.left.vectors[_span(left)], self.right.vectors[_span(right)].T, out=out)
            return out
        import torch

        a, b = (side.halves[_span(rows)] for side, rows in ((self.left, left), (self.right, right)))  # type: ignore[index]
        product = self._rounded[:size].view(shape)
        torch.mm(a, b.T, out=product)
        torch.from_numpy(out).copy_(product)
        return out

    def slacks(self) -> tuple[np.ndarray, np.ndarray]:
        """How far a product of each row may be off before it is stored: float64 (left rows,) and (right rows,).

        Of a sum of ``dim`` products, ``dim * 2**-24`` of the lengths in whatever order it is made (Higham 2002, section 3.1);
        and what rounding took away from either vector times the length of the other (Cauchy-Schwarz).
        """
        return _slacks(self.left, self.right), _slacks(self.right, self.left)


def _slacks(side: Side, other: Side) -> np.ndarray:
    length, error = other.reach()
    summed = 1.05 * (side.vectors.shape[1] + 8) * 2.0**-24
    own = side.lengths + side.errors
    return np.asarray(1.001 * (side.errors * length + own * error + summed * own * (length + error)))


def _span(rows: np.ndarray) -> slice | np.ndarray:
    """Rows that follow each other as a slice, which copies nothing."""
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first + 1 == len(rows) else rows


def _has_bfloat16() -> bool:
    return processor_has_fast_bfloat16() and find_spec("torch") is not None

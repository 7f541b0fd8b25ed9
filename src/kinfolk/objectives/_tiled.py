"""Log-sum-exp over a batch, in tiles: the kernel under every objective whose denominator runs over all candidates.

For rows a_i and candidates c_j it computes ``log sum_j exp(<a_i, c_j>)``, and where it is asked for the mean of
``<a_i, c_j>`` under that softmax, in memory O(rows x dim + tile^2) instead of O(rows x candidates). The backward pass
makes each tile again, as in memory-efficient attention (Rabe & Staats 2021, arXiv 2112.05682; Dao et al. 2022, arXiv
2205.14135). Two things are special to contrastive batches: where rows and candidates are the same embeddings only half
of the symmetric matrix is visited, and the sums down the columns come out of the same pass as those along the rows.

Logits are plain dot products; a temperature is a factor on the embeddings, so that gradients to it follow by themselves.
Computed in base 2, whose exponential is the cheaper one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Matmul = Literal["float32", "bfloat16"]

TILE = 512  # a tile of float32 is 1 MB: it stays in the cache of one core through its elementwise passes
_LOG2_E = math.log2(math.e)
_NO_SHIFT = {torch.float32: 56.0, torch.float64: 400.0}  # |logit| in bits up to which sums of plain powers are exact


class SoftmaxSums(NamedTuple):
    """What the kernel returns.

    Attributes:
        rows: log-sum-exp of each row over its candidates, (rows,).
        columns: log-sum-exp of each candidate over the rows, (candidates,); where both are one, the same as ``rows``.
        row_means: mean logit of each row under its softmax, (rows,); zeros unless asked for.
    """

    rows: Tensor
    columns: Tensor
    row_means: Tensor


def softmax_sums(
    rows: Tensor,
    candidates: Tensor | None = None,
    *,
    apart: Tensor | tuple[Tensor, Tensor] | None = None,
    means: bool = False,
    matmul: Matmul = "float32",
    tile: int = TILE,
) -> SoftmaxSums:
    """Sum the softmax of ``rows @ candidates.T`` along rows and columns without keeping the matrix.

    Args:
        rows: float32 or float64 (rows, dim).
        candidates: of the same type (candidates, dim); None takes the rows themselves.
        apart: ids, int64, of the rows and of the candidates (one tensor where these are the same): a row and a
            candidate of equal id are left out. None leaves out nothing. A row with no candidate left gets -inf.
        means: whether the mean logits are wanted.
        matmul: type of the products; "bfloat16" rounds embeddings and logits to 8 bits and sums in float32.
        tile: rows and candidates of a tile.
    """
    ids: tuple[Tensor | None, Tensor | None]
    if apart is None:
        ids = (None, None)
    elif isinstance(apart, Tensor):
        ids = (apart, apart)
    else:
        ids = apart
    row_order, rows, row_ids = _by_id(rows, ids[0])
    if candidates is None:
        column_order, column_ids = row_order, row_ids
    else:
        column_order, candidates, column_ids = _by_id(candidates, ids[1])
    with torch.autocast(rows.device.type, enabled=False):  # the types are settled: see ``matmul``
        settings = (means, matmul, tile)
        along, down, mean = _SoftmaxSums.apply(rows, candidates, row_ids, column_ids, *settings)  # type: ignore[no-untyped-call]
    return SoftmaxSums(_as_given(along, row_order), _as_given(down, column_order), _as_given(mean, row_order))


def log_sum_exp(
    rows: Tensor,
    candidates: Tensor | None = None,
    *,
    apart: Tensor | tuple[Tensor, Tensor] | None = None,
    matmul: Matmul = "float32",
    tile: int = TILE,
) -> Tensor:
    """Log-sum-exp of each row over its candidates, (rows,); the arguments are those of ``softmax_sums``."""
    return softmax_sums(rows, candidates, apart=apart, matmul=matmul, tile=tile).rows


def cross_entropy(positive: Tensor, negatives: Tensor) -> Tensor:
    """-log of the share of a positive in the softmax: log(e^positive + e^negatives) - positive, at least 0.

    The positive is kept out of the sum over the negatives and leads only to the difference of both. Where it is far
    above them, loss and gradient are small, and as a difference of two large numbers they would be lost to rounding.

    Args:
        positive: logits.
        negatives: log-sum-exp of the logits of the negatives, of the same shape; -inf for none.
    """
    return torch.logaddexp(negatives - positive, torch.zeros_like(positive))


def _by_id(embeddings: Tensor, ids: Tensor | None) -> tuple[Tensor | None, Tensor, Tensor | None]:
    """Order by id, so that equal ids meet in few tiles; the order is None where it is the given one already."""
    if ids is None or bool((ids[1:] >= ids[:-1]).all()):
        return None, embeddings, ids
    order = torch.argsort(ids, stable=True)
    return order, embeddings[order], ids[order]


def _as_given(values: Tensor, order: Tensor | None) -> Tensor:
    if order is None:
        return values
    return torch.empty_like(values).index_copy(0, order, values)


class _SoftmaxSums(torch.autograd.Function):
    """Rows and candidates sorted by id in; sums along rows, down columns, and means along rows out."""

    @staticmethod
    def forward(
        ctx: Any,
        rows: Tensor,
        candidates: Tensor | None,
        row_ids: Tensor | None,
        candidate_ids: Tensor | None,
        means: bool,
        matmul: Matmul,
        tile: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        tiles = _Tiles(rows, candidates, row_ids, candidate_ids, matmul, tile)
        along, down, mean = tiles.sums(means)
        ctx.save_for_backward(rows, candidates, row_ids, candidate_ids, along, down, mean)
        ctx.settings = (means, matmul, tile)
        return along, down, mean

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, along_gradient: Tensor, down_gradient: Tensor, mean_gradient: Tensor
    ) -> tuple[Tensor | None, ...]:
        rows, candidates, row_ids, candidate_ids, along, down, mean = ctx.saved_tensors
        means, matmul, tile = ctx.settings
        tiles = _Tiles(rows, candidates, row_ids, candidate_ids, matmul, tile)
        wanted = ctx.needs_input_grad[0], ctx.needs_input_grad[1]
        # d lse / d logit = p and d mean / d logit = p (1 + logit - mean): a constant and a slope for each row.
        constant = along_gradient + mean_gradient * (1 - mean) if means else along_gradient
        slope = mean_gradient if means else None
        if candidates is None:
            constant = constant + down_gradient
        of_rows, of_candidates = tiles.gradients((along, down), (constant, down_gradient), slope, wanted)
        return of_rows, of_candidates, None, None, None, None, None


class _Tiles:
    """The matrix of logits in base 2, a tile at a time.

    Args:
        rows, candidates: (rows, dim) and (candidates, dim); None makes the matrix symmetric, of which each tile below
            the diagonal is the transpose of one above and never made.
        row_ids, candidate_ids: ascending; equal ones are left out.
    """

    def __init__(
        self,
        rows: Tensor,
        candidates: Tensor | None,
        row_ids: Tensor | None,
        candidate_ids: Tensor | None,
        matmul: Matmul,
        tile: int,
    ) -> None:
        self.symmetric = candidates is None
        self.rows = rows.contiguous()
        self.candidates = self.rows if candidates is None else candidates.contiguous()
        self.row_ids, self.candidate_ids = row_ids, candidate_ids
        self.size = tile
        self.low = matmul == "bfloat16"
        scaled = self.rows * _LOG2_E
        self.left = scaled.bfloat16() if self.low else scaled
        self.right = self.candidates.bfloat16() if self.low else self.candidates
        largest = self._largest_norm(self.rows) * self._largest_norm(self.candidates) * _LOG2_E
        self.careful = not largest <= _NO_SHIFT[rows.dtype]  # then each row and each column has a shift of its own
        self._logits = rows.new_empty(tile * tile)

    @staticmethod
    def _largest_norm(embeddings: Tensor) -> float:
        return float(torch.linalg.vector_norm(embeddings, dim=1).max()) if len(embeddings) else 0.0

    def __iter__(self) -> Iterator[tuple[slice, slice]]:
        for i in range(0, len(self.rows), self.size):
            for j in range(i if self.symmetric else 0, len(self.candidates), self.size):
                yield (
                    slice(i, min(i + self.size, len(self.rows))),
                    slice(j, min(j + self.size, len(self.candidates))),
                )

    def logits(self, i: slice, j: slice) -> Tensor:
        """Logits of one tile in base 2, in a buffer that the next tile overwrites."""
        height, width = i.stop - i.start, j.stop - j.start
        logits = self._logits[: height * width].view(height, width)
        if self.low:
            return logits.copy_(torch.mm(self.left[i], self.right[j].T))
        return torch.mm(self.left[i], self.right[j].T, out=logits)

    def left_out(self, i: slice, j: slice) -> Tensor | None:
        """Which pairs of one tile are left out, bool (height, width), or None for none."""
        if self.row_ids is None or self.candidate_ids is None:
            return None
        of_rows, of_candidates = self.row_ids[i], self.candidate_ids[j]
        if of_rows[-1] < of_candidates[0] or of_candidates[-1] < of_rows[0]:
            return None
        return of_rows[:, None] == of_candidates[None, :]

    def sums(self, means: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Natural log-sum-exp along rows and down columns, and mean natural logits along rows."""
        row_shift, column_shift = self._shifts() if self.careful else (None, None)
        along = self.rows.new_zeros(len(self.rows))
        down = along if self.symmetric else self.rows.new_zeros(len(self.candidates))
        total = torch.zeros_like(along)
        for i, j in self:
            logits, mask = self.logits(i, j), self.left_out(i, j)
            mirrored = self.symmetric and i != j
            if row_shift is None or column_shift is None:
                powers = torch.exp2(logits) if means else logits.exp2_()
                powers = powers if mask is None else powers.masked_fill_(mask, 0)
                by_row, by_column = powers, powers
            else:
                by_row = torch.exp2(logits - row_shift[i, None])
                by_row = by_row if mask is None else by_row.masked_fill_(mask, 0)
                by_column = torch.exp2(logits - column_shift[None, j])
                by_column = by_column if mask is None else by_column.masked_fill_(mask, 0)
            along[i] += by_row.sum(1)
            if mirrored or not self.symmetric:
                down[j] += by_column.sum(0)
            if means:
                total[i] += (by_row * logits).sum(1)
                if mirrored:
                    total[j] += (by_column * logits).sum(0)
        mean = torch.where(along > 0, total / (along * _LOG2_E), 0) if means else total
        return self._natural(along, row_shift), self._natural(down, column_shift), mean

    @staticmethod
    def _natural(sums: Tensor, shift: Tensor | None) -> Tensor:
        log = sums.log2() if shift is None else sums.log2() + shift
        return log / _LOG2_E

    def _shifts(self) -> tuple[Tensor, Tensor]:
        """The largest logit of each row and of each column, which keeps every sum of powers in [1, count]."""
        along = self.rows.new_full((len(self.rows),), -math.inf)
        down = along if self.symmetric else self.rows.new_full((len(self.candidates),), -math.inf)
        for i, j in self:
            logits, mask = self.logits(i, j), self.left_out(i, j)
            logits = logits if mask is None else logits.masked_fill_(mask, -math.inf)
            along[i] = torch.maximum(along[i], logits.amax(1))
            down[j] = torch.maximum(down[j], logits.amax(0))
        return along.nan_to_num(neginf=0.0), down.nan_to_num(neginf=0.0)  # a row with no candidate needs no shift

    def gradients(
        self,
        sums: tuple[Tensor, Tensor],
        constants: tuple[Tensor, Tensor],
        slope: Tensor | None,
        wanted: tuple[bool, bool],
    ) -> tuple[Tensor | None, Tensor | None]:
        """Gradients of rows and candidates.

        Args:
            sums: log-sum-exp along rows and down columns.
            constants: the part of d result / d logit that is the same for every logit of a row, and of a column,
                before it is multiplied by their softmax.
            slope: the part that grows with the logit of a row; None for none.
            wanted: whether rows and candidates need a gradient.
        """
        along, down = (s * _LOG2_E for s in sums)
        of_rows = torch.zeros_like(self.rows) if wanted[0] else None
        of_candidates = torch.zeros_like(self.candidates) if wanted[1] else None
        left = self.rows.bfloat16() if self.low else self.rows
        for i, j in self:
            logits, mask = self.logits(i, j), self.left_out(i, j)
            weights = self._weights(logits, i, j, (along, down), constants, slope)
            weights = weights if mask is None else weights.masked_fill_(mask, 0)
            weights = weights.bfloat16() if self.low else weights
            if of_rows is not None:
                _add_product(of_rows[i], weights, self.right[j])
                if self.symmetric and i != j:
                    _add_product(of_rows[j], weights.T, left[i])
            if of_candidates is not None:
                _add_product(of_candidates[j], weights.T, left[i])
        return of_rows, of_candidates

    def _weights(
        self,
        logits: Tensor,
        i: slice,
        j: slice,
        sums: tuple[Tensor, Tensor],
        constants: tuple[Tensor, Tensor],
        slope: Tensor | None,
    ) -> Tensor:
        """D result / d logit of one tile."""
        along, down = sums
        if self.symmetric:
            down, constants = along, (constants[0], constants[0])
        of_row, of_column = constants[0][i, None], constants[1][None, j]
        if slope is not None:
            natural = logits / _LOG2_E
            of_row = of_row + slope[i, None] * natural
            if self.symmetric:
                of_column = of_column + slope[None, j] * natural
        if self.careful:
            by_row = torch.exp2(logits - along[i, None]) * of_row
            return by_row.add_(torch.exp2(logits - down[None, j]) * of_column)
        row_factor, column_factor = torch.exp2(-along[i, None]), torch.exp2(-down[None, j])
        return logits.exp2_().mul_(of_row * row_factor + of_column * column_factor)


def _add_product(total: Tensor, weights: Tensor, embeddings: Tensor) -> None:
    if weights.dtype == total.dtype:
        total.addmm_(weights, embeddings)
    else:
        total += torch.mm(weights, embeddings)

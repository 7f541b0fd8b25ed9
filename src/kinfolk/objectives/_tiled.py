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
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError

Matmul = Literal["float32", "bfloat16"]

TILE = 768  # a tile of float32 is 2 MB: it stays near the core through its passes, and Python's share is small
KEPT = 3 << 23  # exponentials that the forward pass hands to the backward pass at most (100 MB); others are made again
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
        settings = (means, matmul, tile, torch.is_grad_enabled())  # within the function it is always off
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
        grad_enabled: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        tiles = _Tiles(rows, candidates, row_ids, candidate_ids, matmul, tile)
        kept: list[Tensor] = []
        along, down, mean = tiles.sums(means, kept if grad_enabled and any(ctx.needs_input_grad) else None)
        ctx.save_for_backward(rows, candidates, row_ids, candidate_ids, along, down, mean, *kept)
        ctx.settings = (means, matmul, tile)
        return along, down, mean

    @staticmethod
    def backward(
        ctx: Any, along_gradient: Tensor, down_gradient: Tensor, mean_gradient: Tensor
    ) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise ConfigurationError("Log-sums in tiles have no second derivative. Call without create_graph=True.")
        rows, candidates, row_ids, candidate_ids, along, down, mean, *kept = ctx.saved_tensors
        means, matmul, tile = ctx.settings
        tiles = _Tiles(rows, candidates, row_ids, candidate_ids, matmul, tile)
        wanted = ctx.needs_input_grad[0], ctx.needs_input_grad[1]
        # d lse / d logit = p and d mean / d logit = p (1 + logit - mean): a constant and a slope for each row.
        constant = along_gradient + mean_gradient * (1 - mean) if means else along_gradient
        slope = mean_gradient if means else None
        if candidates is None:
            constant = constant + down_gradient
        of_rows, of_candidates = tiles.gradients((along, down), (constant, down_gradient), slope, wanted, kept)
        return of_rows, of_candidates, None, None, None, None, None, None


class _Tiles:
    """The matrix of logits in base 2, a tile at a time.

    Views and factors are cut up before the loop: a tile is so small that cutting them in it would cost as much as one
    of its elementwise passes.

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
        self.low = matmul == "bfloat16"
        self.cut = partial(torch.split, split_size_or_sections=tile)
        scaled = self.rows * _LOG2_E
        self.left = self.cut(scaled.bfloat16() if self.low else scaled)
        self.right = self.cut(self.candidates.bfloat16() if self.low else self.candidates)
        self.right_transposed = [part.T for part in self.right]
        self.row_ids, self.candidate_ids = self._ids(row_ids), self._ids(candidate_ids)
        largest = self._largest_norm(self.rows) * self._largest_norm(self.candidates) * _LOG2_E
        self.careful = not largest <= _NO_SHIFT[rows.dtype]  # then each row and each column has a shift of its own
        size = min(tile, len(self.rows)) * min(tile, len(self.candidates))
        self._logits, self._factors = rows.new_empty(size), rows.new_empty(size)

    @staticmethod
    def _largest_norm(embeddings: Tensor) -> float:
        return float(torch.linalg.vector_norm(embeddings, dim=1).max()) if len(embeddings) else 0.0

    def _ids(self, ids: Tensor | None) -> list[tuple[Tensor, int, int]]:
        """The ids of each part with the first and the last of them."""
        parts = () if ids is None or not len(ids) else self.cut(ids)
        return [(part, int(part[0]), int(part[-1])) for part in parts]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Numbers of the parts of rows and candidates of each tile."""
        if len(self.rows) and len(self.candidates):
            for i in range(len(self.left)):
                for j in range(i if self.symmetric else 0, len(self.right)):
                    yield i, j

    def _view(self, buffer: Tensor, i: int, j: int) -> Tensor:
        height, width = len(self.left[i]), len(self.right[j])
        return buffer[: height * width].view(height, width)

    def logits(self, i: int, j: int, *, fresh: bool = False) -> Tensor:
        """Logits of one tile in base 2, in memory of their own or in a buffer that the next tile overwrites."""
        size = len(self.left[i]), len(self.right[j])
        logits = self.rows.new_empty(size) if fresh else self._view(self._logits, i, j)
        if self.low:
            return logits.copy_(torch.mm(self.left[i], self.right_transposed[j]))
        return torch.mm(self.left[i], self.right_transposed[j], out=logits)

    def left_out(self, i: int, j: int) -> Tensor | None:
        """Which pairs of one tile are left out, bool (height, width), or None for none."""
        if not self.row_ids or not self.candidate_ids:
            return None
        of_rows, first_row, last_row = self.row_ids[i]
        of_candidates, first_candidate, last_candidate = self.candidate_ids[j]
        if last_row < first_candidate or last_candidate < first_row:
            return None
        return of_rows[:, None] == of_candidates[None, :]

    def powers(self, logits: Tensor, i: int, j: int) -> Tensor:
        """The powers of a tile's logits, which are overwritten; 0 where the pair is left out."""
        mask = self.left_out(i, j)
        return logits.exp2_() if mask is None else logits.exp2_().masked_fill_(mask, 0)

    def sums(self, means: bool, kept: list[Tensor] | None) -> tuple[Tensor, Tensor, Tensor]:
        """Natural log-sum-exp along rows and down columns, and mean natural logits along rows.

        ``kept`` is filled with the powers of the first tiles, ``KEPT`` of them at most, where ``gradients`` can use
        them; None keeps none.
        """
        row_shift, column_shift = self._shifts() if self.careful else (None, None)
        along = self.rows.new_zeros(len(self.rows))
        down = along if self.symmetric else self.rows.new_zeros(len(self.candidates))
        total = torch.zeros_like(along)
        along_parts, down_parts, total_parts = self.cut(along), self.cut(down), self.cut(total)
        row_shifts = None if row_shift is None else self.cut(row_shift[:, None])
        column_shifts = None if column_shift is None else self.cut(column_shift)
        room = 0 if kept is None or means or self.careful else KEPT
        for i, j in self:
            mirrored = self.symmetric and i != j
            keeps = len(self.left[i]) * len(self.right[j]) <= room
            logits = self.logits(i, j, fresh=keeps)
            if row_shifts is not None and column_shifts is not None:
                by_row = self.powers(logits - row_shifts[i], i, j)
                by_column = self.powers(logits - column_shifts[j], i, j)
            else:
                by_row = by_column = self.powers(logits.clone() if means else logits, i, j)
            if kept is not None and keeps:
                kept.append(by_row)
            room = room - by_row.numel() if keeps else 0  # a later, smaller tile is not kept: they are counted off
            along_parts[i].add_(by_row.sum(1))
            if mirrored or not self.symmetric:
                down_parts[j].add_(by_column.sum(0))
            if means:
                total_parts[i].add_((by_row * logits).sum(1))
                if mirrored:
                    total_parts[j].add_((by_column * logits).sum(0))
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
        along_parts, down_parts = self.cut(along), self.cut(down)
        for i, j in self:
            logits, mask = self.logits(i, j), self.left_out(i, j)
            logits = logits if mask is None else logits.masked_fill_(mask, -math.inf)
            torch.maximum(along_parts[i], logits.amax(1), out=along_parts[i])
            torch.maximum(down_parts[j], logits.amax(0), out=down_parts[j])
        return along.nan_to_num(neginf=0.0), down.nan_to_num(neginf=0.0)  # a row with no candidate needs no shift

    def gradients(
        self,
        sums: tuple[Tensor, Tensor],
        constants: tuple[Tensor, Tensor],
        slope: Tensor | None,
        wanted: tuple[bool, bool],
        kept: Sequence[Tensor],
    ) -> tuple[Tensor | None, Tensor | None]:
        """Gradients of rows and candidates.

        Args:
            sums: log-sum-exp along rows and down columns.
            constants: the part of d result / d logit that is the same for every logit of a row, and of a column,
                before it is multiplied by their softmax.
            slope: the part that grows with the logit of a row; None for none.
            wanted: whether rows and candidates need a gradient.
            kept: powers of the first tiles.
        """
        of_rows = torch.zeros_like(self.rows) if wanted[0] else None
        of_candidates = torch.zeros_like(self.candidates) if wanted[1] else None
        row_parts = None if of_rows is None else self.cut(of_rows)
        candidate_parts = None if of_candidates is None else self.cut(of_candidates)
        left = self.cut(self.rows.bfloat16() if self.low else self.rows)
        simple = slope is None and not self.careful
        weights_of = self._by_factors(sums, constants, kept) if simple else self._by_logits(sums, constants, slope)
        for i, j in self:
            weights = weights_of(i, j)
            weights = weights.bfloat16() if self.low else weights
            if row_parts is not None:
                _add_product(row_parts[i], weights, self.right[j])
                if self.symmetric and i != j:
                    _add_product(row_parts[j], weights.T, left[i])
            if candidate_parts is not None:
                _add_product(candidate_parts[j], weights.T, left[i])
        return of_rows, of_candidates

    def _by_factors(
        self, sums: tuple[Tensor, Tensor], constants: tuple[Tensor, Tensor], kept: Sequence[Tensor]
    ) -> Callable[[int, int], Tensor]:
        """D result / d logit of a tile as its powers times a factor of the row plus a factor of the column."""
        along, down = (sums[0], sums[0]) if self.symmetric else sums
        of_row = self.cut(_factor(along, constants[0])[:, None])
        of_column = self.cut(_factor(down, constants[0] if self.symmetric else constants[1]))
        remaining = iter(kept)

        def weights(i: int, j: int) -> Tensor:
            powers = next(remaining, None)
            powers = self.powers(self.logits(i, j), i, j) if powers is None else powers
            return torch.add(of_row[i], of_column[j], out=self._view(self._factors, i, j)).mul_(powers)

        return weights

    def _by_logits(
        self, sums: tuple[Tensor, Tensor], constants: tuple[Tensor, Tensor], slope: Tensor | None
    ) -> Callable[[int, int], Tensor]:
        """D result / d logit of a tile where logits are large, or where it grows with the logit."""
        along, down = (sums[0], sums[0]) if self.symmetric else sums
        along_parts, down_parts = self.cut(along[:, None] * _LOG2_E), self.cut(down * _LOG2_E)
        row_constants = self.cut(constants[0][:, None])
        column_constants = self.cut(constants[0] if self.symmetric else constants[1])
        slopes = None if slope is None else (self.cut(slope[:, None]), self.cut(slope))

        def weights(i: int, j: int) -> Tensor:
            logits, mask = self.logits(i, j), self.left_out(i, j)
            of_row, of_column = row_constants[i], column_constants[j]
            if slopes is not None:
                natural = logits / _LOG2_E
                of_row = of_row + slopes[0][i] * natural
                if self.symmetric:
                    of_column = of_column + slopes[1][j] * natural
            both = torch.exp2(logits - along_parts[i]) * of_row
            both += torch.exp2(logits - down_parts[j]) * of_column
            return both if mask is None else both.masked_fill_(mask, 0)

        return weights


def _factor(sums: Tensor, constant: Tensor) -> Tensor:
    """What the powers of a row are multiplied by; 0 for a row that has no candidate."""
    return torch.where(sums > -math.inf, torch.exp(-sums) * constant, 0)


def _add_product(total: Tensor, weights: Tensor, embeddings: Tensor) -> None:
    if weights.dtype == total.dtype:
        total.addmm_(weights, embeddings)
    else:
        total += torch.mm(weights, embeddings)

"""Shuffled group whitening: channels dealt into groups at random, and each group made uncorrelated over the batch.

For the rows X (rows, dim) of one view, G groups of g = dim / G channels and a random permutation of the channels::

    X_c = X[:, permutation] - mean        in groups of g consecutive channels
    S   = X_c' X_c / rows + eps I
    Y   = X_c W,  W' S W = I              with the channels put back in their order

so that each group has the identity for its covariance. W is S^{-1/2} with "zca", a constant in the gradient; with "cholesky"
it is L^{-T} of S = L L', and the gradient runs through it. Another permutation gives another whitened version of the same
sentence, which is one more positive for ``WhitenedCSE``.

Source: Zhuo, Sun, Wang, Zhu & Yang, "WhitenedCSE: whitening-based contrastive learning of sentence embeddings", ACL 2023,
arXiv 2305.17746; shuffled groups: Hua, Wang, Xue, Ren, Wang & Zhao, "On feature decorrelation in self-supervised
learning", ICCV 2021, arXiv 2105.00470. The authors' code differs in three ways: it adds no eps; it cuts the rows into
contiguous thirds, which hold all views of a third of the items, and not into views (``grouping="thirds"``); and it whitens in
evaluation, too, by the batch and by chance, which their recipe leaves out, and where here rows pass as they are.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import as_computed, check_count, check_embeddings, check_not_negative, full_precision

Engine = Literal["zca", "cholesky"]
Grouping = Literal["view", "thirds"]


def whiten_groups(
    rows: Tensor,
    *,
    num_groups: int,
    permutation: Tensor | None = None,
    engine: Engine = "zca",
    eps: float = 1e-5,
) -> Tensor:
    """Whiten each group of channels over the rows.

    Args:
        rows: (rows, dim); statistics are taken over all of them.
        num_groups: G, a divisor of dim; dim groups of one channel only scale each channel to variance 1.
        permutation: place c of the shuffled channels holds channel ``permutation[c]``, int64 (dim,); None does not shuffle.
        engine: "zca" or "cholesky".
        eps: added to the variance of each channel, in [0, inf). With 0 the covariances must be regular.

    Returns:
        Of the shape and type of the rows; computed in float32 at least.

    Raises:
        ConfigurationError: settings or shapes that do not fit, or a covariance that is singular with this eps.
    """
    check_embeddings((rows,), ("rows",), least=1)
    _check_settings(num_groups, engine, eps)
    num_rows, dim = rows.shape
    if dim % num_groups:
        raise ConfigurationError(
            f"num_groups must divide the dim of the rows. Got {num_groups} groups of {dim} channels."
        )
    order = torch.arange(dim, device=rows.device) if permutation is None else permutation
    if order.shape != (dim,) or not torch.equal(order.sort().values, torch.arange(dim, device=order.device)):
        raise ConfigurationError(
            f"permutation must hold each of 0 to {dim - 1} once. Got {order.dtype} of shape {tuple(order.shape)}."
        )
    with full_precision(rows):
        groups = as_computed(rows)[:, order].unflatten(1, (num_groups, -1)).transpose(0, 1)  # (G, rows, g)
        centered = groups - groups.mean(1, keepdim=True)
        covariance = centered.mT @ centered / num_rows
        if not bool(covariance.isfinite().all()):
            raise ConfigurationError("rows must be finite numbers. Got NaN or infinity. Lower the learning rate.")
        whitened = (_zca if engine == "zca" else _cholesky)(centered, covariance, eps)
        return whitened.transpose(0, 1).flatten(1)[:, order.argsort()].to(rows.dtype)


def _zca(centered: Tensor, covariance: Tensor, eps: float) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance.detach())
    if eps == 0:
        rounding = torch.finfo(values.dtype).eps * values.shape[1]
        _refuse_singular(bool((values[:, 0] <= rounding * values[:, -1]).any()), centered, eps)
    variances = values.clamp(min=0) + eps  # rounding may leave the smallest below 0
    whitening: Tensor = (vectors * variances.rsqrt()[:, None]) @ vectors.mT
    return centered @ whitening


def _cholesky(centered: Tensor, covariance: Tensor, eps: float) -> Tensor:
    size = covariance.shape[1]
    factor, failed = torch.linalg.cholesky_ex(covariance + eps * torch.eye(size).to(covariance))
    _refuse_singular(bool(failed.any()), centered, eps)
    whitened: Tensor = torch.linalg.solve_triangular(factor, centered.mT, upper=False)
    return whitened.mT


def _refuse_singular(is_singular: bool, centered: Tensor, eps: float) -> None:
    if is_singular:
        _, num_rows, size = centered.shape
        raise ConfigurationError(
            f"Groups of {size} channels over {num_rows} rows have a singular covariance: a channel is constant or follows "
            f"from others, or there are no more rows than channels. Got eps={eps}. Use more rows, more groups or a larger eps."
        )


def _check_settings(num_groups: int | None, engine: str, eps: float) -> None:
    if num_groups is not None:
        check_count("num_groups", num_groups)
    if engine not in get_args(Engine):
        raise ConfigurationError(f"engine must be 'zca' or 'cholesky'. Got {engine!r}.")
    check_not_negative("eps", eps)


class ShuffledGroupWhitening(nn.Module):
    """Whitens each view of a batch in random groups of channels; in evaluation mode rows pass as they are.

    It stands between the pooled states and the head. Statistics are those of the batch of one process.

    Args:
        num_groups: G, a divisor of dim; the paper takes 128 groups of the 768 channels of BERT. None takes the fewest
            groups that divide dim and have at most half as many channels as there are rows to whiten.
        engine: "zca" or "cholesky".
        grouping: "view" whitens the rows of each view by themselves. "thirds" cuts the rows into as many contiguous parts
            as there are views, and counts all rows where ``num_groups`` is None, as the authors' code does.
        num_views: views of each item, at least 1.
        eps: added to the variance of each channel, in [0, inf); 0 in the authors' code, where singular covariances give NaN.
        shuffle: whether channels are shuffled. One group is never shuffled.
    """

    def __init__(
        self,
        num_groups: int | None = None,
        *,
        engine: Engine = "zca",
        grouping: Grouping = "view",
        num_views: int = 3,
        eps: float = 1e-5,
        shuffle: bool = True,
    ) -> None:
        super().__init__()
        _check_settings(num_groups, engine, eps)
        if grouping not in get_args(Grouping):
            raise ConfigurationError(f"grouping must be 'view' or 'thirds'. Got {grouping!r}.")
        self.num_groups, self.num_views = num_groups, check_count("num_views", num_views)
        self.engine, self.grouping, self.eps, self.shuffle = engine, grouping, eps, shuffle

    def forward(
        self, rows: Tensor, *, permutations: Tensor | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """Whitened rows, of the shape, order and type of the given ones.

        Args:
            rows: (items x views, dim), the views of one item together.
            permutations: of the channels, for each part, int64 (views, dim); None draws them.
            generator: where they are drawn from; None takes torch's own.

        Raises:
            ConfigurationError: rows that are not a multiple of the views, dim that is none of the groups, or a singular
                covariance with eps 0.
        """
        if not self.training:
            return rows
        check_embeddings((rows,), ("rows",), least=1)
        if len(rows) % self.num_views:
            raise ConfigurationError(
                f"rows must hold {self.num_views} views of each item. Got {len(rows)} rows. Give all views of every item."
            )
        dim = rows.shape[1]
        by_view = self.grouping == "view"
        items_first = (-1, self.num_views) if by_view else (self.num_views, -1)
        parts = rows.unflatten(0, items_first).unbind(1 if by_view else 0)
        num_groups = self.num_groups or _fewest_groups(dim, len(parts[0]) if by_view else len(rows))
        if num_groups == 1 or not self.shuffle:
            permutations = torch.arange(dim, device=rows.device).expand(len(parts), dim)
        elif permutations is None:
            permutations = torch.stack([_draw_permutation(dim, generator) for _ in parts]).to(rows.device)
        elif len(permutations) != len(parts):
            raise ConfigurationError(f"permutations must be {len(parts)}, one a part. Got {len(permutations)}.")
        whitened = [
            whiten_groups(part, num_groups=num_groups, permutation=order, engine=self.engine, eps=self.eps)
            for part, order in zip(parts, permutations, strict=True)
        ]
        return torch.stack(whitened, dim=1 if by_view else 0).flatten(0, 1)


def _draw_permutation(dim: int, generator: torch.Generator | None) -> Tensor:
    return torch.randperm(dim, generator=generator, device=None if generator is None else generator.device)


def _fewest_groups(dim: int, num_rows: int) -> int:
    """The smallest divisor of dim that leaves at most num_rows / 2 channels in a group, or dim."""
    least = min(dim, math.ceil(2 * dim / num_rows))
    return next(groups for groups in range(least, dim + 1) if dim % groups == 0)

"""CACR with a queue: positives from a momentum encoder, negatives from the batch and from earlier batches.

For every view x, unit queries q, unit momentum keys k of all views, the rows n of the queue and the other queries of
the same view as negatives, c the squared distance, w+ held constant::

    CA_x = mean_i sum_{y != x} w+ alpha c(q^x_i, k^y_i),     w+ = softmax_y( tau_pos c(q^x_i, k^y_i) )
    CR_x = mean_i -sum_n w- beta c(q^x_i, n),                w- = softmax_n( -tau_neg c(q^x_i, n) )

    L = mean_x (CA_x + CR_x)

Keys and queue are constants. w- carries gradient; in the authors' code it does for negatives of the batch only.

Source: Zheng, Chen, Yao, Yang, Li, Zhang, Zhang, Tsang, Zhou & Zhou, "Contrastive attraction and contrastive
repulsion for representation learning", TMLR 2023, arXiv 2105.03746, and the authors' code for label shift.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import check_dim, check_labels, check_not_negative, check_positive, check_views, unit
from kinfolk.objectives._tiled import Matmul
from kinfolk.objectives.cacr import weighted_cost
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.queue import NOBODY, Queue
from kinfolk.objectives.registry import Objective, register


def queue_cacr(
    queries: Sequence[Tensor],
    keys: Sequence[Tensor],
    queue: Tensor,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    tau_pos: float = 1.0,
    tau_neg: float = 0.9,
    apart: tuple[Tensor, Tensor] | None = None,
    matmul: Matmul = "float32",
) -> Tensor:
    """L of each query, (items, views).

    Args:
        queries, keys: raw embeddings (items, dim) of the same two or more views.
        queue: unit rows (size, dim), negatives of every query.
        alpha, beta, tau_pos, tau_neg: see ``CACRQueue``.
        apart: ids, integer, of the items (items,) and of the queue (size,): rows of the own id are no negatives. None
            takes all items for different.
        matmul: type of the products.

    Raises:
        ConfigurationError: fewer than two views, or shapes that do not fit.
    """
    check_views((*queries, *keys), least=1)
    if len(queries) != len(keys) or len(queries) < 2:
        raise ConfigurationError(
            f"Queries and keys of the same two or more views are needed. Got {len(queries)} and {len(keys)}."
        )
    check_dim(queries[0], "queries", queue.shape[1])
    k = [unit(view.detach()) for view in keys]
    earlier = queue.detach().to(k[0].dtype)
    if apart is None:
        apart = torch.arange(len(k[0]), device=queue.device), torch.full_like(queue[:, 0], NOBODY, dtype=torch.int64)
    ids, others_ids = apart[0], torch.cat(apart)
    losses = []
    for x, view in enumerate(queries):
        q = unit(view)
        cost = torch.stack([(q - rows).square().sum(1) for y, rows in enumerate(k) if y != x], dim=1)
        attraction = ((tau_pos * cost.detach()).softmax(1) * cost).sum(1)
        others = torch.cat([q, earlier])
        repulsion = weighted_cost(q, others, tau=tau_neg, apart=(ids, others_ids), matmul=matmul)
        losses.append(alpha * attraction - beta * repulsion)
    return torch.stack(losses, dim=1)


@register("cacrqueue", embeddings=4, constants=(2, 3), detaches=True)
class CACRQueue(Objective):
    """Far momentum keys of the item pulled, near rows of the batch and of earlier batches pushed the hardest.

    Args:
        alpha, beta: sizes of attraction and repulsion, in (0, inf).
        tau_pos: how much more a far positive counts, in [0, inf); 0 counts all alike.
        tau_neg: how much more a near negative counts, in (0, inf).
        dim: length of an embedding.
        queue_size: keys of earlier batches, at least one batch.
        gather: whether the batch is spread over processes.
        matmul: type of the products with batch and queue; "bfloat16" rounds them to 8 bits.

    Attributes:
        queue: keys of the last view, random at the start. It moves in training mode only.
    """

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 1.0,
        *,
        tau_pos: float = 1.0,
        tau_neg: float = 0.9,
        dim: int = 128,
        queue_size: int = 65_536,
        gather: bool = False,
        matmul: Matmul = "float32",
    ) -> None:
        super().__init__()
        self.alpha, self.beta = check_positive("alpha", alpha), check_positive("beta", beta)
        self.tau_pos, self.tau_neg = check_not_negative("tau_pos", tau_pos), check_positive("tau_neg", tau_neg)
        self.queue = Queue(queue_size, dim)
        self.gather, self.matmul = gather, matmul

    def forward(self, *views: Tensor, ids: Tensor | None = None) -> Tensor:
        """Mean loss over all queries, before the keys of the last view enter the queue.

        Args:
            views: the queries of two or more views, then the momentum keys of the same views, each (items, dim); row i
                of all is about item i.
            ids: which item each row is, integer (items,): rows of the own item, in the batch or earlier, are then no
                negatives. None takes every row for a negative.

        Raises:
            ConfigurationError: not as many keys as queries, different shapes, or in training a batch larger than the
                queue.
        """
        check_views(views, least=1)
        if ids is not None:
            check_labels(ids, len(views[0]), "ids")
        if self.gather:
            views = tuple(gather_rows(view) for view in views)
            ids = None if ids is None else gather_rows(ids)
        rows, row_ids = self.queue.snapshot()
        half = len(views) // 2
        loss = queue_cacr(
            views[:half],
            views[half:],
            rows,
            alpha=self.alpha,
            beta=self.beta,
            tau_pos=self.tau_pos,
            tau_neg=self.tau_neg,
            apart=None if ids is None else (ids.to(torch.int64), row_ids),
            matmul=self.matmul,
        )
        if self.training:
            self.queue.enqueue(unit(views[-1].detach()), ids)
        return loss.mean()

"""MoCo: each query finds its key among the keys of many earlier batches.

Pulls a query to the key of its item, which a momentum encoder made of another view, and pushes it from the keys in a
queue. With unit q, k, the rows n of the queue and temperature t::

    L = mean_i -log( e^{<q_i,k_i>/t} / (e^{<q_i,k_i>/t} + sum_n e^{<q_i,n>/t}) )

Keys and queue are constants. The queue is the one before this batch: the other keys of the batch are no negatives yet.
So a query has as many negatives in a batch of one as in a large one. The order of a step is: encode the queries, move
the key encoder (``update_key_encoder``), encode the keys, call the objective, which takes the keys into its queue.

Contriever learns texts so, from two crops of each, by plain dot products: q and k as they are, at temperature 0.05.

Source: He, Fan, Wu, Xie & Girshick, "Momentum contrast for unsupervised visual representation learning", CVPR 2020,
arXiv 1911.05722, equation 1 and algorithm 1. Version 2 (arXiv 2003.04297) has temperature 0.2. Izacard et al.,
"Unsupervised dense information retrieval with contrastive learning", TMLR 2022, arXiv 2112.09118, section 3.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.objectives._inputs import (
    Similarity,
    as_compared,
    check_dim,
    check_embeddings,
    check_labels,
    check_similarity,
    check_temperature,
    check_within,
    full_precision,
)
from kinfolk.objectives._tiled import Matmul, cross_entropy, log_sum_exp
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.queue import Queue
from kinfolk.objectives.registry import Objective, register


def momentum_contrast(
    queries: Tensor,
    keys: Tensor,
    queue: Tensor,
    *,
    temperature: float = 0.07,
    similarity: Similarity = "cosine",
    label_smoothing: float = 0.0,
    synthetic: Tensor | None = None,
    apart: tuple[Tensor, Tensor] | None = None,
    matmul: Matmul = "float32",
) -> Tensor:
    """MoCo of each query, (items,), at least 0.

    Args:
        queries, keys: raw embeddings (items, dim); row i of both is about item i.
        queue: rows (size, dim), of unit length for "cosine", negatives of every query.
        temperature: in (0, inf).
        similarity: "cosine" or "dot".
        label_smoothing: share of the target that is spread evenly over the key and all negatives, in [0, 1].
        synthetic: rows like those of the queue (items, n, dim), further negatives of each query alone.
        apart: ids, integer, of the queries (items,) and of the queue (size,); rows of the own id are left out.
        matmul: type of the products with the queue.

    Raises:
        ConfigurationError: shapes that do not fit.
    """
    q, k, rows = _ready(queries, keys, queue, similarity)
    positive = (q * k).sum(1) / temperature
    negatives = log_sum_exp(q / temperature, rows, apart=apart, matmul=matmul)
    own = None if synthetic is None else _own_logits(q, synthetic, temperature)
    if own is not None:
        negatives = torch.cat([negatives[:, None], own], dim=1).logsumexp(1)
    loss = cross_entropy(positive, negatives)
    if not label_smoothing:
        return loss
    total, count = _sum_of_logits(q / temperature, rows, apart)
    if own is not None:
        total, count = total + own.sum(1), count + own.shape[1]
    return loss + label_smoothing * (positive - (positive + total) / (1 + count))


def queue_logits(
    queries: Tensor,
    keys: Tensor,
    queue: Tensor,
    *,
    temperature: float = 0.07,
    similarity: Similarity = "cosine",
    synthetic: Tensor | None = None,
) -> Tensor:
    """All logits, to look at: (items, 1 + size + n), the positive first, then the queue, then the synthetic negatives.

    The share of rows whose first logit is the largest says how hard the task is. The arguments are those of
    ``momentum_contrast``.
    """
    q, k, rows = _ready(queries, keys, queue, similarity)
    with full_precision(q):
        logits = [(q * k).sum(1, keepdim=True) / temperature, q @ rows.T / temperature]
    if synthetic is not None:
        logits.append(_own_logits(q, synthetic, temperature))
    return torch.cat(logits, dim=1)


def _ready(queries: Tensor, keys: Tensor, queue: Tensor, similarity: Similarity) -> tuple[Tensor, Tensor, Tensor]:
    """Queries and keys as they are compared and the rows of the queue, in one type; all but the queries constants."""
    check_embeddings((queries, keys), ("queries", "keys"), least=1)
    check_embeddings((queue,), ("queue",), least=1)
    check_dim(queries, "queries", queue.shape[1])
    q = as_compared(queries, similarity)
    return q, as_compared(keys.detach(), similarity), queue.detach().to(q.dtype)


def _sum_of_logits(queries: Tensor, rows: Tensor, apart: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor | int]:
    """Sum of the logits of each query over the rows of other ids, and how many these are."""
    if apart is None:
        return (queries * rows.sum(0)).sum(1), len(rows)
    own = (apart[0][:, None] == apart[1]).to(rows.dtype)
    with full_precision(rows):
        others = rows.sum(0) - own @ rows
    return (queries * others).sum(1), len(rows) - own.sum(1)


def _own_logits(queries: Tensor, synthetic: Tensor, temperature: float) -> Tensor:
    with full_precision(queries):
        return torch.einsum("id,ind->in", queries, synthetic.detach().to(queries.dtype)) / temperature


@register("moco", constants=(1,))
class MoCo(Objective):
    """Query and momentum key of one item together, keys of earlier batches apart.

    Args:
        temperature: in (0, inf); 0.07 in version 1 of the paper, 0.2 in version 2.
        dim: length of an embedding.
        queue_size: keys of earlier batches, at least one batch. For small data a quarter to a half of the items.
        similarity: "cosine", or "dot" as in Contriever. Then the length of an embedding counts, and until the queue is
            full, its random unit rows are weak negatives of long ones.
        label_smoothing: share of the target that is spread evenly over the key and the queue, in [0, 1].
        gather: whether the batch is spread over processes.
        matmul: type of the products; "bfloat16" rounds the logits to 8 bits.

    Attributes:
        queue: the keys, random at the start. It moves in training mode only.
    """

    def __init__(
        self,
        temperature: float = 0.07,
        *,
        dim: int = 128,
        queue_size: int = 65_536,
        similarity: Similarity = "cosine",
        label_smoothing: float = 0.0,
        gather: bool = False,
        matmul: Matmul = "float32",
    ) -> None:
        super().__init__()
        self.temperature = check_temperature(temperature)
        self.similarity = check_similarity(similarity)
        self.label_smoothing = check_within("label_smoothing", label_smoothing, 0, 1)
        self.queue = Queue(queue_size, dim)
        self.gather, self.matmul = gather, matmul

    def forward(self, queries: Tensor, keys: Tensor, *, ids: Tensor | None = None) -> Tensor:
        """Mean loss over all queries; about log(1 + queue_size) at random.

        Args:
            queries: of the encoder that is trained, (items, dim).
            keys: of the momentum encoder, (items, dim); row i of both is about item i.
            ids: which item each row is, integer (items,): earlier keys of the own item are then no negatives, which
                matters where the queue is nearly as large as the data. None takes every key for a negative.

        Raises:
            ConfigurationError: different shapes, or in training a batch larger than the queue.
        """
        check_embeddings((queries, keys), ("queries", "keys"), least=1)
        rows, apart = self._negatives(queries, ids)
        loss = momentum_contrast(
            queries,
            keys,
            rows,
            temperature=self.temperature,
            similarity=self.similarity,
            label_smoothing=self.label_smoothing,
            apart=apart,
            matmul=self.matmul,
        )
        return self._mean_and_enqueue(loss, keys, ids)

    def _negatives(self, queries: Tensor, ids: Tensor | None) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """The queue before this batch, and which of its rows a query leaves out."""
        check_dim(queries, "queries", self.queue.rows.shape[1])
        rows, row_ids = self.queue.snapshot()
        if ids is None:
            return rows, None
        check_labels(ids, len(queries), "ids")
        return rows, (ids, row_ids)

    def _mean_and_enqueue(self, loss: Tensor, keys: Tensor, ids: Tensor | None) -> Tensor:
        """The mean over the queries of all processes, after which the keys of all of them are negatives."""
        keys = as_compared(keys.detach(), self.similarity)
        if self.gather:
            # A query meets no other query: it is enough to gather what was computed.
            loss, keys = gather_rows(loss), gather_rows(keys)
            ids = None if ids is None else gather_rows(ids)
        if self.training:
            self.queue.enqueue(keys, ids)
        return loss.mean()

"""MoCHi: MoCo with synthetic negatives, mixed for each query from the hardest ones of the queue.

To the negatives of MoCo come s mixtures of two hard negatives, and s' mixtures of a hard negative and the query itself. With
H the N rows of the queue that are most similar to the query, n from H, all drawn uniformly::

    h  = unit( a n_i + (1 - a) n_j ),   a in (0, 1)
    h' = unit( b q + (1 - b) n_j ),     b in (0, 0.5): the negative keeps the larger share

All synthetic rows are constants, also the query within them, and none enters the queue.

Source: Kalantidis, Sariyildiz, Pion, Weinzaepfel & Larlus, "Hard negative mixing for contrastive learning", NeurIPS 2020,
arXiv 2010.01028, sections 4.1 and 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import check_count, check_embeddings, unit
from kinfolk.objectives._tiled import Matmul
from kinfolk.objectives.moco import MoCo, momentum_contrast
from kinfolk.objectives.queue import nearest_rows
from kinfolk.objectives.registry import register


@dataclass(frozen=True)
class Mixing:
    """What is mixed for each query; a row about each of the items.

    Attributes:
        first, second: which of the hard negatives make a pair, int64 (items, s), in [0, N).
        first_share: share of the first in the mixture, (items, s), in [0, 1].
        negative: which of the hard negatives is mixed with the query, int64 (items, s').
        query_share: share of the query in the mixture, (items, s'), in [0, 0.5].
    """

    first: Tensor
    second: Tensor
    first_share: Tensor
    negative: Tensor
    query_share: Tensor

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together."""
        pairs = {part.shape for part in (self.first, self.second, self.first_share)}
        with_query = {part.shape for part in (self.negative, self.query_share)}
        if len(pairs) > 1 or len(with_query) > 1 or len(self.first) != len(self.negative):
            raise ConfigurationError(
                f"A mixing needs three parts of shape (items, s) and two of shape (items, s'). "
                f"Got {[tuple(part.shape) for part in vars(self).values()]}."
            )


def draw_mixing(
    num_hard: Tensor, *, num_pairs: int = 1024, num_with_query: int = 128, generator: torch.Generator | None = None
) -> Mixing:
    """Draw what is mixed.

    Args:
        num_hard: how many hard negatives each query has to choose from, int64 (items,).
        num_pairs: mixtures of two negatives, s.
        num_with_query: mixtures of a negative and the query, s'.
        generator: where the random numbers come from; None takes torch's own.
    """

    def shares(count: int) -> Tensor:
        return torch.rand(len(num_hard), count, generator=generator, device=num_hard.device)

    def picks(count: int) -> Tensor:
        return (shares(count) * num_hard[:, None]).long()

    return Mixing(
        first=picks(num_pairs),
        second=picks(num_pairs),
        first_share=shares(num_pairs),
        negative=picks(num_with_query),
        query_share=shares(num_with_query) / 2,
    )


@torch.no_grad()
def mix_hard_negatives(queries: Tensor, queue: Tensor, hard: Tensor, mixing: Mixing) -> tuple[Tensor, Tensor]:
    """Make the synthetic negatives.

    Args:
        queries: raw embeddings (items, dim).
        queue: unit rows (size, dim).
        hard: rows of the queue that are mixed, int64 (items, N), such as ``nearest_rows`` finds.
        mixing: what is mixed.

    Returns:
        Unit rows: mixtures of two negatives (items, s, dim), and of a negative and the query (items, s', dim). Opposite
        rows of equal share give zeros.
    """
    q = unit(queries)
    rows = queue.to(q.dtype)
    first, second, negative = (rows[hard.gather(1, pick)] for pick in (mixing.first, mixing.second, mixing.negative))
    first_share, query_share = (share.to(q.dtype)[..., None] for share in (mixing.first_share, mixing.query_share))
    return unit(second.lerp(first, first_share)), unit(negative.lerp(q[:, None], query_share))


@register("mochi", constants=(1,))
class MoCHi(MoCo):
    """MoCo with mixtures of the hardest negatives beside the queue.

    Mixing is for training and begins when the queue holds keys only. In evaluation mode the loss is that of MoCo.
    The mixtures take memory of items x (num_pairs + num_with_query) x dim.

    Args:
        temperature: in (0, inf).
        dim: length of an embedding.
        queue_size: keys of earlier batches, at least one batch.
        num_hard: how many of the queue are the hardest, N, at most its size.
        num_pairs: mixtures of two hard negatives for each query, s; 0 for none.
        num_with_query: mixtures of a hard negative and the query, s'; 0 for none.
        warmup_items: keys that have come in when mixing begins, if more than the queue holds; the paper waits for 10 to 15
            times the training set.
        gather: whether the batch is spread over processes.
        matmul: type of the products with the queue; "bfloat16" rounds the logits to 8 bits.
    """

    def __init__(
        self,
        temperature: float = 0.2,
        *,
        dim: int = 128,
        queue_size: int = 65_536,
        num_hard: int = 1024,
        num_pairs: int = 1024,
        num_with_query: int = 128,
        warmup_items: int = 0,
        gather: bool = False,
        matmul: Matmul = "float32",
    ) -> None:
        super().__init__(temperature, dim=dim, queue_size=queue_size, gather=gather, matmul=matmul)
        self.num_hard = check_count("num_hard", num_hard)
        if num_hard > queue_size:
            raise ConfigurationError(
                f"num_hard must be at most queue_size. Got {num_hard} for a queue of {queue_size}. Set it to a small "
                f"part of the queue."
            )
        self.num_pairs = check_count("num_pairs", num_pairs, least=0)
        self.num_with_query = check_count("num_with_query", num_with_query, least=0)
        self.warmup_items = check_count("warmup_items", warmup_items, least=0)

    @property
    def is_mixing(self) -> bool:
        """Whether a training step mixes, now that the queue has seen so many keys."""
        return self.queue.is_full and bool(self.queue.enqueued >= self.warmup_items)

    def forward(
        self, queries: Tensor, keys: Tensor, *, ids: Tensor | None = None, mixing: Mixing | None = None
    ) -> Tensor:
        """Mean loss over all queries.

        Args:
            queries: of the encoder that is trained, (items, dim).
            keys: of the momentum encoder, (items, dim); row i of both is about item i.
            ids: which item each row is, integer (items,): earlier keys of the own item are then neither negatives nor
                mixed. Where the queue is as large as the data, every query has some.
            mixing: what is mixed, in any mode; None draws it in training, once mixing has begun.

        Raises:
            ConfigurationError: different shapes, or in training a batch larger than the queue.
        """
        check_embeddings((queries, keys), ("queries", "keys"), least=1)
        rows, apart = self._negatives(queries, ids)
        synthetic = None
        if mixing is not None or (self.training and self.is_mixing):
            hard = nearest_rows(queries, rows, count=self.num_hard, apart=apart)
            mixing = self._draw(hard, apart) if mixing is None else mixing
            synthetic = torch.cat(mix_hard_negatives(queries, rows, hard, mixing), dim=1)
        loss = momentum_contrast(
            queries,
            keys,
            rows,
            temperature=self.temperature,
            synthetic=synthetic,
            apart=apart,
            matmul=self.matmul,
        )
        return self._mean_and_enqueue(loss, keys, ids)

    def _draw(self, hard: Tensor, apart: tuple[Tensor, Tensor] | None) -> Mixing:
        num_hard = hard.new_full((len(hard),), self.num_hard)
        if apart is not None:
            # Rows of the own item stand last. Where they fill the queue there is nothing to mix but them.
            num_own = (apart[0][:, None] == apart[1]).sum(1)
            num_hard = num_hard.minimum((len(self.queue) - num_own).clamp(min=1))
        return draw_mixing(num_hard, num_pairs=self.num_pairs, num_with_query=self.num_with_query)

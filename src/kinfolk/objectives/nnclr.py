"""NNCLR: the positive of a view is the nearest neighbor of the other view in a queue, which is mostly another item.

Pulls the prediction of one view to the earlier row that is nearest to the other view, and pushes the predictions of
other items from it. With z the projections and p the predictions (a small network over z) of the two views, all unit,
Q the queue and t the temperature::

    n_i = argmax_{n in Q} <n, z_i>,     L_i(z, p') = -log( e^{<n_i,p'_i>/t} / sum_j e^{<n_i,p'_j>/t} )

and the loss is the mean over the items of (L_i(z, p') + L_i(z', p)) / 2. The neighbor is a constant, so gradients reach
the predictions alone. It is looked for before the projections of the first view enter the queue.

Source: Dwibedi, Aytar, Tompson, Sermanet & Zisserman, "With a little help from my friends: nearest-neighbor contrastive
learning of visual representations", ICCV 2021, arXiv 2104.14548, equations 3 and 4.
"""

from __future__ import annotations

from torch import Tensor

from kinfolk.objectives._inputs import (
    check_dim,
    check_embeddings,
    check_labels,
    check_temperature,
    unit,
)
from kinfolk.objectives._tiled import Matmul
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.infonce import info_nce
from kinfolk.objectives.queue import Queue, nearest_rows
from kinfolk.objectives.registry import Objective, register


@register("nnclr", embeddings=4, constants=(0, 1))
class NNCLR(Objective):
    """A view and the nearest neighbor of the other view together, other items apart.

    Until ``queue.is_full``, neighbors may be random directions, as in the paper; a method that should not learn from
    them trains with NT-Xent meanwhile.

    Args:
        temperature: in (0, inf).
        dim: length of an embedding.
        queue_size: rows among which a neighbor is looked for, at least one batch. For small data less than the items.
        gather: whether the batch is spread over processes.
        matmul: type of the products; "bfloat16" rounds the logits to 8 bits.

    Attributes:
        queue: projections of earlier first views, random at the start. It moves in training mode only.
    """

    def __init__(
        self,
        temperature: float = 0.1,
        *,
        dim: int = 256,
        queue_size: int = 98_304,
        gather: bool = False,
        matmul: Matmul = "float32",
    ) -> None:
        super().__init__()
        self.temperature = check_temperature(temperature)
        self.queue = Queue(queue_size, dim)
        self.gather, self.matmul = gather, matmul

    def forward(
        self,
        first: Tensor,
        second: Tensor,
        first_prediction: Tensor,
        second_prediction: Tensor,
        *,
        ids: Tensor | None = None,
    ) -> Tensor:
        """Mean loss over both views; about log(items) at random.

        Args:
            first, second: projections of the two views, (items, dim).
            first_prediction, second_prediction: predictions from them, (items, dim); row i of all is about item i.
            ids: which item each row is, integer (items,): earlier rows of the own item are then no neighbors, as long
                as there are others. None allows them, as the paper does.

        Raises:
            ConfigurationError: fewer than two items, different shapes, or in training a batch larger than the queue.
        """
        names = ("first view", "second view", "first prediction", "second prediction")
        check_embeddings((first, second, first_prediction, second_prediction), names)
        check_dim(first, "first view", self.queue.rows.shape[1])
        if ids is not None:
            check_labels(ids, len(first), "ids")
        apart = None if ids is None else (ids, self.queue.ids)
        # Indexing copies: what enters the queue below does not change them.
        neighbors = [
            self.queue.rows[nearest_rows(view, self.queue.rows, apart=apart)[:, 0]] for view in (first, second)
        ]
        enqueued, predictions = unit(first.detach()), [second_prediction, first_prediction]
        if self.gather:
            neighbors = [gather_rows(rows) for rows in neighbors]
            predictions = [gather_rows(rows) for rows in predictions]
            enqueued = gather_rows(enqueued)
            ids = None if ids is None else gather_rows(ids)
        directions = [
            info_nce(near, prediction, temperature=self.temperature, matmul=self.matmul)[0].mean()
            for near, prediction in zip(neighbors, predictions, strict=True)
        ]
        if self.training:
            self.queue.enqueue(enqueued, ids)
        return (directions[0] + directions[1]) / 2

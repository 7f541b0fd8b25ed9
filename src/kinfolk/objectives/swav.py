"""SwAV: each view predicts the assignment of another view of its item to prototypes.

No items are compared with each other: prototypes c, learned with the encoder, stand between them. With unit z and c,
scores <z, c> and temperature t, q_a the assignment of a full view a by Sinkhorn, p_v = softmax(scores of view v / t)::

    L = mean over full views a, over the other views v, over items of  -sum_c q_a(c) log p_v(c)

Assignments are constants; equal shares of items for all prototypes keep them from collapsing onto one. Small views
(multi-crop) predict and are never predicted. In a small batch, a queue of earlier embeddings for each full view takes
part in its assignment.

Source: Caron, Misra, Mairal, Goyal, Bojanowski & Joulin, "Unsupervised learning of visual features by contrasting
cluster assignments", NeurIPS 2020, arXiv 2006.09882, equations 1, 2 and 6. The authors' code brings the prototypes to
unit length before each step, outside the graph; here each training step does that, too, and the gradient is in addition
taken through the normalization, which leaves out its part along the prototype.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import (
    as_computed,
    check_count,
    check_dim,
    check_positive,
    check_temperature,
    check_views,
    full_precision,
    unit,
)
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.queue import Queue
from kinfolk.objectives.registry import Objective, register
from kinfolk.objectives.sinkhorn import sinkhorn_assignments


def swapped_prediction(scores: Sequence[Tensor], assignments: Sequence[Tensor], *, temperature: float = 0.1) -> Tensor:
    """Cross-entropy of each item between the assignments of some views and the predictions of the others, (items,).

    Args:
        scores: one for each view, (items, prototypes), two or more.
        assignments: of the first views, (items, prototypes), one or more; rows sum to 1.
        temperature: in (0, inf).

    Raises:
        ConfigurationError: fewer than two views, no assignment, or shapes that do not fit.
    """
    check_views([*scores, *assignments], least=1)
    if len(scores) < 2 or not 1 <= len(assignments) <= len(scores):
        raise ConfigurationError(
            f"Scores of two or more views and assignments of one or more of them are needed. "
            f"Got {len(scores)} and {len(assignments)}."
        )
    log_shares = torch.stack([(as_computed(of_view) / temperature).log_softmax(1) for of_view in scores])
    targets = torch.stack(list(assignments)).to(log_shares.dtype)
    others = log_shares.sum(0) - log_shares[: len(targets)]  # over the views but the one that is predicted
    return -(targets * others).sum(2).mean(0) / (len(scores) - 1)


@register("swav", detaches=True)
class SwAV(Objective):
    """Each view predicts which prototypes another view of its item is assigned to.

    Args:
        temperature: of the predictions, in (0, inf).
        dim: length of an embedding.
        num_prototypes: for small data about three times the groups one expects.
        epsilon: of the assignments, in (0, inf).
        iterations: of Sinkhorn, at least 0; with none, prototypes get no equal shares and may collapse onto one.
        num_assigned: how many views, the first ones, are full views that are predicted.
        queue_size: earlier embeddings that take part in an assignment, at least one batch; 0 for none. Wanted where a
            batch has fewer items than there are prototypes. It is used once it is full.
        queue_start: training steps before the queue begins to fill; the paper waits for 15 epochs.
        freeze_steps: training steps before the prototypes move; the paper waits for one epoch.
        gather: whether the batch is spread over processes.

    Attributes:
        prototypes: a parameter (num_prototypes, dim), brought to unit length by each training step.
        queues: one for each full view, or none.
        steps: how many training steps there were.
    """

    steps: Tensor

    def __init__(
        self,
        temperature: float = 0.1,
        *,
        dim: int = 128,
        num_prototypes: int = 3000,
        epsilon: float = 0.05,
        iterations: int = 3,
        num_assigned: int = 2,
        queue_size: int = 0,
        queue_start: int = 0,
        freeze_steps: int = 0,
        gather: bool = False,
    ) -> None:
        super().__init__()
        self.temperature = check_temperature(temperature)
        self.epsilon = check_positive("epsilon", epsilon)
        self.iterations = check_count("iterations", iterations, least=0)
        self.num_assigned = check_count("num_assigned", num_assigned)
        self.queue_start = check_count("queue_start", queue_start, least=0)
        self.freeze_steps = check_count("freeze_steps", freeze_steps, least=0)
        self.gather = gather
        shape = check_count("num_prototypes", num_prototypes), check_count("dim", dim)
        self.prototypes = nn.Parameter(unit(torch.randn(shape)))
        num_queues = self.num_assigned if check_count("queue_size", queue_size, least=0) else 0
        self.queues = nn.ModuleList(Queue(queue_size, dim) for _ in range(num_queues))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, *views: Tensor) -> Tensor:
        """Mean loss over full views, the other views and items; log(num_prototypes) where all are equally near.

        Args:
            views: two or more tensors (items, dim), full views first; row i of each is a view of item i.

        Raises:
            ConfigurationError: fewer views than are assigned, shapes that do not fit, in training a single item without
                a full queue, or a batch larger than the queue.
        """
        check_views(views, least_views=max(2, self.num_assigned), least=1)
        check_dim(views[0], "view 1", self.prototypes.shape[1])
        if self.gather:
            views = tuple(gather_rows(view) for view in views)
        if self.training:
            self._begin_step(len(views[0]))
        scores = self.scores(torch.cat(views)).split(len(views[0]))
        loss = swapped_prediction(scores, self.assignments(*scores), temperature=self.temperature).mean()
        if self.training:
            self._end_step(views)
        return loss

    def scores(self, embeddings: Tensor) -> Tensor:
        """Cosine of each embedding with each prototype, (items, num_prototypes); the largest is the cluster of an item.

        Args:
            embeddings: raw (items, dim).
        """
        rows = unit(embeddings)
        prototypes = unit(self.prototypes).to(rows.dtype)
        if self.training and prototypes.requires_grad and bool(self.steps < self.freeze_steps):
            # A gradient of zeros and not none: distributed training waits for one from every parameter.
            prototypes.register_hook(torch.zeros_like)
        with full_precision(rows):
            return rows @ prototypes.T

    @torch.no_grad()
    def assignments(self, *scores: Tensor) -> tuple[Tensor, ...]:
        """Assign the items of each full view to the prototypes, together with the queue where it is full.

        Args:
            scores: one for each view, (items, num_prototypes), full views first.

        Returns:
            Constants, one (items, num_prototypes) for each full view; rows sum to 1.
        """
        assigned = []
        for number, of_view in enumerate(scores[: self.num_assigned]):
            queue = self._queue_in_use(number)
            together = of_view if queue is None else torch.cat([self.scores(queue.rows).to(of_view.dtype), of_view])
            assigned.append(
                sinkhorn_assignments(together, epsilon=self.epsilon, iterations=self.iterations)[-len(of_view) :]
            )
        return tuple(assigned)

    def _queues(self) -> list[Queue]:
        return [queue for queue in self.queues if isinstance(queue, Queue)]

    def _queue_in_use(self, number: int) -> Queue | None:
        queues = self._queues()
        return queues[number] if queues and queues[number].is_full else None

    def _begin_step(self, items: int) -> None:
        if items == 1 and self._queue_in_use(0) is None:
            raise ConfigurationError(
                "A single item is assigned to all prototypes alike, whatever its embedding. Got a batch of 1 and no "
                "full queue. Use a larger batch."
            )
        with torch.no_grad():
            # Through data: a backward pass of an earlier call that is still to come sees the same rows.
            self.prototypes.data.copy_(unit(self.prototypes))

    def _end_step(self, views: Sequence[Tensor]) -> None:
        if bool(self.steps >= self.queue_start):
            for queue, view in zip(self._queues(), views, strict=False):
                queue.enqueue(unit(view.detach()))
        self.steps += 1

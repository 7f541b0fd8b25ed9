"""Sinkhorn: soft assignments of items to prototypes, in which every prototype gets an equal share of the items.

Starting from Q = exp(scores / epsilon), the columns are scaled to 1 / prototypes each and then the rows to 1 / items, again
and again; in the limit Q is the assignment of equal shares that maximizes <Q, scores> + epsilon entropy(Q). Computed
with logarithms, in which exp(1 / epsilon) cannot overflow: in exact arithmetic the result is that of the scaling.

Source: Cuturi, "Sinkhorn distances", NIPS 2013, arXiv 1306.0895, algorithm 1; as assignment: Caron, Misra, Mairal,
Goyal, Bojanowski & Joulin, NeurIPS 2020, arXiv 2006.09882, equations 3 to 5.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kinfolk.objectives._inputs import as_computed, check_count, check_embeddings, check_positive


@torch.no_grad()
def sinkhorn_assignments(scores: Tensor, *, epsilon: float = 0.05, iterations: int = 3) -> Tensor:
    """Assign items to prototypes in equal shares; a constant.

    Args:
        scores: similarity of each item to each prototype, (items, prototypes).
        epsilon: in (0, inf); small values make hard assignments.
        iterations: at least 0. Columns first, rows last: after one or more each row sums to 1, and the columns come the
            nearer to items / prototypes the more there are. After none, only the whole sums to the number of items.

    Returns:
        Shares in [0, 1], (items, prototypes). A single item gets equal shares whatever its scores.

    Raises:
        ConfigurationError: an argument is out of range.
    """
    check_embeddings((scores,), ("scores",), least=1)
    check_positive("epsilon", epsilon)
    check_count("iterations", iterations, least=0)
    logits = as_computed(scores) / epsilon
    logits = logits - logits.flatten().logsumexp(0) + math.log(len(logits))
    # The factors 1 / prototypes and 1 / items of the scaling are constants that the next normalization takes away.
    for _ in range(iterations):
        logits = logits - logits.logsumexp(0, keepdim=True)
        logits = logits - logits.logsumexp(1, keepdim=True)
    return logits.exp()

"""How a contrastive loss behaves on given embeddings: whom it pushes, how hard, and at which temperature.

With s_ij the cosine of anchor i and candidate j and t the temperature, the contrastive loss pulls the positive as strongly
as it pushes all negatives together, and shares the push among them as a Boltzmann distribution::

    d L_i / d s_ij = P_ij / t,     d L_i / d s_ii = -sum_{k != i} P_ik / t,     P_ij = softmax_j(s_ij / t)
    r_ij = e^{s_ij/t} / sum_{k != i} e^{s_ik/t}

A low temperature puts the push on the nearest negative, a high one spreads it over all. The number to look at is the
effective number of negatives, e^{H_i} with H_i the entropy of r_i: 1 at the one end, items - 1 at the other.

Source: Wang & Liu, "Understanding the behaviour of contrastive loss", CVPR 2021, arXiv 2012.09740, sections 3 and 4
(gradients, relative penalties, tolerance). The effective number of negatives and the suggestion of a temperature are
definitions of this project. Uniformity, the other half of their dilemma, stands beside alignment.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import (
    as_computed,
    check_embeddings,
    check_labels,
    check_temperature,
    unit,
)
from kinfolk.objectives._tiled import Matmul, softmax_sums

_TEMPERATURES = (0.01, 10.0)  # between the lowest one in use and one at which all cosines are as good as equal
_HALVINGS = 24


class SimilarityGradients(NamedTuple):
    """Slopes of the contrastive loss, summed over anchors, in the similarities.

    Attributes:
        positive: of the own positive, (items,), at most 0.
        negative: of each negative, (items, items), at least 0, with zeros on the diagonal.
    """

    positive: Tensor
    negative: Tensor


def cosines(anchors: Tensor, candidates: Tensor) -> Tensor:
    """Cosine of each anchor and each candidate, (items, items).

    Args:
        anchors, candidates: raw embeddings (items, dim); row i of both is about item i.

    Raises:
        ConfigurationError: different shapes.
    """
    check_embeddings((anchors, candidates), ("anchors", "candidates"), least=1)
    return unit(anchors) @ unit(candidates).T


def relative_penalties(similarity: Tensor, *, temperature: float) -> Tensor:
    """Share of each negative in the push on its anchor, (items, items): rows sum to 1, the diagonal is 0.

    Args:
        similarity: of anchor i and candidate j, (items, items), at least two items; the positives are on the diagonal.
        temperature: in (0, inf).

    Raises:
        ConfigurationError: similarities that are not square, or of one item only.
    """
    check_temperature(temperature)
    logits = _checked(similarity) / temperature
    return logits.masked_fill(_diagonal(similarity), -torch.inf).softmax(1)


def similarity_gradients(similarity: Tensor, *, temperature: float) -> SimilarityGradients:
    """Slopes of the contrastive loss in the similarities; a positive's is minus the sum of its row's negatives.

    Args:
        similarity: of anchor i and candidate j, (items, items), at least two items; the positives are on the diagonal.
        temperature: in (0, inf).

    Raises:
        ConfigurationError: similarities that are not square, or of one item only.
    """
    check_temperature(temperature)
    shares = (_checked(similarity) / temperature).softmax(1)
    negative = shares.masked_fill(_diagonal(similarity), 0) / temperature
    return SimilarityGradients(-negative.sum(1), negative)


def _checked(similarity: Tensor) -> Tensor:
    items = len(similarity)
    if items < 2 or similarity.shape != (items, items) or not similarity.is_floating_point():
        raise ConfigurationError(
            "similarity must be a floating-point tensor of shape (items, items) with at least 2 items. "
            f"Got {similarity.dtype} of shape {tuple(similarity.shape)}."
        )
    return as_computed(similarity)


def _diagonal(similarity: Tensor) -> Tensor:
    return torch.eye(len(similarity), dtype=torch.bool, device=similarity.device)


def penalty_entropy(
    anchors: Tensor, candidates: Tensor | None = None, *, temperature: float, matmul: Matmul = "float32"
) -> Tensor:
    """Entropy of the relative penalties of each anchor in nats, (items,), in [0, log(items - 1)].

    The entropy is the log-sum-exp of the logits minus their mean under the softmax, so that no matrix is kept.

    Args:
        anchors: raw embeddings (items, dim), at least two.
        candidates: of the same shape; row i is the positive of anchor i and no negative. None takes the anchors.
        temperature: in (0, inf).
        matmul: type of the products.

    Raises:
        ConfigurationError: fewer than two items, or different shapes.
    """
    check_temperature(temperature)
    check_embeddings((anchors, anchors if candidates is None else candidates), ("anchors", "candidates"))
    ids = torch.arange(len(anchors), device=anchors.device)
    if candidates is None:
        sums = softmax_sums(unit(anchors) / temperature**0.5, apart=ids, means=True, matmul=matmul)
    else:
        rows = unit(anchors) / temperature
        sums = softmax_sums(rows, unit(candidates), apart=(ids, ids), means=True, matmul=matmul)
    return (sums.rows - sums.row_means).clamp(min=0)  # rounding may leave the entropy of one negative just below 0


def effective_negatives(
    anchors: Tensor, candidates: Tensor | None = None, *, temperature: float, matmul: Matmul = "float32"
) -> Tensor:
    """Number of negatives that share the push on each anchor, (items,), in [1, items - 1]: e to the penalty entropy.

    The arguments are those of ``penalty_entropy``. On fixed embeddings it rises with the temperature.
    """
    return penalty_entropy(anchors, candidates, temperature=temperature, matmul=matmul).exp()


def tolerance(embeddings: Tensor, labels: Tensor, *, all_pairs: bool = False) -> Tensor | None:
    """Mean cosine of two items of one label, in [-1, 1]: how close the space lets items lie that belong together.

    Args:
        embeddings: raw (items, dim).
        labels: integer (items,).
        all_pairs: whether to divide by the number of all ordered pairs, an item with itself among them, and count pairs
            of different labels as 0: the form in which the paper prints it, which falls with the number of labels.

    Returns:
        A scalar; None where no two items have the same label.

    Raises:
        ConfigurationError: labels that are not one integer an item.
    """
    check_embeddings((embeddings,), ("embeddings",), least=1)
    check_labels(labels, len(embeddings))
    rows = unit(embeddings)
    classes, class_of, sizes = labels.unique(return_inverse=True, return_counts=True)
    # The sum of the cosines of all pairs of a class is the squared length of the sum of its rows.
    class_sum = rows.new_zeros(len(classes), rows.shape[1]).index_add(0, class_of, rows)
    same = class_sum.square().sum()
    if all_pairs:
        return same / len(rows) ** 2
    num_pairs = int((sizes * (sizes - 1)).sum())
    return (same - rows.square().sum()) / num_pairs if num_pairs else None


@torch.no_grad()
def suggest_temperature(anchors: Tensor, candidates: Tensor | None = None, *, share: float = 0.5) -> float:
    """The temperature at which an anchor pushes a given share of its negatives, in [0.01, 10].

    Meant as a start for a search, from the embeddings of a pretrained encoder and a batch of the size to be trained
    with: the closer the negatives lie together, the lower it is. A definition of this project, not the paper's; nothing
    here says that a share is best for a task.

    Args:
        anchors: raw embeddings (items, dim), at least three.
        candidates: of the same shape; row i is the positive of anchor i and no negative. None takes the anchors.
        share: mean of effective negatives / (items - 1), in (1 / (items - 1), 1).

    Raises:
        ConfigurationError: fewer than three items, a share out of range, or embeddings so much alike that no temperature
            tells their negatives apart.
    """
    check_embeddings((anchors, anchors if candidates is None else candidates), ("anchors", "candidates"), least=3)
    num_negatives = len(anchors) - 1
    if not 1 / num_negatives < share < 1:
        raise ConfigurationError(
            f"share must be in (1 / {num_negatives}, 1), between one and all {num_negatives} negatives. Got {share}."
        )

    def pushed(temperature: float) -> float:
        return float(effective_negatives(anchors, candidates, temperature=temperature).mean()) / num_negatives

    low, high = _TEMPERATURES
    least = pushed(low)
    if least > share:
        raise ConfigurationError(
            f"Even at temperature {low:g} an anchor pushes {least:.0%} of its negatives, more than {share:.0%}: they "
            "are all about equally far. Take a larger share or embeddings that tell items apart."
        )
    if pushed(high) < share:
        return high
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if pushed(middle) < share else (low, middle)
    return math.sqrt(low * high)

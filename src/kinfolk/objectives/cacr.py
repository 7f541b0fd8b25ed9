"""CACR: contrastive attraction and contrastive repulsion, for any number of views.

Positives of an anchor compete among themselves, and so do negatives: the farther a positive, the harder it is pulled,
the nearer a negative, the harder it is pushed. For unit rows u of N items in V views, c(a, b) = |a - b|^2::

    CA = mean_{x,i} sum_{y != x} w+ alpha c(u^x_i, u^y_i),        w+ = softmax_y( tau_pos c(u^x_i, u^y_i) )
    CR = mean_{x<y,i} -sum_{j != i} w- beta c(u^x_i, u^y_j),      w- = softmax_j( -tau_neg c(u^x_i, u^y_j) )

and the loss is CA + CR. It is 0 where all rows are equal and may be negative. With two views w+ is 1, with two items
w- is. Both weights carry gradient. Of a pair of views only the first is the anchor, unless ``symmetric`` is asked
for: the order of views matters, as in the authors' code. Neither alpha nor beta changes a weight.

Two variants of CR: *debiased*, with p the chance that a negative is none, mean_i (-p c(u^x_i, u^y_i) + CR_i) / (1 - p),
where beta is in CR_i only, as in the authors' code; and with an *RBF* cost, beta log mean_i sum_j w- e^{-t c}.

w- and its expectations are softmax sums over the batch, so that no matrix of the batch is kept.

Source: Zheng, Chen, Yao, Yang, Li, Zhang, Zhang, Tsang, Zhou & Zhou, "Contrastive attraction and contrastive
repulsion for representation learning", TMLR 2023, arXiv 2105.03746.
"""

from __future__ import annotations

import math
from itertools import combinations

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import (
    check_embeddings,
    check_not_negative,
    check_positive,
    check_views,
    check_within,
    full_precision,
    unit,
)
from kinfolk.objectives._tiled import Matmul, softmax_sums
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register


def contrastive_attraction(
    *views: Tensor, alpha: float = 1.0, tau_pos: float = 1.0, weight_gradient: bool = True
) -> Tensor:
    """CA of each anchor, (items, views), in [0, 4 alpha]; the arguments are those of ``CACR``."""
    check_views(views, least=1)
    rows = torch.stack([unit(view) for view in views], dim=1)  # (N, V, D)
    with full_precision(rows):
        cost = _squared_norm(rows)[:, :, None] + _squared_norm(rows)[:, None, :] - 2 * rows @ rows.mT
    itself = torch.eye(len(views), dtype=torch.bool, device=rows.device)
    weights = (tau_pos * cost).masked_fill(itself, -torch.inf).softmax(2)
    return alpha * ((weights if weight_gradient else weights.detach()) * cost).sum(2)


def contrastive_repulsion(
    *views: Tensor,
    beta: float = 1.0,
    tau_neg: float = 0.9,
    tau_plus: float = 0.0,
    rbf: float | None = None,
    symmetric: bool = False,
    weight_gradient: bool = True,
    matmul: Matmul = "float32",
) -> Tensor:
    """CR, the mean over all pairs of views, a scalar; the arguments are those of ``CACR``."""
    check_views(views)
    rows = [unit(view) for view in views]
    pairs = list(combinations(rows, 2))
    if symmetric:
        pairs += [(second, first) for first, second in pairs]
    ids = torch.arange(len(rows[0]), device=rows[0].device)
    losses = []
    for anchors, others in pairs:
        if rbf is None:
            if tau_neg == 0:
                cost = _plain_cost(anchors, others)
            else:
                cost = weighted_cost(
                    anchors, others, tau=tau_neg, apart=(ids, ids), weight_gradient=weight_gradient, matmul=matmul
                )
            positive = _squared_norm(anchors - others)
            losses.append(((-tau_plus * positive - beta * cost) / (1 - tau_plus)).mean())
        else:
            potential = _log_potential(anchors, others, tau_neg, rbf, weight_gradient, matmul)
            losses.append(beta * (potential.logsumexp(0) - math.log(len(potential))))
    return torch.stack(losses).mean()


def repulsion_weights(anchors: Tensor, others: Tensor, *, tau_neg: float = 0.9) -> Tensor:
    """w- of one pair of views, to look at: (items, items - 1), row i over the other items in their order.

    Args:
        anchors, others: raw embeddings (items, dim).
        tau_neg: in [0, inf).

    Raises:
        ConfigurationError: fewer than two items, or different shapes.
    """
    check_embeddings((anchors, others), ("anchors", "others"))
    a, b = unit(anchors), unit(others)
    with full_precision(a):
        logits = 2 * tau_neg * a @ b.T - tau_neg * _squared_norm(b)
    off = ~torch.eye(len(a), dtype=torch.bool, device=a.device)
    return logits[off].view(len(a), len(a) - 1).softmax(1)


def weighted_cost(
    anchors: Tensor,
    others: Tensor,
    *,
    tau: float,
    apart: tuple[Tensor, Tensor],
    weight_gradient: bool = True,
    matmul: Matmul = "float32",
) -> Tensor:
    """Mean of c(a_i, b_j) over all j of another id, weighted by softmax_j(-tau c(a_i, b_j)), (anchors,).

    Args:
        anchors, others: unit rows, (anchors, dim) and (others, dim).
        tau: in (0, inf).
        apart: ids of both, int64; an anchor for which no other id is left gets 0.
        weight_gradient: whether the weights carry gradient.
        matmul: type of the products.
    """
    log_sum, mean = _cost_sums(anchors, others, tau, apart, matmul)
    if not weight_gradient:  # the slope of a log-sum-exp is the mean slope with the weights held constant
        mean = mean.detach() + log_sum - log_sum.detach()
    return torch.where(log_sum.isfinite(), -mean / tau, 0)


def _cost_sums(
    anchors: Tensor, others: Tensor, tau: float, apart: tuple[Tensor, Tensor], matmul: Matmul
) -> tuple[Tensor, Tensor]:
    """Log-sum-exp of -tau c(a_i, b_j) over j of another id, and its mean under that softmax, both (anchors,)."""
    # -tau c = <(2 tau a_i, 1), (b_j, tau - tau |b_j|^2)> - tau |a_i|^2 - tau: the kernel computes the product, whose
    # last column is 0 but for rows of zeros.
    left = torch.cat([2 * tau * anchors, anchors.new_ones(len(anchors), 1)], dim=1)
    right = torch.cat([others, tau - tau * _squared_norm(others)[:, None]], dim=1)
    sums = softmax_sums(left, right, apart=apart, means=True, matmul=matmul)
    shift = tau + tau * _squared_norm(anchors)
    return sums.rows - shift, sums.row_means - shift


def _plain_cost(anchors: Tensor, others: Tensor) -> Tensor:
    """Mean of c(a_i, b_j) over j != i, (items,)."""
    count = len(anchors) - 1
    rest, square = (others.sum(0) - others) / count, _squared_norm(others)
    return _squared_norm(anchors) + (square.sum() - square) / count - 2 * (anchors * rest).sum(1)


def _log_potential(
    anchors: Tensor, others: Tensor, tau: float, t: float, weight_gradient: bool, matmul: Matmul
) -> Tensor:
    """Log of the mean of e^{-t c(a_i, b_j)} over j != i under w-, (items,)."""
    ids = torch.arange(len(anchors), device=anchors.device)
    whole, _ = _cost_sums(anchors, others, tau + t, (ids, ids), matmul)
    if tau == 0:
        return whole - math.log(len(anchors) - 1)
    weights, _ = _cost_sums(anchors, others, tau, (ids, ids), matmul)
    if not weight_gradient:  # of the exponent tau + t only the part t is a cost
        return (whole - weights).detach() + t / (tau + t) * (whole - whole.detach())
    return whole - weights


def _squared_norm(rows: Tensor) -> Tensor:
    return rows.square().sum(-1)  # 1, and 0 for a row of zeros


@register("cacr")
class CACR(Objective):
    """Far positives pulled and near negatives pushed the hardest.

    Args:
        alpha, beta: sizes of attraction and repulsion, in (0, inf).
        tau_pos: how much more a far positive counts, in [0, inf); 0 counts all alike.
        tau_neg: how much more a near negative counts, in [0, inf); 0 counts all alike. The authors take 0.9 on CIFAR-10
            and 2 on CIFAR-100 and STL-10.
        tau_plus: the chance that a negative is of the anchor's own class, in [0, 1); above 0 the repulsion is debiased
            (the authors: 0.1).
        rbf: sharpness t of the RBF cost of repulsion, in (0, inf) (the authors: 2); None takes the Euclidean cost.
        symmetric: whether both views of a pair are anchors of the repulsion.
        weight_gradient: whether the weights carry gradient.
        gather: whether the batch is spread over processes.
        matmul: type of the products over the batch; "bfloat16" rounds them to 8 bits.
    """

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 1.0,
        *,
        tau_pos: float = 1.0,
        tau_neg: float = 0.9,
        tau_plus: float = 0.0,
        rbf: float | None = None,
        symmetric: bool = False,
        weight_gradient: bool = True,
        gather: bool = False,
        matmul: Matmul = "float32",
    ) -> None:
        super().__init__()
        self.alpha, self.beta = check_positive("alpha", alpha), check_positive("beta", beta)
        self.tau_pos = check_not_negative("tau_pos", tau_pos)
        self.tau_neg = check_not_negative("tau_neg", tau_neg)
        self.tau_plus = check_within("tau_plus", tau_plus, 0.0, 1.0)
        self.rbf = None if rbf is None else check_positive("rbf", rbf)
        if self.tau_plus == 1 or (self.tau_plus > 0 and rbf is not None):
            raise ConfigurationError(
                "tau_plus must be in [0, 1), and 0 with an RBF cost, which is not debiased. "
                f"Got tau_plus = {tau_plus}, rbf = {rbf}."
            )
        self.symmetric, self.weight_gradient = symmetric, weight_gradient
        self.gather, self.matmul = gather, matmul

    def forward(self, *views: Tensor) -> Tensor:
        """Attraction plus repulsion.

        Args:
            views: two or more tensors (items, dim); row i of each is a view of item i. Attraction has weights from
                three on.

        Raises:
            ConfigurationError: fewer than two views or two items, or different shapes.
        """
        if self.gather:
            check_views(views, least=1)
            views = tuple(gather_rows(view) for view in views)
        repulsion = contrastive_repulsion(
            *views,
            beta=self.beta,
            tau_neg=self.tau_neg,
            tau_plus=self.tau_plus,
            rbf=self.rbf,
            symmetric=self.symmetric,
            weight_gradient=self.weight_gradient,
            matmul=self.matmul,
        )
        attraction = contrastive_attraction(
            *views, alpha=self.alpha, tau_pos=self.tau_pos, weight_gradient=self.weight_gradient
        )
        return attraction.mean() + repulsion

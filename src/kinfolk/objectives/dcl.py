"""DCL and DCLW: decoupled contrastive learning, NT-Xent with the positive taken out of the denominator.

In NT-Xent the gradient of an anchor is multiplied by one minus the share of its positive in the softmax, and vanishes
where negatives are few or the positive is close; without the positive in the denominator it does not. With unit u, v::

    L_i(u) = -w_i <u_i,v_i>/t + log sum_{j != i} ( e^{<u_i,u_j>/t} + e^{<u_i,v_j>/t} ),    L = mean_i (L_i(u) + L_i(v))/2

DCL has w_i = 1; DCLW puts less weight on positives that are close already, w_i = 2 - N softmax_i(<u_i,v_i>/sigma), mean 1,
and it may be negative. The loss has no lower bound and is often negative.

Source: Yeh, Hong, Hsu, Liu, Chen & LeCun, "Decoupled contrastive learning", ECCV 2022, arXiv 2110.06848, equations 6
and 7. The paper does not say whether the weight carries gradient; here it does not unless asked for.
"""

from __future__ import annotations

from torch import Tensor

from kinfolk.objectives._inputs import check_embeddings, check_positive, check_temperature, item_major
from kinfolk.objectives._tiled import Matmul, log_sum_exp
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register


def decoupled(
    first: Tensor,
    second: Tensor,
    *,
    temperature: float = 0.1,
    sigma: float | None = None,
    weight_gradient: bool = False,
    matmul: Matmul = "float32",
) -> Tensor:
    """DCL, or with sigma DCLW, of each anchor, (items, 2): first views, second views.

    The arguments are those of ``DCL`` and ``DCLW``.
    """
    check_embeddings((first, second), ("view 1", "view 2"))
    rows, items = item_major((first, second))
    # Neither view of the own item is a negative: both leave the sum, where adding a large negative number to their
    # logits, as some code does, lets them back in at low temperature.
    negatives = log_sum_exp(rows / temperature**0.5, apart=items, matmul=matmul).view(-1, 2)
    positive = (rows[0::2] * rows[1::2]).sum(1)
    attraction = positive / temperature
    if sigma is not None:
        weight = dclw_weights(positive, sigma)
        attraction = (weight if weight_gradient else weight.detach()) * attraction
    return negatives - attraction[:, None]


def dclw_weights(positive: Tensor, sigma: float) -> Tensor:
    """Weight of each positive, (items,), mean 1: 2 - items x softmax(cosine / sigma).

    Args:
        positive: cosines of the positive pairs, (items,).
        sigma: in (0, inf).
    """
    return 2 - len(positive) * (positive / sigma).softmax(0)


@register("dcl")
class DCL(Objective):
    """NT-Xent without the positive in the denominator; for small batches.

    Args:
        temperature: in (0, inf).
        gather: whether the batch is spread over processes.
        matmul: type of the products; "bfloat16" rounds the logits to 8 bits.
    """

    def __init__(self, temperature: float = 0.1, *, gather: bool = False, matmul: Matmul = "float32") -> None:
        super().__init__()
        self.temperature = check_temperature(temperature)
        self.gather, self.matmul = gather, matmul

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Mean loss over all anchors of both views.

        Args:
            first, second: (items, dim); row i of both is a view of item i.

        Raises:
            ConfigurationError: fewer than two items, or different shapes.
        """
        if self.gather:
            first, second = gather_rows(first), gather_rows(second)
        return decoupled(first, second, temperature=self.temperature, matmul=self.matmul).mean()


@register("dclw", detaches=True)
class DCLW(Objective):
    """DCL with less weight on positives that are close already.

    Args:
        temperature: in (0, inf).
        sigma: temperature of the weights, in (0, inf).
        weight_gradient: whether the weights carry gradient.
        gather: whether the batch is spread over processes.
        matmul: type of the products; "bfloat16" rounds the logits to 8 bits.
    """

    def __init__(
        self,
        temperature: float = 0.1,
        *,
        sigma: float = 0.5,
        weight_gradient: bool = False,
        gather: bool = False,
        matmul: Matmul = "float32",
    ) -> None:
        super().__init__()
        self.temperature, self.sigma = check_temperature(temperature), check_positive("sigma", sigma)
        self.weight_gradient, self.gather, self.matmul = weight_gradient, gather, matmul

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Mean loss over all anchors of both views.

        Args:
            first, second: (items, dim); row i of both is a view of item i.

        Raises:
            ConfigurationError: fewer than two items, or different shapes.
        """
        if self.gather:
            first, second = gather_rows(first), gather_rows(second)
        loss = decoupled(
            first,
            second,
            temperature=self.temperature,
            sigma=self.sigma,
            weight_gradient=self.weight_gradient,
            matmul=self.matmul,
        )
        return loss.mean()

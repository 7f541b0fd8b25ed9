"""NT-Xent: the normalized-temperature cross-entropy of SimCLR, for any number of views.

Pulls the views of an item together and pushes all views of other items away, each by its share of the softmax. For N
items in V views u (unit length), t the temperature, P(a) the other views of the item of anchor a::

    L_a = -1/|P(a)| sum_{p in P(a)} log( e^{<a,p>/t} / sum_{b != a} e^{<a,b>/t} )

and the loss is the mean of L_a over all N V anchors. With more than two views the other positives stay in the
denominator, as in the "out" form of supervised contrastive learning.

Source: Chen, Kornblith, Norouzi & Hinton, "A simple framework for contrastive learning of visual representations",
ICML 2020, arXiv 2002.05709, equation 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.objectives._inputs import check_labels, check_temperature, check_views, item_major
from kinfolk.objectives._tiled import Matmul, log_sum_exp
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register


def nt_xent(*views: Tensor, temperature: float = 0.5, keys: Tensor | None = None, matmul: Matmul = "float32") -> Tensor:
    """NT-Xent of each anchor, (items, views); the arguments are those of ``NTXent``."""
    check_views(views)
    num_items, num_views = len(views[0]), len(views)
    rows, items = item_major(views)
    by_item = rows.unflatten(0, (num_items, num_views))  # (N, V, D)
    own = by_item @ by_item.mT / temperature  # logits of an item's views with one another (N, V, V)
    others = ~torch.eye(num_views, dtype=torch.bool, device=own.device)
    if keys is not None:
        check_labels(keys, num_items, "keys")
        items = keys[items]
    negatives = log_sum_exp(rows / temperature**0.5, apart=items, matmul=matmul).view(num_items, num_views)
    positive = (own * others).sum(2) / (num_views - 1)
    # Relative to the positive, so that neither loss nor gradient is a difference of large numbers; see cross_entropy.
    own_sum = (own - positive[:, :, None]).masked_fill(~others, -torch.inf).logsumexp(2)
    return torch.logaddexp(negatives - positive, own_sum)


@register("ntxent")
class NTXent(Objective):
    """Views of one item together, views of other items apart (SimCLR).

    Args:
        temperature: in (0, inf); the paper takes 0.5 on CIFAR-10 and 0.1 on ImageNet.
        gather: whether the batch is spread over processes.
        matmul: type of the products; "bfloat16" rounds the logits to 8 bits.
    """

    def __init__(self, temperature: float = 0.5, *, gather: bool = False, matmul: Matmul = "float32") -> None:
        super().__init__()
        self.temperature = check_temperature(temperature)
        self.gather, self.matmul = gather, matmul

    def forward(self, *views: Tensor, keys: Tensor | None = None) -> Tensor:
        """Mean loss over all anchors.

        Args:
            views: two or more tensors (items, dim); row i of each is a view of item i. At random, the loss is about
                log(2 items - 1).
            keys: what each item holds, as an integer, (items,): items of equal key are the same record twice, and not
                negatives of each other. None takes all items for different.

        Raises:
            ConfigurationError: fewer than two views or two items, or different shapes.
        """
        if self.gather:
            check_views(views)
            views = tuple(gather_rows(view) for view in views)
            keys = None if keys is None else gather_rows(keys)
        return nt_xent(*views, temperature=self.temperature, keys=keys, matmul=self.matmul).mean()

"""SupCon: supervised contrastive learning, the "out" form.

Pulls all rows of one label together and pushes all other rows away. Over all views of all items, P(a) the other rows with
the label of anchor a::

    L_a = -1/|P(a)| sum_{p in P(a)} log( e^{<a,p>/t} / sum_{b != a} e^{<a,b>/t} ),    L = t/t_base mean_a L_a

An anchor without a positive contributes 0 and counts in the mean, as in the authors' current code. The sum over positives
is a product with the sum of their rows, so that no matrix of the batch is kept.

Source: Khosla, Teterwak, Wang, Sarna, Tian, Isola, Maschinot, Liu & Krishnan, "Supervised contrastive learning",
NeurIPS 2020, arXiv 2004.11362, equation 2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import check_labels, check_positive, check_temperature, check_views, item_major
from kinfolk.objectives._tiled import Matmul, log_sum_exp
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register


def sup_con(
    *views: Tensor,
    labels: Tensor | None = None,
    mask: Tensor | None = None,
    temperature: float = 0.07,
    first_view_only: bool = False,
    matmul: Matmul = "float32",
) -> Tensor:
    """SupCon of each anchor, (items, views) or (items, 1), 0 for anchors without a positive.

    The arguments are those of ``SupCon``; there is no factor t/t_base here.
    """
    check_views(views, least_views=1)
    num_items, num_views = len(views[0]), len(views)
    rows, items = item_major(views)
    of_item = rows.unflatten(0, (num_items, num_views)).sum(1)  # (N, D)
    if mask is not None:
        if labels is not None or mask.shape != (num_items, num_items):
            raise ConfigurationError(
                f"Give labels or a mask of shape {(num_items, num_items)}, not both. Got a mask of {tuple(mask.shape)}"
                f"{' and labels' if labels is not None else ''}."
            )
        share = mask.to(rows.dtype)
        positive_sum, num_positives = share @ of_item, share.sum(1) * num_views
        holds_itself = share.diagonal()
    elif labels is not None:
        check_labels(labels, num_items)
        _, class_of, sizes = labels.unique(return_inverse=True, return_counts=True)
        class_sum = of_item.new_zeros(len(sizes), of_item.shape[1]).index_add(0, class_of, of_item)
        positive_sum, num_positives = class_sum[class_of], sizes[class_of].to(rows.dtype) * num_views
        holds_itself = torch.ones_like(num_positives)
    else:
        raise ConfigurationError("SupCon needs labels or a mask of which items belong together. Got neither.")
    count = num_positives - holds_itself  # an anchor is no positive of its own
    if not bool((count > 0).any()):
        raise ConfigurationError(
            "No item of the batch has a positive: all labels differ and there is one view. "
            "Draw several items of a label into each batch."
        )
    ids = torch.arange(len(rows), device=rows.device)
    scaled = rows / temperature**0.5
    anchors = slice(None, None, num_views) if first_view_only else slice(None)
    anchor_views = 1 if first_view_only else num_views
    if first_view_only and num_views > 1:
        log_sum = log_sum_exp(scaled[anchors], scaled, apart=(ids[anchors], ids), matmul=matmul)
    else:
        log_sum = log_sum_exp(scaled, apart=ids, matmul=matmul)
    anchor, item = rows[anchors], items[anchors]
    attraction = (anchor * positive_sum[item]).sum(1) - holds_itself[item] * anchor.square().sum(1)
    has_positive = count[item] > 0
    mean_positive = attraction / torch.where(has_positive, count[item], 1) / temperature
    return torch.where(has_positive, log_sum - mean_positive, 0).view(num_items, anchor_views)


@register("supcon", embeddings=1, needs=("labels",))
class SupCon(Objective):
    """Rows of one label together, all others apart.

    Args:
        temperature: in (0, inf).
        base_temperature: the loss is multiplied by temperature / base_temperature; None takes the temperature itself
            (the authors' code: 0.07, so that changing the temperature alone changes the size of the loss, too).
        first_view_only: whether only the first view of an item is an anchor ("one" in the authors' code).
        gather: whether the batch is spread over processes.
        matmul: type of the products; "bfloat16" rounds the logits to 8 bits.
    """

    def __init__(
        self,
        temperature: float = 0.07,
        *,
        base_temperature: float | None = None,
        first_view_only: bool = False,
        gather: bool = False,
        matmul: Matmul = "float32",
    ) -> None:
        super().__init__()
        self.temperature = check_temperature(temperature)
        self.base_temperature = (
            self.temperature if base_temperature is None else check_positive("base_temperature", base_temperature)
        )
        self.first_view_only, self.gather, self.matmul = first_view_only, gather, matmul

    def forward(self, *views: Tensor, labels: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Mean loss over all anchors.

        Args:
            views: one or more tensors (items, dim); row i of each is a view of item i.
            labels: integer (items,); items of equal label are positives of each other.
            mask: instead of labels, which items are positives of which, (items, items); it need not be symmetric. Positives
                count as much as the mask says, which may be a fraction.

        Raises:
            ConfigurationError: no item has a positive, or shapes that do not fit.
        """
        if self.gather:
            if mask is not None:
                raise ConfigurationError("gather works with labels, not with a mask, which knows one process only.")
            views = tuple(gather_rows(view) for view in views)
            labels = None if labels is None else gather_rows(labels)
        loss = sup_con(
            *views,
            labels=labels,
            mask=mask,
            temperature=self.temperature,
            first_view_only=self.first_view_only,
            matmul=self.matmul,
        )
        return self.temperature / self.base_temperature * loss.mean()

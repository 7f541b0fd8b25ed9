"""Hydra, later renamed SimLAP: any two classes may be a positive pair, but only inside a subspace learned for that pair.

Each anchor i of class y_i draws a target class y'_i, and a gate g_i in (0, 1)^D opens the dimensions that the two share (see
``hydra_gate``). Inside that subspace all items of the target class are pulled to the anchor, and items of neither class are
pushed away; the other items of the anchor's own class play no part. With t the temperature::

    s_ij = cos(g_i z_i, g_i z_j) / t,     P_i = {j: y_j = y'_i},     N_i = {j: y_j not in {y_i, y'_i}}
    L = sum_i sum_{j in P_i} log(1 + sum_{k in N_i} e^{s_ik - s_ij}) / sum_i |P_i|

Positives are not in each other's denominator. An anchor whose target class is not in the batch contributes nothing.

The cosine under the gate of the anchor is three matrix products, of which no tensor (items, items, dim) is made::

    <g_i z_i, g_i z_j> = <g_i^2 z_i, z_j>,     |g_i z_j|^2 = <g_i^2, z_j^2>,     |g_i z_i|^2 = <g_i^2, z_i^2>

Source: Wu, Atito, Feng, Mo, Kittler & Awais, "Rethinking positive pairs in contrastive learning", 2024, arXiv 2410.18200.
Of the authors' released variants ``renormalize=False`` leaves the gated vectors as they are, and
``reduction="per-anchor"`` takes the mean over the positives of an anchor first.
"""

from __future__ import annotations

import warnings
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._blocks import BLOCK, by_block
from kinfolk.objectives._inputs import as_computed, check_labels, check_temperature, check_views, unit
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.hydra_gate import gate_entropy
from kinfolk.objectives.registry import Objective, register

_LEAST_SQUARED_NORM = 1e-24  # a gated vector of zeros has cosine 0 and a finite gradient
_LEAST_POSITIVES = 1e-6  # added to the positives of an anchor, as in the authors' code: an anchor without any gives 0


class ClassPairs(NamedTuple):
    """Which items an anchor is drawn to and pushed from.

    Attributes:
        positive: those of its target class, bool (anchors, items).
        negative: those neither of its own nor of its target class, bool (anchors, items).
    """

    positive: Tensor
    negative: Tensor


class AnchorSums(NamedTuple):
    """The loss of each anchor and what it is made of, each (anchors,).

    Attributes:
        loss: summed over the positives of the anchor.
        positives: how many there are.
        negatives: how many there are.
    """

    loss: Tensor
    positives: Tensor
    negatives: Tensor


def draw_target_labels(
    labels: Tensor,
    *,
    pairs: Literal["arbitrary", "identical", "distinct"] = "arbitrary",
    generator: torch.Generator | None = None,
) -> Tensor:
    """A target class for each anchor, integer (items,).

    Args:
        labels: integer (items,).
        pairs: "arbitrary" shuffles the labels of the batch; "identical" takes the anchor's own; "distinct" draws one of
            the other classes of the batch, each as likely.
        generator: of random numbers, on the device of the labels; None takes the global one.

    Raises:
        ConfigurationError: labels that are not integers, or distinct pairs from a batch of one class.
    """
    check_labels(labels, len(labels))
    if pairs == "identical":
        return labels
    if pairs == "arbitrary":
        return labels[torch.randperm(len(labels), generator=generator, device=labels.device)]
    if pairs != "distinct":
        raise ConfigurationError(f"pairs must be 'arbitrary', 'identical' or 'distinct'. Got {pairs!r}.")
    classes, class_of = labels.unique(return_inverse=True)
    if len(classes) < 2:
        raise ConfigurationError(
            f"Distinct pairs need a batch of at least 2 classes. Got {len(classes)}. Draw batches across classes."
        )
    ahead = torch.randint(1, len(classes), labels.shape, generator=generator, device=labels.device)
    drawn: Tensor = classes[(class_of + ahead) % len(classes)]
    return drawn


def class_pairs(labels: Tensor, target_labels: Tensor, item_labels: Tensor) -> ClassPairs:
    """Positives and negatives of each anchor.

    Args:
        labels, target_labels: own and target class of each anchor, integer (anchors,).
        item_labels: class of each item it meets, integer (items,).
    """
    positive = target_labels[:, None] == item_labels
    return ClassPairs(positive, ~positive & (labels[:, None] != item_labels))


def gated_similarity(anchors: Tensor, items: Tensor, gates: Tensor, *, renormalize: bool = True) -> Tensor:
    """Similarity of each anchor and each item in the subspace of the anchor's gate, (anchors, items).

    Args:
        anchors: raw embeddings (anchors, dim).
        items: raw embeddings (items, dim).
        gates: of the anchors, in (0, 1), (anchors, dim).
        renormalize: whether the gated vectors are brought to unit length, which gives their cosine; else it is the
            product of the unit vectors, each dimension weighted by its gate squared.
    """
    # A cosine needs no unit vectors, and through them a row of zeros would have a gradient of the square of 1 / its norm.
    rows, columns = (as_computed(rows) if renormalize else unit(rows) for rows in (anchors, items))
    opened = as_computed(gates).to(rows.dtype).square()
    product = (opened * rows) @ columns.T
    if not renormalize:
        return product
    of_rows = (opened * rows.square()).sum(1, keepdim=True)
    of_columns = opened @ columns.square().T
    return product / of_rows.clamp(min=_LEAST_SQUARED_NORM).sqrt() / of_columns.clamp(min=_LEAST_SQUARED_NORM).sqrt()


def hydra(
    embeddings: Tensor,
    others: Tensor,
    *,
    labels: Tensor,
    target_labels: Tensor,
    gates: Tensor,
    temperature: float = 0.1,
    renormalize: bool = True,
    block: int = BLOCK,
) -> AnchorSums:
    """Loss of each anchor, summed over its positives.

    Args:
        embeddings, others: of the anchors and of the items that they meet, raw (items, dim); they may be the same, and
            an anchor is then a positive of its own where its target class is its own class.
        labels, target_labels, gates, temperature, renormalize: see ``Hydra``.
        block: anchors taken at a time.
    """

    def of_anchors(rows: Tensor, own: Tensor, target: Tensor, opened: Tensor) -> Tensor:
        positive, negative = class_pairs(own, target, labels)
        logits = gated_similarity(rows, others, opened, renormalize=renormalize) / temperature
        # The least number and not -inf, of which an anchor without negatives would have a gradient of nan.
        pushed = logits.masked_fill(~negative, torch.finfo(logits.dtype).min).logsumexp(1, keepdim=True)
        loss = F.softplus(pushed - logits).masked_fill(~positive, 0).sum(1)
        return torch.stack([loss, positive.sum(1).to(loss.dtype), negative.sum(1).to(loss.dtype)], dim=1)

    return AnchorSums(*by_block(of_anchors, embeddings, labels, target_labels, gates, block=block).unbind(1))


@register("hydra", embeddings=1, needs=("labels", "target_labels", "gates"))
class Hydra(Objective):
    """Anchors and all items of a drawn class together, inside a subspace of their own; items of other classes apart.

    Args:
        temperature: in (0, inf).
        renormalize: whether similarity is the cosine of the gated vectors, as in the paper; see ``gated_similarity``.
        reduction: "pooled", the mean over all positive pairs, or "per-anchor", the mean over all anchors of the mean over
            the positives of each, where anchors without any count as 0.
        gate_penalty: what the mean entropy of the gates is multiplied by and added, which closes or opens them fully, in
            [0, inf); 0 for the paper's loss.
        gather: whether the batch is spread over processes.
    """

    def __init__(
        self,
        temperature: float = 0.1,
        *,
        renormalize: bool = True,
        reduction: Literal["pooled", "per-anchor"] = "pooled",
        gate_penalty: float = 0.0,
        gather: bool = False,
    ) -> None:
        super().__init__()
        if reduction not in ("pooled", "per-anchor"):
            raise ConfigurationError(f"reduction must be 'pooled' or 'per-anchor'. Got {reduction!r}.")
        if not 0 <= gate_penalty < float("inf"):
            raise ConfigurationError(f"gate_penalty must be in [0, inf). Got {gate_penalty}.")
        self.temperature = check_temperature(temperature)
        self.renormalize, self.reduction = renormalize, reduction
        self.gate_penalty, self.gather = gate_penalty, gather

    def forward(self, *views: Tensor, labels: Tensor, target_labels: Tensor, gates: Tensor) -> Tensor:
        """Loss over all anchors; warns where no anchor has a negative, and nothing is learned.

        Args:
            views: one tensor (items, dim), whose rows meet one another, or two, where rows of the first are the anchors
                and meet the rows of the second; row i of both is a view of item i.
            labels: class of each item, integer (items,).
            target_labels: class each anchor is drawn to, integer (items,); see ``draw_target_labels``.
            gates: of the pair of classes of each anchor, in (0, 1), (items, dim); see ``GateNetwork``.

        Raises:
            ConfigurationError: no anchor has a positive, more than two views, or shapes that do not fit.
        """
        check_views(views, least_views=1)
        if len(views) > 2:
            raise ConfigurationError(f"Hydra takes one or two views of the batch. Got {len(views)}.")
        check_labels(labels, len(views[0]))
        check_labels(target_labels, len(views[0]), "target_labels")
        if gates.shape != views[0].shape:
            raise ConfigurationError(
                f"gates must have the shape of the embeddings, {tuple(views[0].shape)}. Got {tuple(gates.shape)}."
            )
        if self.gather:
            views = tuple(gather_rows(view) for view in views)
            labels, target_labels, gates = gather_rows(labels), gather_rows(target_labels), gather_rows(gates)
        sums = hydra(
            views[0],
            views[-1],
            labels=labels,
            target_labels=target_labels,
            gates=gates,
            temperature=self.temperature,
            renormalize=self.renormalize,
        )
        self._check(sums)
        if self.reduction == "pooled":
            loss = sums.loss.sum() / sums.positives.sum()
        else:
            loss = (sums.loss / (sums.positives + _LEAST_POSITIVES)).mean()
        return loss + self.gate_penalty * gate_entropy(gates) if self.gate_penalty else loss

    @staticmethod
    def _check(sums: AnchorSums) -> None:
        has_positive = sums.positives > 0
        if not bool(has_positive.any()):
            raise ConfigurationError(
                "No anchor has a positive: none of the target classes is in the batch. "
                "Draw target classes from the labels of the batch."
            )
        if not bool((has_positive & (sums.negatives > 0)).any()):
            warnings.warn(
                "No anchor has a negative: the batch holds only the two classes of its pairs. The loss is 0 and nothing "
                "is learned from it. Draw batches of three classes or more.",
                stacklevel=5,  # from here through forward and Module.__call__ to who calls it
            )

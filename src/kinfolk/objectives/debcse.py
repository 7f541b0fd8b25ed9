"""DebCSE: sampled positives and hard negatives beside the batch, from which false negatives are left out.

This is a project definition. The authors' code was not found and their paper was read as far as its abstract, which says
that pairs are drawn by inverse propensity, so that neither length nor shared words nor chance decide what is near. The loss
they draw them for is not given there; nothing here is a claim about it. How pairs are drawn: ``kinfolk.views.propensity``.

Pulls the anchor z_i to each of its positives P_i and pushes it from its own hard negatives N_i and from the positives of the
other items. One of these is left out where a frozen encoder h finds it too near to the text of the anchor to be a negative,
e = (cos + 1) / 2 > e_false. With s the cosine and t the temperature::

    L = -mean_i mean_{p in P_i} log( e^{s_ip/t} / ( e^{s_ip/t} + sum_{n in N_i} e^{s_in/t} + sum_{j not left out} e^{s_ij/t} ) )

Other positives of the item are no candidates. With one positive, no hard negative and nothing left out this is ``SimCSE``.

Source: project definition after the abstract of Miao, Du & Zhang, "DebCSE: rethinking unsupervised contrastive sentence
embedding learning in the debiasing perspective", CIKM 2023, arXiv 2309.07396.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._blocks import BLOCK, by_block
from kinfolk.objectives._inputs import check_embeddings, check_temperature, check_within, unit
from kinfolk.objectives._tiled import cross_entropy
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register


def deb_cse(
    anchors: Tensor,
    positives: Tensor,
    hard_negatives: Tensor | None = None,
    *,
    has_negative: Tensor | None = None,
    frozen: Tensor | None = None,
    frozen_positives: Tensor | None = None,
    temperature: float = 0.05,
    e_false: float = 0.9,
    block: int = BLOCK,
) -> Tensor:
    """DebCSE of each anchor with each of its positives, (items, P).

    The arguments are those of ``DebCSE``; ``block`` is the number of anchors taken at a time.
    """
    positives = _several(anchors, positives, "positives")
    hard = positives[:, :0] if hard_negatives is None else _several(anchors, hard_negatives, "hard negatives")
    items, num_positives = positives.shape[:2]
    if not num_positives:
        raise ConfigurationError(
            "Each anchor needs a positive. Got none. Give another view of it where nothing was drawn."
        )
    present = torch.ones(hard.shape[:2], dtype=torch.bool, device=hard.device) if has_negative is None else has_negative
    if present.shape != hard.shape[:2] or present.dtype != torch.bool:
        raise ConfigurationError(
            f"has_negative must be bool of shape {tuple(hard.shape[:2])}, one a hard negative. "
            f"Got {present.dtype} of shape {tuple(present.shape)}."
        )
    own = torch.arange(items, device=anchors.device)
    candidates, item_of = unit(positives).flatten(0, 1), own.repeat_interleave(num_positives)
    text, candidate_texts = _texts(frozen, frozen_positives, positives)
    limit = math.inf if frozen is None else e_false

    def of_anchors(z: Tensor, mine: Tensor, hard: Tensor, present: Tensor, own: Tensor, text: Tensor) -> Tensor:
        e = ((text @ candidate_texts.T + 1) / 2).clamp(max=1)
        left_out = (own[:, None] == item_of) | (e > limit)
        in_batch = (z @ candidates.T).masked_fill(left_out, -torch.inf)
        own_hard = (hard * z[:, None]).sum(2).masked_fill(~present, -torch.inf)
        negatives = torch.cat([in_batch, own_hard], dim=1).logsumexp(1, keepdim=True)
        return cross_entropy((mine * z[:, None]).sum(2), negatives)

    tables = unit(anchors) / temperature, unit(positives), unit(hard.masked_fill(~present[:, :, None], 0))
    return by_block(of_anchors, *tables, present, own, text, block=block)


def _several(anchors: Tensor, rows: Tensor, name: str) -> Tensor:
    """Rows (items, number, dim), which may be given as (items, dim) where there is one for each anchor."""
    rows = rows[:, None] if rows.ndim == 2 else rows
    if rows.ndim != 3 or anchors.ndim != 2 or (len(rows), rows.shape[2]) != tuple(anchors.shape):
        raise ConfigurationError(
            f"anchors must be of shape (items, dim), and {name} of shape (items, dim) or (items, number, dim). "
            f"Got {tuple(anchors.shape)} and {tuple(rows.shape)}."
        )
    for each in rows.unbind(1):
        check_embeddings((anchors, each), ("anchors", name), least=1)
    return rows


@torch.no_grad()
def _texts(frozen: Tensor | None, frozen_positives: Tensor | None, positives: Tensor) -> tuple[Tensor, Tensor]:
    """Unit rows of the frozen encoder for the text of each anchor and of each positive; of no length without it."""
    items, num_positives = positives.shape[:2]
    if frozen is None:
        if frozen_positives is not None:
            raise ConfigurationError("frozen_positives are compared with frozen, which is missing. Give both.")
        return positives.new_zeros(items, 0), positives.new_zeros(items * num_positives, 0)
    of_positives = frozen[:, None].expand(-1, num_positives, -1) if frozen_positives is None else frozen_positives
    of_positives = _several(frozen, of_positives, "frozen_positives")
    if of_positives.shape[:2] != positives.shape[:2]:
        raise ConfigurationError(
            f"frozen and frozen_positives must be about the same {items} items and {num_positives} positives of each as "
            f"the embeddings. Got {tuple(frozen.shape)} and {tuple(of_positives.shape)}."
        )
    return unit(frozen), unit(of_positives).flatten(0, 1)


@register("debcse")
class DebCSE(Objective):
    """An anchor and the positives drawn for it together; its hard negatives and what others drew apart (project definition).

    Args:
        temperature: in (0, inf).
        e_false: a positive of another item is left out where e is above this, in [0, 1]; 1 leaves out none.
        gather: whether the batch is spread over processes.
    """

    def __init__(self, temperature: float = 0.05, *, e_false: float = 0.9, gather: bool = False) -> None:
        super().__init__()
        self.temperature, self.e_false = check_temperature(temperature), check_within("e_false", e_false, 0, 1)
        self.gather = gather

    def forward(
        self,
        anchors: Tensor,
        positives: Tensor,
        hard_negatives: Tensor | None = None,
        *,
        has_negative: Tensor | None = None,
        frozen: Tensor | None = None,
        frozen_positives: Tensor | None = None,
    ) -> Tensor:
        """Mean loss over all anchors and their positives; 0 for an anchor of which no negative is left.

        Args:
            anchors: (items, dim).
            positives: (items, P, dim), those of each anchor, or (items, dim).
            hard_negatives: (items, N, dim), those of each anchor alone, or (items, dim).
            has_negative: which of the hard negatives were drawn, bool (items, N); the others hold anything. None: all.
            frozen: vectors of the frozen encoder for the texts of the anchors, (items, d), a constant. None leaves no
                positive of another item out.
            frozen_positives: for the texts of the positives, (items, P, d) or (items, d). None takes them for the texts of
                their anchors, as they are where a positive is another dropout view.

        Raises:
            ConfigurationError: no item, no positive, or different shapes.
        """
        if self.gather:
            anchors, positives = gather_rows(anchors), gather_rows(positives)
            others = hard_negatives, has_negative, frozen, frozen_positives
            hard_negatives, has_negative, frozen, frozen_positives = (
                None if rows is None else gather_rows(rows) for rows in others
            )
        loss = deb_cse(
            anchors,
            positives,
            hard_negatives,
            has_negative=has_negative,
            frozen=frozen,
            frozen_positives=frozen_positives,
            temperature=self.temperature,
            e_false=self.e_false,
        )
        return loss.mean()

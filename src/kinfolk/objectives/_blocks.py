"""One block of anchors at a time: for losses that need an anchor's whole row of similarities, which tiles cannot give.

A hard set, or a subspace that belongs to the anchor, asks for all candidates of a row at once. The rows of a block are made
again in the backward pass, so that memory is O(block x candidates) instead of O(anchors x candidates).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

BLOCK = 512


def by_block(of_anchors: Callable[..., Tensor], *anchors: Tensor, block: int = BLOCK) -> Tensor:
    """``of_anchors(*anchors)``, (anchors, ...), whose rows do not depend on one another.

    Args:
        of_anchors: takes the same rows of each tensor; what it holds of its own may carry gradient, too.
        anchors: tensors of equally many rows.
        block: rows taken at a time.
    """
    if len(anchors[0]) <= block:
        return of_anchors(*anchors)
    blocks = zip(*(rows.split(block) for rows in anchors), strict=True)
    return torch.cat([checkpoint(of_anchors, *rows, use_reentrant=False, preserve_rng_state=False) for rows in blocks])

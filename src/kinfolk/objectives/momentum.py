"""The key encoder of momentum contrast: a slow copy of the query encoder, so that the rows of a queue stay comparable.

After each step its parameters move a little towards those of the query encoder, m the momentum::

    theta_k <- m theta_k + (1 - m) theta_q

Source: He, Fan, Wu, Xie & Girshick, "Momentum contrast for unsupervised visual representation learning", CVPR 2020,
arXiv 1911.05722, equation 2. Momentum that rises to 1: Grill et al., "Bootstrap your own latent", NeurIPS 2020,
arXiv 2006.07733, section 3.3.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import nn

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import as_computed, check_count, check_within


@torch.no_grad()
def update_key_encoder(key_encoder: nn.Module, query_encoder: nn.Module, *, momentum: float) -> None:
    """Move the parameters of the key encoder towards those of the query encoder, in place.

    Buffers, such as the running statistics of batch normalization, are not averaged: the key encoder keeps its own.
    Half precision is computed in float32 and rounded back, and rounding loses what is smaller than the precision of the
    parameter: a key encoder that is kept in float32 loses nothing, whatever the type of the query encoder.

    Args:
        key_encoder: of the same architecture as the query encoder.
        query_encoder: what the optimizer trains.
        momentum: in [0, 1]; 0 copies, 1 changes nothing.

    Raises:
        ConfigurationError: the encoders have different parameters, or the momentum is out of range.
    """
    check_within("momentum", momentum, 0.0, 1.0)
    of_keys, of_queries = dict(key_encoder.named_parameters()), dict(query_encoder.named_parameters())
    for name in sorted(of_keys.keys() | of_queries.keys()):
        shapes = [tuple(of[name].shape) if name in of else None for of in (of_keys, of_queries)]
        if shapes[0] != shapes[1]:
            raise ConfigurationError(
                f"Key encoder and query encoder must have the same parameters. Got {name!r} of shape {shapes[0]} and "
                f"{shapes[1]}. Make the key encoder with copy.deepcopy(query_encoder)."
            )
    for name, slow in of_keys.items():
        current = as_computed(slow)
        slow.copy_(current.lerp(of_queries[name].to(current), 1 - momentum))


def momentum_at(
    step: int, num_steps: int, *, start: float = 0.999, schedule: Literal["constant", "cosine"] = "constant"
) -> float:
    """The momentum of one step.

    Args:
        step: in [0, num_steps].
        num_steps: of the whole training, at least 1.
        start: the momentum at step 0, in [0, 1].
        schedule: "constant", or "cosine" from ``start`` to 1 at the last step.

    Raises:
        ConfigurationError: an argument is out of range.
    """
    check_within("start", start, 0.0, 1.0)
    check_within("step", step, 0, check_count("num_steps", num_steps))
    if schedule == "constant":
        return start
    if schedule == "cosine":
        return 1 - (1 - start) * (math.cos(math.pi * step / num_steps) + 1) / 2
    raise ConfigurationError(f"schedule must be 'constant' or 'cosine'. Got {schedule!r}.")

"""A trained transformer with fewer of its layers: as many times faster, and a good part of what it knows.

The layers that are left are the first, the last and what lies evenly between: the first reads the embeddings of the tokens,
the last makes what the features are the mean of. Without any further training that loses less than leaving out the upper
layers; training goes on from there as from any trained model.

Source: Sajjad, Dalvi, Durrani & Nakov, "On the effect of dropping layers of pre-trained transformer models", 2020,
arXiv 2004.03844; for encoders of sentences the choice of layers is a project definition.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence

import torch
from torch import nn

from kinfolk.encoders.subwords import SubwordTransformer
from kinfolk.errors import ConfigurationError


def prune_layers(tower: SubwordTransformer, *, keep: int | Sequence[int]) -> SubwordTransformer:
    """Make a tower of some of the layers of another, which stays as it is.

    What is made is a model of the same architecture with fewer layers, and not one with layers taken out: a layer that
    does something of its own at its place, as in ModernBERT, does it at the new one, here as in any library that loads it.

    Args:
        tower: with L layers, in which no weights are shared between layers.
        keep: how many are kept, in [1, L], evenly and with the last one; or which, rising numbers from 0.

    Returns:
        The tower with copies of the weights that are kept.

    Raises:
        ConfigurationError: layers that there are not, or an architecture whose layers cannot be taken apart.
    """
    prefix, layers = _layers_of(tower)
    kept = even_layers(len(layers), keep) if isinstance(keep, int) else tuple(keep)
    if not kept or list(kept) != sorted(set(kept)) or kept[0] < 0 or kept[-1] >= len(layers):
        raise ConfigurationError(f"keep must name rising layers from 0 to {len(layers) - 1}. Got {list(kept)}.")
    config = copy.deepcopy(tower.model.config)
    config.num_hidden_layers = len(kept)
    if getattr(config, "layer_types", None) is not None:
        config.layer_types = [config.layer_types[number] for number in kept]
    place = {number: new for new, number in enumerate(kept)}
    weights = {}
    for name, tensor in tower.model.state_dict().items():
        found = re.match(rf"{re.escape(prefix)}\.(\d+)\.", name)
        if found is None:
            weights[name] = tensor
        elif int(found[1]) in place:
            weights[f"{prefix}.{place[int(found[1])]}.{name[found.end() :]}"] = tensor
    with torch.random.fork_rng(devices=[]):  # its first weights are random, and are replaced
        model = type(tower.model)(config)
    for missing in [part for part, module in model.named_children() if part not in dict(tower.model.named_children())]:
        setattr(model, missing, None)  # a BERT without the pooler that nobody reads
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ConfigurationError(
            f"The layers {list(kept)} of a {type(tower.model).__name__} do not fit at their new places, for its layers "
            "differ. Keep the first one."
        ) from error
    return SubwordTransformer(model, tower.tokenizer, max_tokens=tower.max_tokens)


def even_layers(num_layers: int, keep: int) -> tuple[int, ...]:
    """Numbers of the first, the last and the layers evenly between; of one, the last. Halves are rounded up.

    Args:
        num_layers: there are, at least 1.
        keep: in [1, num_layers].

    Raises:
        ConfigurationError: more layers than there are, or none.
    """
    if not 1 <= keep <= num_layers:
        raise ConfigurationError(f"layers must be in [1, {num_layers}], the layers of the encoder. Got {keep}.")
    if keep == 1:
        return (num_layers - 1,)
    return tuple((2 * at * (num_layers - 1) + keep - 1) // (2 * (keep - 1)) for at in range(keep))


def _layers_of(tower: SubwordTransformer) -> tuple[str, nn.ModuleList]:
    """The layers and the name under which their weights are found."""
    number = getattr(tower.model.config, "num_hidden_layers", None)
    lists = [
        (name, module)
        for name, module in tower.model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == number
    ]
    if len(lists) != 1:
        raise ConfigurationError(
            f"The layers of a {type(tower.model).__name__} cannot be taken apart: one list of {number} layers was expected, and it has "
            f"{len(lists)}. Take another encoder, or all its layers."
        )
    return lists[0]

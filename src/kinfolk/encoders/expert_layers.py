"""Experts in the place of the MLP of a transformer's layers.

A model of transformers hands nothing but hidden states to its MLPs. So all layers of a model share a "way", which holds the
route of the batch while the model runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from kinfolk.encoders.experts import Experts, RowGroups
from kinfolk.encoders.routers import Gate, Gating, token_type
from kinfolk.errors import ConfigurationError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass
class Route:
    """Where the tokens of a batch go.

    Attributes:
        there: which tokens are there, bool (texts, length).
        groups: of the texts, by domain.
        token_types: the expert of each token, (texts, length); takes the place of the groups.
        logits: of the gates, (texts, experts) each, written down by the layers on the way.
    """

    there: Tensor
    groups: RowGroups | None = None
    token_types: Tensor | None = None
    logits: list[Tensor] = field(default_factory=list)


class Way:
    """The route of the batch that is in the model now; None between batches."""

    route: Route | None = None


class ExpertLayer(nn.Module):
    """Experts in the place of an MLP.

    Args:
        experts: N of them.
        gate: None where the route says which expert.
        way: shared by all layers of a model.
    """

    def __init__(self, experts: Experts, gate: Gate | None, way: Way) -> None:
        super().__init__()
        self.experts, self.gate, self.way = experts, gate, way

    def forward(self, hidden: Tensor) -> Tensor:
        """Hidden states (texts, length, dim) through the experts of the route, of the same shape."""
        route = self.way.route
        if route is None:
            raise ConfigurationError(
                "The experts of a mixture are told by MixtureEncoder where tokens go. Call the encoder and not its model, "
                "and without gradient checkpointing."
            )
        if self.gate is not None:
            routed = self.gate(self.experts, hidden, mask=route.there)
            route.logits.append(routed.logits)
            hidden = routed.hidden
        elif route.token_types is not None:
            hidden = token_type(self.experts, hidden, route.token_types)
        else:
            hidden = self.experts(hidden, route.groups)
        return hidden


def layers_of(model: PreTrainedModel) -> nn.ModuleList:
    """The layers of a transformer, in order.

    Raises:
        ConfigurationError: it has none whose MLP is like that of BERT or of ModernBERT.
    """
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) and all(_is_gated(m) or _is_plain(m) for m in module):
            return module
    raise ConfigurationError(
        "model must have layers like those of BERT (intermediate.dense, output.dense) or ModernBERT (mlp.Wi, mlp.Wo). "
        f"Got {type(model).__name__}."
    )


def _is_gated(layer: nn.Module) -> bool:
    mlp = getattr(layer, "mlp", None)
    return hasattr(mlp, "Wi") and hasattr(mlp, "Wo")


def _is_plain(layer: nn.Module) -> bool:
    first, last = getattr(layer, "intermediate", None), getattr(layer, "output", None)
    return hasattr(first, "dense") and hasattr(first, "intermediate_act_fn") and hasattr(last, "dense")


def put_experts(layer: Any, num_experts: int, way: Way, *, gating: Gating | None = None, k: int = 2) -> None:
    """Put copies of the MLP of a layer in its place; norms, dropout after it and the residual stay as they are.

    Args:
        layer: one of ``layers_of``; it is changed.
        num_experts: copies, at least 1.
        way: that the experts go by.
        gating, k: of a gate that the layer gets; None for experts that are assigned.
    """
    gated = _is_gated(layer)
    if gated:
        mlp = layer.mlp
        experts = Experts.copies(mlp.Wi, mlp.Wo, num_experts, gated=True, activation=mlp.act, dropout=mlp.drop.p)
    else:
        first, last = layer.intermediate, layer.output
        experts = Experts.copies(
            first.dense, last.dense, num_experts, gated=False, activation=first.intermediate_act_fn
        )
    dim = experts.weight_out.shape[1]
    put = ExpertLayer(experts, None if gating is None else Gate(dim, num_experts, gating=gating, k=k), way)
    if gated:
        layer.mlp = put
    else:
        layer.intermediate, layer.output.dense = put, nn.Identity()


def dense_weights(model: nn.Module, of: int | None) -> dict[str, Tensor]:
    """Weights of the dense model that a mixture is to one expert, by the names they have there.

    Args:
        model: with experts that are assigned, in the place of MLPs.
        of: number of the expert; None takes the mean of all.
    """
    weights = {name: value for name, value in model.state_dict().items() if ".experts." not in name}
    for place, layer in model.named_modules():
        if not isinstance(layer, ExpertLayer):
            continue
        experts, above = layer.experts, place.rpartition(".")[0]
        first, last = (f"{place}.Wi", f"{place}.Wo") if experts.gated else (f"{place}.dense", f"{above}.output.dense")
        for name, stack in (
            (f"{first}.weight", experts.weight_in),
            (f"{first}.bias", experts.bias_in),
            (f"{last}.weight", experts.weight_out),
            (f"{last}.bias", experts.bias_out),
        ):
            if stack is not None:
                weights[name] = stack.detach().mean(0) if of is None else stack.detach()[of]
    return weights

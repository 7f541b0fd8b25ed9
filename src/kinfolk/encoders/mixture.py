"""One text encoder for several domains: a transformer whose layers have an expert for each domain.

A dense model is "upcycled": the MLP of its layers is copied N times, and everything else stays shared. The experts start
as equals, so that the outputs are those of the dense model; training makes them differ. Each domain has a token, which
starts as [CLS] and takes the place of the first token of its texts, and all tokens of a text go through the expert of its
domain. A text costs what it costs in the dense model.

Source: Hallee, Kapur, Patel, Gleghorn & Khomtchouk, "Contrastive learning and mixture of experts enables precise vector
embeddings", 2024, arXiv 2401.15713. Texts of an unknown domain, by the mean of the experts' weights and of the domains'
tokens, and experts added later are project definitions.
"""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from kinfolk.data.atomic import atomic_write
from kinfolk.encoders.expert_layers import Route, Way, layers_of, put_experts
from kinfolk.encoders.experts import Experts, Unknown, group_rows
from kinfolk.encoders.mean_pooler import MeanPooler
from kinfolk.encoders.routers import Gate, Gating
from kinfolk.encoders.text_pooling import pool_tokens
from kinfolk.encoders.weights import save_weights
from kinfolk.errors import ConfigurationError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Routing = Literal["domain", "token-type", "sentence-top-k", "token-top-k", "sentence-switch"]
Pooling = Literal["mlp", "mean"]
_GATINGS: dict[str, Gating] = {gating: gating for gating in get_args(Gating)}
_SETTINGS, _WEIGHTS = "mixture.json", "mixture.safetensors"


@dataclass(frozen=True)
class MixtureSettings:
    """What a mixture is built by.

    Attributes:
        num_experts: N, at least 1.
        layers: that have experts, by their number.
        routing: "domain", by the domain of a text; "token-type", by the type of a token; or one of ``routers.Gating``.
        k: experts that a text or token goes through, where a gate takes the k largest.
        pooling: "mlp", the small network of ``MeanPooler``, or "mean".
        unknown: what becomes of texts of ``experts.UNKNOWN`` domain: "error", or "mean", the mean of the experts.
    """

    num_experts: int
    layers: tuple[int, ...]
    routing: Routing = "domain"
    k: int = 2
    pooling: Pooling = "mlp"
    unknown: Unknown = "error"


class MixtureStates(NamedTuple):
    """What the transformer gives.

    Attributes:
        hidden: of the last layer, (texts, length, dim).
        router_logits: of the gates, (layers, texts, experts); None without gates.
    """

    hidden: Tensor
    router_logits: Tensor | None


class MixtureEncoder(nn.Module):
    """Tokens and domains of texts to one vector a text. ``upcycle`` makes it of a dense model.

    Gradient checkpointing is not possible: a layer that is run again no longer knows the domains.

    Args:
        model: BERT-like or ModernBERT-like; it is changed.
        settings: see there.

    Attributes:
        dim: length of the vectors.
        domain_tokens: embedding of the token of each domain, (experts, width of the word embeddings).

    Raises:
        ConfigurationError: settings that are not possible, or another kind of model.
    """

    def __init__(self, model: PreTrainedModel, settings: MixtureSettings) -> None:
        super().__init__()
        for name, value, known in (
            ("routing", settings.routing, get_args(Routing)),
            ("pooling", settings.pooling, get_args(Pooling)),
            ("unknown", settings.unknown, get_args(Unknown)),
        ):
            if value not in known:
                raise ConfigurationError(f"{name} must be one of {', '.join(known)}. Got {value!r}.")
        self.model, self.settings, self.dim = model, settings, int(model.config.hidden_size)
        if getattr(model, "pooler", None) is not None:
            model.pooler = None  # nothing would be learned by it
        self._way = Way()
        layers = layers_of(model)
        for number in settings.layers:
            put_experts(
                layers[number], settings.num_experts, self._way, gating=_GATINGS.get(settings.routing), k=settings.k
            )
        width = model.get_input_embeddings().weight.shape[1]  # in some models less than that of the layers
        self.domain_tokens = nn.Parameter(torch.zeros(settings.num_experts, width))
        self.pooler = MeanPooler(self.dim) if settings.pooling == "mlp" else None

    @property
    def num_experts(self) -> int:
        """N."""
        return self.settings.num_experts

    def forward(self, tokens: Tensor, assignment: Tensor | None = None, *, token_types: Tensor | None = None) -> Tensor:
        """Vectors of texts, (texts, dim); the arguments are those of ``states``."""
        hidden = self.states(tokens, assignment, token_types=token_types).hidden
        there = self._there(tokens, assignment)
        pooled: Tensor = pool_tokens([hidden], there) if self.pooler is None else self.pooler(hidden, there)
        return pooled

    def states(
        self, tokens: Tensor, assignment: Tensor | None = None, *, token_types: Tensor | None = None
    ) -> MixtureStates:
        """Hidden states of the tokens of texts.

        Args:
            tokens: int64 (texts, length), the first of each its [CLS], -1 where a text has ended: what
                ``SubwordTransformer.tokens`` gives.
            assignment: domain of each text, integer (texts,), in [0, N), or ``experts.UNKNOWN``. Needed for routing by domain;
                elsewhere it says which domain's token comes first, and None leaves [CLS] there.
            token_types: the expert of each token, integer (texts, length), in [0, N), for routing by them. They choose
                experts only, and are no input of the model.

        Raises:
            ConfigurationError: shapes that do not fit, a domain out of range, or something that the routing needs is absent.
        """
        if tokens.ndim != 2 or not tokens.shape[1]:
            raise ConfigurationError(f"tokens must be (texts, length), length >= 1. Got {tuple(tokens.shape)}.")
        there = self._there(tokens, assignment)
        embedded = self.model.get_input_embeddings()(tokens.clamp_min(0))
        routing = self.settings.routing
        for needed, given, by in (("assignment", assignment, "domain"), ("token_types", token_types, "token-type")):
            if given is None and routing == by:
                raise ConfigurationError(f"Routing by {by} needs {needed}. Got none.")
        route = Route(there=there, token_types=token_types if routing == "token-type" else None)
        if assignment is not None:
            if len(assignment) != len(tokens):
                raise ConfigurationError(f"assignment must be of {len(tokens)} texts. Got {len(assignment)}.")
            route.groups = group_rows(assignment, self.num_experts, unknown=self.settings.unknown)
            # The last row, which the number of what is unknown (-1) finds, is the mean of the domains.
            firsts = torch.cat([self.domain_tokens, self.domain_tokens.mean(0, keepdim=True)])[assignment.long()]
            embedded = torch.cat([firsts.unsqueeze(1).to(embedded.dtype), embedded[:, 1:]], dim=1)
        self._way.route = route
        try:
            hidden = self.model(inputs_embeds=embedded, attention_mask=there.long()).last_hidden_state
        finally:
            self._way.route = None
        return MixtureStates(hidden, torch.stack(route.logits) if route.logits else None)

    def add_expert(self, like: int = 0) -> int:
        """Add a domain whose expert and token start as copies of another's, and return its number.

        The weights are new tensors: an optimizer must be made anew.

        Args:
            like: the domain that is copied, in [0, N).

        Raises:
            ConfigurationError: there is no such domain.
        """
        if not 0 <= like < self.num_experts:
            raise ConfigurationError(f"like must be in [0, {self.num_experts}), a domain. Got {like}.")
        for module in self.modules():
            if isinstance(module, Experts | Gate):
                module.append_copy(like)
        tokens = self.domain_tokens.detach()
        self.domain_tokens = nn.Parameter(torch.cat([tokens, tokens[like, None]]), self.domain_tokens.requires_grad)
        self.settings = replace(self.settings, num_experts=self.num_experts + 1)
        return self.num_experts - 1

    def save(self, folder: str | Path) -> None:
        """Write weights and settings; the tokenizer stays that of the dense model.

        Raises:
            DataError: the folder cannot be written.
        """
        config = json.loads(self.model.config.to_json_string(use_diff=False))
        save_weights(self, Path(folder) / _WEIGHTS)
        with atomic_write(Path(folder) / _SETTINGS) as path:
            path.write_text(json.dumps({"settings": asdict(self.settings), "model": config}, indent=2), "utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> MixtureEncoder:
        """Read what ``save`` wrote, in evaluation mode.

        Raises:
            ConfigurationError: there is no mixture in the folder.
        """
        from safetensors.torch import load_file
        from transformers import AutoConfig, AutoModel

        for name in (_SETTINGS, _WEIGHTS):
            if not (Path(folder) / name).is_file():
                raise ConfigurationError(f"{folder} must be the folder of a saved mixture. It has no {name}.")
        described = json.loads((Path(folder) / _SETTINGS).read_text("utf-8"))
        settings = MixtureSettings(**{**described["settings"], "layers": tuple(described["settings"]["layers"])})
        encoder = cls(AutoModel.from_config(AutoConfig.for_model(**described["model"])), settings)
        encoder.load_state_dict(load_file(Path(folder) / _WEIGHTS))
        return encoder.eval()

    @staticmethod
    def _there(tokens: Tensor, assignment: Tensor | None) -> Tensor:
        there = tokens >= 0
        if assignment is not None:  # a text without tokens is its domain's
            there = torch.cat([torch.ones_like(there[:, :1]), there[:, 1:]], dim=1)
        return there


def upcycle(
    model: PreTrainedModel,
    num_experts: int,
    *,
    layers: Literal["all", "middle"] = "all",
    cls_token_id: int | None = None,
    routing: Routing = "domain",
    k: int = 2,
    pooling: Pooling = "mlp",
    unknown: Unknown = "error",
) -> MixtureEncoder:
    """Make a mixture of a dense model. Its hidden states are those of the dense model until it is trained.

    Only with "sentence-top-k" are they not, whose weights add up to less than 1.

    Args:
        model: a transformers model whose layers are those of BERT (intermediate, output) or of ModernBERT (gated mlp). It
            stays as it is; a copy is changed.
        num_experts: domains, at least 1.
        layers: that get experts: "all", or the one in the "middle", for most of the gain in the paper.
        cls_token_id: of [CLS], as which the tokens of the domains start; None takes the configuration of the model.
        routing, k, pooling, unknown: see ``MixtureSettings``.

    Raises:
        ConfigurationError: options that are not possible, another kind of model, or no [CLS].
    """
    depth = len(layers_of(model))
    if layers not in ("all", "middle"):
        raise ConfigurationError(f"layers must be 'all' or 'middle'. Got {layers!r}.")
    if num_experts < 1:
        raise ConfigurationError(f"num_experts must be at least 1. Got {num_experts}.")
    token = getattr(model.config, "cls_token_id", None) if cls_token_id is None else cls_token_id
    words = model.get_input_embeddings().weight.detach()
    if token is None or not 0 <= token < len(words):
        raise ConfigurationError(
            f"cls_token_id must be the number of [CLS], in [0, {len(words)}). Got {token}. Give tokenizer.cls_token_id."
        )
    chosen = tuple(range(depth)) if layers == "all" else (depth // 2,)
    settings = MixtureSettings(num_experts, chosen, routing=routing, k=k, pooling=pooling, unknown=unknown)
    encoder = MixtureEncoder(copy.deepcopy(model), settings)
    with torch.no_grad():
        encoder.domain_tokens.copy_(words[token].expand_as(encoder.domain_tokens))
    return encoder.to(words).train(model.training)

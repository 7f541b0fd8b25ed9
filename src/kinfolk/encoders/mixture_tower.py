"""A mixture of experts as a text tower: texts in, and for each domain a dense transformer that can be taken out.

All tokens of a text go through the expert of its domain. So to a domain the mixture is one dense model: the shared layers,
its expert, and its token in the place of [CLS]. What is taken out is a model like any other. A text of an unknown domain
goes through the mean of the experts and of the tokens, which is a dense model, too.

Source: see ``kinfolk.encoders.mixture``; taking dense models out is a project definition.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor

from kinfolk.data.atomic import atomic_write
from kinfolk.encoders.expert_layers import dense_weights
from kinfolk.encoders.experts import UNKNOWN
from kinfolk.encoders.mixture import MixtureEncoder, Routing, upcycle
from kinfolk.encoders.subword_tower import SubwordTower
from kinfolk.encoders.subwords import SubwordTransformer
from kinfolk.encoders.text_pooling import pool_tokens
from kinfolk.errors import ConfigurationError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

DOMAINS = "domains.json"
"""The file that tells the folder of such a tower."""


class RoutedFeatures(NamedTuple):
    """Features of texts, and what the gates said.

    Attributes:
        features: (texts, dim).
        router_logits: (layers, texts, experts); None without gates.
    """

    features: Tensor
    router_logits: Tensor | None


class MixtureTower(SubwordTower):
    """Texts and their domains to features: the mean over the last hidden states of their tokens.

    Args:
        mixture: with the mean as pooling.
        tokenizer: of its model.
        domains: name of the domain of each expert, each once.
        max_tokens: after which a text is cut, at least 1.

    Attributes:
        dim: width of the features.

    Raises:
        ConfigurationError: as many names as experts are needed, or they are not different.
    """

    def __init__(self, mixture: MixtureEncoder, tokenizer: Any, domains: Sequence[str], *, max_tokens: int) -> None:
        super().__init__(tokenizer, max_tokens=max_tokens)
        if len(set(domains)) != mixture.num_experts or len(domains) != mixture.num_experts:
            raise ConfigurationError(
                f"domains must be {mixture.num_experts} different names, one an expert. Got {list(domains)}."
            )
        self.mixture, self.domains, self.dim = mixture, tuple(domains), mixture.dim

    @classmethod
    def of_dense(
        cls,
        dense: SubwordTransformer,
        domains: Sequence[str],
        *,
        layers: Literal["all", "middle"] = "all",
        routing: Routing = "domain",
        k: int = 2,
    ) -> MixtureTower:
        """A mixture whose features are those of a dense tower until it is trained.

        Args:
            dense: stays as it is.
            domains: names, at least one.
            layers, routing, k: see ``upcycle``.

        Raises:
            ConfigurationError: see ``upcycle``.
        """
        mixture = upcycle(
            dense.model, len(domains), layers=layers, cls_token_id=dense.tokenizer.cls_token_id, routing=routing, k=k,
            pooling="mean", unknown="mean",
        )  # fmt: skip
        return cls(mixture, dense.tokenizer, domains, max_tokens=dense.max_tokens)

    @property
    def model(self) -> PreTrainedModel:
        """The transformer, with experts in its layers."""
        return self.mixture.model

    @property
    def by_domain(self) -> bool:
        """Whether the domain of a text says which expert it goes through; else gates do, which need no domain."""
        return self.mixture.settings.routing == "domain"

    def numbers(self, domains: Sequence[str]) -> Tensor:
        """The expert of each domain, int64 (texts,), ``UNKNOWN`` for a name that is none."""
        place = {name: at for at, name in enumerate(self.domains)}
        return torch.tensor([place.get(name, UNKNOWN) for name in domains], dtype=torch.int64)

    def forward(self, tokens: Tensor, assignment: Tensor | None = None) -> Tensor:
        """Features of texts, (texts, dim); the arguments are those of ``routed``."""
        return self.routed(tokens, assignment).features

    def routed(self, tokens: Tensor, assignment: Tensor | None = None) -> RoutedFeatures:
        """Features of texts, with the logits of the gates where there are some.

        Args:
            tokens: see there.
            assignment: the expert of each text, see ``numbers``; None takes all for unknown. Not for gates.

        Raises:
            ConfigurationError: domains for a mixture that finds its experts by itself, or out of range.
        """
        if not self.by_domain and assignment is not None:
            raise ConfigurationError("This mixture finds its experts by itself. Give no domains.")
        if self.by_domain and assignment is None:
            assignment = tokens.new_full((len(tokens),), UNKNOWN)
        states = self.mixture.states(tokens, assignment)
        return RoutedFeatures(pool_tokens([states.hidden], tokens >= 0), states.router_logits)

    def dense(self, domain: str | None = None) -> SubwordTransformer:
        """What the mixture is to one domain, as a transformer of its own, in evaluation mode.

        Args:
            domain: its name; None and a name that is no domain take the mean of all.

        Raises:
            ConfigurationError: the mixture finds its experts by itself, and so is no dense model to any text.
        """
        from transformers import AutoModel

        if not self.by_domain:
            raise ConfigurationError("This mixture finds its experts by itself: it holds no dense model of a domain.")
        of = self.domains.index(domain) if domain in self.domains else None
        tokens = self.mixture.domain_tokens.detach()
        with torch.random.fork_rng(devices=[]):  # its first weights are random, and are replaced
            model = AutoModel.from_config(self.model.config)
        if getattr(model, "pooler", None) is not None:
            model.pooler = None
        model.load_state_dict(dense_weights(self.model, of))
        with torch.no_grad():
            words = model.get_input_embeddings().weight
            words[self.tokenizer.cls_token_id] = tokens.mean(0) if of is None else tokens[of]
        return SubwordTransformer(model, self.tokenizer, max_tokens=self.max_tokens).to(tokens).eval()

    def add_domain(self, name: str, *, like: str) -> None:
        """Add a domain whose expert and token start as those of another. An optimizer must be made anew.

        Args:
            name: of the new one.
            like: of one that is there.

        Raises:
            ConfigurationError: the name is taken, or there is no such domain.
        """
        if name in self.domains:
            raise ConfigurationError(f"The mixture has a domain {name!r} already. Choose another name.")
        if like not in self.domains:
            raise ConfigurationError(f"like must be a domain of the mixture: {', '.join(self.domains)}. Got {like!r}.")
        self.mixture.add_expert(self.domains.index(like))
        self.domains = (*self.domains, name)

    def save(self, folder: str | Path) -> None:
        """Write mixture, tokenizer and the names of the domains.

        Raises:
            DataError: the folder cannot be written.
        """
        self.mixture.save(folder)
        with TemporaryDirectory() as place:
            self.tokenizer.save_pretrained(place)
            for file in sorted(path for path in Path(place).rglob("*") if path.is_file()):
                with atomic_write(Path(folder) / file.relative_to(place)) as aside:
                    shutil.copyfile(file, aside)
        with atomic_write(Path(folder) / DOMAINS) as aside:
            aside.write_text(json.dumps({"domains": self.domains, "max_tokens": self.max_tokens}), "utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> MixtureTower:
        """Read what ``save`` wrote, in evaluation mode.

        Raises:
            ConfigurationError: there is no mixture in the folder.
        """
        from transformers import AutoTokenizer

        if not (Path(folder) / DOMAINS).is_file():
            raise ConfigurationError(f"{folder} must be the folder of a saved mixture. It has no {DOMAINS}.")
        said = json.loads((Path(folder) / DOMAINS).read_text("utf-8"))
        mixture, tokenizer = MixtureEncoder.load(folder), AutoTokenizer.from_pretrained(str(folder))
        return cls(mixture, tokenizer, said["domains"], max_tokens=said["max_tokens"]).eval()

"""Mixture of experts: one encoder for several domains, with an expert in its layers for each.

A dense transformer is upcycled: the experts begin as copies of its MLPs, so that training begins at the dense model, and
each text goes through the expert of its domain, at the cost of the dense model. The label of a text is its domain. Texts
that belong together are found among texts of the same domain, for those of other domains would be told by their domain.
All domains are drawn alike, small ones as often as large ones, unless ``sampling_coefficient`` says otherwise.

A mixture that is trained further gets an expert for each new domain, a copy of one that it has.

Source: Hallee, Kapur, Patel, Gleghorn & Khomtchouk, "Contrastive learning and mixture of experts enables precise vector
embeddings", 2024, arXiv 2401.15713. There batches mix domains, products are raw (``similarity="dot"``, temperature 1), and
a small network stands on the mean over the tokens; here it is left out, so that vectors are those of the dense model first.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kinfolk.data.texts import Texts
from kinfolk.encoders.mixture_tower import DOMAINS, MixtureTower
from kinfolk.encoders.subwords import SubwordTransformer
from kinfolk.encoders.text_by_name import TextTower
from kinfolk.errors import ConfigurationError
from kinfolk.methods.recipe import Recipe
from kinfolk.methods.registry import method
from kinfolk.methods.texts.method import TextBatch, TextMethod
from kinfolk.methods.texts.simcse import require_dropout
from kinfolk.objectives import MNRPlus, MultipleNegativesRanking, load_balance, specified_expert
from kinfolk.objectives._inputs import Similarity, check_count, check_not_negative

Routed = Literal["domain", "token-top-k", "sentence-top-k", "sentence-switch"]
Layers = Literal["all", "middle"]
Loss = Literal["mnr", "mnrplus"]


class ExpertsOfDomains(TextMethod):
    """Texts and what belongs to them, each through the expert of its domain, and an objective on the features.

    Args:
        encoder: a transformer over subwords, which is upcycled when the domains are known.
        objective: of texts and what belongs to them.
        routing, k, layers: see ``upcycle``.
        specified, balance: weights of the losses of gates.
        mixed: whether a batch mixes domains.
        shared: whether what all domains share is trained, too.
        like: the domain that new ones of a mixture begin as; "" takes its first.
    """

    def __init__(
        self,
        encoder: TextTower,
        objective: MultipleNegativesRanking | MNRPlus,
        *,
        routing: Routed,
        k: int,
        layers: Layers,
        specified: float,
        balance: float,
        mixed: bool,
        shared: bool,
        like: str,
    ) -> None:
        if not isinstance(encoder, SubwordTransformer):
            raise ConfigurationError(
                f"Experts stand in the layers of a transformer over subwords. Got a {type(encoder).__name__}: take "
                "'subwords' or a trained model."
            )
        super().__init__(encoder)
        self.objective, self.routing, self.k, self.layers = objective, routing, check_count("k", k), layers
        self.specified = check_not_negative("specified", specified)
        self.balance = check_not_negative("balance", balance)
        self.mixed, self.shared, self.like = mixed, shared, like
        self._experts = torch.empty(0, dtype=torch.int64)  # of each label of the training

    def begin_from(self, folder: Path) -> None:
        """Go on with the experts of a saved mixture, where the encoder is one."""
        if (folder / DOMAINS).is_file():
            self.encoder = MixtureTower.load(folder)

    def prepare(self, texts: Texts) -> None:
        """Make an expert for each domain that has none.

        Raises:
            ConfigurationError: settings that do not fit the encoder.
        """
        if isinstance(self.encoder, MixtureTower):
            for name in texts.label_names:
                if name not in self.encoder.domains:
                    self.encoder.add_domain(name, like=self.like or self.encoder.domains[0])
        else:
            if self.like:
                raise ConfigurationError(
                    f"like must be a domain of a mixture that is trained further. Got {self.like!r}."
                )
            assert isinstance(self.encoder, SubwordTransformer)
            self.encoder = MixtureTower.of_dense(
                self.encoder, texts.label_names, layers=self.layers, routing=self.routing, k=self.k
            )
        self._experts = self.encoder.numbers(texts.label_names)
        if not self.shared:
            self.encoder.requires_grad_(False)
            for name, weight in self.encoder.named_parameters():
                weight.requires_grad_(".experts." in name or ".gate." in name or name.endswith("domain_tokens"))
        if len(texts.columns) == 1:
            require_dropout(self.encoder)

    def corpora(self, texts: Texts) -> tuple[npt.NDArray[np.int64] | None, tuple[str, ...]]:
        """The domain of each text, so that a batch is of one.

        Raises:
            ConfigurationError: the texts have corpora, too, and batches are not mixed.
        """
        if self.mixed:
            return super().corpora(texts)
        if texts.corpora is not None:
            raise ConfigurationError(
                "The batches of moe are of one domain each, and leave no choice of a corpus. Leave out corpus, or let "
                "batches mix domains (mixed=true)."
            )
        return texts.labels, texts.label_names

    def experts_of(self, batch: TextBatch, columns: Sequence[Sequence[str]]) -> Tensor:
        """The expert of each text, one column after the other, int64 (columns * items,): that of the domain of the item."""
        assert batch.labels is not None
        return self._experts[torch.from_numpy(batch.labels)].repeat(len(columns))

    def loss(self, batch: TextBatch, generator: torch.Generator) -> Tensor:
        """The objective on the features of both sides, and where gates route, their losses."""
        del generator  # dropout draws from the common numbers
        tower = self.encoder
        assert isinstance(tower, MixtureTower), "prepare makes it"
        columns = batch.columns if len(batch.columns) > 1 else batch.columns * 2
        tokens = tower.tokens([text for column in columns for text in column]).to(self.device)
        experts = self.experts_of(batch, columns).to(self.device)
        features, logits = tower.routed(tokens, experts if tower.by_domain else None)
        value: Tensor = self.objective(*features.chunk(len(columns)))
        if logits is None:
            return value
        specified = specified_expert(logits, experts, weight=self.specified)
        return value + specified + load_balance(logits, weight=self.balance)


@method(
    "moe",
    paper="Hallee, Kapur, Patel, Gleghorn & Khomtchouk, 2024, arXiv 2401.15713",
    recipe=Recipe(epochs=10, batch_size=32, optimizer="adamw", learning_rate=1e-4, weight_decay=0.0, clip_norm=1.0),
    labels=True,
    reads="texts",
    texts=2,
)
def moe(
    encoder: TextTower,
    *,
    routing: Routed = "domain",
    layers: Layers = "all",
    k: int = 2,
    loss: Loss = "mnr",
    temperature: float = 0.05,
    similarity: Similarity = "cosine",
    specified: float = 1.0,
    balance: float = 0.0,
    mixed: bool = False,
    shared: bool = True,
    like: str = "",
) -> ExpertsOfDomains:
    """A text and what belongs to it together, each by the expert of its domain, other texts of the domain apart.

    Args:
        encoder: a transformer over subwords.
        routing: "domain", by the label of a text; or by gates that are learned, which need no domain afterwards: "token-top-k",
            "sentence-top-k" or "sentence-switch". A mixture that is trained further keeps its own, and its layers.
        layers: that have experts: "all", or the one in the "middle".
        k: experts of a text or token, where gates choose several.
        loss: "mnr", each text to what belongs to it; "mnrplus", to that of the text most like it.
        temperature: in (0, inf).
        similarity: "cosine" or "dot".
        specified: weight of the loss that draws gates to the expert of the domain, at least 0.
        balance: weight of the loss that lets gates use all experts alike, at least 0; in batches of one domain it works against
            ``specified``.
        mixed: whether a batch mixes domains. Otherwise it is of one, and domains are drawn as corpora are.
        shared: whether what all domains share is trained, too. Without, and without weight decay, domains that are not in the
            training keep their vectors.
        like: the domain that new ones of a mixture begin as; empty takes its first.
    """
    for name, value, known in (
        ("routing", routing, get_args(Routed)),
        ("layers", layers, get_args(Layers)),
        ("loss", loss, get_args(Loss)),
    ):
        if value not in known:
            raise ConfigurationError(f"{name} must be one of {', '.join(known)}. Got {value!r}.")
    objective = (MultipleNegativesRanking if loss == "mnr" else MNRPlus)(temperature, similarity=similarity)
    return ExpertsOfDomains(
        encoder, objective, routing=routing, k=k, layers=layers, specified=specified, balance=balance, mixed=mixed,
        shared=shared, like=like,
    )  # fmt: skip

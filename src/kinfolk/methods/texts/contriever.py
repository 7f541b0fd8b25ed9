"""Contriever: two pieces of one document find each other among pieces of many earlier batches.

Where pairs are given, a question and the document that answers it, they take the place of the pieces; where these have hard
negatives, too, both sides learn from the batch alone, as the paper tunes on labeled pairs. Vectors are compared by
their cosine, as everything that reads them afterwards does; the paper takes plain products (``similarity="dot"``), which the
vectors of a saved model, of length 1, do not keep.

Source: Izacard et al., "Unsupervised dense information retrieval with contrastive learning", TMLR 2022, arXiv 2112.09118.
The window of a document that is longer than a chunk is drawn anew each time, in place of the paper's shifted grid.
"""

from __future__ import annotations

import copy
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from kinfolk.encoders.text_by_name import TextTower
from kinfolk.errors import ConfigurationError
from kinfolk.methods.recipe import Recipe
from kinfolk.methods.registry import method
from kinfolk.methods.texts.method import TextBatch, TextMethod
from kinfolk.objectives import MoCo, MultipleNegativesRanking, update_key_encoder
from kinfolk.objectives._inputs import Similarity, check_within
from kinfolk.views.draws import check_shares
from kinfolk.views.text_crops import Tokens, delete_tokens, inverse_cloze, random_crop, random_window

Pieces = Literal["crops", "inverse_cloze"]
_MOST = 4_096  # tokens of a document, behind which nothing is seen


class PiecesOfDocuments(TextMethod):
    """Queries by the encoder, keys by a slow copy of it, and a queue of keys; or both by the encoder and the batch alone.

    Args:
        encoder: what is trained.
        objective: ``MoCo`` with a queue; or ``MultipleNegativesRanking``, by which both sides learn and no copy is made.
        tuning: for items with a hard negative, which has no place in a queue.
        pieces: which two pieces of a document belong together.
        chunk: tokens of a document that are seen at a time.
        ratio: share of them in a piece, lowest and highest.
        delete: share of the tokens of a piece that are lost.
        momentum: of the slow copy, in [0, 1].
        mask_same_item: whether earlier keys of the same document, or of one of its group, are no negatives.
    """

    def __init__(
        self,
        encoder: TextTower,
        objective: MoCo | MultipleNegativesRanking,
        tuning: MultipleNegativesRanking,
        *,
        pieces: Pieces,
        chunk: int,
        ratio: tuple[float, float],
        delete: float,
        momentum: float,
        mask_same_item: bool,
    ) -> None:
        super().__init__(encoder)
        self.objective, self.tuning = objective, tuning
        self.pieces, self.chunk, self.ratio, self.delete = pieces, chunk, ratio, delete
        self.momentum, self.mask_same_item = check_within("momentum", momentum, 0.0, 1.0), mask_same_item
        queue = isinstance(objective, MoCo)
        self.key_encoder: nn.Module | None = copy.deepcopy(encoder).requires_grad_(False) if queue else None

    def before_step(self, done: float) -> None:
        """Move the slow copy; it comes first, so that keys are made by what the queries of this step follow."""
        del done
        if self.key_encoder is not None:
            update_key_encoder(self.key_encoder, self.encoder, momentum=self.momentum)

    def loss(self, batch: TextBatch, generator: torch.Generator) -> Tensor:
        """The objective on queries and keys."""
        value: Tensor
        if len(batch.columns) == 3:
            texts = [text for column in batch.columns for text in column]
            value = self.tuning(*self.features(texts).chunk(3))
            return value
        sides = self._sides(batch, generator)
        queries = self.encoder(sides[0].to(self.device))
        if self.key_encoder is None:
            value = self.objective(queries, self.encoder(sides[1].to(self.device)))
            return value
        with torch.no_grad():
            keys = self.key_encoder(sides[1].to(self.device))
        ids = torch.from_numpy(batch.groups).to(self.device) if self.mask_same_item else None
        value = self.objective(queries, keys, ids=ids)
        return value

    def pairs(self, batch: TextBatch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Features of both sides of each pair."""
        first, second = (self.encoder(tokens.to(self.device)) for tokens in self._sides(batch, generator))
        return first, second

    def _sides(self, batch: TextBatch, generator: torch.Generator) -> list[Tensor]:
        """Tokens of queries and of keys."""
        if len(batch.columns) > 1:
            return [self.encoder.tokens(column) for column in batch.columns[:2]]
        rng = np.random.default_rng(int(torch.randint(1 << 62, (1,), generator=generator)))
        return [self.encoder.wrap(torch.from_numpy(part)) for part in self.two_pieces(batch.texts, rng)]

    def two_pieces(self, texts: tuple[str, ...], rng: np.random.Generator) -> tuple[Tokens, Tokens]:
        """Two pieces of each text, as numbers of tokens."""
        whole = random_window(self.encoder.pieces(texts, most=_MOST).numpy(), length=self.chunk, rng=rng)
        if self.pieces == "inverse_cloze":
            return inverse_cloze(whole, ratio=self.ratio, keep=0.1, rng=rng)
        first, second = (
            delete_tokens(random_crop(whole, ratio=self.ratio, rng=rng), rate=self.delete, rng=rng) for _ in range(2)
        )
        return first, second


@method(
    "contriever",
    paper="Izacard et al., Contriever, TMLR 2022, arXiv 2112.09118",
    recipe=Recipe(epochs=20, batch_size=64, optimizer="adamw", learning_rate=5e-5, weight_decay=0.01, clip_norm=1.0),
    reads="texts",
    texts=3,
)
def contriever(
    encoder: TextTower,
    *,
    temperature: float = 0.05,
    similarity: Similarity = "cosine",
    queue_size: int = 2_048,
    momentum: float = 0.99,
    label_smoothing: float = 0.0,
    mask_same_item: bool = True,
    pieces: Pieces = "crops",
    chunk: int = 256,
    least: float = 0.1,
    most: float = 0.5,
    delete: float = 0.1,
) -> PiecesOfDocuments:
    """Two pieces of a document together, pieces of other documents apart.

    Args:
        encoder: what is trained.
        temperature: in (0, inf).
        similarity: "cosine" or "dot".
        queue_size: keys of earlier batches, at least one batch; 0 takes the batch alone, and both sides learn.
        momentum: of the slow copy that makes the keys, in [0, 1].
        label_smoothing: see ``MoCo``.
        mask_same_item: whether earlier keys of the same document, or of one of its group, are no negatives.
        pieces: "crops", which may overlap, or "inverse_cloze", a span and what stands around it.
        chunk: tokens of a document that are seen at a time, at least 1.
        least, most: share of them in a piece, in [0, 1].
        delete: share of the tokens of a piece that are lost, in [0, 1].
    """
    check_shares(delete=delete, least=least, most=most)
    for name, value, known in (
        ("pieces", pieces, ("crops", "inverse_cloze")),
        ("similarity", similarity, ("cosine", "dot")),
    ):
        if value not in known:
            raise ConfigurationError(f"{name} must be one of {', '.join(known)}. Got {value!r}.")
    if least > most:
        raise ConfigurationError(f"least must be at most most, {most}. Got {least}.")
    if chunk < 1 or queue_size < 0:
        raise ConfigurationError(f"chunk must be at least 1, and queue_size at least 0. Got {chunk} and {queue_size}.")
    in_batch = MultipleNegativesRanking(temperature, similarity=similarity, label_smoothing=label_smoothing)
    objective: MoCo | MultipleNegativesRanking = in_batch
    if queue_size:
        objective = MoCo(
            temperature, dim=encoder.dim, queue_size=queue_size, similarity=similarity, label_smoothing=label_smoothing
        )
    return PiecesOfDocuments(
        encoder,
        objective,
        in_batch,
        pieces=pieces,
        chunk=chunk,
        ratio=(least, most),
        delete=delete,
        momentum=momentum,
        mask_same_item=mask_same_item,
    )

"""DebCSE: positives with the same meaning in other words, hard negatives with the same words and another meaning.

Project definition after the abstract of the paper, see ``kinfolk.views.propensity`` and ``kinfolk.objectives.DebCSE``. The
candidates of a text are its nearest by the encoder as it was at the start, and the text itself with words lost, said twice and
moved; of these some are drawn anew whenever the text comes by.

Source: project definition after Miao, Du & Zhang, "DebCSE: rethinking unsupervised contrastive sentence embedding learning in
the debiasing perspective", CIKM 2023, arXiv 2309.07396.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kinfolk.data.texts import Texts
from kinfolk.encoders.text_by_name import TextTower
from kinfolk.encoders.text_features import encode_texts
from kinfolk.encoders.text_pooling import TanhHead
from kinfolk.errors import ConfigurationError
from kinfolk.methods.registry import method
from kinfolk.methods.texts.method import TextBatch, TextMethod
from kinfolk.methods.texts.simcse import SENTENCES, require_dropout
from kinfolk.objectives import DebCSE
from kinfolk.search.exact import exact_search
from kinfolk.views.propensity import DrawnPairs, draw_pairs, semantic_similarity, surface_similarity, surface_words
from kinfolk.views.word_noise import delete_words, repeat_words, swap_words

_SAMPLE, _MOST_ALIKE = 1_000, 0.5  # texts that are compared, and the share of pairs that may be left out
_NOISES = (delete_words, repeat_words, swap_words)


@dataclass(frozen=True, eq=False)
class Drawing:
    """How pairs are drawn; see ``draw_pairs``.

    Attributes:
        num_candidates: nearest texts of each, at least 0; those with words changed come beside them.
        num_positives, num_negatives, alpha, beta, e_pos, e_neg: see there.
    """

    num_candidates: int
    num_positives: int
    num_negatives: int
    alpha: float
    beta: float
    e_pos: float
    e_neg: float

    def __post_init__(self) -> None:
        nothing = np.zeros((0, 1))
        self.draw(nothing, nothing, np.random.default_rng(0))  # refuses settings that are not possible

    def draw(
        self, semantic: npt.NDArray[np.floating], surface: npt.NDArray[np.floating], rng: np.random.Generator
    ) -> DrawnPairs:
        """Pairs for each anchor; see ``draw_pairs``."""
        return draw_pairs(
            semantic, surface, rng=rng, num_positives=self.num_positives, num_negatives=self.num_negatives,
            alpha=self.alpha, beta=self.beta, e_pos=self.e_pos, e_neg=self.e_neg,
        )  # fmt: skip


class DrawnSentences(TextMethod):
    """A text, what was drawn for it, and the objective on what a head makes of them.

    Args:
        encoder: what is trained; it needs dropout, for where no positive is drawn, a second pass of the text is one.
        objective: of anchors, positives and hard negatives.
        drawing: how pairs are drawn.
    """

    def __init__(self, encoder: TextTower, objective: DebCSE, drawing: Drawing) -> None:
        super().__init__(encoder)
        require_dropout(encoder)
        self.objective, self.drawing, self.head = objective, drawing, TanhHead(encoder.dim)
        # In a list, for they are no part of what is trained or kept: a training that goes on makes them again.
        self._frozen = [copy.deepcopy(encoder).eval().requires_grad_(False)]
        self._texts: tuple[str, ...] = ()
        self._vectors = np.zeros((0, encoder.dim), np.float32)

    def prepare(self, texts: Texts) -> None:
        """Encode all texts as the encoder is at the start.

        Raises:
            ConfigurationError: to it most texts are so alike that few negatives would be left.
        """
        self._texts, self._vectors = texts.texts, self._as_it_was(texts.texts)
        sample = self._vectors[:: max(1, len(self._vectors) // _SAMPLE)]
        alike = float((semantic_similarity(sample @ sample.T) > self.objective.e_false).mean())
        if alike > _MOST_ALIKE:
            raise ConfigurationError(
                f"{alike:.0%} of the texts are too alike to the encoder as it is at the start to be negatives of each other (e_false "
                f"{self.objective.e_false}). Begin with a trained encoder, such as one by simcse, or raise e_false."
            )

    def loss(self, batch: TextBatch, generator: torch.Generator) -> Tensor:
        """The objective on the texts and what is drawn for them."""
        rng = np.random.default_rng(int(torch.randint(1 << 62, (1,), generator=generator)))
        own = self._vectors[batch.rows] if len(self._vectors) else self._as_it_was(batch.texts)
        texts, vectors = self._candidates(batch, own, rng)
        words = [surface_words(text) for text in batch.texts]
        surface = np.stack(
            [surface_similarity(mine, [surface_words(t) for t in of]) for mine, of in zip(words, texts, strict=True)]
        )
        e = semantic_similarity(np.einsum("id,icd->ic", own, vectors))
        drawing = self.drawing
        drawn = drawing.draw(e, surface, rng)
        at = np.arange(len(own))[:, None]
        alone = drawn.positives < 0  # another pass of the text itself
        frozen_positives = np.where(alone[..., None], own[:, None], vectors[at, drawn.positives])
        shown = [
            [mine, *(mine if place < 0 else of[place] for place in (*positives, *negatives))]
            for mine, of, positives, negatives in zip(batch.texts, texts, drawn.positives, drawn.negatives, strict=True)
        ]
        embedded = self.head(self.features([text for of in shown for text in of])).unflatten(0, (len(own), -1))
        anchors, positives, negatives = embedded.split([1, drawing.num_positives, drawing.num_negatives], dim=1)
        value: Tensor = self.objective(
            anchors[:, 0],
            positives,
            negatives,
            has_negative=torch.from_numpy(drawn.negatives >= 0).to(self.device),
            frozen=torch.from_numpy(own).to(self.device),
            frozen_positives=torch.from_numpy(frozen_positives).to(self.device),
        )
        return value

    def _candidates(
        self, batch: TextBatch, own: npt.NDArray[np.float32], rng: np.random.Generator
    ) -> tuple[list[list[str]], npt.NDArray[np.float32]]:
        """Texts that may be drawn for each, and their vectors (items, candidates, dim)."""
        changed = [noise(batch.texts, rng=rng) for noise in _NOISES]
        vectors = [self._as_it_was(texts) for texts in changed]
        texts = [list(of) for of in zip(*changed, strict=True)]
        num = min(self.drawing.num_candidates, len(self._texts) - 1)
        if num > 0:
            found = exact_search(own, self._vectors, k=num + 1).rows
            near = np.stack(
                [[row for row in of if row != mine][:num] for of, mine in zip(found, batch.rows, strict=True)]
            )
            of_near = np.where((near >= 0)[..., None], self._vectors[near], np.float32(np.nan))  # fewer may be near
            vectors += list(of_near.transpose(1, 0, 2))
            texts = [[*some, *(self._texts[row] for row in rows)] for some, rows in zip(texts, near, strict=True)]
        return texts, np.stack(vectors, axis=1)

    def _as_it_was(self, texts: tuple[str, ...]) -> npt.NDArray[np.float32]:
        """Unit vectors by the encoder as it was at the start."""
        vectors = encode_texts(self._frozen[0], texts)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0))


@method(
    "debcse",
    paper="after the abstract of Miao, Du & Zhang, DebCSE, CIKM 2023, arXiv 2309.07396 (project definition)",
    recipe=SENTENCES,
    reads="texts",
)
def debcse(
    encoder: TextTower,
    *,
    temperature: float = 0.05,
    num_candidates: int = 64,
    num_positives: int = 1,
    num_negatives: int = 1,
    alpha: float = 2.0,
    beta: float = 1.0,
    e_pos: float = 0.75,
    e_neg: float = 0.6,
    e_false: float = 0.9,
) -> DrawnSentences:
    """A text and one of the same meaning in other words together; one of the same words and another meaning, and others, apart.

    Args:
        encoder: what is trained, and what judges meaning as it is at the start: take one that was trained before.
        temperature: in (0, inf).
        num_candidates: nearest texts from which pairs are drawn, at least 0, beside the text with words changed.
        num_positives, num_negatives: drawn for each text, at least 1 and at least 0.
        alpha, beta: how much meaning and words count in the drawing, in [0, inf).
        e_pos, e_neg: least similarity of a positive and largest of a hard negative, e = (cosine + 1) / 2.
        e_false: texts of the batch that are more similar than this are no negatives, in [0, 1].
    """
    if num_candidates < 0:
        raise ConfigurationError(f"num_candidates must be at least 0. Got {num_candidates}.")
    drawing = Drawing(num_candidates, num_positives, num_negatives, alpha, beta, e_pos, e_neg)
    return DrawnSentences(encoder, DebCSE(temperature, e_false=e_false), drawing)

"""What the report of a training on texts needs to know: which are shown, where they lie, their neighbors before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinfolk.data.held_out_texts import hold_out
from kinfolk.data.texts import Texts
from kinfolk.evaluation.embedding_map import EmbeddingMap, embedding_map
from kinfolk.evaluation.nearest import Nearest, nearest
from kinfolk.report.training_summary import Rows, even_choice

if TYPE_CHECKING:
    from kinfolk.methods.texts.model import TextModel

_SEARCHED, _ON_MAP, _QUERIES, _NEIGHBORS = 2000, 600, 8, 5


@dataclass(frozen=True, eq=False)
class TextSummary:
    """A sample of the texts and what the encoder makes of it.

    Attributes:
        texts: the sample, each text once: those that were held out first, then others in random order.
        total: how many texts there are.
        num_held: how many texts of the sample were held out of the training.
        map: where the first texts of the sample lie.
        queries: rows of the sample whose neighbors are shown, held out where there are such, int64 (queries,).
        after: their neighbors in the sample.
        before: the same by the encoder as it was before the training; None where it is not known.
    """

    texts: Texts
    total: int
    num_held: int
    map: EmbeddingMap
    queries: Rows
    after: Nearest
    before: Nearest | None

    def label(self, row: int) -> str | None:
        """The label of a text of the sample; None where it has none."""
        at = -1 if self.texts.labels is None else int(self.texts.labels[row])
        return None if at < 0 else self.texts.label_names[at]


def text_summary(model: TextModel, texts: Texts, *, before: TextModel | None) -> TextSummary:
    """Encode a sample of the texts; what is in it follows from the seed of the training.

    Args:
        model: what was trained.
        texts: to draw from, at least one.
        before: the model as it was before.
    """
    seed, num = int(model.about.get("seed", 0)), int(model.about.get("held_out", 0))
    kept, held = hold_out(texts.texts, min(num, len(texts) // 2), seed=seed)
    held = held[: _SEARCHED // 2]
    first: dict[str, int] = {}
    for row in [*held.tolist(), *np.random.default_rng(seed).permutation(kept)[: _SEARCHED - len(held)].tolist()]:
        first.setdefault(texts.texts[row], row)
    sample = texts.take(np.array(list(first.values()), np.int64))
    asked = len(held) or len(sample)
    queries = even_choice(None if sample.labels is None else sample.labels[:asked], asked, _QUERIES)
    vectors = model.encode(sample.texts, domains=model.domains_of(sample))
    return TextSummary(
        sample,
        len(texts),
        len(held),
        embedding_map(vectors[:_ON_MAP], seed=seed),
        queries,
        nearest(vectors, queries, k=_NEIGHBORS),
        None
        if before is None
        else nearest(before.encode(sample.texts, domains=before.domains_of(sample)), queries, k=_NEIGHBORS),
    )

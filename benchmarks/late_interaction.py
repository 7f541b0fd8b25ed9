"""Late interaction as a slow scorer: of each token of the query the cosine with the most similar token of the document.

score(q, d) = mean over the tokens i of q of max over the tokens j of d of cos(q_i, d_j). It is the usual form of a scorer that is no
inner product of two vectors. The source sums; the mean ranks the documents of a query alike, and no long query outweighs others.
The vectors are the last hidden states of MiniLM, which was trained for their mean and not for this: no trained ColBERT can be
installed offline. The source's linear layer, its masks that fill up a query and its filter of punctuation are left out.

Khattab & Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over BERT", SIGIR 2020,
arXiv 2004.12832.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import torch

from kinfolk.encoders.subword_tower import END
from kinfolk.encoders.subwords import load_subword_transformer

MAX_TOKENS = 256  # of a text, with the two special ones, which have no part in the score
_AT_ONCE = 64  # texts

Vectors = npt.NDArray[np.float32]


class LateInteraction:
    """Scores of queries against all documents.

    Args:
        documents: texts, each with a token.
    """

    def __init__(self, documents: Sequence[str]) -> None:
        self.tower = load_subword_transformer("minilm", max_tokens=MAX_TOKENS).eval()
        vectors = self.token_vectors(documents)
        self.flat = np.concatenate(vectors)
        self.starts = np.cumsum([0, *(len(one) for one in vectors[:-1])])
        self.row = cache(self._row)

    @torch.no_grad()
    def token_vectors(self, texts: Sequence[str]) -> list[Vectors]:
        """Of each text the vectors of its tokens, of length 1, float32 (tokens, dim)."""
        special = torch.tensor([END, *self.tower.tokenizer.all_special_ids])
        found: list[Vectors] = [np.empty((0, self.tower.dim), np.float32)] * len(texts)
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))  # texts of one length need no padding
        for start in range(0, len(order), _AT_ONCE):
            rows = order[start : start + _AT_ONCE]
            tokens = self.tower.tokens([texts[row] for row in rows])
            outputs = self.tower.model(input_ids=tokens.clamp_min(0), attention_mask=(tokens != END).long())
            states = torch.nn.functional.normalize(outputs.last_hidden_state, dim=-1)
            for row, of, counts in zip(rows, states, ~torch.isin(tokens, special), strict=True):
                found[row] = of[counts].numpy()
        return found

    def _row(self, query: str) -> npt.NDArray[np.float64]:
        return mean_of_best(self.token_vectors([query])[0], self.flat, self.starts)

    def __call__(self, queries: Sequence[str]) -> npt.NDArray[np.float64]:
        """float64 (queries, documents)."""
        return np.array([self.row(query) for query in queries])


def mean_of_best(query: Vectors, flat: Vectors, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Of each document the mean, over the tokens of the query, of the largest inner product with a token of it, (documents,).

    Args:
        query: vectors of its tokens, (tokens, dim), at least one.
        flat: those of all documents, one after the other, (tokens, dim).
        starts: where in ``flat`` each document begins, ascending; none is empty.
    """
    best = np.maximum.reduceat(query @ flat.T, starts, axis=1)
    scores: npt.NDArray[np.float64] = best.mean(axis=0, dtype=np.float64)
    return scores

"""Hard negatives of pairs: texts that seem to belong to an anchor, and, as far as is known, do not.

They are looked for among the positives of other pairs. What seems near and is not known to belong often does: so ranks at
the top can be passed over, and a text that an encoder finds nearly as near as the positive is none.

Source: negatives by BM25 as in Karpukhin et al., "Dense passage retrieval for open-domain question answering", EMNLP 2020,
arXiv 2004.04906; by the model as in Xiong et al., ANCE, ICLR 2021, arXiv 2007.00808; those that belong without anyone having
said so, Qu et al., RocketQA, NAACL 2021, arXiv 2010.08191; the share of the positive's score, and its 0.95, Moreira et al.,
NV-Retriever, 2024, arXiv 2407.15831.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from kinfolk.data.same_text import same_text
from kinfolk.data.texts import Texts, numbered
from kinfolk.errors import ConfigurationError
from kinfolk.methods.settings import read_setting
from kinfolk.methods.texts.candidates import Candidates, Encode, by_label, by_model, by_words

Rows = npt.NDArray[np.int64]
Source = Literal["bm25", "model", "siblings", "random"]
_SHARE_OF_MODEL = 0.95


@dataclass(frozen=True)
class Mining:
    """How hard negatives are looked for.

    Attributes:
        pool: of each item at most, at least 1; training draws one of them whenever the item comes by.
        depth: texts that are looked at for each, at least ``skip + pool``.
        skip: best ranks that are passed over, at least 0, not counting what is known to belong.
        most_share: of the score of the positive that a negative may have, in (0, 1]; None takes 0.95 for a model and sets no limit for
            BM25, by which a positive in other words scores low.
        margin: by which the score must be lower than that of the positive, in [0, inf), where there is a limit.
        hard_share: share of draws in training that take a negative of the pool, in [0, 1]; the others take any text.
    """

    pool: int = 8
    depth: int = 50
    skip: int = 0
    most_share: float | None = None
    margin: float = 0.0
    hard_share: float = 1.0

    def __post_init__(self) -> None:
        if self.pool < 1 or self.skip < 0 or self.depth < self.skip + self.pool:
            raise ConfigurationError(
                f"pool must be at least 1, skip at least 0 and depth at least both together. Got pool {self.pool}, skip "
                f"{self.skip}, depth {self.depth}."
            )
        if self.most_share is not None and not 0 < self.most_share <= 1:
            raise ConfigurationError(f"most_share must be in (0, 1], or None. Got {self.most_share}.")
        if not 0 <= self.margin < float("inf"):
            raise ConfigurationError(f"margin must be in [0, inf). Got {self.margin}.")
        if not 0 <= self.hard_share <= 1:
            raise ConfigurationError(f"hard_share must be in [0, 1]. Got {self.hard_share}.")

    @classmethod
    def of(cls, given: Mapping[str, object]) -> Mining:
        """From settings by name; texts, as a command line has them, are converted.

        Raises:
            ConfigurationError: a setting that mining does not have, or a value that is not possible.
        """
        known = asdict(cls())
        chosen: dict[str, Any] = {}
        for name, value in given.items():
            if name not in known:
                raise ConfigurationError(f"Mining has no {name!r}. It has: {', '.join(known)}.")
            kind = float if name == "most_share" else type(known[name])
            chosen[name] = (
                None if value is None and name == "most_share" else read_setting(f"mining: {name}", kind, value)
            )
        return cls(**chosen)


def mine_negatives(
    texts: Texts, *, by: Source, mining: Mining | None = None, encode: Encode | None = None, seed: int = 0
) -> Rows:
    """Negatives of each pair among the positives of all pairs.

    Never a negative: a text that is the anchor's own or a positive of the same text anywhere (but for case and spaces), or one
    that stands in a pair of the same group. Nor, where there are corpora, one of another corpus, which is told apart too easily.

    Args:
        texts: pairs, and where there are some their groups; labels for "siblings".
        by: "bm25", shared words; "model", near by ``encode``; "siblings", of the same label, drawn, none for
            an item without one; "random", any, drawn.
        mining: how; ``skip``, ``most_share`` and ``margin`` mean nothing for what is drawn.
        encode: texts to unit vectors, float32 (texts, dim); for "model".
        seed: of what is drawn.

    Returns:
        Items whose positive is the negative, the hardest first, int64 (items, pool); -1 where there are fewer.

    Raises:
        ConfigurationError: texts without positives, or without what ``by`` needs.
        DataError: "bm25", and no positive has a word.
    """
    mining = mining or Mining()
    if by not in get_args(Source):
        raise ConfigurationError(f"Negatives can be mined by {', '.join(get_args(Source))}. Got {by!r}.")
    if len(texts.columns) < 2:
        raise ConfigurationError("Negatives are mined for pairs. Say which column holds the positives (positive).")
    num = len(texts)
    codes = numbered([same_text(text) or " " for column in texts.columns[:2] for text in column])
    anchor_codes, positive_codes = codes[:num], codes[num:]
    _, items, own = np.unique(positive_codes, return_index=True, return_inverse=True)
    documents = [texts.columns[1][item] for item in items]
    rng, depth = np.random.default_rng(seed), mining.depth
    if by == "bm25":
        limited = mining.most_share is not None or mining.margin > 0
        found = by_words(texts.texts, documents, own, depth=depth, score_own=limited)
    elif by == "model":
        if encode is None:
            raise ConfigurationError("Negatives by a model need one. Give encode, which makes unit vectors of texts.")
        found = by_model(texts.texts, documents, own, depth=depth, encode=encode)
    elif by == "siblings":
        if texts.labels is None:
            raise ConfigurationError("Negatives of the same label need labels. Say which column holds them (label).")
        found = by_label(texts.labels, own, depth=depth, rng=rng)
        found = replace(found, documents=np.where(texts.labels[:, None] < 0, -1, found.documents))
    else:
        alike = np.zeros(num, np.int64) if texts.corpora is None else texts.corpora
        found = by_label(alike, own, depth=depth, rng=rng)
    allowed = (
        (found.documents >= 0)
        & (positive_codes[items][found.documents] != anchor_codes[:, None])
        & ~_known(anchor_codes, own, found.documents)
    )
    if texts.groups is not None:
        grouped = texts.groups[:, None] >= 0
        allowed &= ~(grouped & _known(texts.groups, own, found.documents))
    if texts.corpora is not None:
        allowed &= texts.corpora[items][found.documents] == texts.corpora[:, None]
    share = _SHARE_OF_MODEL if by == "model" and mining.most_share is None else mining.most_share
    chosen = _choose(found, allowed, mining, share)
    return np.where(chosen < 0, -1, items[chosen])


def _known(of: Rows, own: Rows, documents: Rows) -> npt.NDArray[np.bool_]:
    """Whether a document is the positive of any item with the same number, (items, depth); linear in the items."""
    width = int(own.max()) + 1
    place = np.unique(of, return_inverse=True)[1]
    return np.isin(place[:, None] * width + documents, np.unique(place * width + own))


def _choose(found: Candidates, allowed: npt.NDArray[np.bool_], mining: Mining, share: float | None) -> Rows:
    """The first few that are allowed, each once, behind the ranks that are passed over; -1 where there are fewer."""
    documents = np.where(allowed, found.documents, -1)
    if found.scores is None:
        documents = _once(documents)
    else:
        documents[np.cumsum(documents >= 0, axis=1) <= mining.skip] = -1
        if found.own is not None and (share is not None or mining.margin):
            lost = (1 - (1.0 if share is None else share)) * np.abs(found.own)  # of a negative score, too
            documents[found.scores > (found.own - lost - mining.margin)[:, None]] = -1
    order = np.argsort(documents < 0, axis=1, kind="stable")[:, : mining.pool]
    chosen = np.full((len(documents), mining.pool), -1, np.int64)
    chosen[:, : order.shape[1]] = np.take_along_axis(documents, order, axis=1)
    return chosen


def _once(documents: Rows) -> Rows:
    """What comes again in a row, replaced by -1."""
    order = np.argsort(documents, axis=1, kind="stable")
    ordered = np.take_along_axis(documents, order, axis=1)
    again = np.zeros(documents.shape, np.bool_)
    np.put_along_axis(again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return np.where(again, -1, documents)

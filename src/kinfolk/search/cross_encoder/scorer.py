"""Pair scorers: what they are, how they are told apart, and their calls in batches, each answer looked at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.search.cross_encoder.cur import Floats

Advance = Callable[[float], None]


Scorer = Callable[[list[Any], list[Any]], npt.ArrayLike]
"""Anything that scores pairs: a cross-encoder, a record matcher, a judge.

It is given queries and items, n each, and returns one finite number a pair, (n,), the larger the better; it need not be
symmetric. Raw scores serve best (logits, not probabilities): what is squashed is no sum of a few parts any more, and on
that the approximation rests. An attribute ``fingerprint``, a text that changes when the scores do, lets scores be kept.
"""


def fingerprint_of(scorer: Scorer, given: str | None = None, *, kept: bool) -> str | None:
    """What identifies the scores of a scorer; None where nothing does.

    Args:
        scorer: its attribute ``fingerprint`` says.
        given: what the caller says instead.
        kept: whether scores are kept in a folder, to which a nameless scorer could return as another.

    Raises:
        ConfigurationError: they are kept, and neither says anything.
    """
    name = given if given is not None else getattr(scorer, "fingerprint", None)
    if name is None and kept:
        raise ConfigurationError(
            "A scorer whose scores are kept needs an attribute 'fingerprint', a text that changes when its scores do. "
            f"{getattr(scorer, '__name__', type(scorer).__name__)} has none: add one, or keep nothing."
        )
    return None if name is None else str(name)


def written(value: object) -> str:
    """A text or record as JSON, the same for equal ones whatever the order of their fields.

    Raises:
        DataError: it is neither a text nor made of what JSON has.
    """
    try:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DataError(
            "Queries and items must be texts, numbers, or dicts and lists of them, so that they are known again. "
            f"Got {shown(value)} ({error})."
        ) from error


def shown(value: object) -> str:
    """A text or record as messages show it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"


def digest_of(texts: Sequence[str]) -> str:
    """32 hexadecimal digits that change with any of the texts or their order."""
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(f"{len(text)}:{text}".encode(errors="surrogatepass"))
    return digest.hexdigest()


class Calls:
    """The calls of a scorer, counted.

    Args:
        scorer: what scores.
        batch_size: pairs it is given at a time, at least 1.

    Attributes:
        count: pairs it was given so far.
    """

    def __init__(self, scorer: Scorer, batch_size: int) -> None:
        if not callable(scorer):
            raise ConfigurationError(
                f"scorer must be callable with two lists, of queries and of items. Got {type(scorer).__name__}."
            )
        if batch_size < 1:
            raise ConfigurationError(f"batch_size must be at least 1. Got {batch_size}.")
        self.scorer, self.batch_size, self.count = scorer, batch_size, 0

    def score(self, queries: Sequence[object], items: Sequence[object]) -> Floats:
        """Scores of one batch of pairs, float64 (n,).

        Raises:
            DataError: the scorer gave another number of scores, or one that is not finite.
        """
        self.count += len(queries)
        given = self.scorer(list(queries), list(items))
        try:
            scores = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"A scorer must give one number a pair. Got {shown(given)} ({error}).") from error
        if scores.shape != (len(queries),):
            raise DataError(f"A scorer must give one number a pair, ({len(queries)},). Got shape {scores.shape}.")
        if not np.isfinite(scores).all():
            at = int(np.argmin(np.isfinite(scores)))
            raise DataError(
                f"A scorer must give finite numbers. Got {scores[at]} for the pair of the query {shown(queries[at])} and the "
                f"item {shown(items[at])}."
            )
        return scores

"""A slow scorer of pairs, such as a cross-encoder, on the best candidates: its score is one more comparison.

It reads what no cheaper comparison sees, and costs too much to read all candidates. So the pairs are first matched without it, the
best few of each left record get a score, and the matcher finds out from all comparisons together what the score is worth. A
pair that got none counts as one that could not be compared.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinfolk.data import Records
from kinfolk.encoders import load_cross_encoder, record_texts
from kinfolk.errors import ConfigurationError
from kinfolk.linking.alignment import COMPARED_ROLES
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.compare import RESCORED, Comparisons
from kinfolk.linking.comparisons.pair_features import PairFeatures
from kinfolk.search.cross_encoder.parts import score_in_parts
from kinfolk.search.cross_encoder.scorer import Calls, Scorer, digest_of, fingerprint_of

CALLS = 10
_BATCH = 256


@dataclass(frozen=True)
class Rescored:
    """Scores of some candidates.

    Attributes:
        scores: float32 (pairs,) in [0, 1]: 0 is the lowest score of this run and 1 the highest, for no scale is common to all
            scorers; NaN where a pair got none.
        calls: pairs that the scorer was asked for, by this run or by one before.
    """

    scores: np.ndarray
    calls: int

    def add_to(self, comparisons: Comparisons) -> Comparisons:
        """The comparisons with the score."""
        return comparisons.with_vectors(RESCORED, [self.scores])

    def add_to_features(self, features: PairFeatures) -> PairFeatures:
        """What a matcher learns from, with the score."""
        return features.with_columns(RESCORED, {f"{RESCORED}: score": self.scores})


@dataclass(frozen=True)
class Rescorer:
    """A scorer, and how many pairs of each left record it may be asked for.

    Attributes:
        scorer: of texts of left and right records, (n,) numbers for n pairs.
        calls: at most so many a left record.
    """

    scorer: Scorer
    calls: int

    def fingerprint(self, *, kept: bool) -> str:
        """What identifies its scores in a run folder.

        Raises:
            ConfigurationError: the run is kept, and the scorer has no ``fingerprint``.
        """
        return f"{fingerprint_of(self.scorer, kept=kept)}, {self.calls} calls a record"

    def rescore(
        self,
        left: Records,
        right: Records,
        candidates: Candidates,
        probability: np.ndarray,
        similarity: np.ndarray,
        folder: Path | None,
        advance: Callable[[float], None],
    ) -> Rescored:
        """Score the most probable candidates of each left record; equal pairs of texts once, a blank one not at all.

        Args:
            left, right: the tables.
            candidates: the pairs.
            probability, similarity: of each pair, before it is rescored; the second decides where the first is equal.
            folder: the run folder, which keeps scores as they are made; None keeps none.
            advance: told the share that is done.

        Raises:
            DataError: a score is not finite.
            RunError: the folder holds the scores of other pairs, or of another scorer.
        """
        chosen = best_of_each(candidates.left, probability, self.calls, similarity=similarity)
        texts = [record_texts(table, table.fields(*COMPARED_ROLES)) for table in (left, right)]
        pairs = [(texts[0][candidates.left[at]], texts[1][candidates.right[at]]) for at in chosen]
        distinct = {pair: number for number, pair in enumerate(dict.fromkeys(p for p in pairs if all(p)))}
        queries, items = [pair[0] for pair in distinct], [pair[1] for pair in distinct]
        calls = Calls(self.scorer, _BATCH)
        scores = score_in_parts(
            lambda part: calls.score(queries[part], items[part]),
            len(distinct),
            folder=None if folder is None else folder / RESCORED,
            key={"scorer": self.fingerprint(kept=False), "texts": digest_of([*queries, *items])},
            batch_size=_BATCH,
            advance=advance,
        )
        low, high = scores.min(initial=np.inf), scores.max(initial=-np.inf)
        shares = (scores - low) / (high - low) if high > low else np.full(len(scores), 0.5)
        of_all = np.full(len(candidates), np.nan, dtype=np.float32)
        of_all[chosen] = [shares[distinct[pair]] if pair in distinct else np.nan for pair in pairs]
        return Rescored(of_all, len(distinct))


def best_of_each(left: np.ndarray, probability: np.ndarray, most: int, *, similarity: np.ndarray) -> np.ndarray:
    """Positions of the most probable pairs of each left record, at most so many, ascending.

    Of equally probable ones the more similar come first, then the earlier: a match that learned nothing finds all alike.
    """
    order = np.lexsort((np.arange(len(left)), -similarity, -probability, left))
    starts = np.searchsorted(left[order], left[order])
    return np.sort(order[np.arange(len(order)) - starts < most])


def open_rescorer(scorer: str | Path | Scorer | None, calls: int) -> Rescorer | None:
    """The scorer behind a name, a folder, ``module:function``, or itself; None for none.

    Raises:
        ConfigurationError: it cannot be loaded or called, or calls is below 1.
        MissingExtraError: what it needs is not installed.
    """
    if scorer is None or scorer == "none":
        return None
    if calls < 1:
        raise ConfigurationError(f"rescore_calls must be at least 1. Got {calls}.")
    if isinstance(scorer, str | Path):
        name = str(scorer)
        module, colon, function = name.partition(":")
        named = colon and module.replace(".", "").isidentifier() and function.isidentifier() and not Path(name).exists()
        return Rescorer(_imported(module, function) if named else load_cross_encoder(name), calls)
    if not callable(scorer):
        raise ConfigurationError(
            "rescore must be the folder or name of a cross-encoder, module:function, or a function of two lists of texts. "
            f"Got {type(scorer).__name__}."
        )
    return Rescorer(scorer, calls)


def _imported(module: str, function: str) -> Scorer:
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # an installed program does not look in the folder it is run from
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"rescore names the function {function} of the Python module {module}, which cannot be loaded ({error}). "
            "Run from the folder that holds it, or install it."
        ) from error
    if not callable(found):
        raise ConfigurationError(f"rescore must name a function. {module}:{function} is {type(found).__name__}.")
    scorer: Scorer = found
    return scorer

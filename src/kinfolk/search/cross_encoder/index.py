"""Search under a scorer of pairs that is too slow to score them all."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError, DataError, RunError
from kinfolk.search.cross_encoder.adaptive import Strategy, adaptive_rounds
from kinfolk.search.cross_encoder.cur import RCOND, Floats, Rows, check_damping, item_embeddings
from kinfolk.search.cross_encoder.items import Items, filled_up, number_of
from kinfolk.search.cross_encoder.kept import FILE, Kept, read_kept, write_kept
from kinfolk.search.cross_encoder.known import KnownScores
from kinfolk.search.cross_encoder.parts import forget_parts, score_in_parts
from kinfolk.search.cross_encoder.plan import plan_rounds
from kinfolk.search.cross_encoder.scorer import Advance, Calls, Scorer, digest_of, fingerprint_of, written
from kinfolk.search.ids import Id, Ids, id_list

_PARTS = "anchor-scores"
_SCORES = 1 << 23  # approximate scores at a time, 64 MB


@dataclass(frozen=True, eq=False)
class Found:
    """The best items of each query among those that were scored, best first; of equal ones the earlier item first.

    Attributes:
        ids: object (num queries, k); None where fewer items were scored.
        scores: exact, float64 in the same shape; -inf where there is no item.
        calls: pairs that the scorer was given for this search.
        notes: sentences for the user.
    """

    ids: npt.NDArray[np.object_]
    scores: Floats
    calls: int
    notes: tuple[str, ...]


class CrossEncoderIndex:
    """Items that are found under a slow scorer of pairs, at a fixed number of its calls a query.

    ``build`` scores some anchor queries against all items, once. ``search`` scores a few items of a query, approximates the
    others' scores from these, scores the most promising, and so on: ANNCUR (two rounds) and AdaCUR (more), see
    ``adaptive_rounds``. No pair is ever scored twice, and equal items count as one. Anchors and draws depend on the content
    of items and queries and on the seed alone, not on their order or on when they came.

    Args:
        scorer: scores pairs of a query and an item, see ``Scorer``; both are texts or records (dicts).
        anchors: items of the first round; None takes an equal share of the calls.
        rcond, ridge: of the pseudo-inverse, see ``cur.anchor_inverse``.
        seed: of what is random: the items of a first round that nobody gives, and "softmax".
        batch_size: pairs that the scorer is given at a time.
        fingerprint: identifies the scores where the scorer does not do so itself.

    Raises:
        ConfigurationError: the scorer cannot be called, or a number is not possible.
    """

    def __init__(
        self,
        scorer: Scorer,
        *,
        anchors: int | None = None,
        rcond: float = RCOND,
        ridge: float = 0.0,
        seed: int = 0,
        batch_size: int = 256,
        fingerprint: str | None = None,
    ) -> None:
        if anchors is not None and anchors < 1:
            raise ConfigurationError(f"anchors must be at least 1. Got {anchors}.")
        check_damping(rcond, ridge)
        self.anchors, self.rcond, self.ridge, self.seed = anchors, rcond, ridge, seed
        self._calls, self._named = Calls(scorer, batch_size), fingerprint
        self._built_by: str | None = None
        self._items = Items()
        self._known = KnownScores(self._calls, [], np.empty((0, 0)))

    @property
    def calls(self) -> int:
        """Pairs that the scorer was given so far."""
        return self._calls.count

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"CrossEncoderIndex({len(self):,} items, {len(self._known.queries):,} anchor queries)"

    def build(
        self,
        queries: Sequence[object],
        items: Sequence[object],
        *,
        ids: Ids | None = None,
        folder: str | Path | None = None,
        advance: Advance | None = None,
    ) -> Self:
        """Score all anchor queries against all items: as many calls as there are pairs of different ones.

        Args:
            queries: the anchor queries, at least one: any that are like those to come, such as titles or earlier queries.
                There should be one and a half times as many as a search scores items before its last round, or more.
            items: what is to be found, at least one.
            ids: of the items, all different; None numbers them from 0.
            folder: keeps scores as they are made, and the finished index as ``save`` does: the same call goes on where a
                killed one stopped. None keeps nothing.
            advance: told the share that is done.

        Returns:
            The index itself.

        Raises:
            DataError: nothing given, ids that are repeated or too few, or scores that are not finite.
            ConfigurationError: a folder is given, and the scorer has no fingerprint.
            RunError: the folder holds another index, or the scores of another scorer.
        """
        anchor_queries = list(dict.fromkeys(written(query) for query in queries))
        texts = [written(item) for item in items]
        if not anchor_queries or not texts:
            raise DataError(f"An index needs a query and an item. Got {len(queries)} and {len(items)}.")
        names: list[Id] = list(range(len(texts))) if ids is None else id_list(ids)
        fresh = Items()
        fresh.check_ids(names, len(texts))
        fresh.add(names, texts)
        built_by = fingerprint_of(self._calls.scorer, self._named, kept=folder is not None)
        place = None if folder is None else Path(folder)
        if place is not None and (place / FILE).exists():
            kept = read_kept(place)
            _require_scorer(place, kept.scorer, built_by)
            if (kept.ids, kept.items, kept.queries) != (names, texts, anchor_queries):
                raise RunError(f"{place} holds an index of other items or queries. Use another folder, or delete it.")
            return self._take(kept)
        scores = score_in_parts(
            self._product(anchor_queries, fresh.texts),
            len(anchor_queries) * len(fresh.texts),
            folder=None if place is None else place / _PARTS,
            key={"scorer": str(built_by), "queries": digest_of(anchor_queries), "items": digest_of(fresh.texts)},
            batch_size=self._calls.batch_size,
            advance=advance,
        ).reshape(len(anchor_queries), len(fresh.texts))
        self._items, self._built_by = fresh, built_by
        self._known = KnownScores(self._calls, anchor_queries, scores)
        if place is not None:
            self.save(place)
            forget_parts(place / _PARTS)
        return self

    def add(self, items: Sequence[object], *, ids: Ids | None = None, advance: Advance | None = None) -> None:
        """Add items, each at the cost of one call an anchor query; one that is equal to another costs nothing.

        Args:
            items: what is to be found, too.
            ids: of the items, not among those in the index; None goes on numbering them.
            advance: told the share that is done.

        Raises:
            DataError: ids that are repeated or too few, or scores that are not finite. The index stays as it was.
            ConfigurationError: nothing was built, or the scorer has changed.
        """
        self._require_unchanged()
        texts = [written(item) for item in items]
        names: list[Id] = list(range(len(self), len(self) + len(texts))) if ids is None else id_list(ids)
        self._items.check_ids(names, len(texts))
        new, known = self._items.new(texts), self._known
        scores = score_in_parts(
            self._product(known.queries, new),
            len(known.queries) * len(new),
            folder=None,
            key={},
            batch_size=self._calls.batch_size,
            advance=advance,
        )
        known.anchor_scores = np.hstack([known.anchor_scores, scores.reshape(len(known.queries), len(new))])
        self._items.add(names, texts)

    def search(
        self,
        queries: Sequence[object],
        k: int = 10,
        *,
        calls: int,
        rounds: int = 4,
        first: Sequence[Sequence[Id]] | None = None,
        strategy: Strategy = "topk",
        advance: Advance | None = None,
    ) -> Found:
        """Find items with high scores; a query uses ``calls`` scores, of which those known from earlier cost nothing.

        Args:
            queries: texts or records, as the scorer reads them.
            k: how many items to find for each, at least 1.
            calls: scores that a query may use, at least k. As many as there are different items score them all: then the
                answer is exact.
            rounds: into how many the calls are divided. 1 scores only what the first round has, 2 is ANNCUR, more is AdaCUR.
            first: for each query ids that a first stage found (TF-IDF, a bi-encoder), best first; the first round scores
                these, as many as it has room for, and random items where they are fewer. None takes random items alone.
            strategy: how later rounds choose, "topk" or "softmax"; see ``adaptive_rounds``.
            advance: told the share that is done.

        Raises:
            ConfigurationError: nothing was built, the scorer has changed, or a number is not possible.
            DataError: an id that is not in the index, or scores that are not finite.
        """
        self._require_unchanged()
        if first is not None and len(first) != len(queries):
            raise DataError(f"first must hold a list of ids for each of {len(queries)} queries. Got {len(first)}.")
        items, known = self._items, self._known
        plan = plan_rounds(
            num_items=len(items.texts),
            num_queries=len(known.queries),
            k=k,
            calls=calls,
            rounds=rounds,
            anchors=self.anchors,
        )
        texts, order, before = [written(query) for query in queries], items.random_order(self.seed), self.calls
        begun = {text: () if first is None else first[row] for row, text in reversed(list(enumerate(texts)))}
        distinct = list(dict.fromkeys(texts))
        found: dict[str, tuple[Rows, Floats]] = {}
        size = max(1, _SCORES // len(items.texts))
        for start in range(0, len(distinct), size):
            block = distinct[start : start + size]
            done = None if advance is None else _part_of(advance, start / len(distinct), len(block) / len(distinct))
            rounds_of = adaptive_rounds(
                known.anchor_scores,
                known.asking(block, items.texts, plan.calls * len(block), done),
                np.array([filled_up(items.columns_of(begun[text]), order, plan.first) for text in block]),
                steps=plan.steps,
                strategy=strategy,
                seeds=[number_of(text, self.seed) for text in block],
                order=order,
                rcond=self.rcond,
                ridge=self.ridge,
            )
            found |= dict(zip(block, zip(*rounds_of.best(k), strict=True), strict=True))
        if advance is not None:
            advance(1.0)
        ids, scores = self._laid_out([found[text] for text in texts], k)
        return Found(ids, scores, self.calls - before, plan.notes() if self.ridge == 0 else ())

    def item_embeddings(self, num_anchors: int) -> tuple[list[Id], Floats]:
        """Ids of anchor items, and the embeddings of all items that go with them.

        The inner product of an embedding and a query's scores of the anchors approximates its score of the item: any index of
        inner products can serve them. ``search`` does not need them.

        Args:
            num_anchors: how many anchor items, in [1, number of different items].

        Returns:
            The ids, and float64 (num_anchors, num items), items in the order in which they came.
        """
        self._require_unchanged()
        items = self._items
        if not 1 <= num_anchors <= len(items.texts):
            raise ConfigurationError(f"num_anchors must be in [1, {len(items.texts)}]. Got {num_anchors}.")
        columns, rows = items.random_order(self.seed)[:num_anchors], items.first_rows()
        embedded = item_embeddings(self._known.anchor_scores, columns, rcond=self.rcond, ridge=self.ridge)
        return [items.ids[rows[column]] for column in columns], embedded[:, items.columns]

    def save(self, folder: str | Path) -> None:
        """Keep the index in a folder, as one file that is whole or absent; what searches scored is not kept.

        Raises:
            ConfigurationError: nothing was built, or the scorer has no fingerprint.
            DataError: it cannot be written there.
        """
        self._require_unchanged()
        name = fingerprint_of(self._calls.scorer, self._named, kept=True)
        items, known = self._items, self._known
        texts = [items.texts[column] for column in items.columns]
        settings = {"anchors": self.anchors, "rcond": self.rcond, "ridge": self.ridge, "seed": self.seed}
        scores = known.anchor_scores[:, items.columns]
        write_kept(Path(folder), Kept(items.ids, texts, known.queries, scores, str(name), settings))

    @classmethod
    def open(cls, folder: str | Path, scorer: Scorer, *, batch_size: int = 256, fingerprint: str | None = None) -> Self:
        """Open an index that was saved, with the scorer that it was built with.

        Args:
            folder: of the index.
            scorer, batch_size, fingerprint: see the class.

        Raises:
            RunError: the folder holds no index, it is damaged, or it was built with another scorer.
            ConfigurationError: the scorer has no fingerprint.
        """
        kept = read_kept(Path(folder))
        _require_scorer(Path(folder), kept.scorer, fingerprint_of(scorer, fingerprint, kept=True))
        settings: dict[str, Any] = kept.settings
        return cls(scorer, **settings, batch_size=batch_size, fingerprint=fingerprint)._take(kept)

    def _take(self, kept: Kept) -> Self:
        """Become what was kept by the same scorer."""
        self._items, self._built_by = Items(), kept.scorer
        self._items.add(kept.ids, kept.items)
        self._known = KnownScores(self._calls, kept.queries, kept.scores[:, self._items.first_rows()])
        return self

    def _require_unchanged(self) -> None:
        if not len(self):
            raise ConfigurationError("The index is empty. Call build(queries, items) first.")
        now = fingerprint_of(self._calls.scorer, self._named, kept=False)
        if now != self._built_by:
            raise ConfigurationError(
                f"The index was built with the scorer {self._built_by!r}, which is now {now!r}: the scores that it holds are "
                "no longer true. Build it anew."
            )

    def _product(self, queries: Sequence[str], items: Sequence[str]) -> Callable[[slice], Floats]:
        """Scores of some consecutive ones of all pairs, query by query."""
        left, right = [json.loads(text) for text in queries], [json.loads(text) for text in items]

        def score(part: slice) -> Floats:
            rows, columns = np.divmod(np.arange(part.start, part.stop), len(right))
            return self._calls.score([left[row] for row in rows], [right[column] for column in columns])

        return score

    def _laid_out(self, found: Sequence[tuple[Rows, Floats]], k: int) -> tuple[npt.NDArray[np.object_], Floats]:
        """Ids and scores of k items a query, from columns; equal items stand beside each other."""
        rows_of = self._items.rows_of_columns()
        ids, scores = np.full((len(found), k), None, dtype=object), np.full((len(found), k), -np.inf)
        for query, (columns, of_columns) in enumerate(found):
            pairs = [
                (-score, row) for column, score in zip(columns, of_columns, strict=True) for row in rows_of[column]
            ]
            for place, (score, row) in enumerate(sorted(pairs)[:k]):
                ids[query, place], scores[query, place] = self._items.ids[row], -score
        return ids, scores


def _part_of(advance: Advance, begin: float, length: float) -> Advance:
    return lambda share: advance(begin + length * share)


def _require_scorer(folder: Path, built_by: str, given: str | None) -> None:
    if built_by != given:
        raise RunError(
            f"{folder} holds an index that was built with the scorer {built_by!r}, and the one given is {given!r}: its scores "
            "would not be true. Build it anew in another folder, or give the scorer of then."
        )

"""One search: a plan for each query, then each part on the queries that are its own."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinfolk.errors import DataError
from kinfolk.search.calibration import LOW_LIFT, Calibration
from kinfolk.search.kernels.subsets import (
    Subset,
    are_rows,
    bitmap_of,
    rows_of,
    span_of,
    subset_of_bitmap,
    subset_of_ids,
)
from kinfolk.search.kernels.walk import NEAR
from kinfolk.search.metric import Floats
from kinfolk.search.parts import (
    NO_ORDER,
    Rows,
    Scores,
    ScratchPool,
    no_rows,
    run_code_scan,
    run_exact,
    run_one_bit,
    run_shared,
    run_walk,
)
from kinfolk.search.planner import Part, Plan, plan_search
from kinfolk.search.stored import Stored


@dataclass(frozen=True, eq=False)
class Hits:
    """The rows nearest to each query, nearest first.

    Attributes:
        rows: int64 (queries, k), -1 where fewer pass.
        scores: exact, float64 (queries, k): cosines, inner products, or for ``l2`` distances; -inf, or for ``l2`` inf, where fewer pass.
        plans: how each query was answered.
    """

    rows: Rows
    scores: Scores
    plans: tuple[Plan, ...]


@dataclass(frozen=True, eq=False)
class Search:
    """What the queries of a search have in common.

    Attributes:
        stored: what is searched.
        calibration: what was measured about it.
        scratch: what threads write to.
        k: neighbors of each query.
        recall: to be reached; 1 for exact answers.
        part: that must answer; None lets the planner choose.
        threads: to use.
    """

    stored: Stored
    calibration: Calibration
    scratch: ScratchPool
    k: int
    recall: float
    part: Part | None
    threads: int

    def shared(self, queries: Floats, subset: Subset) -> Hits:
        """Answer queries under one filter."""
        subset = self._checked(subset)
        plan = self._plan(subset, len(queries), len(queries))
        subsets, plans = [subset] * len(queries), [plan] * len(queries)
        if plan.part is Part.WALK:
            rows, scores = self._walk(queries, subsets, plans)
        else:
            rows, scores = self._scan(queries, subsets, plan)
        return self._hits(rows, scores, plans)

    def each(self, queries: Floats, subsets: Sequence[Subset]) -> Hits:
        """Answer queries under a filter each."""
        known: dict[int, tuple[Subset, Plan]] = {}
        for subset in subsets:
            if id(subset) not in known:
                checked = self._checked(subset)
                known[id(subset)] = checked, self._plan(checked, 1, len(queries))
        plans = [known[id(subset)][1] for subset in subsets]
        rows, scores = self._run(queries, [known[id(subset)][0] for subset in subsets], plans)
        return self._hits(rows, scores, plans)

    def _plan(self, subset: Subset, num_sharing: int, num_together: int, lift: float | None = None) -> Plan:
        return plan_search(
            self.calibration, size=subset.size, num=self.stored.num, num_unlinked=self.stored.num_unlinked, k=self.k,
            recall=self.recall, num_sharing=num_sharing, num_together=num_together, part=self.part, lift=lift,
        )  # fmt: skip

    def _run(self, queries: Floats, subsets: list[Subset], plans: list[Plan]) -> tuple[Rows, Scores]:
        """Run every part on the queries that were planned for it; a plan that is made anew takes the place of the old one."""
        groups: dict[tuple[Part, float, int], list[int]] = {}
        for place, plan in enumerate(plans):
            common = subsets[place] if plan.part is Part.PRODUCT else subsets[place].ordered
            groups.setdefault((plan.part, plan.errors, id(common)), []).append(place)
        rows, scores = no_rows(len(queries), self.k)
        for (part, _, _), places in groups.items():
            some, planned = [subsets[place] for place in places], [plans[place] for place in places]
            if part is Part.WALK:
                rows[places], scores[places] = self._walk(queries[places], some, planned)
                for place, plan in zip(places, planned, strict=True):
                    plans[place] = plan
            else:
                rows[places], scores[places] = self._scan(queries[places], some, planned[0])
        return rows, scores

    def _scan(self, queries: Floats, subsets: list[Subset], plan: Plan) -> tuple[Rows, Scores]:
        """Run the part of a plan on queries that have it in common; there is at least one, or there is nothing to do."""
        if plan.part is Part.NOTHING or not subsets:
            return no_rows(len(queries), self.k)
        stored, ordered = self.stored, subsets[0].ordered
        if plan.part is Part.PRODUCT:
            return run_shared(
                stored, queries, self._listed(subsets[0]), self.k, self.threads, certain=self.recall == 1
            )  # fmt: skip
        if plan.part in (Part.EXACT, Part.CODES):
            listed = subsets if ordered is None else self._each_listed(subsets)
            if plan.part is Part.EXACT:
                return run_exact(stored, queries, listed, self.k, self.threads)
            return run_code_scan(
                stored, queries, listed, self.k, self.threads, certain=self.recall == 1, pool=self.scratch
            )
        lines, order = (stored.lines, NO_ORDER) if ordered is None else (ordered.lines, ordered.order)
        return run_one_bit(
            stored, queries, subsets, self.k, self.threads, errors=plan.errors, pool=self.scratch, lines=lines, order=order
        )[:2]  # fmt: skip

    def _walk(self, queries: Floats, subsets: list[Subset], plans: list[Plan]) -> tuple[Rows, Scores]:
        """Walk, except where a glance shows that the filter keeps away from the query: there the plan is made again."""
        bitmaps: dict[int, Subset] = {}
        for subset in subsets:
            if id(subset) not in bitmaps:
                bitmaps[id(subset)] = self._as_bitmap(subset)
        num, near = self.stored.num, min(NEAR, len(self.stored.sample))
        least = 0.0 if self.part is Part.WALK else LOW_LIFT * near / num
        least_near = [math.ceil(least * subset.size) for subset in subsets]
        rows, scores, passing, _ = run_walk(
            self.stored, queries, [bitmaps[id(subset)] for subset in subsets], self.k, self.threads,
            breadths=np.array([plan.breadth for plan in plans]), least_near=np.array(least_near), pool=self.scratch,
        )  # fmt: skip
        found = passing.tolist()
        again = [place for place, wanted in enumerate(least_near) if found[place] < wanted]
        if again:
            refused = [subsets[place] for place in again]
            sharing = Counter(map(id, refused))
            planned = [
                self._plan(subset, sharing[id(subset)], len(again), found[place] / near * num / subset.size)
                for place, subset in zip(again, refused, strict=True)
            ]
            rows[again], scores[again] = self._run(queries[again], refused, planned)
            for place, plan in zip(again, planned, strict=True):
                plans[place] = plan
        return rows, scores

    def _checked(self, subset: Subset) -> Subset:
        """The subset, whose rows are all there: kernels read memory by them."""
        num = self.stored.num
        if subset.ids is not None:
            if not are_rows(subset.ids, num):
                raise DataError(
                    f"ids must be rows from 0 to {num - 1}. Got {subset.ids.min()} to {subset.ids.max()}."
                )  # fmt: skip
        elif subset.words is not None:
            words = -(-num // 64)
            if len(subset.words) != words:
                raise DataError(
                    f"A bitmap of {num} rows has {words} words. Got {len(subset.words)}; make it again after rows are added."
                )
            if num % 64 and int(subset.words[-1]) >> (num % 64):
                raise DataError(f"A bitmap must have no bit after row {num - 1}. Set those of the last word to 0.")
        else:
            end = num if subset.ordered is None else len(subset.ordered.order)
            if not 0 <= subset.start <= subset.stop <= end:
                raise DataError(f"A span must lie within 0 and {end}. Got {subset.start} to {subset.stop}.")
        return subset

    def _listed(self, subset: Subset) -> Subset:
        """The subset in numbers of rows instead of places in an order."""
        return subset if subset.ordered is None else subset_of_ids(rows_of(subset))

    def _each_listed(self, subsets: list[Subset]) -> list[Subset]:
        distinct = {id(subset): subset for subset in subsets}
        listed = {place: self._listed(subset) for place, subset in distinct.items()}
        return [listed[id(subset)] for subset in subsets]

    def _as_bitmap(self, subset: Subset) -> Subset:
        """The subset as a walk reads it: a bitmap, or all rows."""
        if subset.words is not None:
            return subset
        if subset.size == self.stored.num:
            return span_of(0, self.stored.num)
        return subset_of_bitmap(bitmap_of(rows_of(subset), self.stored.num), subset.size)

    def _hits(self, rows: Rows, scores: Scores, plans: list[Plan]) -> Hits:
        return Hits(rows, np.sqrt(-scores) if self.stored.squared else scores, tuple(plans))

"""What an index learns about its vectors and its machine when it is built: errors of estimates, breadths of walks, seconds.

Nothing here changes an exact score. Errors and breadths decide whether an asked recall is reached; they are measured on rows that serve
as queries and are left out of the answers, under filters that are harder than most: all rows, a random hundredth, and
the half of the rows that is farther from the query. Seconds decide only which part is taken.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from math import ceil, log
from operator import neg
from time import thread_time
from typing import Any

import numpy as np
import numpy.typing as npt

RECALLS = (0.5, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99, 0.995)
NEIGHBORS = (1, 10, 100)
SHARES = (1.0, 0.3, 0.1, 0.03)
BREADTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024)
QUERIES = 128
LOW_LIFT = 0.5


@dataclass(frozen=True)
class Seconds:
    """Costs on this machine, in seconds.

    Attributes:
        call: of a search, whatever it does and however many queries it answers.
        scan_call, walk_call: of a search that scans lines or codes, or walks, beyond that.
        exact_row: of the exact score of a row.
        code_query: of a query whose rows are looked at by their codes, and of those that it scores whatever passes.
        code: of a row that is estimated by its code.
        query: of a query that is rotated, and of the rows that it scores whatever passes.
        line: of a row that is estimated from its line.
        visit: of a row that a walk looks at.
        glance: of a look at the sample, which tells where a walk begins and whether the filter is related to the query.
        shared: of a query of a batch under one filter, whatever passes.
        gather: of a row that is gathered and packed for such a batch.
        product: of a row that is multiplied with one query of it.
    """

    call: float = 1e-5
    scan_call: float = 5e-6
    walk_call: float = 1e-5
    exact_row: float = 8e-8
    code_query: float = 4e-6
    code: float = 3e-8
    query: float = 1.5e-5
    line: float = 7e-9
    visit: float = 1.5e-7
    glance: float = 2e-5
    shared: float = 2e-6
    gather: float = 3e-7
    product: float = 1.2e-8


@dataclass(frozen=True)
class Calibration:
    """What was measured when the index was built.

    Attributes:
        errors: by neighbors asked for and recall, in the order of NEIGHBORS and RECALLS, the errors that a one-bit scan allows for.
        breadths: by share of rows that pass, neighbors and recall, the breadth of a walk; 0 where none of BREADTHS was enough. Empty
            without a graph.
        visits: likewise, the rows a walk of that breadth looked at.
        seconds: costs on this machine.
    """

    errors: tuple[tuple[float, ...], ...]
    breadths: tuple[tuple[tuple[int, ...], ...], ...] = ()
    visits: tuple[tuple[tuple[float, ...], ...], ...] = ()
    seconds: Seconds = Seconds()

    def errors_for(self, k: int, recall: float) -> float | None:
        """The errors to allow for, or None where a recall is asked for that only exact scores reach."""
        place = _place(recall)
        return None if place is None else self.errors[_row(k)][place]

    def walk_for(self, k: int, recall: float, share: float) -> tuple[int, float] | None:
        """The breadth of a walk and the rows it looks at, or None where no walk reaches the recall."""
        place = _place(recall)
        if not self.breadths or place is None or share < SHARES[-1] or k > NEIGHBORS[-1]:
            return None
        harder = bisect_left(SHARES, -share, key=neg)  # of the shares that were tried the next smaller one
        easier, column = max(harder - 1, 0), bisect_left(NEIGHBORS, k)
        breadth, looked = self.breadths[harder][column][place], self.visits[harder][column][place] * SHARES[harder]
        if not breadth:
            return None
        if harder != easier and self.breadths[easier][column][place]:
            # The stricter a filter, the fewer rows that pass have to be kept: between two shares, as many as lie on a line.
            way = log(SHARES[easier] / share) / log(SHARES[easier] / SHARES[harder])
            breadth = ceil(way * breadth + (1 - way) * self.breadths[easier][column][place])
            looked = way * looked + (1 - way) * self.visits[easier][column][place] * SHARES[easier]
        return max(breadth, k), looked / share

    def as_json(self) -> dict[str, Any]:
        """Everything as numbers, lists and dicts, for a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibration:
        """Read what ``as_json`` gave."""

        def fixed(value: Any) -> Any:
            return tuple(fixed(part) for part in value) if isinstance(value, list | tuple) else value

        tables = {name: fixed(values[name]) for name in ("errors", "breadths", "visits")}
        return cls(**tables, seconds=Seconds(**values["seconds"]))


def _place(recall: float) -> int | None:
    """The lowest recall that was measured and is not below the one asked for."""
    place = bisect_left(RECALLS, recall - 1e-12)
    return place if place < len(RECALLS) else None


def _row(k: int) -> int:
    """Of fewer neighbors each is nearer to the last one, and needs more errors: the next smaller number tried is safe."""
    return bisect_right(NEIGHBORS, k) - 1


def with_margin(recall: float) -> float:
    """The recall to measure, so that the one asked for is reached on other queries, too: a fifth of what may be missed less."""
    return recall + 0.2 * (1 - recall)


def error_table(needed: Mapping[int, list[npt.NDArray[np.float64]]]) -> tuple[tuple[float, ...], ...]:
    """For each number of neighbors and recall, the errors with which every condition reaches it.

    Args:
        needed: by number of neighbors, for each condition the errors that each true neighbor needed (queries, k).
    """
    table: list[tuple[float, ...]] = []
    for k in NEIGHBORS:
        if needed[k]:
            levels = [[float(np.quantile(part, with_margin(recall))) for part in needed[k]] for recall in RECALLS]
            table.append(tuple(max(0.0, *level) for level in levels))
        else:  # too few rows to have so many neighbors: as for fewer of them
            table.append(table[-1])
    return tuple(table)


def breadth_tables(
    search: Callable[[float, int, int], tuple[float, float]], most: float
) -> tuple[tuple[tuple[tuple[int, ...], ...], ...], tuple[tuple[tuple[float, ...], ...], ...]]:
    """The smallest breadth that reaches each recall, and the rows that are looked at with it, between two that were tried on a line.

    Recall rises ever more slowly with the breadth, so what lies on the line is reached or surpassed.

    Args:
        search: of a share of rows that pass, a number of neighbors and a breadth, the recall reached and the rows looked at.
        most: rows; a walk that looks at more of them is never worth it, and broader ones are not tried.
    """
    breadths = [[[0] * len(RECALLS) for _ in NEIGHBORS] for _ in SHARES]
    visits = [[[0.0] * len(RECALLS) for _ in NEIGHBORS] for _ in SHARES]
    for (i, share), (j, k) in product(enumerate(SHARES), enumerate(NEIGHBORS)):
        left, before = 0, (0, 0.0, 0.0)  # breadth, recall and rows of the breadth that was tried last
        for breadth in BREADTHS:
            if breadth < k or left == len(RECALLS) or before[2] > most:
                continue
            tried = (breadth, *search(share, k, breadth))
            while left < len(RECALLS) and tried[1] >= with_margin(RECALLS[left]):
                part = (with_margin(RECALLS[left]) - before[1]) / (tried[1] - before[1]) if before[0] else 1.0
                breadths[i][j][left] = ceil(before[0] + part * (tried[0] - before[0]))
                visits[i][j][left] = before[2] + part * (tried[2] - before[2])
                left += 1
            before = tried
    fixed = tuple(tuple(tuple(part) for part in table) for table in breadths)
    return fixed, tuple(tuple(tuple(part) for part in table) for table in visits)


def seconds_of(call: Callable[[], object], repeats: int = 5) -> float:
    """The shortest of several runs, in seconds of this thread: what else the machine does hardly counts, nor does the first run."""
    call()
    shortest = float("inf")
    for _ in range(repeats):
        start = thread_time()
        call()
        shortest = min(shortest, thread_time() - start)
    return shortest

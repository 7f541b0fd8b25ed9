"""Which part answers a query: the cheapest of those that keep the recall asked for, with the reason in words.

The sizes of filters are known and not guessed, so the costs are simple: a scan costs by the rows that pass, a walk by its breadth over
the share that passes, a product by the rows and, for gathering them, by the number of queries that share it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, TypeAlias

from kinfolk.errors import ConfigurationError
from kinfolk.search.calibration import LOW_LIFT, Calibration

_FEW = 20  # times k; a filter that lets fewer rows pass is not walked
_CERTAIN = (
    4  # queries; of fewer an exact product of vectors takes longer than a scan, and what is measured are those of codes
)


class Part(StrEnum):
    """What can answer a query."""

    NOTHING = "nothing"
    EXACT = "exact scan"
    CODES = "code scan"
    ONE_BIT = "one-bit scan"
    WALK = "walk"
    PRODUCT = "shared product"


_Option: TypeAlias = tuple[float, Part, float, float, int]
"""What a part would take in seconds, the part, and of its plan: rows, errors, breadth."""


class Plan(NamedTuple):
    """How a query is, or was, answered.

    Attributes:
        part: what answers.
        size: rows that pass the filter.
        num: rows in all.
        rows: rows that will be looked at, about.
        seconds: what it will take for one query, about.
        errors: that a one-bit scan allows for; 0 for other parts.
        breadth: of a walk; 0 for other parts.
        lift: share of rows that pass near the query, over the share of all rows, where it was too low for a walk; else None.
        asked: whether the part was asked for.
        next_part, next_seconds: the second best, and what it would have taken; None and 0 where there is none.
    """

    part: Part
    size: int
    num: int
    rows: float = 0.0
    seconds: float = 0.0
    errors: float = 0.0
    breadth: int = 0
    lift: float | None = None
    asked: bool = False
    next_part: Part | None = None
    next_seconds: float = 0.0

    @property
    def reason(self) -> str:
        """Why this part, in a sentence."""
        if self.part is Part.NOTHING:
            return "No row passes the filter."
        if self.asked:
            return f"The {self.part} was asked for."
        words = f"{self.size:,} of {self.num:,} rows pass: the {self.part} is the cheapest"
        if self.next_part is not None:
            words += f" (about {1e6 * self.seconds:,.0f} µs; the {self.next_part} {1e6 * self.next_seconds:,.0f} µs)"
        if self.lift is not None and self.lift < LOW_LIFT:
            words += f"; no walk, as few rows near the query pass (lift {self.lift:.2f})"
        return words + "."


def plan_search(
    calibration: Calibration,
    *,
    size: int,
    num: int,
    num_unlinked: int = 0,
    k: int = 10,
    recall: float = 0.95,
    num_sharing: int = 1,
    num_together: int = 1,
    part: Part | None = None,
    lift: float | None = None,
) -> Plan:
    """Choose the cheapest part.

    Args:
        calibration: what the index measured.
        size: rows that pass.
        num: rows in all.
        num_unlinked: rows the graph has not; a walk scores each of them.
        k: neighbors asked for.
        recall: share of the true neighbors that is asked for; 1 means exactly all.
        num_sharing: queries that come with the same filter.
        num_together: queries that come in one call, those among them.
        part: the part that must answer; None chooses.
        lift: what a glance at the sample found; None where none was taken. A low one rules a walk out.

    Raises:
        ConfigurationError: the part that must answer cannot.
    """
    if size == 0:
        return Plan(Part.NOTHING, 0, num)
    together = max(num_together, num_sharing, 1)
    options = _options(calibration, size, num, num_unlinked, k, recall, num_sharing, together)
    if part is not None:
        for option in options:
            if option[1] is part:
                return _plan(option, size, num, lift)._replace(asked=True)
        raise ConfigurationError(
            f"The {part} cannot answer this at recall {recall}: it can be answered by {', '.join(option[1] for option in options)}. "
            "A walk needs a graph and a filter that is not strict, a shared product several queries under one filter, a "
            "one-bit scan a recall below 1."
        )
    if lift is not None and lift < LOW_LIFT:
        options = [option for option in options if option[1] is not Part.WALK]
    options.sort()
    return _plan(options[0], size, num, lift, *options[1:2])


def _plan(option: _Option, size: int, num: int, lift: float | None, second: _Option | None = None) -> Plan:
    seconds, part, rows, errors, breadth = option
    if second is None:
        return Plan(part, size, num, rows, seconds, errors, breadth, lift)
    return Plan(part, size, num, rows, seconds, errors, breadth, lift, False, second[1], second[0])


def _options(
    calibration: Calibration, size: int, num: int, num_unlinked: int, k: int, recall: float, sharing: int, together: int
) -> list[_Option]:
    """Every part that keeps the recall, with its cost. Scans of vectors and of codes always do."""
    cost = calibration.seconds
    call = cost.call / together
    scan = call + cost.scan_call / together
    options: list[_Option] = [
        (call + size * cost.exact_row, Part.EXACT, size, 0.0, 0),
        (scan + cost.code_query + size * cost.code, Part.CODES, size, 0.0, 0),
    ]
    errors = calibration.errors_for(k, recall)
    if sharing >= (2 if errors is not None else _CERTAIN):
        seconds = call + cost.shared + size * (cost.product + cost.gather / sharing)
        options.append((seconds, Part.PRODUCT, size, 0.0, 0))
    if errors is None:
        return options
    options.append((scan + cost.query + size * cost.line, Part.ONE_BIT, size, errors, 0))
    walk = calibration.walk_for(k, recall, size / num) if size >= _FEW * k else None
    if walk is not None:
        breadth, visited = walk
        seconds = call + cost.walk_call / together + cost.glance + visited * cost.visit + num_unlinked * cost.exact_row
        options.append((seconds, Part.WALK, visited + num_unlinked, 0.0, breadth))
    return options

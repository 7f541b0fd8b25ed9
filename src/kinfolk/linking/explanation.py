"""Why a pair was linked or not: the evidence of each field in log-odds, and the nearest wrong candidate beside it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Contribution:
    """What one comparison says about a pair.

    Attributes:
        label: the field, or what was compared ("whole record", "rivals").
        left_value, right_value: what the two records hold, as a person would write it; empty when missing.
        similarity: in [0, 1]; None when a side is missing or the comparison has no similarity.
        log_odds: natural-log odds this comparison adds; positive speaks for a match.
    """

    label: str
    left_value: str
    right_value: str
    similarity: float | None
    log_odds: float


@dataclass(frozen=True)
class Explanation:
    """The evidence for one candidate pair; ``prior`` plus the contributions is the log-odds of ``probability``.

    Attributes:
        left_id, right_id: ids as given.
        probability: that both records are the same thing, in [0, 1].
        prior: log-odds before any evidence.
        contributions: strongest first.
        linked: whether the pair is in the result.
        reason: one sentence that says why it is, or is not.
        rival: the most probable other candidate of either record, explained in the same way; None if there is none. Beside
            a link it is never another link of the same record.
        left_row, right_row: where the two records stand in their tables, from 0; None where that is not known.
    """

    left_id: object
    right_id: object
    probability: float
    prior: float
    contributions: tuple[Contribution, ...]
    linked: bool
    reason: str
    rival: Explanation | None
    left_row: int | None = None
    right_row: int | None = None

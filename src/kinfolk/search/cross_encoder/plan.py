"""How the calls of a query are divided into rounds."""

from __future__ import annotations

from dataclasses import dataclass

from kinfolk.errors import ConfigurationError

_WELL_POSED = 1.5  # anchor queries for each anchor item; about one makes the intersection square, and worst conditioned


@dataclass(frozen=True)
class Plan:
    """The rounds of a query.

    Attributes:
        first: items of the first round.
        steps: items of each later round.
        num_queries: anchor queries.
    """

    first: int
    steps: tuple[int, ...]
    num_queries: int

    @property
    def calls(self) -> int:
        """All items that are scored."""
        return self.first + sum(self.steps)

    def notes(self) -> tuple[str, ...]:
        """What the user should know of it: whether there are too few anchor queries for so many anchor items."""
        if not self.steps:
            return ()
        most = self.first + sum(self.steps[:-1])  # what the last approximation rests on
        if self.num_queries >= _WELL_POSED * most:
            return ()
        return (
            f"The last of the approximations rests on {most:,} anchor items and {self.num_queries:,} anchor queries. Below "
            f"{_WELL_POSED} anchor queries for each anchor item it loses accuracy, most where they are about as many: build "
            "with more queries, ask for fewer calls, or try a ridge.",
        )


def plan_rounds(*, num_items: int, num_queries: int, k: int, calls: int, rounds: int, anchors: int | None) -> Plan:
    """Divide calls into rounds of about equal size, the larger ones last.

    Args:
        num_items: different items in the index; as many calls score them all, in one round.
        num_queries: anchor queries.
        k: items to find.
        calls: scores that a query may use.
        rounds: how many; no more than there are calls.
        anchors: items of the first round where there are others; None gives it an equal share.

    Raises:
        ConfigurationError: a number is not possible.
    """
    for name, number in (("k", k), ("calls", calls), ("rounds", rounds)):
        if number < 1:
            raise ConfigurationError(f"{name} must be at least 1. Got {number}.")
    if calls < min(k, num_items):
        raise ConfigurationError(
            f"calls must be at least k: only items that are scored can be found. Got {calls} calls and k {k}."
        )
    if calls >= num_items:
        return Plan(num_items, (), num_queries)
    rounds = min(rounds, calls)
    if rounds == 1:
        return Plan(calls, (), num_queries)
    first = calls // rounds if anchors is None else anchors
    if first >= calls:
        raise ConfigurationError(
            f"calls must be more than the {first} anchors, which are scored first. Got {calls}. Ask for more calls, or "
            "make the index with fewer anchors."
        )
    left, later = calls - first, min(rounds - 1, calls - first)
    steps = [left // later + (number >= later - left % later) for number in range(later)]
    return Plan(first, tuple(steps), num_queries)

"""How many partners records have, read from the data: the relation between two tables.

First every pair is judged by its own evidence alone (``match_several``). Where matches stand apart, it can be counted how
many records of either side have several, and this is the relation. Where both sides repeat, records that share a partner
must share the others too, for they are the same thing. Where matches do not stand apart, because a catalogue is full of
variants that only their rivals tell apart, one side may still repeat: then the other side's contest leaves no doubt, and
many records get several partners by it. In all other cases the relation is one-to-one.

The shares were set with the development sets and made-up persons in view, whose relations are known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinfolk.linking.compare import Comparisons
from kinfolk.linking.match import Evidence, match_without_labels
from kinfolk.linking.match_several import CLEAR, FEW_ROUNDS, doubt_of, look_for_several, match_several
from kinfolk.linking.rivals import ONCE, Contest

AUTO = "auto"
RELATIONS = (AUTO, *ONCE)
_MANY = 0.1  # share of a side's linked records that have several partners, from which they may
_MANY_IN_DOUBT = 1 / 3  # the same where matches do not stand apart: variants look like partners
_FEWEST = 5  # records with several partners; fewer may be chance
_COMPLETE = 1 / 3  # of the pairs of a group that must be likely; not all are candidates, where groups are large


@dataclass(frozen=True)
class Several:
    """How many of the records that have a partner have more than one, more probably than not, on either side.

    Attributes:
        left, right: shares, in [0, 1].
        num_left, num_right: numbers.
        complete: share of the pairs of records linked with each other, directly or through others, that are likely.
    """

    left: float
    right: float
    num_left: int
    num_right: int
    complete: float

    def relation(self, least: float) -> str:
        """The relation that gives several partners to the sides where at least this share has them."""
        once = tuple(
            share < least or number < _FEWEST
            for share, number in ((self.left, self.num_left), (self.right, self.num_right))
        )
        if not any(once) and self.complete < _COMPLETE:
            return "one-to-one"
        return next(name for name, sides in ONCE.items() if sides == once)


@dataclass(frozen=True)
class Matched:
    """Evidence under one relation.

    Attributes:
        relation: as a key of ``ONCE``.
        contest: the candidate pairs and which of them exclude each other.
        evidence: of every candidate pair.
        several: on which the choice of the relation rests; None where the data do not say or were not asked.
    """

    relation: str
    contest: Contest
    evidence: Evidence
    several: Several | None = None

    def reason(self, left: str, right: str) -> str:
        """One sentence that says why this relation was chosen.

        Args:
            left, right: names of the tables.
        """
        if self.several is None:
            return (
                f"The relation is {self.relation}: nothing says clearly that records have several partners. "
                "Choose another relation if you know that they do."
            )
        return (
            f"The relation is {self.relation}, as the records say: of those that have a partner, "
            f"{self.several.left:.0%} in {left} and {self.several.right:.0%} in {right} have several."
        )


def match_by_relation(comparisons: Comparisons, contest: Contest, relation: str) -> Matched:
    """Estimate the match probability of every candidate pair under a relation, or under the one the data show.

    Args:
        comparisons: what was compared, one row for each candidate pair.
        contest: the candidate pairs; which sides link once is not looked at.
        relation: one of ``RELATIONS``.
    """
    if relation == AUTO:
        return _by_the_data(comparisons, contest)
    under = _under(relation, contest)
    match = match_without_labels if under.exclusive else match_several
    return Matched(relation, under, match(comparisons, under))


def count_several(probability: np.ndarray, contest: Contest) -> Several:
    """Count the records with several partners among the winners of a contest.

    Args:
        probability: of every candidate pair.
        contest: the candidate pairs and which of them exclude each other.
    """
    winners = contest.winners(probability, np.arange(len(probability)))
    likely = winners[probability[winners] > 0.5]
    left, right = contest.candidates.left[likely], contest.candidates.right[likely]
    counts = [np.bincount(rows) for rows in (left, right)]
    numbers = [int((count > 1).sum()) for count in counts]
    shares = [number / max(1, int((count > 0).sum())) for number, count in zip(numbers, counts, strict=True)]
    return Several(shares[0], shares[1], numbers[0], numbers[1], _completeness(left, right))


def _completeness(left: np.ndarray, right: np.ndarray) -> float:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if not len(left):
        return 1.0
    num_left, num_right = int(left.max()) + 1, int(right.max()) + 1
    size = num_left + num_right
    edges = coo_matrix((np.ones(len(left)), (left, num_left + right.astype(np.int64))), shape=(size, size))
    num_groups, group = connected_components(edges, directed=False)
    lefts, rights = (np.bincount(side, minlength=num_groups) for side in (group[:num_left], group[num_left:]))
    return len(left) / float((lefts * rights).sum())


def _by_the_data(comparisons: Comparisons, contest: Contest) -> Matched:
    free = _under("many-to-many", contest)
    alone = look_for_several(comparisons, free)[1].probability
    doubt, several = doubt_of(alone), count_several(alone, free)
    if doubt < CLEAR:
        relation = several.relation(_MANY)
        matched = match_by_relation(comparisons, contest, relation)
        unsure = relation == "one-to-one" and max(several.left, several.right) >= _MANY
        return matched if unsure else replace(matched, several=several)
    tried = [("one-to-one", CLEAR, several)]
    for relation in ("many-to-one", "one-to-many"):
        under = _under(relation, contest)
        probability = match_without_labels(comparisons, under, FEW_ROUNDS).probability
        won = under.winners(probability, np.arange(len(probability)))
        several = count_several(probability, under)
        if several.relation(_MANY_IN_DOUBT) == relation:
            tried.append((relation, doubt_of(probability[won]), several))
    relation, _, several = min(tried, key=lambda one: one[1])
    matched = match_by_relation(comparisons, contest, relation)
    return matched if relation == "one-to-one" else replace(matched, several=several)


def _under(relation: str, contest: Contest) -> Contest:
    left_once, right_once = ONCE[relation]
    return replace(contest, left_once=left_once, right_once=right_once)

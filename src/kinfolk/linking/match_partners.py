"""Match probability within one table whose things appear twice at most: each record has one partner or none.

Then two records of one table exclude each other as two tables' records do, and what is true of linking holds here:
winners are told from decoys (``match``), which minds fields that repeat one another (a suburb and its postcode, the
household at one address) and catalogues full of variants. Where things appear three times and more this is wrong, for
the runners-up are matches too; and that shows, because the winners then do not stand clear of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinfolk.linking.candidates import Candidates
from kinfolk.linking.compare import Comparisons
from kinfolk.linking.match import RIVALS, Evidence, match_without_labels
from kinfolk.linking.rivals import Contest, margin_to_rivals

_FEW_CROWDED = 0.1  # share of partners with a runner-up like a partner up to which things appear twice at most
_MOST_RECORDS, _HALF_CROWDED = 0.5, 0.6  # where most records have a partner, runners-up may be variants of the thing
_ROUNDS = (8, 3)  # learning anew can run astray within one table; the partners that stand clearest are taken
_LIKE_A_PARTNER = 0.1  # quantile of the partners' scores


@dataclass(frozen=True)
class Partners:
    """Evidence for a table of pairs, and whether it is one.

    Attributes:
        evidence: of every candidate pair.
        found: share of the records that have a partner, more probably than not.
        crowded: share of these with another candidate that scores like a partner, rivals left out of the score.
    """

    evidence: Evidence
    found: float
    crowded: float

    @property
    def hold(self) -> bool:
        """Whether things seem to appear twice at most: partners stand clear, or most records have one."""
        return self.found > 0 and self.crowded < (_HALF_CROWDED if self.found > _MOST_RECORDS else _FEW_CROWDED)


def match_partners(comparisons: Comparisons, candidates: Candidates, num_records: int) -> Partners:
    """Match each record with one partner at most.

    Args:
        comparisons: of the candidate pairs; they are the same either way round.
        candidates: pairs of one table, smaller row first.
        num_records: of the table.
    """
    # Every pair takes part both ways round, so that a record meets its rivals on whichever side they stand.
    ends = np.concatenate([candidates.left, candidates.right]), np.concatenate([candidates.right, candidates.left])
    order = np.lexsort(ends[::-1])
    pair = np.tile(np.arange(len(candidates)), 2)[order]
    both = Candidates(ends[0][order], ends[1][order])
    capacity = comparisons.capacity[pair]
    twice = replace(comparisons, values=comparisons.values[pair], capacity=capacity)
    outcomes = [_paired(twice, both, pair, num_records, rounds) for rounds in _ROUNDS]
    return min(outcomes, key=lambda outcome: outcome.crowded if outcome.found else np.inf)


def _paired(twice: Comparisons, both: Candidates, pair: np.ndarray, num_records: int, rounds: int) -> Partners:
    contest = Contest(both, num_records, num_records)
    found = match_without_labels(twice, contest, rounds)
    ways = np.argsort(pair, kind="stable").reshape(-1, 2)  # where each pair stands, one way round and the other
    evidence = Evidence(found.prior, found.labels, found.log_odds[ways].mean(axis=1))
    total, probability = found.total, found.probability
    winners = contest.winners(total, np.arange(len(total)))
    partners = winners[probability[winners] > 0.5]
    if not len(partners):
        return Partners(evidence, 0.0, 0.0)
    score = total - found.log_odds[:, found.labels.index(RIVALS)]
    runner_up = score - margin_to_rivals(both.left, num_records, score, float(score.min()))
    usual = np.quantile(score[partners], _LIKE_A_PARTNER)
    return Partners(evidence, len(partners) / num_records, float((runner_up[partners] >= usual).mean()))

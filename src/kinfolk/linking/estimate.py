"""Precision, recall and F1 without truth, from the match probabilities of the candidate pairs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kinfolk.evaluation.interval import Estimate, Interval
from kinfolk.linking.decide import Decision
from kinfolk.linking.links import EVIDENCE
from kinfolk.linking.match import RIVALS
from kinfolk.linking.rivals import Contest
from kinfolk.linking.scores import candidate_recall_of, prior_of_scores
from kinfolk.linking.wrong_winners import careful_probability

_MISCALIBRATION = 0.03  # allowance for a model that is somewhat off; nothing here can know that it is far off
_ROUNDS = 4  # the fewer records have a partner, the less is to be believed, and the other way round
_FEW_MATCHED = 0.2  # share of the smaller table with a partner, up to which precision came out far too high

FEW_MATCHED_NOTE = (
    "Fewer than one in five records seem to have a partner. There the estimated precision is mostly too high: "
    "judge a sample (kinfolk audit)."
)
CAVEAT = (
    "The model cannot see that records which agree are different things: on two of six development sets precision was "
    ".70 and .79 where it said .93 and .99."
)


def estimate_links(scores: pa.Table, decision: Decision, contest: Contest) -> Estimate:
    """Expected precision, recall and F1 of the links between two tables.

    The values take the probabilities for right, and the matches to be among the pairs that are links or would be at a
    lower cut. The intervals reach from there to what follows when decoys are second choices (``wrong_winners``), and to the
    matches that pairs which lost to others hold by their probabilities. Recall, F1 and the number of matches count those
    that are no candidates, where ``capture`` can estimate how many there are.

    Args:
        scores: the candidate pairs, as in ``Links.scores``.
        decision: which of them are links.
        contest: which of them exclude each other.
    """
    probability = scores.column("probability").to_numpy()
    standing, link = decision.standing, decision.link[decision.standing]
    careful = None
    if len(standing):
        rest = np.delete(np.arange(len(probability)), standing)
        score = _score_without_rivals(scores)
        decoys = rest[contest.winners(score[rest], rest)]
        share_matched = float(probability[standing].mean())
        for _ in range(_ROUNDS):
            careful = careful_probability(score[standing], score[decoys], share_matched)
            share_matched = min(share_matched, float((careful * link).mean()))
    lost = float(probability.sum() - probability[standing].sum())
    return estimate_from_probabilities(
        probability[standing], link, careful=careful, lost=lost, candidate_recall=candidate_recall_of(scores)
    )


def notes_on(estimate: Estimate, num_records: int) -> tuple[str, ...]:
    """What must be said beside an estimate of the model.

    Args:
        estimate: of links between two tables.
        num_records: of the smaller table.
    """
    share = 1.0 if estimate.candidate_recall is None else estimate.candidate_recall.value
    return (FEW_MATCHED_NOTE,) if estimate.num_matches.value * share < _FEW_MATCHED * num_records else ()


def estimate_from_probabilities(
    probability: np.ndarray,
    link: np.ndarray,
    *,
    careful: np.ndarray | None = None,
    lost: float = 0.0,
    candidate_recall: Interval | None = None,
) -> Estimate:
    """Expected precision, recall and F1 of the links, if the probabilities are right.

    Precision is the mean probability of the links, recall the share of all expected matches that were linked. The
    intervals add the chance in as many independent pairs to an allowance for probabilities that are off by .03 a link,
    and reach at least to what the careful probabilities say.

    Args:
        probability: match probability of each winning candidate pair, (n,).
        link: which of them are links, bool (n,).
        careful: the least that may be believed of each, (n,); None believes the probabilities.
        lost: matches that all other candidate pairs may hold, for the upper end of the missed ones.
        candidate_recall: share of the true matches that are candidates; None speaks of the candidates only.
    """
    linked, left_out = probability[link], probability[~link]
    found, missed = float(linked.sum()), float(left_out.sum())
    allowance = _MISCALIBRATION * len(linked)
    slack_found = 1.96 * np.sqrt(float((linked * (1 - linked)).sum())) + allowance
    slack_missed = 1.96 * np.sqrt(float((left_out * (1 - left_out)).sum())) + allowance
    fewest_found, fewest_missed = found - slack_found, missed - slack_missed
    if careful is not None:
        fewest_found = min(fewest_found, float(careful[link].sum()))
        fewest_missed = min(fewest_missed, float(careful[~link].sum()))
    num_links = max(1, len(linked))

    def figures(correct: float, other: float, share: float) -> tuple[float, float, float]:
        correct = float(np.clip(correct, 0, len(linked)))
        total = (correct + max(0.0, other)) / share
        return correct / num_links, correct / max(total, 1e-9), 2 * correct / max(num_links + total, 1)

    share = candidate_recall or Interval(1.0, 1.0, 1.0)
    most_found, most_missed = min(found + slack_found, float(len(linked))), missed + lost + slack_missed
    value = figures(found, missed, share.value)
    low = figures(fewest_found, most_missed, share.low)
    high = figures(most_found, fewest_missed, share.high)
    precision, recall, f1 = (Interval(v, min(v, a), max(v, b)) for v, a, b in zip(value, low, high, strict=True))
    total = (found + missed) / share.value
    fewest = (max(0.0, fewest_found) + max(0.0, fewest_missed)) / share.high
    most = (most_found + most_missed) / share.low
    return Estimate(
        precision, recall, f1, Interval(total, min(total, fewest), max(total, most)), "model", candidate_recall
    )


def _score_without_rivals(scores: pa.Table) -> np.ndarray:
    """Log-odds of every candidate pair without what it owes to its rivals: float64 (pairs,)."""
    out = np.full(scores.num_rows, prior_of_scores(scores))
    for name in scores.column_names:
        if name.startswith(EVIDENCE) and name != EVIDENCE + RIVALS:
            out += scores.column(name).to_numpy()
    return out

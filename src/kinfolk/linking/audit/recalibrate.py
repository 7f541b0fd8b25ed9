"""A probability put right by the answers, and the links or groups it gives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kinfolk.linking.clustering import cluster_scores
from kinfolk.linking.clusters import Clusters
from kinfolk.linking.decide import decide, unlinked
from kinfolk.linking.estimate import estimate_links
from kinfolk.linking.labels import SURE
from kinfolk.linking.links import EVIDENCE, Links
from kinfolk.linking.map_logistic import fit_map_logistic, logit, sigmoid
from kinfolk.linking.stored import contest_of

_JUDGED = "your answer"
_SHIFT, _STRETCH = 1.5, 0.4  # prior spreads: how far off the stated log-odds may be
_CUTS = np.linspace(-4.0, 4.0, 17)  # log-odds at which groups are tried
_LEAST_SLOPE = 0.1  # answers may flatten the probability, never turn it around


@dataclass(frozen=True)
class Recalibration:
    """New log-odds are ``intercept + slope * stated log-odds``."""

    intercept: float
    slope: float

    def __call__(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """The recalibrated probability of pairs with these stated ones."""
        return sigmoid(self.intercept + self.slope * logit(probability))

    def stated(self, threshold: float) -> float:
        """The stated probability that becomes ``threshold``."""
        return float(sigmoid((logit(np.array([threshold])) - self.intercept) / self.slope)[0])


def recalibrate(probability: NDArray[np.float64], answers: NDArray[np.bool_]) -> Recalibration:
    """Fit a line through the log-odds that starts from "as stated" and moves as far as the answers force it (Platt 1999).

    The sample was drawn by probability and link status alone, so that the answers need no weights here.

    Args:
        probability: stated probability of the judged pairs, (m,).
        answers: whether each is a match, (m,).
    """
    design = np.column_stack([np.ones(len(probability)), logit(probability)])
    weights = fit_map_logistic(design, answers.astype(np.float64), np.array([0.0, 1.0]), np.array([_SHIFT, _STRETCH]))
    return Recalibration(float(weights[0]), max(float(weights[1]), _LEAST_SLOPE))


def relink(links: Links, recalibration: Recalibration, asked: NDArray[np.int64], answers: NDArray[np.bool_]) -> Links:
    """Decide anew with recalibrated probabilities, keeping to the answers.

    The estimate is that of the model: the audit measured the old links.
    """
    scores, prior = _restate(links, recalibration, asked, answers)
    probability = scores.column("probability").to_numpy()
    contest = contest_of(scores, links.left, links.right, links.relation)
    decision = decide(probability, contest)
    return replace(
        links,
        scores=scores.append_column("link", pa.array(decision.link)),
        unlinked=unlinked(probability, decision, contest),
        prior=prior,
        threshold=decision.threshold,
        estimate=estimate_links(scores, decision, contest),
    )


def regroup(
    clusters: Clusters,
    pairs: Links,
    recalibration: Recalibration,
    asked: NDArray[np.int64],
    answers: NDArray[np.bool_],
) -> Clusters:
    """Group anew with recalibrated probabilities, at the cut with the highest expected F1 of the pairs.

    Groups are made at cuts from log-odds -4 to 4 and at the cut so far, and those are taken of which
    ``2 * sum of p over the pairs in one group / (number of these pairs + sum of all p)`` is largest.

    Args:
        clusters: the clusters that were audited.
        pairs: their pairs, with those that a group implies.
        recalibration: what the answers ask for.
        asked, answers: positions of the judged pairs and whether each is a match, (m,).
    """
    scores, prior = _restate(pairs, recalibration, asked, answers)
    probability = scores.column("probability").to_numpy()
    so_far = float(recalibration(np.array([clusters.threshold]))[0])

    def group(threshold: float) -> Clusters:
        return cluster_scores(
            clusters.records,
            scores,
            prior,
            threshold=threshold,
            grouping=clusters.grouping,
            one_per=clusters.one_per,
            stages=clusters.stages,
            notes=clusters.notes,
        )

    def expected_f1(threshold: float) -> float:
        found = group(threshold)
        together = found.scores.column("link").to_numpy()
        return float(2 * probability[together].sum() / max(1e-9, found.num_pairs + probability.sum()))

    return group(max([so_far, *sigmoid(_CUTS).tolist()], key=expected_f1))


def _restate(
    links: Links, recalibration: Recalibration, asked: NDArray[np.int64], answers: NDArray[np.bool_]
) -> tuple[pa.Table, float]:
    """Scores without a decision, and their prior, by the recalibrated probability and the answers.

    The evidence is stretched with the log-odds, so that prior and evidence still add up; judged pairs get a comparison
    of their own, "your answer".
    """
    stated = links.scores.column("probability").to_numpy()
    log_odds = logit(recalibration(stated))
    judged = np.zeros(len(stated))
    judged[asked] = np.where(answers, SURE, -SURE) - log_odds[asked]
    scores = links.scores.drop_columns(["link"])
    for index, name in enumerate(scores.column_names):
        if name == "probability":
            scores = scores.set_column(index, name, pa.array(sigmoid(log_odds + judged)))
        elif name.startswith(EVIDENCE):
            evidence = recalibration.slope * scores.column(index).to_numpy()
            scores = scores.set_column(index, name, pa.array(evidence.astype(np.float32)))
    scores = scores.append_column(EVIDENCE + _JUDGED, pa.array(judged.astype(np.float32)))
    return scores, recalibration.intercept + recalibration.slope * links.prior

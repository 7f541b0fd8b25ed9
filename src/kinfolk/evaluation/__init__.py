"""Figures that say how good a result is: links, clusters, candidates, cuts and calibration."""

from kinfolk.evaluation.calibration import brier_score, expected_calibration_error, reliability
from kinfolk.evaluation.candidates import CandidateMetrics, evaluate_candidates, pair_completeness
from kinfolk.evaluation.clusters import ClusterMetrics, evaluate_clusters
from kinfolk.evaluation.cut import BestCut, best_cut
from kinfolk.evaluation.entry import evaluate
from kinfolk.evaluation.interval import Estimate, Interval
from kinfolk.evaluation.links import LinkMetrics, evaluate_links
from kinfolk.evaluation.no_match import NoneThreshold, none_threshold

__all__ = [
    "BestCut",
    "CandidateMetrics",
    "ClusterMetrics",
    "Estimate",
    "Interval",
    "LinkMetrics",
    "NoneThreshold",
    "best_cut",
    "brier_score",
    "evaluate",
    "evaluate_candidates",
    "evaluate_clusters",
    "evaluate_links",
    "expected_calibration_error",
    "none_threshold",
    "pair_completeness",
    "reliability",
]

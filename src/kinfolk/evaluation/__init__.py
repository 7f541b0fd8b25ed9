"""Figures that say how good a result is.

=============  ======================================================================================================
linking        evaluate · evaluate_links · evaluate_clusters · evaluate_candidates · pair_completeness
cuts           best_cut · none_threshold
probabilities  brier_score · expected_calibration_error · reliability
retrieval      rank_documents · ranked_rows · ranked_run, judged by ndcg_at · recall_at · precision_at ·
               average_precision_at · reciprocal_rank_at; index_words: BM25
labels         evaluate_labels: macro and micro average precision, by how frequent labels are
text pairs     evaluate_similarity · spearman · length_bias · overlap_bias · surface_accuracy · evaluate_pairs ·
               average_precision · far_pairs
=============  ======================================================================================================
"""

from kinfolk.evaluation.bm25 import BM25, WordHits, index_words, lower_words
from kinfolk.evaluation.calibration import brier_score, expected_calibration_error, reliability
from kinfolk.evaluation.candidates import CandidateMetrics, evaluate_candidates, pair_completeness
from kinfolk.evaluation.clusters import ClusterMetrics, evaluate_clusters
from kinfolk.evaluation.cut import BestCut, best_cut
from kinfolk.evaluation.entry import evaluate
from kinfolk.evaluation.far_pairs import FarPairs, far_pairs
from kinfolk.evaluation.interval import Estimate, Interval
from kinfolk.evaluation.label_ranking import LabelMetrics, evaluate_labels
from kinfolk.evaluation.links import LinkMetrics, evaluate_links
from kinfolk.evaluation.no_match import NoneThreshold, none_threshold
from kinfolk.evaluation.pair_classification import PairMetrics, average_precision, evaluate_pairs
from kinfolk.evaluation.ranking import (
    Ranked,
    average_precision_at,
    ndcg_at,
    precision_at,
    rank_documents,
    ranked_rows,
    ranked_run,
    recall_at,
    reciprocal_rank_at,
)
from kinfolk.evaluation.sts import (
    SimilarityMetrics,
    evaluate_similarity,
    length_bias,
    overlap_bias,
    spearman,
    surface_accuracy,
)

__all__ = [
    "BM25",
    "BestCut",
    "CandidateMetrics",
    "ClusterMetrics",
    "Estimate",
    "FarPairs",
    "Interval",
    "LabelMetrics",
    "LinkMetrics",
    "NoneThreshold",
    "PairMetrics",
    "Ranked",
    "SimilarityMetrics",
    "WordHits",
    "average_precision",
    "average_precision_at",
    "best_cut",
    "brier_score",
    "evaluate",
    "evaluate_candidates",
    "evaluate_clusters",
    "evaluate_labels",
    "evaluate_links",
    "evaluate_pairs",
    "evaluate_similarity",
    "expected_calibration_error",
    "far_pairs",
    "index_words",
    "length_bias",
    "lower_words",
    "ndcg_at",
    "none_threshold",
    "overlap_bias",
    "pair_completeness",
    "precision_at",
    "rank_documents",
    "ranked_rows",
    "ranked_run",
    "recall_at",
    "reciprocal_rank_at",
    "reliability",
    "spearman",
    "surface_accuracy",
]

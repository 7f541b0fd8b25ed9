"""The losses: one idea, one file, embeddings in and a scalar out. Importing this needs torch (the extra ``train``).

===================  ===============================================================================================
views of an item     NTXent · DCL · DCLW · AlignUniform · GroCo · NTXentTopK · CACR
pairs                InfoNCE · CLIP · MultipleNegativesRanking · MNRPlus · BinaryNCE
text and label       TextLabelMatch
labels               SupCon · MarginContrastive
queues, neighbors    MoCo · MoCHi · NNCLR · CACRMomentum · CACRQueue
prototypes           SwAV
hard negatives       HardContrastive · Simple · HardSimple
pairs of classes     Hydra
pixels of two crops  PixPro · PixContrast
sentences            SimCSE · WhitenedCSE · DebCSE
behavior             penalty_entropy · effective_negatives · tolerance · suggest_temperature
parts                soft_sort · rank_probabilities · ShuffledGroupWhitening
parts                soft_sort · rank_probabilities
routers of experts   specified_expert · load_balance · mutual_information
===================  ===============================================================================================
"""

from importlib.util import find_spec

from kinfolk.errors import MissingExtraError

if find_spec("torch") is None:
    raise MissingExtraError("kinfolk.objectives", "train")

from kinfolk.objectives._inputs import check_embeddings, check_views, unit
from kinfolk.objectives.align_uniform import AlignUniform, alignment, uniformity
from kinfolk.objectives.behavior import (
    cosines,
    effective_negatives,
    penalty_entropy,
    relative_penalties,
    similarity_gradients,
    suggest_temperature,
    tolerance,
)
from kinfolk.objectives.cacr import CACR, contrastive_attraction, contrastive_repulsion, repulsion_weights
from kinfolk.objectives.cacr_momentum import CACRMomentum, attraction_weights
from kinfolk.objectives.cacr_queue import CACRQueue, queue_cacr
from kinfolk.objectives.clip import CLIP
from kinfolk.objectives.dcl import DCL, DCLW, dclw_weights, decoupled
from kinfolk.objectives.debcse import DebCSE, deb_cse
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.groco import GroCo, groco_scores
from kinfolk.objectives.group_whitening import ShuffledGroupWhitening, whiten_groups
from kinfolk.objectives.hard import (
    HardContrastive,
    HardSimple,
    Simple,
    hard_contrastive,
    hard_negatives,
    hard_simple,
    simple,
)
from kinfolk.objectives.hydra import Hydra, class_pairs, draw_target_labels, gated_similarity
from kinfolk.objectives.hydra_gate import GateNetwork, gate_activation, gate_entropy
from kinfolk.objectives.infonce import InfoNCE
from kinfolk.objectives.margin import MarginContrastive
from kinfolk.objectives.mnr import MultipleNegativesRanking
from kinfolk.objectives.mnr_plus import MNRPlus, mnr_plus_targets
from kinfolk.objectives.mochi import Mixing, MoCHi, draw_mixing, mix_hard_negatives
from kinfolk.objectives.moco import MoCo, momentum_contrast, queue_logits
from kinfolk.objectives.momentum import momentum_at, update_key_encoder
from kinfolk.objectives.nce import BinaryNCE, binary_nce, ranking_nce
from kinfolk.objectives.nnclr import NNCLR
from kinfolk.objectives.ntxent import NTXent, nt_xent
from kinfolk.objectives.ntxent_top_k import NTXentTopK
from kinfolk.objectives.pixcontrast import PixContrast, pix_contrast
from kinfolk.objectives.pixels import pixel_distances, positive_pixels
from kinfolk.objectives.pixpro import PixelPropagation, PixPro, pixel_consistency, propagate
from kinfolk.objectives.queue import Queue, nearest_rows
from kinfolk.objectives.registry import Objective, objective, objectives, register
from kinfolk.objectives.router_losses import (
    load_balance,
    mutual_information,
    published_mutual_information,
    specified_expert,
)
from kinfolk.objectives.simcse import SimCSE, sim_cse, simcse_logits
from kinfolk.objectives.sinkhorn import sinkhorn_assignments
from kinfolk.objectives.sorting import SoftSort, rank_probabilities, soft_sort
from kinfolk.objectives.supcon import SupCon
from kinfolk.objectives.swav import SwAV, swapped_prediction
from kinfolk.objectives.text_label import (
    LabelDraw,
    TextLabelMatch,
    draw_labels,
    label_embeddings,
    label_probabilities,
    zero_shot,
)
from kinfolk.objectives.whitenedcse import WhitenedCSE

__all__ = [
    "CACR",
    "CLIP",
    "DCL",
    "DCLW",
    "NNCLR",
    "AlignUniform",
    "BinaryNCE",
    "CACRMomentum",
    "CACRQueue",
    "DebCSE",
    "GateNetwork",
    "GroCo",
    "HardContrastive",
    "HardSimple",
    "Hydra",
    "InfoNCE",
    "LabelDraw",
    "MNRPlus",
    "MarginContrastive",
    "Mixing",
    "MoCHi",
    "MoCo",
    "MultipleNegativesRanking",
    "NTXent",
    "NTXentTopK",
    "Objective",
    "PixContrast",
    "PixPro",
    "PixelPropagation",
    "Queue",
    "ShuffledGroupWhitening",
    "SimCSE",
    "Simple",
    "SoftSort",
    "SupCon",
    "SwAV",
    "TextLabelMatch",
    "WhitenedCSE",
    "alignment",
    "attraction_weights",
    "binary_nce",
    "check_embeddings",
    "check_views",
    "class_pairs",
    "contrastive_attraction",
    "contrastive_repulsion",
    "cosines",
    "dclw_weights",
    "deb_cse",
    "decoupled",
    "draw_labels",
    "draw_mixing",
    "draw_target_labels",
    "effective_negatives",
    "gate_activation",
    "gate_entropy",
    "gated_similarity",
    "gather_rows",
    "groco_scores",
    "hard_contrastive",
    "hard_negatives",
    "hard_simple",
    "label_embeddings",
    "label_probabilities",
    "load_balance",
    "mix_hard_negatives",
    "mnr_plus_targets",
    "momentum_at",
    "momentum_contrast",
    "mutual_information",
    "nearest_rows",
    "nt_xent",
    "objective",
    "objectives",
    "penalty_entropy",
    "pix_contrast",
    "pixel_consistency",
    "pixel_distances",
    "positive_pixels",
    "propagate",
    "published_mutual_information",
    "queue_cacr",
    "queue_logits",
    "rank_probabilities",
    "ranking_nce",
    "register",
    "relative_penalties",
    "repulsion_weights",
    "sim_cse",
    "simcse_logits",
    "similarity_gradients",
    "simple",
    "sinkhorn_assignments",
    "soft_sort",
    "specified_expert",
    "suggest_temperature",
    "swapped_prediction",
    "tolerance",
    "uniformity",
    "unit",
    "update_key_encoder",
    "whiten_groups",
    "zero_shot",
]

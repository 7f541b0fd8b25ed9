"""Arms of ``benchmarks.training`` that are baselines only, registered as methods so that they train as the others do."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softmax

from kinfolk.encoders.image import ImageEncoder
from kinfolk.methods import method, views_of
from kinfolk.methods.hydra import ClassPairContrast
from kinfolk.methods.joint import JointEmbedding
from kinfolk.objectives import GateNetwork, Hydra, NTXentTopK, SwAV

IMBALANCE = 50.0


@method("ntxenttopk", paper="baseline of GroCo, arXiv 2301.02009")
def ntxent_top_k(encoder: ImageEncoder, *, size: int = 32, temperature: float = 0.2) -> JointEmbedding:
    """NT-Xent with the ten hardest negatives."""
    return JointEmbedding(encoder, NTXentTopK(temperature), views_of("photo", size), layers=3)


class SoftmaxAssignments(SwAV):
    """SwAV whose assignments are the scores' own softmax: nothing keeps the prototypes in even use."""

    def assignments(self, *scores: Tensor) -> list[Tensor]:  # type: ignore[override]
        return [softmax(view.detach() / self.epsilon, dim=1) for view in scores[: self.num_assigned]]


@method("swavsoftmax", paper="ablation of SwAV, arXiv 2006.09882")
def swav_softmax(encoder: ImageEncoder, *, size: int = 32, num_prototypes: int = 60) -> JointEmbedding:
    """SwAV without Sinkhorn."""
    objective = SoftmaxAssignments(0.1, dim=128, num_prototypes=num_prototypes, freeze_steps=100)
    return JointEmbedding(encoder, objective, views_of("photo", size))


class OpenGates(GateNetwork):
    """Gates that are all open: every pair of classes has the whole space."""

    def forward(self, labels: Tensor, target_labels: Tensor) -> Tensor:
        return super().forward(labels, target_labels) * 0 + 1


@method("hydranogate", paper="ablation of Hydra, arXiv 2410.18200", labels=True)
def hydra_no_gate(
    encoder: ImageEncoder, *, size: int = 32, num_classes: int = 10, projection: int = 256
) -> ClassPairContrast:
    """Any two classes together, in the whole space."""
    gates = OpenGates(num_classes, projection, class_dim=128, hidden_dim=256)
    return ClassPairContrast(
        encoder, Hydra(0.1), gates, pairs="arbitrary", views="photo", size=size, projection=projection
    )

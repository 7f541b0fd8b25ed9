"""Stage 3 (and 2, with rendered words as classes): records of one class together, by their pooled vectors.

SupCon on z, not on the fields apart; or the margin loss, by which records that are alone in their class teach, too.
Fields are taken away at random, so that a record with one field is found by what is left of it.

Source: Arora, Yang, Jheng & Dell, CLIPPINGS, 2023, arXiv 2304.03464; Khosla et al., SupCon, NeurIPS 2020,
arXiv 2004.11362. Taking fields away and learning their weights are project definitions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kinfolk.encoders.record import RecordEncoder, pooled
from kinfolk.encoders.record_inputs import RecordInputs
from kinfolk.evaluation.reciprocal_rank import class_reciprocal_rank, source_reciprocal_rank
from kinfolk.methods.clippings.batch import Corruption, RecordBatch
from kinfolk.methods.held import Held, spread_of
from kinfolk.methods.trainable import Trainable
from kinfolk.objectives import MarginContrastive, SupCon


class PooledClasses(Trainable):
    """Pooled vectors of one class together, others apart.

    Args:
        encoder: what is trained.
        corrupt: changes records before they are seen.
        objective: takes vectors and labels.
        learn_weights: whether the weights of the fields are learned; else they stay as they are.
    """

    def __init__(
        self,
        encoder: RecordEncoder,
        corrupt: Corruption,
        objective: SupCon | MarginContrastive,
        *,
        learn_weights: bool = True,
    ) -> None:
        super().__init__()
        self.encoder, self.corrupt, self.objective = encoder, corrupt, objective
        encoder.raw_weights.requires_grad_(learn_weights)

    def loss(self, batch: RecordBatch, generator: torch.Generator) -> Tensor:
        """The objective on the pooled vectors of what is left of the records."""
        assert batch.labels is not None
        inputs = self.corrupt(batch.inputs, generator)
        parts, present = self.encoder(inputs)
        vectors = pooled(parts, present, self.encoder.weights())
        value: Tensor = self.objective(vectors, labels=torch.from_numpy(batch.labels).to(vectors.device))
        return value

    def transfer_batch_to_device(self, batch: RecordBatch, device: torch.device, dataloader_idx: int) -> RecordBatch:
        """The batch as it is: the encoder takes each field where it belongs."""
        del device, dataloader_idx
        return batch


def found_again(
    module: PooledClasses,
    inputs: RecordInputs,
    labels: npt.NDArray[np.int64],
    others: RecordInputs,
    *,
    sources: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None,
) -> Held | None:
    """How early a record of the same class comes among these and other records; None where vectors are not numbers.

    Args:
        module: what is measured.
        inputs, labels: records that are looked for.
        others: records of other classes, among which they are looked for, too.
        sources: of both; a record then looks in each other source for itself. None looks everywhere at once.
    """
    vectors, rivals = (encode_pooled(module.encoder, records) for records in (inputs, others))
    if not np.isfinite(vectors).all() or not np.isfinite(rivals).all():
        return None
    if sources is None:
        rank = class_reciprocal_rank(vectors, labels, others=rivals)
    else:
        rank = source_reciprocal_rank(vectors, labels, sources[0], others=rivals, other_sources=sources[1])
    score = 0.0 if rank is None else rank
    return Held(-score, {"reciprocal_rank": score, **spread_of(vectors)})


@torch.no_grad()
def encode_pooled(encoder: RecordEncoder, inputs: RecordInputs) -> npt.NDArray[np.float32]:
    """Pooled unit vectors of records under the weights of the encoder, (records, dim)."""
    parts = torch.from_numpy(encoder.encode_parts(inputs))
    return np.asarray(pooled(parts, torch.from_numpy(inputs.present), encoder.weights().cpu()).numpy())

"""Stage 1: the fields of one record together, those of different records apart. No labels are needed.

For records whose picture and text are both there the loss is CLIP's. With more fields it is the mean over all pairs of
fields. Records that agree in the coarser field of a pair are no negatives of each other there, where the paper drops all but
one of the same text. A field that has no other beside it learns from two corruptions of itself.

Source: Arora, Yang, Jheng & Dell, CLIPPINGS, 2023, arXiv 2304.03464, section on language-image pretraining; Radford et
al., CLIP, ICML 2021, arXiv 2103.00020. Pairs of any fields and the terms for lone fields are project definitions.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kinfolk.encoders.record import RecordEncoder, pooled
from kinfolk.encoders.record_inputs import FieldInput, RecordInputs
from kinfolk.evaluation.reciprocal_rank import mean_reciprocal_rank
from kinfolk.methods.clippings.batch import Corruption, RecordBatch
from kinfolk.methods.held import Held, spread_of
from kinfolk.methods.trainable import Trainable
from kinfolk.objectives import CLIP

_TEMPERATURES = (0.01, 0.02, 0.04, 0.07, 0.12, 0.2, 0.4)  # at which held out records are looked at


class FieldContrast(Trainable):
    """Fields of a record against fields of others.

    Args:
        encoder: what is trained.
        corrupt: changes records before they are seen.
        groups: of the training records, see ``groups_of``.
        temperature: at the start, in [0.01, inf); it is learned.
        decoupled: whether the positive is left out of the denominator (DCL), for small batches.
        own: weight of the contrast of a field with itself, changed twice, beside that with other fields; at 0 only fields
            that stand alone in their record learn so.
    """

    def __init__(
        self,
        encoder: RecordEncoder,
        corrupt: Corruption,
        groups: npt.NDArray[np.int64],
        *,
        temperature: float = 0.07,
        decoupled: bool = False,
        own: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder, self.corrupt, self.own = encoder, corrupt, own
        self.groups = groups
        self.objective = CLIP(temperature, decoupled=decoupled)

    def loss(self, batch: RecordBatch, generator: torch.Generator) -> Tensor:
        """Mean over all pairs of fields that at least two records have, plus the fields with themselves."""
        first, present = self.encoder(self.corrupt(batch.inputs, generator))
        groups = torch.from_numpy(self.groups[batch.rows]).to(first.device)
        total = contrast_fields(self.objective, first, present, groups)
        seen = present if self.own else present & (present.sum(1, keepdim=True) == 1)
        if not bool(seen.any()):
            return first.sum() * 0 if total is None else total
        second, _ = self.encoder(self.corrupt(batch.inputs, generator))
        itself = contrast_views(self.objective, first, second, seen, groups)
        if itself is None:
            return first.sum() * 0 if total is None else total
        return itself if total is None else total + (self.own or 1.0) * itself

    def after_step(self) -> None:
        """Hold the scale within bounds."""
        self.objective.clamp()

    def transfer_batch_to_device(self, batch: RecordBatch, device: torch.device, dataloader_idx: int) -> RecordBatch:
        """The batch as it is: the encoder takes each field where it belongs."""
        del device, dataloader_idx
        return batch


def contrast_fields(objective: CLIP, parts: Tensor, present: Tensor, groups: Tensor) -> Tensor | None:
    """CLIP between every two fields, the mean over those that enough records have; None where none has.

    Args:
        objective: whose temperature is used.
        parts: unit vectors (records, fields, dim).
        present: bool (records, fields).
        groups: (records, fields); records that agree in a field's group are no negatives of each other there.
    """
    losses = []
    for one, other in itertools.combinations(range(parts.shape[1]), 2):
        rows = (present[:, one] & present[:, other]).nonzero().squeeze(1)
        # What a record must differ in is the field that takes fewer values: a town cannot tell two firms in it apart.
        coarse = min((one, other), key=lambda field: len(groups[rows, field].unique()))
        of = groups[rows, coarse]
        if len(of.unique()) > 1:
            losses.append(objective(parts[rows, one], parts[rows, other], groups=of))
    return torch.stack(losses).mean() if losses else None


def contrast_views(objective: CLIP, first: Tensor, second: Tensor, present: Tensor, groups: Tensor) -> Tensor | None:
    """CLIP between two views of every field that is present; arguments as for ``contrast_fields``."""
    losses = []
    for field in range(first.shape[1]):
        rows = present[:, field].nonzero().squeeze(1)
        of = groups[rows, field]
        if len(of.unique()) > 1:
            losses.append(objective(first[rows, field], second[rows, field], groups=of))
    return torch.stack(losses).mean() if losses else None


@torch.no_grad()
def held_out(
    encoder: RecordEncoder, inputs: RecordInputs, *, decoupled: bool = False, corrupt: Corruption | None = None
) -> Held | None:
    """The loss on other records, not corrupted where fields have others beside them; None where it is no number.

    It is taken at the temperature that suits the vectors best, so that two states are compared by their vectors alone.

    Args:
        encoder: what is judged.
        inputs: the records.
        decoupled: see ``FieldContrast``.
        corrupt: makes the second view of fields that all stand alone.
    """
    parts = torch.from_numpy(encoder.encode_parts(inputs))
    present, groups = torch.from_numpy(inputs.present), torch.from_numpy(groups_of(inputs))
    if not bool(parts.isfinite().all()):
        return None
    objectives = [CLIP(temperature, decoupled=decoupled) for temperature in _TEMPERATURES]
    losses = [contrast_fields(objective, parts, present, groups) for objective in objectives]
    if losses[0] is None and corrupt is not None:
        second = torch.from_numpy(encoder.encode_parts(corrupt(inputs, torch.Generator().manual_seed(0))))
        losses = [contrast_views(objective, parts, second, present, groups) for objective in objectives]
    score = min((float(loss) for loss in losses if loss is not None), default=math.inf)
    rank = rank_of_own(parts.numpy(), inputs.present, groups.numpy())
    found = {} if rank is None else {"reciprocal_rank": rank}
    return Held(score, {"validation_loss": score, **found, **spread_of(pooled(parts, present).numpy())})


def rank_of_own(
    parts: npt.NDArray[np.float32], present: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64]
) -> float | None:
    """Mean of 1 / rank at which a field finds the other field of its record, over all pairs of fields; None with one field.

    Args:
        parts: unit vectors (records, fields, dim).
        present: (records, fields).
        groups: (records, fields); what agrees with a record in the coarser field of a pair is no rival of it.
    """
    ranks = []
    for one, other in itertools.permutations(range(parts.shape[1]), 2):
        rows = np.flatnonzero(present[:, one] & present[:, other])
        of = groups[rows, min((one, other), key=lambda field: len(np.unique(groups[rows, field])))]
        if len(np.unique(of)) > 1:
            ranks.append(mean_reciprocal_rank(parts[rows, one], parts[rows, other], groups=of))
    return float(np.mean(ranks)) if ranks else None


def groups_of(inputs: RecordInputs) -> npt.NDArray[np.int64]:
    """For each field a number that records of equal value share, int64 (records, fields).

    Texts are equal as ``CharacterTransformer`` reads them, and without regard to case.
    """
    return np.column_stack([_numbered(_comparable(field)) for field in inputs.fields]).astype(np.int64)


def _comparable(field: FieldInput) -> list[bytes]:
    if isinstance(field.values, tuple):
        return [" ".join(unicodedata.normalize("NFKC", text).split()).casefold().encode() for text in field.values]
    return [hashlib.blake2b(value.tobytes(), digest_size=16).digest() for value in field.values]


def _numbered(values: Sequence[bytes]) -> npt.NDArray[np.int64]:
    return np.unique(np.array(values, dtype=object), return_inverse=True)[1]

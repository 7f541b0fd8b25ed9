"""Where the projections of trained towers begin: on the directions in which the records at hand differ most.

The features of a trained tower lie in a narrow cone, and a random projection keeps it. Here they are projected onto the first
eigenvectors of their second moments, and divided by the roots of the eigenvalues, so that every direction counts alike.

Source: Su, Cao, Liu & Ou, "Whitening sentence representations for better semantics and faster retrieval", 2021, arXiv
2103.15316, algorithm 1; without its mean, which is nearly the first of the directions here and so no longer outweighs the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import nn

from kinfolk.encoders.record import RecordEncoder
from kinfolk.encoders.record_inputs import FieldKind, RecordInputs

_LEAST = 1e-6  # of an eigenvalue, as a share of the largest: below it there is nothing but rounding


def whiten_projections(encoder: RecordEncoder, inputs: RecordInputs, kinds: Sequence[FieldKind]) -> None:
    """Give the projections of some fields weights that whiten what their towers make of these records.

    A field with fewer records than the projection has rows, or with features that are narrower, keeps the weights it has.

    Args:
        encoder: whose projections are changed.
        inputs: the records.
        kinds: of the fields that are meant.
    """
    for at, field in enumerate(inputs.fields):
        if field.kind not in kinds:
            continue
        features = encoder.encode_features(inputs, at).astype(np.float64)
        if min(features.shape) < encoder.dim:
            continue
        values, vectors = np.linalg.eigh(features.T @ features / len(features))
        scales = 1 / np.sqrt(np.maximum(values[-encoder.dim :], _LEAST * values[-1]))
        with torch.no_grad():
            cast(nn.Linear, encoder.projections[at]).weight.copy_(
                torch.from_numpy((vectors[:, -encoder.dim :] * scales).T)
            )

"""Records to vectors: a tower for each kind of field, and one pooled vector for what is there.

Every field is embedded into the same space by the tower of its kind; the record is the weighted mean of its fields::

    z = norm( sum_m present_m * w_m * e_m ),    |e_m| = 1

A field may be missing from any record at any time. Weights are learned (softplus of a parameter, one a field) or given.

Source: Arora, Yang, Jheng & Dell, "Linking representations with multimodal contrastive learning" (CLIPPINGS), 2023,
arXiv 2304.03464, which has one image, one text and w = 1/2. More fields, missing ones and learned weights are project
definitions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinfolk.encoders.image_by_name import SMALL_ENCODERS, image_encoder
from kinfolk.encoders.kept import keep_tower, kept_image_encoder, kept_text_tower
from kinfolk.encoders.numbers import NumberFeatures
from kinfolk.encoders.record_inputs import FieldInput, FieldKind, RecordInputs
from kinfolk.encoders.text_by_name import CHARACTERS, TextTower, text_tower
from kinfolk.errors import ConfigurationError

_EPSILON = 1e-8
_AT_ONCE = 256  # records


@dataclass(frozen=True)
class FieldSpec:
    """A field that the encoder knows: its name and its kind; of numbers, also their middle and spread in training."""

    name: str
    kind: FieldKind
    middle: float = 0.0
    spread: float = 1.0


@dataclass(frozen=True)
class Towers:
    """What the encoder is built of.

    Attributes:
        dim: of the space that all fields share.
        image: see ``image_encoder``: a small one with its settings, or a trained one.
        image_settings: such as depth and width.
        text: see ``text_tower``: "characters", or the name or folder of another.
        text_settings: such as depth and width of the former.
    """

    dim: int = 128
    image: str = "resnet"
    image_settings: Mapping[str, int] | None = None
    text: str = CHARACTERS
    text_settings: Mapping[str, int] | None = None

    @property
    def trained(self) -> tuple[FieldKind, ...]:
        """Kinds whose tower comes with weights that were trained."""
        image: tuple[FieldKind, ...] = () if self.image in SMALL_ENCODERS else ("image",)
        return image if self.text == CHARACTERS else (*image, "text")


class RecordEncoder(nn.Module):
    """Image, text and number towers under one pooled vector.

    Args:
        fields: what a record consists of, at least one field.
        towers: how each kind is read; a tower is made only for kinds that occur. Fields of a kind share the tower and have
            a projection each.
        kept: the folder to which ``keep`` has written, for an encoder whose weights are loaded afterwards; None makes a
            new one, in which trained towers have their trained weights.

    Raises:
        ConfigurationError: no field, or towers that are not possible.
        DataError: what is kept is damaged.
    """

    def __init__(self, fields: Sequence[FieldSpec], towers: Towers = Towers(), *, kept: Path | None = None) -> None:
        super().__init__()
        if not fields:
            raise ConfigurationError("A record encoder needs at least one field. Got none.")
        self.fields, self.settings = tuple(fields), towers
        kinds = {field.kind for field in fields}
        self.towers = nn.ModuleDict()
        if "image" in kinds:
            name, settings = towers.image, towers.image_settings or {}
            self.towers["image"] = (
                image_encoder(name, **settings) if kept is None else kept_image_encoder(name, settings, kept / "image")
            )
        if "text" in kinds:
            name, settings = towers.text, towers.text_settings or {}
            self.towers["text"] = (
                text_tower(name, settings) if kept is None else kept_text_tower(name, settings, kept / "text")
            )
        if "number" in kinds:
            self.towers["number"] = NumberFeatures()
        self.projections = nn.ModuleList(
            nn.Linear(cast(int, self.towers[field.kind].dim), towers.dim, bias=False) for field in fields
        )
        self.raw_weights = nn.Parameter(torch.full((len(fields),), math.log(math.e - 1)))  # softplus of it is 1
        self._locked: tuple[FieldKind, ...] = ()

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self.settings.dim

    def weights(self) -> Tensor:
        """Learned weight of each field, (fields,), positive."""
        return F.softplus(self.raw_weights)

    def lock(self, kinds: Sequence[FieldKind], *, projections: bool = True) -> None:
        """Let the towers of these kinds stay as they are, in training, too; all others learn.

        Args:
            kinds: of fields; those that do not occur are nothing to lock.
            projections: whether those of these kinds stay as they are, too.

        Raises:
            ConfigurationError: a kind that fields do not have.
        """
        unknown = [kind for kind in kinds if kind not in get_args(FieldKind)]
        if unknown:
            raise ConfigurationError(f"locked must hold some of {', '.join(get_args(FieldKind))}. Got {unknown[0]!r}.")
        self._locked = tuple(kinds)
        for kind, tower in self.towers.items():
            tower.requires_grad_(kind not in kinds)
        for field, projection in zip(self.fields, self.projections, strict=True):
            projection.requires_grad_(not projections or field.kind not in kinds)
        self.train(self.training)

    def train(self, mode: bool = True) -> RecordEncoder:
        """As torch does it, but for locked towers, which also keep what they know of means and spreads."""
        super().train(mode)
        for kind in self._locked:
            if kind in self.towers:
                self.towers[kind].eval()
        return self

    def describe(self) -> dict[str, Any]:
        """What it is built of, as plain values."""
        return {"fields": [asdict(field) for field in self.fields], "towers": asdict(self.settings)}

    def keep(self, folder: Path) -> None:
        """Write what ``RecordEncoder.of`` needs beside the description, so that trained towers need not be there.

        Raises:
            DataError: the folder cannot be written to.
        """
        for kind, tower in self.towers.items():
            keep_tower(tower, folder / kind)

    @classmethod
    def of(cls, description: Mapping[str, Any], *, kept: Path) -> RecordEncoder:
        """Build what ``describe`` described, for weights that are loaded afterwards.

        Args:
            description: by ``describe``.
            kept: the folder to which ``keep`` has written.

        Raises:
            DataError: what is kept is damaged.
            ConfigurationError, MissingExtraError: a tower cannot be built.
        """
        fields = [FieldSpec(**field) for field in description["fields"]]
        return cls(fields, Towers(**description["towers"]), kept=kept)

    def forward(self, inputs: RecordInputs, *, features: Mapping[int, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Embeddings of the fields of records.

        Args:
            inputs: the fields of this encoder, in its order.
            features: what the tower has already made of some fields, by their number, for the records that have the field.

        Returns:
            Unit vectors (records, fields, dim), zeros where a field is missing; and which are there, bool
            (records, fields).

        Raises:
            ConfigurationError: other fields.
        """
        self._check(inputs)
        known = features or {}
        parts = [self._embed(at, field, known.get(at)) for at, field in enumerate(inputs.fields)]
        return torch.stack(parts, dim=1), torch.from_numpy(inputs.present).to(self.raw_weights.device)

    @torch.no_grad()
    def encode_features(self, inputs: RecordInputs, at: int) -> npt.NDArray[np.float32]:
        """What the tower makes of a field, before its projection, for the records that have it, float32 (present, width).

        Args:
            inputs: see ``forward``.
            at: number of the field.
        """
        self._check(inputs)
        field = inputs.fields[at]
        rows, device = np.flatnonzero(field.present), self.raw_weights.device
        out = np.zeros((len(rows), cast(int, self.projections[at].in_features)), np.float32)
        with self._evaluating():
            for start in range(0, len(rows), _AT_ONCE):
                part = self._features(at, field.take(rows[start : start + _AT_ONCE]), device)
                out[start : start + len(part)] = part.float().numpy(force=True)
        return out

    @torch.no_grad()
    def encode_parts(
        self, inputs: RecordInputs, *, batch_size: int = 256, advance: Callable[[float], None] | None = None
    ) -> npt.NDArray[np.float32]:
        """Unit vectors of the fields, float32 (records, fields, dim), zeros where missing; in evaluation mode.

        Args:
            inputs: see ``forward``.
            batch_size: records at a time.
            advance: told the share that is done.
        """
        out = np.zeros((len(inputs), len(self.fields), self.dim), np.float32)
        with self._evaluating():
            for start in range(0, len(inputs), batch_size):
                rows = np.arange(start, min(start + batch_size, len(inputs)))
                out[rows] = self(inputs.take(rows))[0].float().numpy(force=True)
                if advance is not None:
                    advance((int(rows[-1]) + 1) / len(inputs))
        return out

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        training = self.training
        self.eval()
        try:
            yield
        finally:
            self.train(training)

    def _embed(self, at: int, field: FieldInput, features: Tensor | None) -> Tensor:
        device = self.raw_weights.device
        out = torch.zeros(len(field.present), self.dim, device=device)
        rows = np.flatnonzero(field.present)
        if not len(rows):
            return out
        if features is None:
            features = self._features(at, field if len(rows) == len(field.present) else field.take(rows), device)
        vectors = F.normalize(self.projections[at](features).float(), dim=1, eps=_EPSILON)
        return out.index_copy(0, torch.from_numpy(rows).to(device), vectors)

    def _features(self, at: int, field: FieldInput, device: torch.device) -> Tensor:
        tower, values = self.towers[field.kind], field.values
        if isinstance(values, tuple):
            assert isinstance(tower, TextTower)
            features: Tensor = tower(tower.tokens(values).to(device))
        elif field.kind == "image":
            features = tower(torch.from_numpy(values).to(device))
        else:
            spec = self.fields[at]
            features = tower(torch.from_numpy((values - spec.middle) / spec.spread).float().to(device))
        return features

    def _check(self, inputs: RecordInputs) -> None:
        asked = [(field.name, field.kind) for field in self.fields]
        given = [(field.name, field.kind) for field in inputs.fields]
        if asked != given:
            raise ConfigurationError(
                f"This encoder reads {', '.join(f'{name} ({kind})' for name, kind in asked)}. "
                f"Got {', '.join(f'{name} ({kind})' for name, kind in given)}. Give the same fields in the same order."
            )


def pooled(parts: Tensor, present: Tensor, weights: Tensor | None = None) -> Tensor:
    """One unit vector a record, (records, dim): the weighted mean of the fields that are there; zeros where none is.

    Args:
        parts: unit vectors (records, fields, dim).
        present: bool (records, fields).
        weights: at least 0, (fields,) or (records, fields); None weighs all alike.
    """
    share = present.to(parts.dtype) if weights is None else present * weights
    return F.normalize((share.unsqueeze(-1) * parts).sum(1), dim=1, eps=_EPSILON)

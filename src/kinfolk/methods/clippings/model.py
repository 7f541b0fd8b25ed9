"""A trained record encoder in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kinfolk.data.wording import reason_of
from kinfolk.encoders.kept import KEPT
from kinfolk.encoders.pooling import pool
from kinfolk.encoders.record import RecordEncoder
from kinfolk.encoders.record_inputs import RecordInputs
from kinfolk.encoders.weights import save_weights, weights_fingerprint
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.methods.description import read_description, reading_model, write_description
from kinfolk.methods.history import HISTORY, EpochEnd, read_history, write_history
from kinfolk.search import VectorSpace

_WEIGHTS, _ABOUT = "model.safetensors", "config.json"


@dataclass(frozen=True, eq=False)
class RecordModel:
    """A record encoder and what is known of it.

    Attributes:
        encoder: records to vectors.
        about: the stages of its training.
        history: what was known after each epoch of the last stage.
    """

    encoder: RecordEncoder
    about: Mapping[str, Any]
    history: tuple[EpochEnd, ...] = ()

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self.encoder.dim

    @property
    def field_names(self) -> tuple[str, ...]:
        """The fields it reads, in order."""
        return tuple(field.name for field in self.encoder.fields)

    def encode(
        self,
        inputs: RecordInputs,
        *,
        weights: Mapping[str, float] | None = None,
        advance: Callable[[float], None] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Unit vectors of records, float32 (records, dim); zeros for a record with no field at all.

        Args:
            inputs: the fields of this model, in its order.
            weights: of each field, at least 0; None takes the learned ones.
            advance: told the share that is done.

        Raises:
            ConfigurationError: other fields, or weights that do not fit.
        """
        parts = self.encoder.encode_parts(inputs, advance=advance)
        chosen = self.encoder.weights().tolist() if weights is None else self._weights(weights)
        return pool(list(parts.transpose(1, 0, 2)), chosen)

    def space(self, weights: Mapping[str, float] | None = None) -> VectorSpace:
        """What an index of the vectors that ``encode`` gives has to know of them."""
        chosen = self.encoder.weights().tolist() if weights is None else self._weights(weights)
        return VectorSpace(self.fingerprint(), self.dim, dict(zip(self.field_names, chosen, strict=True)))

    def require_fields(self, inputs: RecordInputs) -> None:
        """Refuse records with other fields.

        Raises:
            ConfigurationError: they have.
        """
        given = tuple(field.name for field in inputs.fields)
        if given != self.field_names:
            raise ConfigurationError(
                f"The model reads the fields {', '.join(self.field_names)}. Got {', '.join(given)}. Give these, in this order."
            )

    def fingerprint(self) -> str:
        """A text that changes when the vectors would."""
        return weights_fingerprint(self.encoder, json.dumps(self.encoder.describe(), sort_keys=True))

    def save(self, folder: str | Path) -> Path:
        """Write the model; the description comes last, so that a folder that has one is whole, on any machine.

        Raises:
            DataError: the folder cannot be written to.
        """
        folder = Path(folder)
        try:
            (folder / _ABOUT).unlink(missing_ok=True)
        except OSError as error:
            raise DataError(
                f"{folder / _ABOUT} cannot be replaced ({reason_of(error)}). Choose another folder."
            ) from error
        save_weights(self.encoder, folder / _WEIGHTS)
        self.encoder.keep(folder / KEPT)
        write_history(self.history, folder / HISTORY)
        write_description({"encoder": self.encoder.describe(), **self.about}, folder / _ABOUT, kind="records")
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> RecordModel:
        """Read a model that ``save`` wrote.

        Raises:
            DataError: the folder holds no such model, or a broken one.
            ConfigurationError: a tower is not kept in the folder, and the trained model it came from is not there.
            MissingExtraError: what a tower needs is not installed.
        """
        from safetensors.torch import load_file

        folder = Path(folder)
        with reading_model(folder, kind="records"):
            about = read_description(folder / _ABOUT, kind="records")
            encoder = RecordEncoder.of(about.pop("encoder"), kept=folder / KEPT)
            encoder.load_state_dict(load_file(folder / _WEIGHTS))
        return cls(encoder.eval(), about, read_history(folder / HISTORY))

    def _weights(self, given: Mapping[str, float]) -> list[float]:
        if set(given) != set(self.field_names) or min(given.values()) < 0 or max(given.values()) <= 0:
            raise ConfigurationError(
                f"weights must give each of {', '.join(self.field_names)} a number of at least 0, and one above it. Got {dict(given)}."
            )
        return [float(given[name]) for name in self.field_names]

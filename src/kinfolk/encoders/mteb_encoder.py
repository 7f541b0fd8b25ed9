"""A text encoder as the benchmark mteb asks for one. mteb itself is not needed until it asks for the model's card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]


class Encodes(Protocol):
    """What turns texts into vectors: a ``TextEncoder``, a trained ``TextModel``, or another."""

    def encode(self, texts: Sequence[str], /) -> Array:
        """One vector a text, (texts, dim)."""
        ...


class MtebEncoder:
    """An encoder behind the ``EncoderProtocol`` of mteb 2: ``mteb.evaluate(MtebEncoder(encoder, name="mine"), tasks=...)``.

    Queries and documents are encoded alike: no prompt is put before them.

    Args:
        encoder: texts to vectors.
        name: what mteb calls the model in its results; "mine" becomes "kinfolk/mine", as its names have two parts.
    """

    def __init__(self, encoder: Encodes, *, name: str) -> None:
        self._encoder = encoder
        self._name = name if len(PurePath(name).parts) == 2 else f"kinfolk/{PurePath(name).name}"

    # What mteb hands over beside the texts is not needed here, and grows from version to version.
    def encode(self, inputs: Iterable[Mapping[str, Any]], **_: object) -> Array:
        """Vectors of the texts of all batches, (texts, dim).

        Args:
            inputs: batches, each a mapping with the texts under "text".
        """
        return np.asarray(self._encoder.encode([text for batch in inputs for text in batch["text"]]))

    def similarity(self, embeddings1: npt.ArrayLike, embeddings2: npt.ArrayLike) -> Array:
        """Cosines of each of the first with each of the second, (num, others)."""
        return np.asarray(_units(embeddings1) @ _units(embeddings2).T)

    def similarity_pairwise(self, embeddings1: npt.ArrayLike, embeddings2: npt.ArrayLike) -> Array:
        """Cosines of each of the first with the second in its place, (num,)."""
        return np.asarray((_units(embeddings1) * _units(embeddings2)).sum(axis=1))

    @property
    def mteb_model_meta(self) -> Any:
        """The card of the model, a ``ModelMeta`` of mteb."""
        from mteb.models import ModelMeta

        about = {"name": self._name, "revision": str(getattr(self._encoder, "fingerprint", "none"))}
        return ModelMeta.create_empty(overwrites={**about, "similarity_fn_name": "cosine"})


def _units(vectors: npt.ArrayLike) -> Array:
    wide = np.atleast_2d(np.asarray(vectors, dtype=np.float64))
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))

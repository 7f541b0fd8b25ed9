"""A sentence-transformers CrossEncoder as a scorer of pairs of texts: from a folder, or by its name on the Hugging Face hub."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kinfolk.encoders.hub import first_line, from_cache_or_hub, local_folder, quiet_loading
from kinfolk.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_KINDS = {"config.json": "a transformers model"}


def load_cross_encoder(name_or_folder: str | Path) -> CrossEncoderScorer:
    """Load a cross-encoder with one score a pair.

    Args:
        name_or_folder: a folder with a sentence-transformers CrossEncoder, or its name on the Hugging Face hub. Only the latter may
            use the network, and only when the model is not yet in the local hub cache.

    Raises:
        MissingExtraError: torch or sentence-transformers is not installed.
        ConfigurationError: there is no such model, it cannot be loaded, or it gives several numbers a pair.
    """
    name = str(name_or_folder)
    folder = local_folder(name, kinds=_KINDS, what="cross-encoder")
    for package in ("torch", "sentence_transformers"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError("A cross-encoder", "text")
    from sentence_transformers import CrossEncoder

    if folder is None:
        return CrossEncoderScorer(
            from_cache_or_hub(name, CrossEncoder, instead="a folder with a cross-encoder", what="cross-encoder")
        )
    try:
        with quiet_loading():
            model = CrossEncoder(str(folder), local_files_only=True)
    except Exception as error:  # Which error a damaged model gives depends on the file and on the library's version.
        raise ConfigurationError(
            f"Cannot load the cross-encoder {name!r}: {first_line(error)} Check that the folder is complete."
        ) from error
    return CrossEncoderScorer(model)


class CrossEncoderScorer:
    """Raw scores (logits) of pairs of texts.

    Args:
        model: a CrossEncoder with one score a pair.

    Raises:
        ConfigurationError: it gives several numbers a pair.
    """

    def __init__(self, model: CrossEncoder) -> None:
        if model.num_labels != 1:
            raise ConfigurationError(
                f"A scorer gives one number a pair. The cross-encoder has {model.num_labels} classes: use one with num_labels=1."
            )
        self._model = model.eval()

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the architecture, the weights and the tokenizer's limit, as they were when first asked for."""
        from kinfolk.encoders.weights import weights_fingerprint

        return weights_fingerprint(self._model, repr((str(self._model), self._model.tokenizer.model_max_length)))

    def __call__(self, queries: Sequence[str], items: Sequence[str]) -> npt.NDArray[np.float64]:
        """Scores of pairs, float64 (n,): before the sigmoid, which would squash what is far apart.

        Args:
            queries, items: n texts each.
        """
        import torch

        if not len(queries):
            return np.empty(0)
        scores = self._model.predict(
            list(zip(queries, items, strict=True)),
            activation_fn=torch.nn.Identity(),
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return np.asarray(scores, dtype=np.float64)

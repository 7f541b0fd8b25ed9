"""How good a text encoder is at a task, by its name, its folder, or itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.tasks import EncoderEvaluation, Task, evaluate_texts
from kinfolk.linking.meaning import Encoder, open_encoder

_AT_ONCE = 4096  # texts between two signs of life


def evaluate_encoder(
    model: str | Path | Encoder,
    *,
    task: Task,
    data: object,
    columns: Sequence[str] = (),
    split: str | None = None,
    seed: int = 0,
    name: str | None = None,
    advance: Callable[[float], None] | None = None,
) -> EncoderEvaluation:
    """Evaluate a text encoder.

    Args:
        model: the folder of a model that ``train`` wrote or of a sentence-transformers model, "minilm" (extra ``offline``), a
            name on the Hugging Face hub, or an object with ``encode(texts)`` that gives a vector a text.
        task: "sts", "retrieval", "cross-language", "pairs", "classification" or "geometry".
        data: the file or the folder of the task; the guide says what it must hold.
        columns: of the texts, where they have other names than the task expects.
        split: for sts, cross-language and geometry: which rows of a table with a column ``split``, or "all"; None takes test
            where there is one.
        seed: of what is drawn: labels, halves, texts.
        name: what the encoder is called in the result; None takes what ``model`` is called.
        advance: told the share of the texts at hand that are encoded.

    Returns:
        Tables of figures, and notes on what was taken.

    Raises:
        ConfigurationError: no such model, task, column or split.
        DataError: the data cannot be read or used, or the model gives no vectors.
        MissingExtraError: what the model needs is not installed.
    """
    encoder = open_encoder(model)
    if encoder is None:
        raise ConfigurationError(
            "model must be an encoder: a folder, a name, or an object with encode(texts). Got none."
        )
    own = str(model) if isinstance(model, str | Path) else getattr(model, "name", type(model).__name__)
    called = str(own) if name is None else name

    def encode(texts: Sequence[str]) -> npt.NDArray[np.floating]:
        parts = []
        for start in range(0, len(texts), _AT_ONCE):
            wanted = texts[start : start + _AT_ONCE]
            parts.append(_checked(np.asarray(encoder.encode(wanted)), len(wanted), called))
            if advance is not None:
                advance((start + len(wanted)) / len(texts))
        return np.concatenate(parts)

    return evaluate_texts(encode, task=task, data=data, name=called, columns=columns, split=split, seed=seed)


def _checked(vectors: npt.NDArray[np.floating], num: int, name: str) -> npt.NDArray[np.floating]:
    if vectors.ndim != 2 or len(vectors) != num or not np.isfinite(vectors).all():
        raise DataError(
            f"The encoder {name} must give a vector of finite numbers for each of {num:,} texts. "
            f"Got shape {vectors.shape}{'' if np.isfinite(vectors).all() else ', with NaN or infinity'}."
        )
    return vectors

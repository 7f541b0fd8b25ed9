"""One entry for all tasks: which of them, and which options it has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.tasks.classification import evaluate_classification
from kinfolk.evaluation.tasks.cross_language import evaluate_cross_language
from kinfolk.evaluation.tasks.geometry import evaluate_geometry
from kinfolk.evaluation.tasks.outcome import Encode, EncoderEvaluation, Outcome, Task
from kinfolk.evaluation.tasks.pairs import evaluate_pair_classification
from kinfolk.evaluation.tasks.retrieval import evaluate_retrieval
from kinfolk.evaluation.tasks.sts import evaluate_sts

TASKS: tuple[Task, ...] = get_args(Task)
_WITH_SPLIT = ("sts", "cross-language", "geometry")


def evaluate_texts(
    encode: Encode,
    *,
    task: Task,
    data: object,
    name: str = "encoder",
    columns: Sequence[str] = (),
    split: str | None = None,
    seed: int = 0,
) -> EncoderEvaluation:
    """Evaluate anything that turns texts into vectors.

    Args:
        encode: texts to vectors, (texts, dim).
        task: what is asked.
        data: the file or the folder of the task, or its table.
        name: what the encoder is called.
        columns: of the texts, as the task says.
        split: which rows of a table with a column ``split``, or "all": for sts, cross-language and geometry.
        seed: of what is drawn.

    Raises:
        ConfigurationError: no such task, an option it does not have, or a column that does not exist.
        DataError: the data cannot be read or used.
    """
    if task not in TASKS:
        raise ConfigurationError(f"task must be one of {', '.join(TASKS)}. Got {task!r}.")
    if split is not None and task not in _WITH_SPLIT:
        raise ConfigurationError(f"split is for {', '.join(_WITH_SPLIT)}; {task} has parts of its own. Leave it out.")
    if isinstance(data, str | Path) and Path(data).is_dir() and task == "cross-language":
        raise DataError(f"{data} is a folder; the task cross-language needs a table of pairs. Give one of its files.")
    found = _outcome(encode, task, data, name, columns, split, seed)
    return EncoderEvaluation(task, name, _called(data), found.tables, found.notes)


def _outcome(
    encode: Encode, task: Task, data: object, name: str, columns: Sequence[str], split: str | None, seed: int
) -> Outcome:
    if task == "sts":
        return evaluate_sts(encode, data, columns=columns, split=split)
    if task == "retrieval":
        if not isinstance(data, str | Path):
            raise DataError(f"Retrieval needs a folder with docs, queries and qrels. Got {type(data).__name__}.")
        return evaluate_retrieval(encode, data, name=name, columns=columns)
    if task == "cross-language":
        return evaluate_cross_language(encode, data, columns=columns, split=split)
    if task == "pairs":
        return evaluate_pair_classification(encode, data, columns=columns)
    if task == "classification":
        return evaluate_classification(encode, data, columns=columns, seed=seed)
    return evaluate_geometry(encode, data, columns=columns, split=split, seed=seed)


def _called(data: object) -> str:
    return str(data) if isinstance(data, str | Path) else "a table"

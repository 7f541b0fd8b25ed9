"""Labels of texts by a model that was trained to match the two, in a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.data import write_table
from kinfolk.data.texts import read_texts
from kinfolk.errors import ConfigurationError
from kinfolk.methods.texts.model import TextModel


@dataclass(frozen=True, eq=False)
class Classified:
    """How likely each label is for each text.

    Attributes:
        names: what each text is: its row, from 1.
        labels: that were asked about.
        probabilities: float32 (texts, labels), each in [0, 1]; those of a text need not add up to 1.
        notes: sentences for the user.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: npt.NDArray[np.float32]
    notes: tuple[str, ...] = ()

    def best(self) -> tuple[str, ...]:
        """The most likely label of each text; the first of equals."""
        return tuple(self.labels[at] for at in self.probabilities.argmax(1))

    def to_arrow(self) -> pa.Table:
        """Columns ``name``, ``label`` (the most likely one) and ``probability`` (of it)."""
        return pa.table(
            {"name": list(self.names), "label": list(self.best()), "probability": self.probabilities.max(1)}
        )

    def save(self, path: str | Path) -> Path:
        """Write the table, .csv or .parquet.

        Raises:
            ConfigurationError: the name has another ending.
            DataError: the place cannot be written to.
        """
        write_table(self.to_arrow(), path)
        return Path(path)


def classify(
    data: object,
    *,
    model: str | Path | TextModel,
    labels: Sequence[str] | None = None,
    column: str | None = None,
    advance: Callable[[float], None] | None = None,
) -> Classified:
    """Tell labels of texts by the names of the labels.

    Args:
        data: a file of lines, a list of strings, or a table with a column of texts. A row without text is left out.
        model: that the method ``textlabel`` trained, or its folder.
        labels: their names, each once, which the training need not have shown; None takes those it was trained with.
        column: the column with the texts; None takes the only one there is.
        advance: told the share that is done.

    Raises:
        DataError: the data or the model cannot be read.
        ConfigurationError: labels that are not possible, or a model that was trained by another method.
    """
    trained = model if isinstance(model, TextModel) else TextModel.load(model)
    chosen = tuple(trained.about.get("labels", ()) if labels is None else labels)
    if isinstance(labels, str) or not chosen or len(set(chosen)) < len(chosen):
        known = "The model was trained without labels. " if labels is None else ""
        raise ConfigurationError(f"{known}labels must be names of labels, one at least, each once. Got {labels!r}.")
    texts = read_texts(data, column=column)
    names = tuple(str(row + 1) for row in texts.rows.tolist())
    return Classified(names, chosen, trained.label_probabilities(texts.texts, chosen, advance=advance), texts.notes)

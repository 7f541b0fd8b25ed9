"""What an encoder is asked, and what its evaluation gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Task = Literal["sts", "retrieval", "cross-language", "pairs", "classification", "geometry"]
Encode: TypeAlias = Callable[[Sequence[str]], npt.NDArray[np.floating]]
"""Texts to vectors, (texts, dim): of any length, zeros for a text that says nothing."""


class Figures(Protocol):
    """A row of a table of figures: a frozen dataclass of one of the tasks."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


@dataclass(frozen=True)
class Outcome:
    """What a task found.

    Attributes:
        tables: rows of figures, all rows of a table of one class, by the name of the table.
        notes: sentences for the user: which rows were taken, what was left out.
    """

    tables: Mapping[str, tuple[Figures, ...]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class EncoderEvaluation:
    """How good an encoder is at a task.

    Attributes:
        task: what was asked of it.
        model: what the encoder is called.
        data: on what, a file or a folder.
        tables: rows of figures, each a frozen dataclass, by the name of the table.
        notes: sentences for the user.
    """

    task: Task
    model: str
    data: str
    tables: Mapping[str, tuple[Figures, ...]]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dicts, lists, texts and numbers, fit for JSON."""
        tables = {name: [asdict(row) for row in rows] for name, rows in self.tables.items()}
        return {
            "task": self.task,
            "model": self.model,
            "data": self.data,
            "tables": tables,
            "notes": list(self.notes),
        }

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML file that needs no network: the figures and what they mean.

        Raises:
            DataError: the file cannot be written.
        """
        # The report stands to the right of evaluation; only this convenience reaches over.
        write_encoder_report = import_module("kinfolk.report").write_encoder_report
        return Path(write_encoder_report(self, path))

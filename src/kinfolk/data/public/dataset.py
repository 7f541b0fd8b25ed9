"""What is known of a data set before it is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow as pa

from kinfolk.data.public.packages import Package
from kinfolk.errors import ConfigurationError

Tables = dict[str, pa.Table]
"""Tables by the names of their files, which say the format: ``left.csv``, ``google.parquet``."""


@dataclass(frozen=True)
class Choice:
    """Which parts of a data set are wanted; empty where there is nothing to choose.

    Attributes:
        languages: as CLDR names them: ``en``, ``ja``, ``zh-Hant``.
        vendors: of pictures.
    """

    languages: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A data set by name.

    Attributes:
        name: on the command line and in files.
        holds: what is in it, in one line.
        license: of the data as far as the package states it; else of the package.
        packages: what has to be fetched for a choice; raises ``ConfigurationError`` where it cannot be met.
        build: makes the tables from the files of the packages, in their order, for a choice.
        choice: what is taken unless something else is asked for.
    """

    name: str
    holds: str
    license: str
    packages: Callable[[Choice], tuple[Package, ...]]
    build: Callable[[Sequence[Path], Choice], Tables]
    choice: Choice = Choice()

    def choose(self, *, languages: Sequence[str] | None = None, vendors: Sequence[str] | None = None) -> Choice:
        """The choice with what is asked for, each once and sorted; None takes the default.

        Raises:
            ConfigurationError: the data set has no such choice, or nothing is chosen.
        """
        given = {"languages": languages, "vendors": vendors}
        chosen = {}
        for name in (field.name for field in fields(Choice)):
            default: tuple[str, ...] = getattr(self.choice, name)
            wanted = given[name]
            if wanted is not None and not default:
                raise ConfigurationError(f"The data set {self.name} has no {name} to choose. Leave them out.")
            if wanted is not None and not wanted:
                raise ConfigurationError(f"{self.name}: at least one of the {name} is needed. Got none.")
            chosen[name] = default if wanted is None else tuple(sorted(set(wanted)))
        return Choice(**chosen)

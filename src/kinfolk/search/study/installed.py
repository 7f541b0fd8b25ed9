"""The engines that can be measured without installing anything but this package and its extras."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from kinfolk.errors import ConfigurationError
from kinfolk.search.kinds import kinds
from kinfolk.search.study.engine import Engine, Kinfolk, KinfolkExact
from kinfolk.search.study.kind_engine import OfKind
from kinfolk.search.study.lance_engine import LanceDb
from kinfolk.search.study.plain_engines import Faiss, Numpy


def installed_engines(folder: Path, *, only: Sequence[str] | None = None) -> list[Engine]:
    """This package's index, numpy, and faiss and LanceDB where they are installed.

    Args:
        folder: for engines that live on disk.
        only: names, those of ``kinfolk.search.kinds`` among them, which need not be fast; None takes all but these.

    Raises:
        ConfigurationError: a name that is none of theirs.
    """
    engines: list[Engine] = [Kinfolk(), KinfolkExact(), Numpy()]
    if find_spec("faiss") is not None:
        engines += [Faiss("flat"), Faiss("hnsw"), Faiss("ivf")]
    if find_spec("lancedb") is not None:
        engines.append(LanceDb(folder))
    if only is None:
        return engines
    by_name: dict[str, Engine] = {engine.name: engine for engine in engines}
    by_name |= {name: OfKind(name) for name in kinds()}
    unknown = next((name for name in only if name not in by_name), None)
    if unknown is not None or not only:
        raise ConfigurationError(f"Engines that are installed: {', '.join(by_name)}. Got {unknown or 'none'}.")
    return [by_name[name] for name in dict.fromkeys(only)]

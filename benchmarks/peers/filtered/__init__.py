"""Engines of others for ``benchmarks.filtered_search``, each behind the protocol of ``kinfolk.search.study``.

Each is used as its documentation has it for filtered search: its graph with the parameters that all graphs here have, an index on every
column, filters in its own language, the fastest call, one thread. What is not installed is named.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from kinfolk.search.study import Engine

PACKAGES = {"hnswlib": "hnswlib", "qdrant-edge": "qdrant_edge", "zvec": "zvec"}


def peers(folder: Path) -> tuple[list[Engine], list[str]]:
    """The engines that are installed, and the names of those that are not.

    Args:
        folder: for those that live on disk.
    """
    engines: list[Engine] = []
    missing = [name for name, module in PACKAGES.items() if find_spec(module) is None]
    if "hnswlib" not in missing:
        from benchmarks.peers.filtered.hnswlib_graph import Hnswlib

        engines.append(Hnswlib())
    if "qdrant-edge" not in missing:
        from benchmarks.peers.filtered.qdrant_shard import QdrantEdge

        engines.append(QdrantEdge(folder / "qdrant"))
    if "zvec" not in missing:
        from benchmarks.peers.filtered.zvec_collection import Zvec

        engines.append(Zvec(folder / "zvec"))
    return engines, missing

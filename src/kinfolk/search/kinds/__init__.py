"""The methods of the study of filtered search, one file each, behind one interface, so that they can be compared.

After the choice of Iff et al. 2025, "Benchmarking Filtered Approximate Nearest Neighbor Search Algorithms on Transformer-based Embedding
Vectors" (arXiv 2507.21989). They are there to be measured and read; to search, take ``kinfolk.search.Index``.

==================  =============================================================================================
every filter        post-filter · ivf-selector · hnsw-selector · acorn-1 · acorn-gamma
labels of a column  filtered-vamana · stitched-vamana · ung
ranges of a column  serf
==================  =============================================================================================
"""

from importlib import import_module

from kinfolk.search.kinds.interface import Kind
from kinfolk.search.kinds.registry import Entry, find_kind, kind, kinds

__all__ = ["Entry", "Kind", "find_kind", "kind", "kinds"]

# The files of the kinds; each registers itself.
for _file in (
    "acorn_1",
    "acorn_gamma",
    "filtered_vamana",
    "hnsw_selector",
    "ivf_selector",
    "post_filter",
    "serf",
    "stitched_vamana",
    "ung",
):
    import_module(f"kinfolk.search.kinds.{_file}")

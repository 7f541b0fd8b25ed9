"""The study of filtered search: its files, how to make them from a table, and how engines are measured on them.

After Iff, Brügger, Chrapek, Besta and Hoefler, "Benchmarking Filtered Approximate Nearest Neighbor Search Algorithms on
Transformer-based Embedding Vectors" (2025, arXiv 2507.21989).

==================  ==================================================================================================
read_study          the published files, or those of ``write_study``
generate            a study from vectors and a table, at any size
run_study           engines on all cells, kept cell by cell
Engine              what an engine has to have
installed_engines   those that need nothing but this package and its extras
==================  ==================================================================================================
"""

from kinfolk.search.study.engine import Engine, Kinfolk, KinfolkExact
from kinfolk.search.study.generate import generate
from kinfolk.search.study.installed import installed_engines
from kinfolk.search.study.layout import Cell, Study, read_study, write_study
from kinfolk.search.study.run import run_study
from kinfolk.search.study.terms import Kind, Term, Terms
from kinfolk.search.study.winners import Standing, standings

__all__ = [
    "Cell",
    "Engine",
    "Kind",
    "Kinfolk",
    "KinfolkExact",
    "Standing",
    "Study",
    "Term",
    "Terms",
    "generate",
    "installed_engines",
    "read_study",
    "run_study",
    "standings",
    "write_study",
]

"""Vectors that can be searched, kept in a folder."""

from kinfolk.search.exemplars import ExemplarIndex, Neighbors
from kinfolk.search.space import VectorSpace

__all__ = ["ExemplarIndex", "Neighbors", "VectorSpace"]

"""Nearest neighbors under a slow scorer of pairs, by CUR approximation of its score matrix (ANNCUR, AdaCUR)."""

from kinfolk.search.cross_encoder.index import CrossEncoderIndex, Found
from kinfolk.search.cross_encoder.scorer import Scorer

__all__ = ["CrossEncoderIndex", "Found", "Scorer"]

"""Comparisons of two records, one family a file; each takes whole columns of pairs at once."""

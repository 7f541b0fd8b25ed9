"""Judging a sample of pairs by hand: which pairs to ask about, how to ask, and what the answers say about the result."""

"""Compiled parts of a search: each answers by itself, and the planner chooses among them."""

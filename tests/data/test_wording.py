"""Counts, rows and lists the way sentences need them."""

import numpy as np

from kinfolk.data.wording import counted, listed, rows_in_words, shortened


def test_wording():
    assert counted(1, "row has", "rows have") == "1 row has"
    assert counted(12_000, "row has", "rows have") == "12,000 rows have"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(list("abcdefghij"), limit=3) == "a, b, c and 7 more"
    assert rows_in_words([3]) == "row 4"
    assert rows_in_words(np.array([3, 1836])) == "rows 4 and 1837"
    assert rows_in_words(range(9)) == "rows 1, 2, 3, 4, 5, …"
    assert shortened("x" * 50, 10) == "x" * 9 + "…"

"""``kinfolk link --rescore``: a function of one's own, by its name."""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from kinfolk.data import read_table, write_table

FUNCTION = """
def same(left, right):
    return [float(int(b[-4:]) == 1000 + 7919 * int(a[-4:]) % 9000) for a, b in zip(left, right)]
"""


def test_a_function_in_this_folder_tells_twins_apart(run_kinfolk, tmp_path, monkeypatch):
    """Three records each have the same words and differ in a number alone, of which only the function knows the rule."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    Path("my_scorer.py").write_text(FUNCTION)
    draw = np.random.default_rng(3)
    words = ["".join(draw.choice([*"abcdefghij"], 12)) for _ in range(30)]
    codes = draw.choice(np.arange(1000, 10_000), 90, replace=False)
    for name, numbers in (("left", codes), ("right", 1000 + 7919 * codes % 9000)):
        rows = [{"id": f"{name}{n}", "name": f"{words[n // 3]} {number}"} for n, number in enumerate(numbers)]
        write_table(pa.Table.from_pylist(rows), f"{name}.csv")
    outcome = run_kinfolk(
        "link",
        "left.csv",
        "right.csv",
        "-o",
        "links.csv",
        "--rescore",
        "my_scorer:same",
        "--rescore-calls",
        3,
        "--relation",
        "one-to-one",
    )
    assert outcome.code == 0
    links = read_table("links.csv").to_pylist()
    assert sum(row["left_id"][4:] == row["right_id"][5:] for row in links) >= 86

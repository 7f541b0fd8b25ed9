"""How far a run is: names of stages to a plain callable, shares of them to an object."""

from __future__ import annotations

from pathlib import Path

import pytest

import kinfolk
from kinfolk.linking.links import Stage
from kinfolk.linking.stages import Clock

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"
NAMES = ["read", "represent", "candidates", "compare", "match", "learn", "decide"]


class Told:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.shares: dict[str, list[float]] = {}
        self.ended: list[Stage] = []

    def begin(self, stage: str) -> None:
        self.shares[stage] = []

    def advance(self, share: float) -> None:
        self.shares[list(self.shares)[-1]].append(share)

    def end(self, stage: Stage) -> None:
        self.ended.append(stage)


@pytest.fixture(scope="module")
def labels() -> list[dict[str, object]]:
    links = kinfolk.link(EXAMPLES / "left.csv", EXAMPLES / "right.csv")
    rows = links.scores.sort_by([("probability", "descending")]).select(["left", "right"])
    rows = [*rows.slice(0, 5).to_pylist(), *rows.slice(rows.num_rows - 5).to_pylist()]
    ids = links.left.ids.to_pylist(), links.right.ids.to_pylist()
    return [
        {"left_id": ids[0][row["left"]], "right_id": ids[1][row["right"]], "label": int(place < 5)}
        for place, row in enumerate(rows)
    ]


def test_a_plain_callable_hears_the_names(labels: list[dict[str, object]]) -> None:
    heard: list[str] = []
    kinfolk.link(EXAMPLES / "left.csv", EXAMPLES / "right.csv", labels=labels, progress=heard.append)
    assert heard == NAMES


def test_shares_rise_to_the_end_of_each_stage(labels: list[dict[str, object]]) -> None:
    told = Told()
    links = kinfolk.link(EXAMPLES / "left.csv", EXAMPLES / "right.csv", labels=labels, progress=told)
    assert list(told.shares) == NAMES
    assert tuple(told.ended) == links.stages
    for name in ("represent", "candidates", "compare"):
        shares = told.shares[name]
        assert shares == sorted(shares), name
        assert 0 <= shares[0] <= shares[-1] <= 1, name
        assert shares[-1] >= 0.5, name


def test_nobody_has_to_listen() -> None:
    clock = Clock(None)
    clock.start("read")
    clock.advance(0.5)
    clock.stop("3 records")
    assert [(stage.name, stage.detail) for stage in clock.stages] == [("read", "3 records")]

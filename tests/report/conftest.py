"""Results small enough to know every number in them, and large enough to fill the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from kinfolk.data import Records
from kinfolk.evaluation.interval import Estimate, Interval
from kinfolk.linking.explanation import Contribution, Explanation
from kinfolk.linking.links import Links, Stage

PRIOR = -2.0


def estimate(source: str = "model") -> Estimate:
    return Estimate(
        Interval(0.98, 0.95, 0.99),
        Interval(0.91, 0.85, 0.96),
        Interval(0.944, 0.9, 0.97),
        Interval(4.0, 3.0, 6.0),
        source,
    )


def records(table_name: str, /, **columns: Sequence[object]) -> Records:
    """A table with an id column and text columns."""
    table = pa.table(dict(columns))
    return Records(table, {c: "id" if c == "id" else "text" for c in columns}, table_name)


@dataclass(frozen=True)
class StoredLinks(Links):
    """Links whose explanations are read from the scores, with the values of the fields that the labels name."""

    def to_arrow(self) -> pa.Table:
        return links_table(self.scores, self.left, self.right)

    def explain(self, left_id: object, right_id: object) -> Explanation:
        return explain(self.scores, self.left, self.right, left_id, right_id)

    def explain_candidate(self, position: int) -> Explanation:
        left, right = (self.scores.column(side)[position].as_py() for side in ("left", "right"))
        return self.explain(self.left.ids[left].as_py(), self.right.ids[right].as_py())


@dataclass(frozen=True)
class StoredClusters:
    """What the report reads of a deduplication."""

    records: Records
    scores: pa.Table
    labels: np.ndarray
    threshold: float
    estimate: Estimate
    stages: tuple[Stage, ...] = ()
    notes: tuple[str, ...] = ()

    def to_arrow(self) -> pa.Table:
        return pa.table({"id": self.records.ids, "cluster_id": self.labels})

    def explain(self, a: object, b: object) -> Explanation:
        return explain(self.scores, self.records, self.records, a, b)

    def explain_candidate(self, position: int) -> Explanation:
        a, b = (self.records.ids[self.scores.column(side)[position].as_py()].as_py() for side in ("left", "right"))
        return self.explain(a, b)

    def focus_rows(self, *_: int) -> None:
        return None


def links_table(scores: pa.Table, left: Records, right: Records) -> pa.Table:
    linked = scores.filter(scores.column("link"))
    return pa.table(
        {
            "left_id": left.ids.take(linked.column("left").combine_chunks()),
            "right_id": right.ids.take(linked.column("right").combine_chunks()),
            "probability": linked.column("probability"),
        }
    )


def explain(scores: pa.Table, left: Records, right: Records, left_id: object, right_id: object) -> Explanation:
    a, b = pc.index(left.ids, left_id).as_py(), pc.index(right.ids, right_id).as_py()
    same_left, same_right = (scores.column(name).to_numpy() == row for name, row in (("left", a), ("right", b)))
    (row,) = scores.filter(pa.array(same_left & same_right)).to_pylist()
    others = scores.filter(pa.array(same_left ^ same_right)).to_pylist()
    rival = max(others, key=lambda r: r["probability"], default=None)
    return _explanation(row, left, right, _explanation(rival, left, right, None) if rival else None)


def _explanation(row: dict[str, object], left: Records, right: Records, rival: Explanation | None) -> Explanation:
    a, b = int(row["left"]), int(row["right"])
    contributions = [
        Contribution(
            label,
            left.take([a]).texts(label)[0] if label in left.roles else "",
            right.take([b]).texts(label)[0] if label in right.roles else "",
            row.get(f"similarity/{label}"),
            float(row[f"evidence/{label}"]),
        )
        for label in (name.removeprefix("evidence/") for name in row if name.startswith("evidence/"))
    ]
    contributions.sort(key=lambda c: -abs(c.log_odds))
    linked = bool(row["link"])
    reason = "Reaches the cut." if linked else "Stays below the cut, or lost."
    return Explanation(
        left.ids[a].as_py(),
        right.ids[b].as_py(),
        float(row["probability"]),
        PRIOR,
        tuple(contributions),
        linked,
        reason,
        rival,
    )


def score_table(
    left: Sequence[int], right: Sequence[int], link: Sequence[bool], evidence: dict[str, Sequence[float]]
) -> pa.Table:
    """Scores whose probabilities follow from the evidence."""
    total = PRIOR + sum((np.asarray(v, dtype=np.float64) for v in evidence.values()), np.zeros(len(left)))
    return pa.table(
        {
            "left": pa.array(left, pa.int32()),
            "right": pa.array(right, pa.int32()),
            "probability": pa.array(1 / (1 + np.exp(-total)), pa.float64()),
            "link": pa.array(link, pa.bool_()),
            **{f"evidence/{label}": pa.array(values, pa.float32()) for label, values in evidence.items()},
            **{f"similarity/{label}": pa.array([0.5] * len(left), pa.float32()) for label in evidence},
        }
    )


def unlinked_table(rows: Sequence[tuple[str, int, str, int | None, int | None, float | None]]) -> pa.Table:
    names = ("side", "row", "reason", "rival", "winner", "probability")
    kinds = (pa.string(), pa.int32(), pa.string(), pa.int32(), pa.int32(), pa.float64())
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    return pa.table({name: pa.array(list(c), kind) for name, c, kind in zip(names, columns, kinds, strict=True)})


def make_links(
    left: Records,
    right: Records,
    scores: pa.Table,
    unlinked: pa.Table,
    *,
    relation: str = "one-to-one",
    threshold: float = 0.5,
) -> StoredLinks:
    return StoredLinks(
        left=left,
        right=right,
        scores=scores,
        unlinked=unlinked,
        prior=PRIOR,
        threshold=threshold,
        relation=relation,
        estimate=estimate(),
        stages=(Stage("candidates", 0.4, "6 pairs"), Stage("compare", 1.6)),
        notes=("A note for the user.",),
    )


@dataclass(frozen=True)
class Kit:
    """The makers above, for tests that need tables of their own."""

    records = staticmethod(records)
    scores = staticmethod(score_table)
    unlinked = staticmethod(unlinked_table)
    links = staticmethod(make_links)


@pytest.fixture(scope="session")
def kit() -> Kit:
    return Kit()


@pytest.fixture(scope="session")
def many_links() -> StoredLinks:
    """50,000 links between two tables of 50,000 persons with six fields."""
    n = 50_000
    rng = np.random.default_rng(7)
    columns = {
        name: [f"{word}{k}" for k in rng.integers(0, 20_000, n)]
        for name, word in (
            ("given_name", "name"),
            ("surname", "family-"),
            ("street", "long street "),
            ("city", "town of "),
            ("birth", "19"),
            ("phone", "+41 61 "),
        )
    }
    left = records("left.csv", id=[f"L{i}" for i in range(n)], **columns)
    right = records("right.csv", id=[f"R{i}" for i in range(n)], **{**columns, "phone": columns["phone"][::-1]})
    evidence = {name: rng.normal(1.5, 1.0, n).tolist() for name in columns}
    return make_links(left, right, score_table(range(n), range(n), [True] * n, evidence), unlinked_table([]))


@pytest.fixture
def restaurants() -> StoredLinks:
    """Four records and four records: two sure links, one doubtful one, one pair that lost, one below the cut."""
    left = records(
        "guide.csv",
        id=["a1", "a2", "a3", "a4"],
        name=["Café Müller", "Golden Wok", "La Piazza", "Nobody's Diner"],
        city=["Basel", "Bern", "Chur", "Davos"],
        phone=["061 1", "031 2", "", "081 4"],
    )
    right = records(
        "web.csv",
        id=["b1", "b2", "b3", "b4"],
        name=["Cafe Mueller", "Wok, Golden", "Piazza", "Golden Wog"],
        city=["Basel", "Bern", "Chur", "Bern"],
        website=["m.example", "w.example", "", ""],
    )
    scores = score_table(
        [0, 1, 2, 1, 3],
        [0, 1, 2, 3, 2],
        [True, True, True, False, False],
        {
            "name": [4.0, 5.0, 1.5, 1.0, -3.0],
            "city": [2.0, 2.0, 2.0, 2.0, -1.0],
            "whole record": [1.0, 1.0, -0.5, -0.5, -0.5],
        },
    )
    unlinked = unlinked_table(
        [("left", 3, "below the cut", 2, None, 0.002), ("right", 3, "lost to a better link", 1, 1, 0.62)]
    )
    return make_links(left, right, scores, unlinked)


@pytest.fixture
def names() -> StoredClusters:
    """Six records in three clusters: a chain of three that hangs by one weak pair, a twin pair, a single one."""
    table = records(
        "people", id=[1, 2, 3, 4, 5, 6], name=["Ann Lee", "Anne Lee", "Anna Leigh", "Bo Wu", "Bo Wu", "Cy Young"]
    )
    scores = score_table(
        [0, 0, 1, 3, 2], [1, 2, 2, 4, 5], [True, True, True, True, False], {"name": [5.0, 1.0, 2.5, 8.0, -2.0]}
    )
    labels = np.array([7, 7, 7, 9, 9, 11])
    return StoredClusters(table, scores, labels, 0.5, estimate("audit"), (Stage("cluster", 0.1),), ("One note.",))

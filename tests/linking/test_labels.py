"""Labeled pairs: read from anything, found among the candidates, kept to."""

import numpy as np
import pytest

import kinfolk
from kinfolk.data import Records, read_records
from kinfolk.errors import DataError
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.labels import UNKNOWN, read_labels


def tables() -> tuple[Records, Records]:
    left = [{"id": "007", "name": "Ada"}, {"id": "8", "name": "Bob"}, {"id": "9", "name": "Cy"}]
    right = [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}, {"id": 2, "name": "Bobby"}, {"id": 3, "name": "Cy"}]
    return read_records(left, id="id"), read_records(right, id="id")


def rows(*entries: tuple[str, object, object]) -> list[dict[str, object]]:
    return [{"left_id": a, "right_id": b, "label": label} for a, b, label in entries]


def test_labels_find_their_rows_whatever_the_type_of_the_ids() -> None:
    labels = read_labels(rows(("9", 3, "no"), ("007", "1", "Yes"), ("8", "3", "")), *tables())
    assert list(zip(labels.left, labels.right, labels.label, strict=True)) == [(0, 0, 1), (1, 3, UNKNOWN), (2, 3, 0)]
    assert len(labels) == 2
    candidates = Candidates(np.array([0, 1, 2], np.int32), np.array([0, 1, 3], np.int32))
    assert labels.of(candidates, 4).tolist() == [1, UNKNOWN, 0]


def test_an_audit_file_is_a_file_of_labels() -> None:
    given = [{"left_id": "9", "right_id": 3, "match": "y", "name (left)": "Cy"}]
    assert read_labels(given, *tables()).label.tolist() == [1]


def test_shared_ids_and_contradictions_are_said_and_left_out() -> None:
    labels = read_labels(rows(("8", 2, 1), ("9", 3, 1), ("9", 3, 0), ("007", 1, ""), ("007", 1, 0)), *tables())
    assert labels.label.tolist() == [0, UNKNOWN]
    assert "1 pairs name an id that several records share" in labels.notes[0]
    assert "1 pairs are labeled both 1 and 0" in labels.notes[1]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (rows(("9", 3, "maybe")), r"column label, row 1: expected yes or no .* Got 'maybe'"),
        (rows(("9", 3, 1), ("10", 3, 1)), "column left_id, row 2: .* no record with id '10'"),
        ([{"left": "9", "right": 3, "label": 1}], "need the columns left_id, right_id and label. It has: left, right"),
    ],
)
def test_wrong_labels_say_where(given: list[dict[str, object]], expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        read_labels(given, *tables())


def people(count: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    random = np.random.default_rng(5)
    words = ["".join(random.choice(list("abcdefghijklmnoprstuvwy"), 6)) for _ in range(3 * count)]
    left = [{"id": f"l{i}", "name": " ".join(words[3 * i : 3 * i + 3])} for i in range(count)]
    right = [{"id": f"r{i}", "name": " ".join(words[3 * i : 3 * i + 2])} for i in range(count)]
    return left, right


def test_a_labeled_pair_keeps_its_label_and_every_pair_its_sum() -> None:
    left, right = people(60)
    before = kinfolk.link(left, right)
    assert before.evaluate({"left_id": [f"l{i}" for i in range(60)], "right_id": [f"r{i}" for i in range(60)]}).f1 == 1
    # A judge who knows better: the first two records belong crosswise, though nothing in them says so.
    said = [
        ("l0", "r0", 0),
        ("l1", "r1", 0),
        ("l0", "r1", 1),
        ("l1", "r0", 1),
        *((f"l{i}", f"r{i}", 1) for i in range(2, 20)),
    ]
    links = kinfolk.link(left, right, labels=rows(*said))
    found = set(zip(*(links.to_arrow().column(c).to_pylist() for c in ("left_id", "right_id")), strict=True))
    assert {("l0", "r1"), ("l1", "r0"), ("l5", "r5"), ("l40", "r40")} <= found
    explained = links.explain("l0", "r1")
    assert explained.contributions[0].label == "your label"
    evidence = [c for c in links.scores.column_names if c.startswith("evidence/")]
    total = links.prior + sum(links.scores.column(c).to_numpy().astype(float) for c in evidence)
    np.testing.assert_allclose(1 / (1 + np.exp(-total)), links.scores.column("probability").to_numpy(), atol=1e-4)


def test_the_run_folder_of_other_labels_is_refused(tmp_path: object) -> None:
    left, right = people(12)
    kinfolk.link(left, right, labels=rows(("l0", "r0", 1)), run=f"{tmp_path}/run")
    with pytest.raises(kinfolk.RunError, match="another labels"):
        kinfolk.link(left, right, labels=rows(("l0", "r0", 0)), run=f"{tmp_path}/run")

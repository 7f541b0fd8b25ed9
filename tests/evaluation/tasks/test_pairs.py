"""Pairs that belong together: the cut comes from other pairs, whatever form the files have."""

from pathlib import Path

import pytest

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.tasks.pairs import PairFigures, evaluate_pair_classification

ANGLES = {"a": 0, "b": 10, "c": 30, "d": 60, "e": 90}
VALID = (("a", "b", 1), ("a", "c", 1), ("a", "d", 0))  # the cut is the cosine of a and c
TEST = (("b", "c", 1), ("c", "d", 0), ("a", "e", 1), ("b", "e", 0))  # 20, 30, 90 and 80 degrees


def one_table(test: tuple = TEST) -> str:
    rows = [(*row, split) for split, pairs in (("valid", VALID), ("test", test)) for row in pairs]
    return "sentence1,sentence2,label,split\n" + "\n".join(f"{a},{b},{label},{split}" for a, b, label, split in rows)


def test_known_answer(on_circle, written) -> None:
    """Sorted by cosine the labels are 1, 0, 0, 1; the two nearest pairs are at or above the cut."""
    (row,) = evaluate_pair_classification(on_circle(ANGLES), written("pairs.csv", one_table())).tables["pairs"]
    assert row == PairFigures(
        pairs=4,
        true_pairs=2,
        average_precision=pytest.approx((1 + 2 / 4) / 2),
        f1=pytest.approx(0.5),
        precision=0.5,
        recall=0.5,
        threshold=pytest.approx(3**0.5 / 2),
        validation_pairs=3,
    )


def test_labels_of_the_test_do_not_choose_the_cut(on_circle, written) -> None:
    cuts = set()
    for name, test in (("one.csv", TEST), ("other.csv", tuple((a, b, 1 - label) for a, b, label in TEST))):
        (row,) = evaluate_pair_classification(on_circle(ANGLES), written(name, one_table(test))).tables["pairs"]
        cuts.add(row.threshold)
    assert len(cuts) == 1


def test_three_forms_give_the_same_figures(on_circle, written, tmp_path: Path) -> None:
    encode = on_circle(ANGLES)
    expected = evaluate_pair_classification(encode, written("pairs.csv", one_table()))
    for name, pairs in (("dev", VALID), ("test", TEST)):
        lines = "\n".join(f"{a},{b},{label}" for a, b, label in pairs)
        written(f"two/{name}.csv", f"sentence1,sentence2,label\n{lines}")
    assert evaluate_pair_classification(encode, tmp_path / "two") == expected
    for side in ("left", "right"):
        written(f"records/{side}.csv", "id,title,name\n" + "\n".join(f"{side[0]}{text},,{text}" for text in ANGLES))
    for name, pairs in (("valid", VALID), ("test", TEST)):
        lines = "\n".join(f"l{a},r{b},{label}" for a, b, label in pairs)
        written(f"records/pairs_{name}.csv", f"left_id,right_id,label\n{lines}")
    assert evaluate_pair_classification(encode, tmp_path / "records") == expected


def test_what_is_wrong_is_said_with_its_place(on_circle, written, tmp_path: Path) -> None:
    encode = on_circle(ANGLES)
    with pytest.raises(DataError, match="pairs of valid or validation or dev are needed.* Its splits: test, train"):
        evaluate_pair_classification(encode, written("t.csv", one_table().replace("valid", "train")))
    with pytest.raises(DataError, match="column label, row 3: a label must be 1 or 0. Got 2"):
        evaluate_pair_classification(encode, written("t.csv", one_table().replace("a,d,0", "a,d,2")))
    with pytest.raises(ConfigurationError, match="no column 'split'"):
        evaluate_pair_classification(encode, written("t.csv", "sentence1,sentence2,label\na,b,1\n"))
    with pytest.raises(DataError, match="A cut is chosen by true pairs"):
        evaluate_pair_classification(encode, written("t.csv", one_table().replace("1,valid", "0,valid")))
    written("r/left.csv", "id,name\n1,a\n")
    written("r/right.csv", "id,name\n1,b\n")
    written("r/pairs_valid.csv", "left_id,right_id,label\n1,7,1\n")
    written("r/pairs_test.csv", "left_id,right_id,label\n1,1,1\n")
    with pytest.raises(DataError, match="pairs_valid.csv, column right_id, row 1: '7' must be an id of right.csv"):
        evaluate_pair_classification(encode, tmp_path / "r")

"""Pairs with scores, read from files."""

import math
from pathlib import Path

import pytest
from scipy.stats import spearmanr

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.tasks.sts import SimilarityFigures, evaluate_sts, word_overlap

ANGLES = {"a": 0, "b": 10, "c": 40, "d": 80, "e": 170}
PAIRS = "split,score,sentence1,sentence2\ntrain,1,a,e\ntest,5,a,b\ntest,3,a,d\ntest,2,b,c\ntest,0,b,e\n"


def test_known_answer(on_circle, written) -> None:
    found = evaluate_sts(on_circle(ANGLES), written("pairs.csv", PAIRS))
    (row,) = found.tables["similarity"]
    assert isinstance(row, SimilarityFigures)
    cosines = [math.cos(math.radians(angle)) for angle in (10, 80, 30, 160)]
    assert (row.set, row.pairs) == ("pairs", 4)
    assert row.spearman == pytest.approx(spearmanr(cosines, [5, 3, 2, 0]).statistic) == pytest.approx(0.8)
    assert row.alignment == pytest.approx(2 - 2 * math.cos(math.radians(10))), "the one pair above 4"
    assert row.length_bias == 0, "all sentences have one letter"
    assert found.notes == ("pairs.csv: the 4 rows of the split 'test' of 5.",)


def test_all_pairs_and_other_names_of_columns(on_circle, written) -> None:
    encode = on_circle(ANGLES)
    assert evaluate_sts(encode, written("pairs.csv", PAIRS), split="all").tables["similarity"][0].pairs == 5
    renamed = written("other.csv", PAIRS.replace("sentence1", "one").replace("sentence2", "other"))
    named = evaluate_sts(encode, renamed, columns=("one", "other")).tables["similarity"][0]
    assert named.spearman == pytest.approx(0.8)


def test_scores_up_to_one_are_the_same_set(on_circle, written) -> None:
    small = "score,sentence1,sentence2\n1,a,b\n0.6,a,d\n0.4,b,c\n0,b,e\n"
    row, other = (
        evaluate_sts(on_circle(ANGLES), written(name, text)).tables["similarity"][0]
        for name, text in (("small.csv", small), ("pairs.csv", PAIRS))
    )
    assert (row.spearman, row.alignment) == (pytest.approx(other.spearman), pytest.approx(other.alignment))


def test_a_folder_holds_a_set_a_table_and_the_surface_probe(on_circle, written, tmp_path: Path) -> None:
    written("sets/first.csv", PAIRS)
    written("sets/second.csv", PAIRS)
    written("sets/swaps.csv", "sentence,paraphrase,swapped\na,b,c\na,e,d\n")
    found = evaluate_sts(on_circle(ANGLES), tmp_path / "sets")
    assert [row.set for row in found.tables["similarity"]] == ["first", "second"]
    (surface,) = found.tables["surface"]
    assert (surface.set, surface.sentences, surface.surface_accuracy) == ("swaps", 2, 0.5)


def test_word_overlap_by_hand() -> None:
    overlap = word_overlap(["A dog runs", "one two", "x"], ["a cat runs", "one two three four", "x"])
    assert overlap.tolist() == pytest.approx([2 / 3, 1 / 2, 1])


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("score,sentence1\n1,a\n", ConfigurationError, "sentence1 and sentence2"),
        ("sentence1,sentence2\na,b\n", ConfigurationError, "has no column 'score'"),
        ("score,sentence1,sentence2\n1,a,b\nhigh,a,c\n", DataError, "row 2: a number is needed. Got 'high'"),
        ("score,sentence1,sentence2\n1,a,b\n2,,c\n", DataError, "column sentence1: .* none in row 2"),
        ("score,sentence1,sentence2\n1,a,b\n1,a,c\n", DataError, "pairs.csv: Gold scores must differ"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(on_circle, written, text, error, says) -> None:
    with pytest.raises(error, match=says):
        evaluate_sts(on_circle(ANGLES), written("pairs.csv", text))


def test_a_row_is_counted_in_the_file_not_in_the_split(on_circle, written) -> None:
    with pytest.raises(DataError, match="row 5: a number is needed"):
        evaluate_sts(on_circle(ANGLES), written("pairs.csv", PAIRS.replace("test,0,", "test,x,")))
    with pytest.raises(ConfigurationError, match="no rows of the split 'dev'. Its splits: test, train"):
        evaluate_sts(on_circle(ANGLES), written("pairs.csv", PAIRS), split="dev")
    with pytest.raises(ConfigurationError, match="no column 'split'"):
        evaluate_sts(on_circle(ANGLES), written("none.csv", "score,sentence1,sentence2\n1,a,b\n"), split="dev")

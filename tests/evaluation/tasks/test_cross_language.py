"""Translations that find each other."""

import numpy as np
import pytest

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.tasks.cross_language import evaluate_cross_language, translation_accuracy

ANGLES = {"eins": 0, "zwei": 90, "drei": 180, "one": 5, "two": 170, "three": 175, "un": 0, "deux": 90, "ein": 0}
PAIRS = "lang,text,english\ndeu,eins,one\ndeu,zwei,two\ndeu,drei,three\nfra,un,one\nfra,deux,two\n"


def test_known_answer(on_circle, written) -> None:
    """zwei (90) is nearer to two (170) than to one (5); from two and three the nearest is drei."""
    found = evaluate_cross_language(on_circle(ANGLES), written("pairs.csv", PAIRS))
    german, french = found.tables["text → english"]
    assert (german.language, german.pairs) == ("deu", 3)
    assert (german.forward, german.backward) == (1.0, pytest.approx(2 / 3))
    assert (french.language, french.forward, french.backward) == ("fra", 1.0, 1.0)


def test_equals_a_slow_reference(rng: np.random.Generator) -> None:
    first = rng.normal(size=(1100, 3))  # more than are compared at a time
    second = first + 0.05 * rng.normal(size=first.shape)
    lengths = np.linalg.norm(second, axis=1)
    right = sum(int(np.argmax(second @ vector / lengths) == row) for row, vector in enumerate(first))
    assert 0.1 < right / 1100 < 0.9
    assert translation_accuracy(first, second, [str(row) for row in range(1100)]) == right / 1100


def test_the_same_text_is_no_rival_and_another_as_near_is_a_failure() -> None:
    queries, same = np.eye(2), np.ones((2, 2))
    assert translation_accuracy(queries, same, ["a", "a"]) == 1
    assert translation_accuracy(queries, same, ["a", "b"]) == 0
    with pytest.raises(DataError, match="one shape"):
        translation_accuracy(queries, same[:1], ["a"])


def test_one_language_needs_no_name_and_columns_may_have_others(on_circle, written) -> None:
    plain = written("plain.csv", "sentence1,sentence2\neins,one\ndrei,three\n")
    (row,) = evaluate_cross_language(on_circle(ANGLES), plain).tables["sentence1 → sentence2"]
    assert (row.language, row.pairs, row.forward) == ("all", 2, 1.0)
    wide = written("wide.csv", "no,de,en\n1,eins,one\n2,drei,three\n")
    with pytest.raises(ConfigurationError, match="Got no, de and en; .*Name two"):
        evaluate_cross_language(on_circle(ANGLES), wide)
    (row,) = evaluate_cross_language(on_circle(ANGLES), wide, columns=("en", "de")).tables["en → de"]
    assert row.backward == 1.0

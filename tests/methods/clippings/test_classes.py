import numpy as np
import pytest

from kinfolk.errors import ConfigurationError
from kinfolk.methods.clippings.classes import classes_of_pairs


def test_records_that_hang_together_are_one_class():
    classes = classes_of_pairs([[0, 3], [3, 1], [4, 5], [0, 3]], 7)
    same = classes[:, None] == classes
    expected = np.eye(7, dtype=bool)
    for group in ([0, 1, 3], [4, 5]):
        expected[np.ix_(group, group)] = True
    np.testing.assert_array_equal(same, expected)


def test_without_pairs_all_are_alone():
    assert classes_of_pairs([], 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [([[0, 3]], r"rows in \[0, 3\). Got 0 to 3"), ([[0.5, 1.0]], "integers"), ([0, 1], "shape \\(2,\\)")],
)
def test_impossible_pairs_are_refused(pairs, message):
    with pytest.raises(ConfigurationError, match=message):
        classes_of_pairs(pairs, 3)

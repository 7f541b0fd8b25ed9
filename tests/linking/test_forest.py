"""The compiled forest is scikit-learn's."""

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier

from kinfolk.linking.forest import lay_out


@pytest.mark.parametrize(("num", "bootstrap"), [(12, True), (300, False)])
def test_votes_are_those_of_the_trees(num: int, bootstrap: bool, rng: np.random.Generator) -> None:
    known, asked = (rng.normal(size=(size, 5)).astype(np.float32) for size in (num, 500))
    labels = (known[:, 0] + rng.normal(0, 0.5, num) > 0.3).astype(np.int8)
    model = ExtraTreesClassifier(30, min_samples_leaf=2, bootstrap=bootstrap, random_state=0).fit(known, labels)
    expected = model.predict_proba(asked)[:, list(model.classes_).index(1)]
    np.testing.assert_allclose(lay_out(model).votes(asked), expected, rtol=1e-12, atol=1e-15)


def test_a_tree_that_cannot_split_votes_by_its_labels() -> None:
    same = np.zeros((4, 2), np.float32)
    model = ExtraTreesClassifier(3, random_state=0).fit(same, np.array([0, 1, 1, 1]))
    np.testing.assert_allclose(lay_out(model).votes(np.ones((2, 2), np.float32)), [0.75, 0.75])

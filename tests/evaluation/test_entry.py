"""One entry point for links and clusters."""

import re

import pyarrow as pa
import pytest

from kinfolk.errors import DataError
from kinfolk.evaluation import evaluate, evaluate_clusters, evaluate_links

links = pa.table({"left_id": [1, 2], "right_id": [1, 3], "probability": [0.9, 0.8]})
true_links = pa.table({"left_id": [1, 2], "right_id": [1, 2], "label": [1, 1]})
clusters = pa.table({"id": [1, 2, 3], "cluster_id": [0, 0, 1]})


class Linked:
    def to_arrow(self) -> pa.Table:
        return links


def test_columns_say_what_it_is() -> None:
    assert evaluate(links, true_links) == evaluate_links(links, true_links)
    assert evaluate(Linked(), true_links) == evaluate_links(links, true_links)
    assert evaluate(clusters, clusters) == evaluate_clusters(clusters, clusters)


def test_errors_say_what_was_expected() -> None:
    with pytest.raises(
        DataError,
        match=re.escape(
            "The truth must have the columns left_id, right_id (links) or id, cluster_id (clusters). It has: a."
        ),
    ):
        evaluate(links, pa.table({"a": [1]}))
    with pytest.raises(DataError, match="The result holds links and the truth holds clusters"):
        evaluate(links, clusters)

"""Agreement of clusterings."""

import itertools
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from kinfolk.errors import DataError
from kinfolk.evaluation import evaluate_clusters
from kinfolk.evaluation.clusters import compare_labels

labels = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=25)


def table(ids: list[object], clusters: list[object]) -> pa.Table:
    return pa.table({"id": ids, "cluster_id": clusters})


def test_known_answer() -> None:
    # Predicted {1,2,3}{4,5}, true {1,2}{3,4,5}: 2 of 4 predicted pairs are true, 2 of 4 true pairs are predicted.
    metrics = evaluate_clusters(
        table([1, 2, 3, 4, 5], ["a", "a", "a", "b", "b"]), table(list("12345"), [1, 1, 2, 2, 2])
    )
    assert (metrics.pairwise_precision, metrics.pairwise_recall, metrics.pairwise_f1) == (0.5, 0.5, 0.5)
    # B-cubed precision by record: 2/3, 2/3, 1/3, 1, 1.
    assert metrics.bcubed_precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5)
    assert metrics.bcubed_recall == pytest.approx((1 + 1 + 1 / 3 + 2 / 3 + 2 / 3) / 5)
    assert metrics.adjusted_rand == pytest.approx((2 - 16 / 10) / (4 - 16 / 10))
    assert (metrics.num_records, metrics.num_clusters, metrics.num_singletons) == (5, 2, 0)


@given(rows=labels)
def test_equals_slow_loops(rows: list[tuple[int, int]]) -> None:
    one, two = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    metrics = compare_labels(one, two)
    pairs = list(itertools.combinations(range(len(rows)), 2))
    same_one = [pair for pair in pairs if one[pair[0]] == one[pair[1]]]
    same_two = [pair for pair in pairs if two[pair[0]] == two[pair[1]]]
    both = len(set(same_one) & set(same_two))
    if same_one or same_two:
        assert metrics.pairwise_precision == (both / len(same_one) if same_one else 0.0)
        assert metrics.pairwise_recall == (both / len(same_two) if same_two else 0.0)
    else:
        assert metrics.pairwise_f1 == 1.0
    share = [((one == one[i]) & (two == two[i])).sum() / (one == one[i]).sum() for i in range(len(rows))]
    back = [((one == one[i]) & (two == two[i])).sum() / (two == two[i]).sum() for i in range(len(rows))]
    assert metrics.bcubed_precision == pytest.approx(np.mean(share))
    assert metrics.bcubed_recall == pytest.approx(np.mean(back))
    assert metrics.adjusted_rand == pytest.approx(adjusted_rand_score(two, one))
    assert metrics.num_singletons == sum(int((one == value).sum() == 1) for value in set(one.tolist()))


@given(rows=labels, seed=st.integers(0, 100))
def test_names_and_order_do_not_matter(rows: list[tuple[int, int]], seed: int) -> None:
    one, two = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    rng = np.random.default_rng(seed)
    order = rng.permutation(one.size)
    first, second = compare_labels(one, two), compare_labels(17 - one[order], 3 * two[order])
    assert first.bcubed_f1 == pytest.approx(second.bcubed_f1)
    assert (first.pairwise_f1, first.adjusted_rand) == (second.pairwise_f1, second.adjusted_rand)


def test_a_large_table_takes_no_square_of_it() -> None:
    size = 300_000
    metrics = compare_labels(np.zeros(size, dtype=np.int64), np.arange(size) // 2)
    assert metrics.pairwise_precision == (size // 2) / (size * (size - 1) // 2)
    assert (metrics.pairwise_recall, metrics.bcubed_recall) == (1.0, 1.0)


def test_records_without_a_cluster_are_their_own() -> None:
    predicted = table(["a", "b"], [1, 1])
    truth = table(["a", "b", "c", "d"], ["x", "x", "y", None])
    metrics = evaluate_clusters(predicted, truth)
    assert (metrics.pairwise_f1, metrics.adjusted_rand, metrics.num_records) == (1.0, 1.0, 4)
    assert (metrics.num_clusters, metrics.num_singletons) == (3, 2)
    assert metrics.notes == (
        "The predicted clusters: 2 of 4 records have no cluster; each counts as its own.",
        "The true clusters: 1 of 4 records have no cluster; each counts as its own.",
    )


def test_errors() -> None:
    with pytest.raises(DataError, match=re.escape("The predicted clusters, row 3: the id 'a' is in two clusters.")):
        evaluate_clusters(table(["a", "b", "a"], [1, 1, 2]), table(["a", "b"], [1, 1]))
    with pytest.raises(DataError, match="no id is in both tables. The first ids are 'a', 'b' and '1'"):
        evaluate_clusters(table(["a", "b"], [1, 1]), table([1], [1]))
    with pytest.raises(DataError, match="one label a record. Got 2 and 3 labels"):
        compare_labels(np.zeros(2, dtype=np.int64), np.zeros(3, dtype=np.int64))


def test_repeated_row_counts_once() -> None:
    metrics = evaluate_clusters(table(["a", "a", "b"], [1, 1, 2]), table(["a", "b"], [1, 2]))
    assert (metrics.num_records, metrics.pairwise_f1) == (2, 1.0)
    assert metrics.notes == ("The predicted clusters: 1 rows repeat another row and were counted once.",)

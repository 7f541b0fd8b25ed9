import numpy as np
import pytest

from kinfolk.errors import ConfigurationError
from kinfolk.methods.clippings.neighborhoods import NeighborhoodBatches, neighborhoods

RING = np.array([[np.cos(a), np.sin(a)] for a in np.linspace(0, 2 * np.pi, 8, endpoint=False)], np.float32)


def test_neighborhoods_on_a_ring_by_hand():
    near, dropped = neighborhoods(RING, 3)
    assert dropped == 0
    for at, classes in enumerate(near):
        assert classes[0] == at
        assert set(classes[1:].tolist()) == {(at - 1) % 8, (at + 1) % 8}


def test_what_is_nearer_than_the_limit_is_left_out_and_the_next_comes_in():
    doubled = np.concatenate([RING, RING[:1]])
    near, dropped = neighborhoods(doubled, 3, limit=0.9)
    assert dropped == 2  # class 0 and its double, each by the other
    assert 8 not in near[0]
    assert set(near[0].tolist()) == {0, 1, 7}


def test_equal_exemplars_keep_themselves_first():
    near, _ = neighborhoods(np.ones((3, 2), np.float32), 2)
    assert [classes[0] for classes in near] == [0, 1, 2]


def batches(**options):
    labels = np.repeat(np.arange(8), 4)
    options = {"batch_size": 18, "neighbors": 3, "per_class": 3, **options}
    return labels, NeighborhoodBatches(labels, lambda rows: RING[labels[rows]], **options)


def test_a_batch_is_whole_neighborhoods_of_as_many_records_a_class():
    labels, order = batches()
    given = list(order)
    assert len(given) == len(order) == 4  # two anchors a batch
    for batch in given:
        _, sizes = np.unique(labels[batch], return_counts=True)
        assert set(sizes.tolist()) == {3}
        assert len(set(batch)) == len(batch)


def test_each_class_is_an_anchor_once_an_epoch():
    labels, order = batches(neighbors=1, batch_size=6)
    classes = [c for batch in order for c in dict.fromkeys(labels[batch].tolist())]
    assert sorted(classes) == list(range(8))


def test_records_come_again_only_when_all_have_come():
    labels = np.array([0, 0, 1, 1, 1, 1])
    order = NeighborhoodBatches(labels, lambda rows: RING[labels[rows]], batch_size=8, neighbors=2, per_class=4, seed=1)
    for batch in order:
        assert sorted(batch) == [0, 0, 1, 1, 2, 3, 4, 5]


def test_epochs_differ_and_follow_from_the_seed():
    _, one = batches()
    _, other = batches()
    first = list(one)
    assert first == list(other)
    one.set_epoch(1)
    assert list(one) != first


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 8}, "batch_size must be at least 9, 3 classes of 3 records. Got 8"),
        ({"per_class": 1}, "per_class at least 2. Got 3 and 1"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        batches(**options)

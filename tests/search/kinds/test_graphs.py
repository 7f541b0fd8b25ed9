"""What the graphs of the kinds promise, looked up in the graphs themselves."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kinfolk.search.kernels.subsets import read_only
from kinfolk.search.kinds.acorn_gamma import drop_recoverable
from kinfolk.search.kinds.collection import Collection
from kinfolk.search.kinds.filtered_vamana import entries_of
from kinfolk.search.kinds.labels import Labels
from kinfolk.search.kinds.segment_graph import build_segments
from kinfolk.search.kinds.ung import Groups, Ung
from kinfolk.search.kinds.vamana import labels_of_one, prune, stands_for, vamana


def test_links_that_acorn_drops_are_two_links_away(rng: np.random.Generator) -> None:
    num, degree, first = 60, 12, 4
    before = np.array([rng.permutation(np.delete(np.arange(num), row))[:degree] for row in range(num)], dtype=np.int32)
    after = before.copy()
    drop_recoverable(after, first)
    np.testing.assert_array_equal(after[:, :first], before[:, :first])
    assert (after < 0).any()
    for row in range(num):
        kept = after[row][after[row] >= 0].tolist()
        assert kept == [link for link in before[row].tolist() if link in kept]
        recovered = {other for link in kept[first:] for other in after[link, :first].tolist()}
        assert set(before[row].tolist()) <= set(kept) | recovered


def test_a_neighbor_goes_only_where_a_nearer_one_is_nearer_to_it_and_has_its_labels() -> None:
    """On a line at 0, 1, 2 and -3: seen from 0, 1 stands for 2 and not for -3; with a label that 1 lacks, 2 stays as well."""
    points = read_only(np.array([0, 1, 2, -3], dtype=np.float32))
    rows, values = np.array([3, 2, 1]), np.array([-9.0, -4.0, -1.0])
    chosen = np.empty(3, dtype=np.int32)
    starts, codes = labels_of_one(4)
    assert prune(points, 1, starts, codes, 0, rows, values, 1.44, chosen) == 2
    assert chosen[:2].tolist() == [1, 3]
    starts, codes = read_only(np.array([0, 2, 3, 5, 6])), read_only(np.array([0, 1, 0, 0, 1, 0]))
    assert prune(points, 1, starts, codes, 0, rows, values, 1.44, chosen) == 3
    assert chosen.tolist() == [1, 2, 3]
    assert not stands_for(starts, codes, 1, 0, 2)
    assert stands_for(starts, codes, 1, 0, 3)


def test_vamana_reaches_every_row_within_its_degree(rng: np.random.Generator) -> None:
    points = (rng.normal(size=(5, 8))[rng.integers(5, size=400)] * 5 + rng.normal(size=(400, 8))).astype(np.float32)
    links, entry = vamana(points, degree=12, breadth=40, alpha=1.2, rng=rng)
    assert links.shape == (400, 12)
    reached, ahead = {entry}, [entry]
    while ahead:
        new = {int(link) for link in links[ahead.pop()] if link >= 0} - reached
        reached |= new
        ahead += new
    assert len(reached) == 400
    for row, line in enumerate(links):
        listed = line[line >= 0].tolist()
        assert row not in listed
        assert len(set(listed)) == len(listed)


def test_walks_of_labels_that_share_all_rows_begin_at_different_ones(rng: np.random.Generator) -> None:
    table = pa.table({"tags": [["a", "b", "c", "d"]] * 4})
    assert sorted(entries_of(Labels.of(table, "tags"), 4, rng).tolist()) == [0, 1, 2, 3]


def test_labels_by_row_and_by_label() -> None:
    table = pa.table({"tags": [["b", "a", None, "b"], None, [], ["c"], ["a"]]})
    labels = Labels.of(table, "tags")
    assert labels.starts.tolist() == [0, 2, 2, 2, 3, 4]
    assert labels.codes.tolist() == [0, 1, 2, 0]
    assert [rows.tolist() for rows in labels.rows()] == [[0, 4], [0], [3]]
    assert (labels.code("c"), labels.code("d")) == (2, -1)


def test_the_smallest_sets_that_contain_what_is_asked() -> None:
    table = pa.table({"tags": [["a"], ["a", "b"], ["a", "b", "c"], ["a", "c"], ["d"], [], ["b", "a"]]})
    groups = Groups(Labels.of(table, "tags"))
    sets = [{"abcd"[code] for code in labels} for labels in groups.sets]
    assert sets == [{"a"}, {"a", "b"}, {"a", "b", "c"}, {"a", "c"}, {"d"}]
    assert [rows.tolist() for rows in groups.rows] == [[0], [1, 6], [2], [3], [4]]
    assert groups.minimal_above({0}) == [0]
    assert groups.minimal_above({1}) == [1]
    assert groups.minimal_above({2}) == [3]
    assert groups.minimal_above({1, 2}) == [2]
    assert groups.minimal_above({0, 3}) == []
    assert groups.minimal_above({0}, leave_out=0) == [1, 3]


def test_links_of_ung_never_lose_a_label_and_every_way_is_there(rng: np.random.Generator) -> None:
    tags = [[tag for tag in "abcde" if rng.random() < 0.4] for _ in range(200)]
    ung = Ung.build(rng.normal(size=(200, 6)), pa.table({"tags": tags}), column="tags", crossing=2)
    graph, groups = ung._graph, ung._groups
    ways = set()
    for row in range(200):
        for link in graph.targets[graph.starts[row] : graph.starts[row + 1]]:
            assert set(tags[row]) <= set(tags[link])
            ways.add((frozenset(tags[row]), frozenset(tags[link])))
    for place, labels in enumerate(groups.sets):
        for above in groups.minimal_above(labels, leave_out=place):
            assert (
                frozenset(map("abcde".__getitem__, labels)),
                frozenset(map("abcde".__getitem__, groups.sets[above])),
            ) in ways


def test_a_position_is_linked_to_the_nearest_one_before_it_in_every_range(rng: np.random.Generator) -> None:
    """With walks as broad as all positions, for every low: the nearest of those in the range that half the list was chosen for."""
    num, dim = 60, 3
    points = rng.normal(size=(num, dim)).astype(np.float32)
    left_starts, left, open_links, closed = build_segments(
        read_only(points.reshape(-1)), dim, num, 8, num, *labels_of_one(num)
    )
    for point in range(1, num):
        lists = left[left_starts[point] : left_starts[point + 1]]
        for low in range(point):
            holds = lists[(lists[:, 0] >= low) & (lists[:, 1] <= low) & (low <= lists[:, 2]), 0]
            assert len(holds)
            if low in lists[:, 1]:  # chosen anew for this low
                nearest = low + ((points[low:point] - points[point]) ** 2).sum(axis=1).argmin()
                assert nearest in holds
    assert (closed[:, 0] < closed[:, 1]).all()
    assert (closed[:, 1] <= closed[:, 2]).all()
    rows, places = np.nonzero(open_links >= 0)
    assert (open_links[rows, places] > rows).all()


def test_near_is_a_short_distance_whatever_the_metric(rng: np.random.Generator) -> None:
    vectors, queries = rng.normal(size=(40, 5)) * rng.uniform(0.1, 3, size=(40, 1)), rng.normal(size=(6, 5))
    vectors[3] = 0
    for metric in ("cosine", "ip", "l2"):
        collection = Collection.of(vectors, pa.table({"a": range(40)}), metric)  # type: ignore[arg-type]
        asked = collection.queries(queries)
        points = collection.as_points(asked)
        distances = ((points[:, None] - collection.points[None]) ** 2).sum(axis=2)
        rows, _ = collection.ranked(asked, np.tile(np.arange(40), (6, 1)), 40)
        np.testing.assert_array_equal(np.argsort(distances, axis=1), rows)

from typing import Any

import numpy as np

from kinfolk.report.examples import choose_examples
from kinfolk.report.links_page import pairs_of


def test_every_pair_is_in_its_group(restaurants: Any) -> None:
    groups = {group.key: group.pairs for group in choose_examples(pairs_of(restaurants), num_each=2)}
    assert groups["doubtful"] == (2, 0)  # probabilities 0.73 and 0.9933, the lowest of the links
    assert groups["certain"] == (1,)
    assert groups["lost"] == (3,)  # right b4 was free, but left a2 has a better partner
    assert "nearly" not in groups


def test_free_pairs_below_the_cut_are_nearly_linked(kit: Any) -> None:
    left, right = kit.records("l", id=["a", "b"], name=["x", "y"]), kit.records("r", id=["c", "d"], name=["x", "z"])
    links = kit.links(left, right, kit.scores([0, 1], [0, 1], [True, False], {"name": [5.0, 1.0]}), kit.unlinked([]))
    groups = {group.key: group.pairs for group in choose_examples(pairs_of(links))}
    assert groups["nearly"] == (1,)
    assert "lost" not in groups


def test_no_record_fills_a_group_alone(kit: Any) -> None:
    left, right = kit.records("l", id=["a"], name=["x"]), kit.records("r", id=list("bcdef"), name=list("xxxxx"))
    scores = kit.scores([0] * 5, list(range(5)), [True] + [False] * 4, {"name": [5.0, 4.0, 3.9, 3.8, 3.7]})
    groups = {
        group.key: group.pairs for group in choose_examples(pairs_of(kit.links(left, right, scores, kit.unlinked([]))))
    }
    assert groups["lost"] == (1,)


def test_without_candidates_there_are_no_groups(kit: Any) -> None:
    empty = kit.scores([], [], [], {"name": []})
    left, right = kit.records("l", id=["a"], name=["x"]), kit.records("r", id=["b"], name=["y"])
    assert choose_examples(pairs_of(kit.links(left, right, empty, kit.unlinked([])))) == ()


def test_the_same_examples_each_time(restaurants: Any) -> None:
    assert choose_examples(pairs_of(restaurants)) == choose_examples(pairs_of(restaurants))


def test_no_example_is_in_two_groups(many_links: Any) -> None:
    chosen = [p for group in choose_examples(pairs_of(many_links)) for p in group.pairs]
    assert len(chosen) == len(set(chosen)) == np.unique(chosen).size


def test_a_record_that_may_have_several_partners_takes_nothing_from_others(kit: Any) -> None:
    """Right c has left a; left b has nobody, and would sooner have d than c."""
    left, right = kit.records("l", id=["a", "b"], name=["x", "y"]), kit.records("r", id=["c", "d"], name=["x", "z"])
    scores = kit.scores([0, 1, 1], [0, 1, 0], [True, False, False], {"name": [5.0, 1.0, 0.5]})
    lost = {}
    for relation in ("one-to-one", "many-to-one", "many-to-many"):
        links = kit.links(left, right, scores, kit.unlinked([]), relation=relation)
        groups = {group.key: group.pairs for group in choose_examples(pairs_of(links))}
        lost[relation] = groups.get("lost", ())
    assert lost == {"one-to-one": (2,), "many-to-one": (), "many-to-many": ()}

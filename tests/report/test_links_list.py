import json
from typing import Any

import numpy as np

from kinfolk.report.links_list import aligned_fields, embedded_json, links_data
from kinfolk.report.links_page import pairs_of


def test_the_list_holds_every_link_with_its_values_and_evidence(restaurants: Any) -> None:
    content = json.loads(links_data(pairs_of(restaurants)).json)
    assert content["leftIds"] == ["a1", "a2", "a3"]
    assert content["rightIds"] == ["b1", "b2", "b3"]
    fields = {field["label"]: field for field in content["fields"]}
    assert fields["name"]["left"] == ["Café Müller", "Golden Wok", "La Piazza"]
    assert fields["name"]["right"] == ["Cafe Mueller", "Wok, Golden", "Piazza"]
    assert fields["city"]["right"] == [0, 0, 0]  # as on the left
    assert "right" not in fields["phone"]
    assert "left" not in fields["website"]
    assert {e["label"]: e["values"] for e in content["evidence"]}["name"] == [4.0, 5.0, 1.5]
    assert content["probability"][2] == round(1 / (1 + np.exp(-1.0)), 5)


def test_too_many_links_are_sampled_and_the_least_certain_are_all_there(kit: Any) -> None:
    n = 100
    table = kit.records("t", id=[f"{i:03}" for i in range(n)], name=["x"] * n)
    scores = kit.scores(range(n), range(n), [True] * n, {"name": np.linspace(3, 9, n).tolist()})
    data = links_data(pairs_of(kit.links(table, table, scores, kit.unlinked([]))), most_links=20)
    ids = json.loads(data.json)["leftIds"]
    assert data.num_shown == len(ids) == len(set(ids)) == 20
    assert ids[:10] == [f"{i:03}" for i in range(10)]
    assert data.about.startswith("20 of 100 links: the 10 least certain ones and a random sample of the others")


def test_long_values_are_cut_until_all_fit(kit: Any) -> None:
    n = 2_000
    table = kit.records("t", id=[str(i) for i in range(n)], text=["é" * 5_000] * n, other=["z" * 5_000] * n)
    scores = kit.scores(range(n), range(n), [True] * n, {"text": [5.0] * n})
    short = links_data(pairs_of(kit.links(table, table, scores, kit.unlinked([]))))
    assert len(short.json.encode()) < 10_000_000
    lengths = {len(value) for value in json.loads(short.json)["fields"][0]["left"]}
    assert lengths == {401}  # 400 characters and the dots


def test_what_is_embedded_cannot_end_the_script_element() -> None:
    value = "</script><!-- \u2028 \u2029"
    text = embedded_json([value])
    assert "<" not in text
    assert json.loads(text) == [value]


def test_a_probability_is_not_rounded_to_certainty(kit: Any) -> None:
    table = kit.records("t", id=["1", "2"], name=["x", "y"])
    scores = kit.scores([0, 1], [0, 1], [True, True], {"name": [30.0, -12.0]})
    content = json.loads(links_data(pairs_of(kit.links(table, table, scores, kit.unlinked([])))).json)
    assert content["probability"] == [0.99999, 1e-05]


def test_evidence_that_is_not_a_number_is_null(kit: Any) -> None:
    table = kit.records("t", id=["1"], name=["x"])
    scores = kit.scores([0], [0], [True], {"name": [float("nan")]})
    content = json.loads(links_data(pairs_of(kit.links(table, table, scores, kit.unlinked([])))).json)
    assert content["evidence"][0]["values"] == content["probability"] == [None]


def test_fields_stand_beside_their_partners(kit: Any) -> None:
    left = kit.records("l", id=["1"], name=["x"], price=["1"], only=["y"])
    right = kit.records("r", id=["2"], title=["x"], price=["1"], maker=["z"])
    assert aligned_fields(left, right, ["name = title", "price"]) == [
        ("name = title", "name", "title"),
        ("price", "price", "price"),
        ("only", "only", None),
        ("maker", None, "maker"),
    ]

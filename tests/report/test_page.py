import base64
import hashlib
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from html_page import Page
from kinfolk.errors import DataError
from kinfolk.evaluation.interval import Interval
from kinfolk.report import write_report


@pytest.fixture
def page(restaurants: Any, tmp_path: Path) -> Page:
    return Page(write_report(restaurants, tmp_path / "report.html"))


def test_the_page_is_well_formed_and_its_ids_are_unique(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    described = {i for name, value in page.attributes if name == "aria-labelledby" for i in value.split()}
    assert described - {"dialog-title"} <= set(page.ids)
    assert all(value[1:] in page.ids for name, value in page.attributes if name == "href")


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    assert not [value for name, value in page.attributes if name in ("src", "srcset", "action", "data", "poster")]
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")
    assert not re.search(r"@import|url\(|@font-face", page.source)
    assert "link" not in page.tags


def test_the_policy_allows_the_own_style_and_script_by_hash_and_nothing_else(page: Page) -> None:
    policy = next(value for name, value in page.attributes if value.startswith("default-src"))
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    style = re.search("<style>(.*?)</style>", page.source, re.S)
    script = re.search("<script>(.*?)</script>", page.source, re.S)
    assert style is not None
    assert script is not None
    for kind, element in (("style", style), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(element[1].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not [name for name, _ in page.attributes if name == "style" or name.startswith("on")]


def test_the_headline_says_what_was_linked(page: Page) -> None:
    assert "3 links between guide.csv and web.csv" in page.text
    assert "3 of 4 records of guide.csv (75.0 %) and 3 of 4 records of web.csv (75.0 %) found a partner" in page.text
    assert "from a probability of 0.50 on; the relation is one-to-one: a record has one partner at most" in page.text
    assert "Precision 0.980 of the links are right" in page.text
    assert "95 %: 0.950–0.990" in page.text
    assert "True matches 4 pairs, estimated to exist 95 %: 3–6" in page.text
    assert "Nobody has looked at a pair yet" in page.text
    assert "A note for the user." in page.text


def test_the_first_screen_says_what_to_check_next(page: Page) -> None:
    # One link has 0.73; the pair below the cut has 0.002, and the one with 0.62 lost a record to a better link.
    assert "1 link has a probability below 0.9; perhaps none of them will be wrong" in page.text
    assert "1 record of guide.csv and 1 record of web.csv stayed alone: see why ." in page.text
    assert "kinfolk audit RUN asks you about 60 pairs" in page.text
    assert "will be matches all the same" not in page.text


def test_without_links_nothing_is_said_of_their_precision(kit: Any, tmp_path: Path) -> None:
    left, right = (kit.records(name, id=["1"], name=[name]) for name in ("a", "b"))
    scores = kit.scores([0], [0], [False], {"name": [0.5]})
    unlinked = kit.unlinked([("left", 0, "below the cut", 0, None, 0.18), ("right", 0, "below the cut", 0, None, 0.18)])
    page = Page(write_report(kit.links(left, right, scores, unlinked), tmp_path / "report.html"))
    assert "Precision – no pair is linked" in page.text
    assert "All links There are none." in page.text
    assert "1 pair was not linked although the probability is 0.1 or more; perhaps none of them will be" in page.text
    assert "browser" not in page.ids


def test_a_cut_that_reads_like_the_chosen_one_is_left_out(kit: Any, restaurants: Any, tmp_path: Path) -> None:
    close = kit.links(restaurants.left, restaurants.right, restaurants.scores, restaurants.unlinked, threshold=0.5041)
    page = Page(write_report(close, tmp_path / "report.html"))
    assert page.source.count('<th scope="row">0.50') == 1


def test_a_long_name_of_a_table_is_cut_in_the_picture_only(kit: Any, restaurants: Any, tmp_path: Path) -> None:
    name = "a_rather_long_name_of_an_exported_table.csv"
    left = kit.records(name, id=["a1", "a2", "a3", "a4"], name=["w", "x", "y", "z"])
    page = Page(
        write_report(
            kit.links(left, restaurants.right, restaurants.scores, restaurants.unlinked), tmp_path / "report.html"
        )
    )
    assert ">a_rather_l…table.csv</text>" in page.source
    assert f"of {name} (75.0 %)" in page.text


def test_every_section_is_there_in_order(page: Page) -> None:
    wanted = ["result", "scores", "examples", "all", "unlinked", "method", "reading"]
    assert [i for i in page.ids if i in wanted] == wanted


def test_examples_show_differences_and_the_rival(page: Page) -> None:
    assert "Caf<mark>é</mark>" in page.source
    assert "Nearest other candidate web.csv b4 for guide.csv a2" in page.text
    assert page.source.count("<article") == 5


def test_records_without_a_link_say_why(page: Page) -> None:
    assert "lost to a better link its best candidate has a better partner 1 25.0 %" in page.text
    assert "below the cut its best candidate is not probable enough 1 25.0 %" in page.text
    assert "b4 Golden Wog · Bern 0.62 best candidate a2 Golden Wok · Bern · 031 2" in page.text
    assert "taken by b2 Wok, Golden · Bern · w.example" in page.text


def test_the_method_is_told(page: Page) -> None:
    assert "5 of 16 possible (31.2 %)" in page.text
    assert "Stages, 2.0 s in all" in page.text
    assert "name, city, whole record" in page.text


def test_truth_adds_calibration_and_true_figures(restaurants: Any, tmp_path: Path) -> None:
    truth = pa.table({"left_id": ["a1", "a2", "a4"], "right_id": ["b1", "b2", "b1"]})
    page = Page(write_report(restaurants, tmp_path / "report.html", truth=truth))
    assert page.text.count("true value 0.667") == 4  # 2 of 3 links are right, 2 of 3 matches found and compared
    assert "for 5 judged pairs" in page.text
    assert 'id="calibration-title"' in page.source


def test_judged_pairs_calibrate_only_what_was_judged(restaurants: Any, tmp_path: Path) -> None:
    truth = pa.table({"left_id": ["a1", "a3"], "right_id": ["b1", "b3"], "label": [1, 0]})
    page = Page(write_report(restaurants, tmp_path / "report.html", truth=truth))
    assert "Precision 0.980 of the links are right" in page.text
    assert "true value 0.500" in page.text
    assert "for 2 judged pairs" in page.text


def test_a_truth_without_the_right_columns_is_refused(restaurants: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="needs the columns left_id and right_id. Got id, cluster_id"):
        write_report(restaurants, tmp_path / "report.html", truth=pa.table({"id": ["a1"], "cluster_id": [1]}))
    assert list(tmp_path.iterdir()) == []


NASTY = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)>",
    "👩‍👩‍👧 🏳️‍🌈",
    "مطعم الأرز",
    "שלום \u202eevil",
    "nul\x00bell\x07",
    "&amp; &lt;",
    "</style><style>*{display:none}",
    "]]><!--",
    "x" * 10_000_000,
)


def test_nothing_in_the_data_becomes_markup(kit: Any, tmp_path: Path) -> None:
    n = len(NASTY)
    ids = [value[:40] + str(i) for i, value in enumerate(NASTY)]
    left = kit.records("<script>l</script>", id=ids, **{"<b>name</b>": NASTY})
    right = kit.records("r&b", id=ids, **{"<b>name</b>": NASTY[::-1]})
    evidence = {"<b>name</b>": [3.0] * (n - 1) + [float("nan")]}
    scores = kit.scores(range(n), range(n), [True] * (n - 2) + [False] * 2, evidence)
    unlinked = kit.unlinked(
        [
            ("left", n - 1, "below the cut", n - 1, None, float("nan")),
            ("right", n - 2, "no candidate", None, None, None),
        ]
    )
    page = Page(write_report(kit.links(left, right, scores, unlinked), tmp_path / "report.html"))
    allowed = {"html", "head", "meta", "title", "style", "body", "script"}
    assert page.tags.count("script") == 2
    assert page.tags.count("style") == 1
    assert not {"img", "iframe", "object"} & set(page.tags) - allowed
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "\x00" not in page.source
    assert "مطعم الأرز" in page.text
    assert "👩‍👩‍👧" in page.text
    assert "<b>name</b>" in page.text
    assert "9,999,400 more characters" in page.text
    assert len(page.source) < 1_000_000


def test_without_any_candidate_the_page_still_tells_why(kit: Any, tmp_path: Path) -> None:
    left, right = kit.records("l", id=["a"], name=["x"]), kit.records("r", id=["b", "c"], name=["y", "z"])
    alone = [("left", 0, "no candidate", None, None, None)] + [
        ("right", i, "no candidate", None, None, None) for i in (0, 1)
    ]
    links = kit.links(left, right, kit.scores([], [], [], {"name": []}), kit.unlinked(alone))
    page = Page(write_report(links, tmp_path / "report.html"))
    assert "0 links between l and r" in page.text
    assert "There is not a single candidate pair" in page.text
    assert "no candidate nothing on the other side looks like it 2 100 %" in page.text


def test_empty_tables_give_a_page(kit: Any, tmp_path: Path) -> None:
    empty = kit.records("nothing", id=pa.array([], pa.string()), name=pa.array([], pa.string()))
    page = Page(
        write_report(kit.links(empty, empty, kit.scores([], [], [], {}), kit.unlinked([])), tmp_path / "report.html")
    )
    assert "0 of 0 records of nothing" in page.text


def test_the_same_result_gives_the_same_bytes(restaurants: Any, tmp_path: Path) -> None:
    first, second = (write_report(restaurants, tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert first == second


def test_fifty_thousand_links_make_a_small_file_quickly(many_links: Any, tmp_path: Path) -> None:
    start = time.perf_counter()
    path = write_report(many_links, tmp_path / "report.html")
    assert time.perf_counter() - start < 10
    assert path.stat().st_size < 15_000_000
    assert '"L49999"' in path.read_text(encoding="utf-8")


def test_blocking_recall_stands_beside_its_true_value(restaurants: Any, tmp_path: Path) -> None:
    truth = pa.table({"left_id": ["a1", "a2", "a4"], "right_id": ["b1", "b2", "b1"]})
    known = replace(restaurants, estimate=replace(restaurants.estimate, candidate_recall=Interval(0.93, 0.85, 1.0)))
    page = Page(write_report(known, tmp_path / "known.html", truth=truth))
    # a4 and b1 are no candidate: 2 of 3 true matches are candidates.
    assert "Blocking recall 0.930 of the true matches are candidates" in page.text
    assert (
        "0.930 (0.850–1.000), estimated; matches that have nothing in common are not counted; true value 0.667"
        in page.text
    )
    assert page.text.count("true value 0.667") == 5  # precision, recall, F1, the tile and the settings
    assert "of the true matches were found" in page.text
    assert "cannot see that records which agree are different things" in page.text


def test_without_an_estimate_of_blocking_recall_there_is_no_number(page: Page) -> None:
    assert "Blocking recall" not in page.text
    assert "blocking recall cannot be estimated: that takes at least two searches" in page.text
    assert "of the matches among the candidates were found" in page.text

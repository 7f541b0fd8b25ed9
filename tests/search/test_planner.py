"""The planner on costs that are known: where one part becomes cheaper than another, and what is ruled out."""

from dataclasses import replace

import pytest

from kinfolk.errors import ConfigurationError
from kinfolk.search.calibration import NEIGHBORS, RECALLS, SHARES, Calibration, Seconds, with_margin
from kinfolk.search.measure import without_measuring
from kinfolk.search.planner import Part, Plan, plan_search

COSTS = Seconds(
    call=0, scan_call=0, walk_call=0, shared=0, exact_row=100e-9,
    code_query=6e-6, code=30e-9, query=20e-6, line=5e-9, visit=100e-9, glance=20e-6, gather=300e-9, product=10e-9
)  # fmt: skip
WALKS = Calibration(
    errors=((1.5,) * len(RECALLS),) * len(NEIGHBORS),
    breadths=(((32,) * len(RECALLS),) * len(NEIGHBORS),) * (len(SHARES) - 1)
    + (((0,) * len(RECALLS),) * len(NEIGHBORS),),
    visits=tuple(((1000 / share,) * len(RECALLS),) * len(NEIGHBORS) for share in SHARES),
    seconds=COSTS,
)


def plan(size: int, num: int = 1_000_000, **others: object) -> Plan:
    return plan_search(WALKS, size=size, num=num, **others)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "part"),
    [
        (0, Part.NOTHING),
        (80, Part.EXACT),  # 8 µs
        (90, Part.CODES),  # 6 µs, and 30 ns a row for 100
        (550, Part.CODES),
        (570, Part.ONE_BIT),  # 20 µs, and 5 ns a row for 30
        (99_000, Part.ONE_BIT),  # below a share of 0.1 no walk reaches the recall
        (200_000, Part.WALK),  # 1000 / 0.2 rows at 100 ns
        (1_000_000, Part.WALK),
    ],
)
def test_the_cheapest_part_answers(size: int, part: Part) -> None:
    assert plan(size).part is part


def test_a_walk_costs_by_the_share_that_passes() -> None:
    assert plan(500_000).rows == pytest.approx(2000)
    assert plan(200_000).rows == pytest.approx(5000)
    assert plan(200_000).seconds == pytest.approx(20e-6 + 5000 * 100e-9)


def test_between_two_shares_a_walk_is_as_broad_as_lies_between() -> None:
    level = [((40, 80)[place == 0],) * len(RECALLS) for place in range(len(SHARES))]
    tried = replace(WALKS, breadths=tuple((breadths,) * len(NEIGHBORS) for breadths in level))
    assert tried.walk_for(10, 0.95, SHARES[0]) == (80, pytest.approx(1000))
    assert tried.walk_for(10, 0.95, SHARES[1])[0] == 40  # type: ignore[index]
    breadth, rows = tried.walk_for(10, 0.95, (SHARES[0] * SHARES[1]) ** 0.5)  # type: ignore[misc]
    assert breadth == 60
    assert rows == pytest.approx(1000 / (SHARES[0] * SHARES[1]) ** 0.5)


def test_a_filter_that_keeps_away_from_the_query_is_scanned() -> None:
    kept_away = plan(500_000, lift=0.1)
    assert kept_away.part is Part.ONE_BIT
    assert kept_away.reason.endswith("no walk, as few rows near the query pass (lift 0.10).")
    assert plan(500_000, lift=0.9).part is Part.WALK


def test_rows_the_graph_has_not_make_a_walk_dearer() -> None:
    assert plan(1_000_000, num_unlinked=100_000).part is Part.ONE_BIT


def test_queries_that_share_a_filter_share_the_gathering() -> None:
    assert plan(5000, num_sharing=2, recall=1.0).seconds == pytest.approx(156e-6)
    assert plan(5000, num_sharing=2, recall=1.0).part is Part.CODES
    assert plan(5000, num_sharing=100, recall=1.0).part is Part.PRODUCT


@pytest.mark.parametrize("recall", [0.996, 1.0])
def test_a_recall_beyond_what_was_measured_is_answered_exactly(recall: float) -> None:
    assert plan(1_000_000, recall=recall).part is Part.CODES
    assert plan(50, recall=recall).part is Part.EXACT


def test_a_part_that_cannot_answer_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match="The walk cannot answer this at recall 0.95: it can be answered by exact scan"
    ):
        plan(1000, part=Part.WALK)
    assert plan(1000, part=Part.ONE_BIT).reason == "The one-bit scan was asked for."


def test_the_reason_names_both_costs() -> None:
    assert plan(1000).reason == (
        "1,000 of 1,000,000 rows pass: the one-bit scan is the cheapest (about 25 µs; the code scan 36 µs)."
    )


def test_a_calibration_survives_json() -> None:
    assert Calibration.from_json(WALKS.as_json()) == WALKS


def test_few_rows_take_the_errors_of_a_normal_distribution() -> None:
    errors = without_measuring().errors_for(10, 0.95)
    assert errors == pytest.approx(1.751, abs=1e-3)  # leaves out 0.04 of it
    assert with_margin(0.95) == pytest.approx(0.96)

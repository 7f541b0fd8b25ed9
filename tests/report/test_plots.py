import math
import re
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest

from kinfolk.evaluation import reliability
from kinfolk.evaluation.interval import Estimate, Interval
from kinfolk.linking.explanation import Contribution, Explanation
from kinfolk.report.bridge import Part, bridge_plot, share_bar
from kinfolk.report.curves import curve_plot, interval_mark, reliability_plot
from kinfolk.report.plots import count_groups, count_plot, log_height, score_plot
from kinfolk.report.score_summary import EvidenceSpread, expected_curve, score_histogram
from kinfolk.report.waterfall import Scale, evidence_plot, running_totals, scale_of, step_mark


def bars(svg: str, style: str) -> list[dict[str, float]]:
    """Geometry and count of the bars of one class."""
    names = ("x", "y", "width", "height", "data-count")
    found = [e for e in ElementTree.fromstring(svg).iter() if e.get("class") == style and e.get("data-count")]
    return [{name: float(e.get(name, "nan")) for name in names} for e in found]


ESTIMATE = Estimate(*(Interval(0.9, 0.8, 0.95) for _ in range(3)), Interval(10, 8, 12), "model")


def test_bars_of_the_scores_are_as_high_as_the_logarithm_of_their_counts(rng: np.random.Generator) -> None:
    probability = np.append(rng.random(900), np.full(100, 0.999))
    histogram = score_histogram(probability, probability > 0.5)
    svg = score_plot(histogram, 0.5)
    for style, counts in (("bar-link", histogram.linked), ("bar-other", histogram.other)):
        drawn = bars(svg, style)
        assert [b["data-count"] for b in drawn] == counts[counts > 0].tolist()
        scale = {round(b["height"] / math.log10(1 + b["data-count"]), 1) for b in drawn}
        assert len(scale) == 1


def test_links_stand_on_the_line_and_the_others_hang_below_it() -> None:
    svg = score_plot(score_histogram(np.array([0.9, 0.2]), np.array([True, False])), 0.5)
    (link,), (other,) = bars(svg, "bar-link"), bars(svg, "bar-other")
    assert link["y"] + link["height"] == pytest.approx(other["y"])
    assert link["x"] > other["x"]


def test_the_cut_is_drawn_at_its_place() -> None:
    at = {}
    for cut in (0.01, 0.5, 0.99):
        svg = score_plot(score_histogram(np.array([0.5]), np.array([True])), cut)
        line = next(e for e in ElementTree.fromstring(svg).iter() if e.get("class") == "cut")
        at[cut] = float(line.get("x1", "nan"))
    assert at[0.5] == pytest.approx((at[0.01] + at[0.99]) / 2, abs=0.01)


def test_log_height_is_zero_for_none_and_full_for_the_most() -> None:
    assert log_height(0, 100, 80.0) == 0.0
    assert log_height(100, 100, 80.0) == 80.0
    assert log_height(0, 0, 80.0) == 0.0


def test_bars_of_counts_are_as_high_as_the_counts() -> None:
    drawn = bars(
        count_plot([("0", 10), ("1", 40), ("2", 0)], name="n", title="t", things="records", axis_title="x"), "bar-plain"
    )
    assert [b["data-count"] for b in drawn] == [10, 40, 0]
    assert [b["height"] for b in drawn] == pytest.approx([drawn[1]["height"] / 4, drawn[1]["height"], 0.0])


@pytest.mark.parametrize("length", [1, 5, 12, 13, 14, 50, 677])
def test_groups_hold_every_count_once(length: int) -> None:
    groups = count_groups(list(range(1, length + 1)))
    assert sum(n for _, n in groups) == length * (length + 1) // 2
    assert groups[0][0] == "0"
    assert len(groups) <= 14


def test_the_bridge_is_as_wide_as_the_linked_parts() -> None:
    svg = bridge_plot(
        "a",
        [Part("linked", 30, "part-linked"), Part("no candidate", 70, "part-none")],
        "b",
        [Part("linked", 30, "part-linked"), Part("no candidate", 20, "part-none")],
        30,
    )
    left, right = bars(svg, "part-linked")
    assert left["height"] == right["height"]
    assert [b["height"] / left["height"] for b in bars(svg, "part-none")] == pytest.approx([70 / 30, 20 / 30], rel=0.01)


def test_shares_fill_the_bar() -> None:
    svg = share_bar("n", "t", [Part("x", 1, "part-linked"), Part("y", 3, "part-none"), Part("z", 0, "part-lost")])
    (x,), (y,) = bars(svg, "part-linked"), bars(svg, "part-none")
    assert y["width"] == pytest.approx(3 * x["width"])
    assert x["x"] + x["width"] == pytest.approx(y["x"])
    assert bars(svg, "part-lost") == []


def test_the_chosen_point_lies_at_precision_and_recall() -> None:
    svg = curve_plot(expected_curve(np.array([0.9, 0.8]), 2.0), ESTIMATE)
    root = ElementTree.fromstring(svg)
    chosen = next(e for e in root.iter() if e.get("class") == "chosen")
    grid = [e for e in root.iter() if e.get("class") == "grid"]
    across = sorted(float(e.get("x1", "nan")) for e in grid if e.get("x1") == e.get("x2"))
    down = sorted(float(e.get("y1", "nan")) for e in grid if e.get("y1") == e.get("y2"))
    assert (float(chosen.get("cx", "nan")) - across[0]) / (across[-1] - across[0]) == pytest.approx(0.9, abs=0.001)
    assert (down[-1] - float(chosen.get("cy", "nan"))) / (down[-1] - down[0]) == pytest.approx(0.9, abs=0.001)


def test_calibration_shows_a_point_a_bin() -> None:
    table = reliability(np.array([0.05, 0.15, 0.95]), np.array([False, True, True]))
    assert reliability_plot(table).count('class="chosen"') == table.num_rows == 3


def test_a_high_interval_gets_a_scale_that_shows_it() -> None:
    def start(low: float) -> str:
        svg = interval_mark(Interval(0.9, low, 0.95), name="n", title="t")
        return re.findall(r">([\d.]+)</text>", svg)[0]

    assert [start(low) for low in (0.2, 0.6, 0.85)] == ["0", "0.5", "0.8"]


def test_every_plot_has_a_title_and_a_description() -> None:
    plots = [
        score_plot(score_histogram(np.array([0.5]), np.array([True])), 0.5),
        curve_plot(expected_curve(np.zeros(0), 1.0), ESTIMATE),
        reliability_plot(
            pa.table({k: pa.array([], pa.float64()) for k in ("count", "mean_probability", "observed", "low", "high")})
        ),
        evidence_plot([EvidenceSpread("<name>", (0.0, 1.0, 2.0), None)]),
        share_bar("n", "<t>", []),
        count_plot([], name="n", title="t", things="x", axis_title="y"),
    ]
    for svg in plots:
        root = ElementTree.fromstring(svg)
        ids = {e.get("id") for e in root}
        assert root.get("role") == "img"
        assert set(str(root.get("aria-labelledby")).split()) <= ids


def explanation(prior: float, *steps: float) -> Explanation:
    contributions = tuple(Contribution(f"f{i}", "a", "b", 0.5, step) for i, step in enumerate(steps))
    total = prior + sum(steps)
    return Explanation("l", "r", 1 / (1 + math.exp(-total)), prior, contributions, True, "", None)


def test_the_waterfall_ends_at_the_log_odds_of_the_probability() -> None:
    e = explanation(-2.0, 3.0, -0.5, 1.0)
    totals = running_totals(e.prior, [c.log_odds for c in e.contributions])
    assert totals == pytest.approx([-2.0, 1.0, 0.5, 1.5])
    assert totals[-1] == pytest.approx(math.log(e.probability / (1 - e.probability)))


def test_every_step_fits_its_scale_and_is_as_long_as_its_evidence() -> None:
    scale = scale_of([explanation(-2.0, 5.0), explanation(-2.0, -6.0)])
    assert scale.low < -8.0
    assert scale.high > 3.0
    widths = [float(re.findall(r'width="([\d.]+)%"', step_mark(0.0, size, scale))[0]) for size in (1.0, 2.0, -2.0)]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.02)
    assert widths[1] == pytest.approx(widths[2], abs=0.02)


def test_steps_for_and_against_point_both_ways() -> None:
    scale = Scale(-2.0, 2.0)
    assert 'class="step-for" x="50.00%"' in step_mark(0.0, 1.0, scale)
    assert 'class="step-against" x="25.00%"' in step_mark(0.0, -1.0, scale)


def test_evidence_that_is_not_a_number_adds_nothing() -> None:
    assert running_totals(float("nan"), [1.0, float("nan"), float("inf")]) == [0.0, 1.0, 1.0, 1.0]

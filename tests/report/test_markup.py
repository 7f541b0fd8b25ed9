import pytest

from kinfolk.evaluation.interval import Interval
from kinfolk.report.markup import (
    count,
    escape,
    middle_cut,
    odds_factor,
    percent,
    probability,
    range_text,
    seconds_text,
    share_text,
    shorten,
    signed,
)


def test_escaped_text_cannot_open_a_tag_or_leave_an_attribute() -> None:
    assert escape("<script>\"'&") == "&lt;script&gt;&quot;&#x27;&amp;"


def test_control_characters_and_broken_surrogates_become_visible() -> None:
    assert escape("a\x00b\x1bc\x7f") == "a␀b␛c␡"
    assert escape("\ud800").encode() == "�".encode()
    assert escape("line\nbreak\tstays") == "line\nbreak\tstays"


def test_emoji_and_right_to_left_text_stay_as_they_are() -> None:
    assert escape("👩‍👩‍👧 שלום") == "👩‍👩‍👧 שלום"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (1.0, "100 %"), (0.5, "50.0 %"), (0.0004, "<0.1 %"), (0.9996, ">99.9 %"), (float("nan"), "unknown")],
)
def test_a_percentage_is_never_rounded_to_certainty(share: float, text: str) -> None:
    assert percent(share) == text.replace(" ", "\u00a0")


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0.000"), (1.0, "1.000"), (0.98765, "0.988"), (0.9996, ">0.999"), (0.0004, "<0.001")]
)
def test_a_share_is_never_rounded_to_certainty(share: float, text: str) -> None:
    assert share_text(share) == text


def test_an_interval_whose_ends_read_alike_says_on_which_side_it_lies() -> None:
    assert range_text(Interval(0.5, 0.4, 0.6)) == "0.400–0.600"
    assert range_text(Interval(0.9999, 0.9996, 1.0)) == "above 0.999"
    assert range_text(Interval(0.7, 0.7, 0.7)) == "0.700"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.50"),
        (0.99874, "0.9987"),
        (0.999999, ">0.9999"),
        (1e-9, "<0.0001"),
        (1.0, "1"),
        (float("nan"), "unknown"),
    ],
)
def test_a_probability_is_never_rounded_to_certainty(value: float, text: str) -> None:
    assert probability(value) == text


def test_log_odds_have_a_true_minus_and_nothing_is_plain_zero() -> None:
    assert [signed(v) for v in (-2.04, 0.04, 3.0, float("nan"))] == ["−2.0", "0", "+3.0", "unknown"]


def test_log_odds_in_words() -> None:
    assert odds_factor(3.0) == "20 times likelier"
    assert odds_factor(-1.0) == "2.7 times less likely"
    assert odds_factor(0.0) == odds_factor(float("nan")) == "changes nothing"


def test_counts_durations_and_shortened_text() -> None:
    assert count(1234567) == "1,234,567"
    assert [seconds_text(s).replace("\u00a0", " ") for s in (0.214, 4.13, 75, 187, 7300)] == [
        "0.21 s",
        "4.1 s",
        "75 s",
        "3 min 7 s",
        "2 h 1 min",
    ]
    assert shorten("abcdef", 4) == ("abcd", 2)
    assert shorten("abc", 4) == ("abc", 0)
    assert [middle_cut(name, 5) for name in ("abcde", "abcdef")] == ["abcde", "ab…ef"]

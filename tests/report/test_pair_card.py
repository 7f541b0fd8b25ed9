import re
from typing import Any

from kinfolk.linking.explanation import Contribution, Explanation
from kinfolk.report.comparison_words import names_of_compared, why
from kinfolk.report.field_value import VALUE_LIMIT, names_in, one_line, render_values
from kinfolk.report.pair_card import CardContext, in_table_order, pair_card


def explanation(*contributions: Contribution, rival: Explanation | None = None, left_id: object = "a1") -> Explanation:
    return Explanation(left_id, "b1", 0.9, -2.0, contributions, True, "Agrees on <all>.", rival)


def test_both_values_stand_side_by_side_with_their_evidence(kit: Any) -> None:
    context = CardContext(
        kit.records("guide", id=["a1"], name=["Smith"]), kit.records("web", id=["b1"], name=["Smyth"])
    )
    card = pair_card(explanation(Contribution("name", "Smith", "Smyth", 0.8, 4.2)), context)
    assert "Sm<mark>i</mark>th" in card
    assert "Sm<mark>y</mark>th" in card
    assert ">+4.2</td>" in card
    assert "66.7 times likelier" not in card
    assert "67 times likelier, similarity 0.80" in card
    assert "guide <b>a1</b>" in card
    assert "Agrees on &lt;all&gt;." in card


def test_a_comparison_of_whole_records_shows_its_similarity(kit: Any) -> None:
    context = CardContext(kit.records("guide", id=["a1"], name=["x"]), kit.records("web", id=["b1"], name=["x"]))
    card = pair_card(explanation(Contribution("whole record", "", "", 0.83, 1.0)), context)
    assert 'colspan="2">all words of both records taken together; similarity 0.83</td>' in card


def test_a_comparison_that_is_no_field_says_what_it_compares(kit: Any) -> None:
    context = CardContext(kit.records("guide", id=["a1"], name=["x"]), kit.records("web", id=["b1"], codes=["x"]))
    parts = Contribution("rivals", "", "", None, 6.1), Contribution("too little to compare", "", "", None, 0.0)
    card = pair_card(explanation(*parts), context)
    assert 'colspan="2">this pair beside the other candidates of its two records</td>' in card
    assert "missing on both sides" not in card
    named = pair_card(explanation(Contribution("codes", "", "x", None, 0.3)), context)
    assert "words with digits" not in named


def test_the_comparisons_that_weigh_most_are_named_in_a_sentence() -> None:
    def of(**log_odds: float) -> str:
        return why([Contribution(label, "", "", None, value) for label, value in log_odds.items()])

    assert of(name=2.0, city=3.0, year=-0.6, month=0.4) == "For a match: city, name. Against it: year."
    assert of(a=1.0, b=4.0, c=3.0, d=2.0) == "For a match: b, c, d."
    assert of(month=0.4) == "No comparison says much."
    assert names_of_compared(("name", "rivals", "too little to compare")) == "name, rivals"


def test_the_same_values_are_not_shown_twice(kit: Any) -> None:
    context = CardContext(
        kit.records("guide", id=["a1"], name=["Smith"]), kit.records("web", id=["b1"], name=["Smith"])
    )
    both = (Contribution("name", "Smith", "Smith", 1.0, 2.0), Contribution("name: words", "Smith", "Smith", 0.9, 1.0))
    assert pair_card(explanation(*both), context).count(">Smith<") == 2


def test_fields_missing_on_both_sides_share_one_line(kit: Any) -> None:
    context = CardContext(kit.records("guide", id=["a1"], name=[""]), kit.records("web", id=["b1"], name=[""]))
    silent = (Contribution("name", "", "", None, 0.0), Contribution("city", " ", "", None, 0.0))
    assert "missing on both sides: name, city" in pair_card(explanation(*silent), context)


def test_missing_values_that_speak_against_a_match_keep_their_row(kit: Any) -> None:
    context = CardContext(kit.records("guide", id=["a1"], name=[""]), kit.records("web", id=["b1"], name=[""]))
    card = pair_card(explanation(Contribution("name", "", "", None, -1.5)), context)
    assert ">−1.5</td>" in card
    assert "missing on both sides" not in card


def test_fields_that_were_not_compared_are_shown_too(kit: Any) -> None:
    left, right = (
        kit.records("l", id=["a1"], name=["x"], web=["w.example"]),
        kit.records("r", id=["b1"], name=["x"], note=[""]),
    )
    card = pair_card(explanation(Contribution("name", "x", "x", 1.0, 2.0)), CardContext(left, right, 0, 0))
    assert "w.example" in card
    assert card.count("not compared") == 1


def test_the_nearest_other_candidate_is_folded_below(kit: Any) -> None:
    context = CardContext(kit.records("guide", id=["a1"], name=["x"]), kit.records("web", id=["b1"], name=["x"]))
    rival = explanation(Contribution("name", "y", "x", 0.1, -1.0), left_id="a2")
    card = pair_card(explanation(Contribution("name", "x", "x", 1.0, 2.0), rival=rival), context)
    assert (
        '<details class="rival"><summary>Nearest other candidate <span class="who">guide a2 for web b1</span>' in card
    )


def test_steps_follow_the_order_of_the_table(kit: Any) -> None:
    table = kit.records("l", id=["1"], name=["x"], city=["y"])
    contributions = [
        Contribution(label, "", "", None, size) for label, size in (("whole record", 5.0), ("city", 3.0), ("name", 1.0))
    ]
    assert [c.label for c in in_table_order(contributions, table)] == ["name", "city", "whole record"]


def test_a_huge_value_is_cut_with_a_note() -> None:
    left, right = render_values("text", "x" * 10_000_000, "y")
    assert f"… {10_000_000 - VALUE_LIMIT:,} more characters" in left
    assert len(left) + len(right) < 2 * VALUE_LIMIT + 200


def test_numbers_and_categories_differ_as_a_whole_and_text_by_letter() -> None:
    assert render_values("number", "1299", "1300") == ("<mark>1299</mark>", "<mark>1300</mark>")
    assert render_values("category", "Red", "red") == ("Red", "red")
    assert render_values("date", "1999-05-01", "1999-05-02")[0] == "1999-05-0<mark>1</mark>"


def test_a_missing_value_is_a_dash() -> None:
    left, right = render_values("text", "", "x")
    assert re.sub("<.*?>", "", left) == "—"
    assert right == "x"


def test_labels_name_their_fields() -> None:
    assert names_in("name") == ("name", "name")
    assert names_in("name = title")[1:] == ("name", "title")


def test_a_record_in_one_line_is_short_and_has_no_line_breaks(kit: Any) -> None:
    table = kit.records("l", id=["1", "2"], name=["a\nb", ""], city=["c" * 500, ""])
    first, second = one_line(table, [0, 1], limit=50)
    assert first.startswith("a b · ccc")
    assert first.endswith("…")
    assert len(first) <= 51
    assert second == ""

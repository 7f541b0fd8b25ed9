from hypothesis import given
from hypothesis import strategies as st

from kinfolk.report.difference import difference, marked


def shown(left: str, right: str) -> tuple[str, str]:
    a, b = difference(left, right)
    return marked(a), marked(b)


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_spans_give_the_values_back(left: str, right: str) -> None:
    left_spans, right_spans = difference(left, right)
    assert "".join(s.text for s in left_spans) == left
    assert "".join(s.text for s in right_spans) == right


@given(st.text(max_size=60))
def test_a_value_does_not_differ_from_itself(value: str) -> None:
    assert all(span.kind == "same" for side in difference(value, value) for span in side)


def test_letters_inside_a_misspelt_word_are_marked() -> None:
    assert shown("Smith", "Smyth") == ("Sm<mark>i</mark>th", "Sm<mark>y</mark>th")


def test_case_and_spaces_are_no_difference() -> None:
    assert shown("ACME  Corp", "acme corp") == ("ACME  Corp", "acme corp")


def test_a_word_in_another_place_is_moved_not_different() -> None:
    left, right = shown("John Smith", "Smith, John")
    assert left == 'John <span class="moved">Smith</span>'
    assert right == '<span class="moved">Smith</span><span class="extra">,</span> John'


def test_words_with_nothing_to_stand_against_are_extra() -> None:
    assert shown("red bike", "red bike with bell") == ("red bike", 'red bike <span class="extra">with bell</span>')


def test_words_that_contradict_are_marked_whole() -> None:
    assert shown("sold in Basel", "sold in Chur") == ("sold in <mark>Basel</mark>", "sold in <mark>Chur</mark>")


def test_model_numbers_are_compared_by_letter_even_beside_added_words() -> None:
    left, right = shown("Oven NN797S", "Oven NN767S 1.6 cu ft")
    assert left == "Oven NN7<mark>9</mark>7S"
    assert right.startswith("Oven NN7<mark>6</mark>7S")


def test_against_nothing_there_is_no_difference() -> None:
    assert shown("Basel", "") == ("Basel", "")


def test_marked_text_is_escaped() -> None:
    left, right = shown("<b>", "<i>")
    assert left == "&lt;<mark>b</mark>&gt;"
    assert right == "&lt;<mark>i</mark>&gt;"


def test_letters_that_grow_when_lowered_keep_their_places() -> None:
    left, right = difference("İstanbul", "Istanbul")  # the dotted capital becomes two characters in lower case
    assert ("".join(s.text for s in left), "".join(s.text for s in right)) == ("İstanbul", "Istanbul")

"""Comparisons in words: what those are about that belong to no field, and which ones decided a pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kinfolk.data import Records
from kinfolk.linking.compare import CODES, LEARNED, MEANING, RESCORED, WHOLE_RECORD
from kinfolk.linking.explanation import Contribution
from kinfolk.linking.match import RIVALS, TOO_LITTLE

_ABOUT: Mapping[str, str] = {
    WHOLE_RECORD: "all words of both records taken together",
    CODES: "words with digits, such as model numbers or years, wherever they stand in the record",
    MEANING: "what a text encoder takes both records to mean",
    LEARNED: "how near both records lie in the space that was learned from all of them",
    RESCORED: "what the scorer of pairs that was given says of both records",
    RIVALS: "this pair beside the other candidates of its two records",
    TOO_LITTLE: "what is filled in on both sides is too little to be surer",
}
ABOUT_IMAGES = "how alike the images look"
_WORTH_NAMING = 0.5  # log-odds: less changes the odds by a factor below 1.65
_MOST_NAMED = 3


def about_comparison(label: str, left: Records, right: Records) -> str:
    """What a comparison compares where that is no field; empty for a field, and for one that bears such a name."""
    return "" if label in left.roles or label in right.roles else _ABOUT.get(label, "")


def names_of_compared(labels: Sequence[str]) -> str:
    """What was compared, in one line; the bound on the evidence is no comparison."""
    return ", ".join(label for label in labels if label != TOO_LITTLE) or "nothing"


def why(contributions: Sequence[Contribution]) -> str:
    """The comparisons that weigh most, in a sentence or two, such as "For a match: name, city. Against it: year."."""
    ranked = sorted(contributions, key=lambda c: -abs(c.log_odds))
    sides = (
        ("For a match", [c.label for c in ranked if c.log_odds >= _WORTH_NAMING]),
        ("Against it", [c.label for c in ranked if c.log_odds <= -_WORTH_NAMING]),
    )
    named = [f"{words}: {', '.join(labels[:_MOST_NAMED])}." for words, labels in sides if labels]
    return " ".join(named) or "No comparison says much."

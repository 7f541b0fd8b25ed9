"""What to check next: how many links are doubtful, how many matches may be missing, and where on the page they are."""

from __future__ import annotations

from collections.abc import Iterable

from kinfolk.evaluation.interval import Estimate
from kinfolk.report.markup import count, counted, probability
from kinfolk.report.pair_table import PairTable

SURE = 0.9  # links below this probability are worth a look
POSSIBLE = 0.1  # pairs below this probability are not


def next_steps(steps: Iterable[str]) -> str:
    """The steps as a list, most useful first; those that are empty are left out."""
    items = "".join(f"<li>{step}</li>" for step in steps if step)
    return f'<div class="next"><h2 id="next">What to check next</h2><ol>{items}</ol></div>' if items else ""


def audit_step(pairs: PairTable, estimate: Estimate) -> str:
    """That one's own judgment makes the figures firm; empty where it has, or where there is no pair to judge."""
    if estimate.source != "model" or not len(pairs):
        return ""
    return (
        "For figures that rest on your own judgment: <code>kinfolk audit RUN</code> asks you about 60 pairs of the folder "
        "given as <code>--run</code>."
    )


def doubtful_step(pairs: PairTable) -> str:
    """The links that may be wrong."""
    linked = pairs.probability[pairs.link]
    if not len(linked):
        return ""
    doubtful = linked[linked < SURE]
    if not len(doubtful):
        return f'<a href="#doubtful">The least certain links</a>: even these have {probability(linked.min())} or more.'
    named = f"{counted(len(doubtful), 'pair')} in one cluster" if pairs.grouped else counted(len(doubtful), "link")
    verb = "has" if len(doubtful) == 1 else "have"
    return (
        f'<a href="#doubtful">{named}</a> {verb} a probability below {SURE}; '
        f"{_about(float((1 - doubtful).sum()))} of them will be wrong, if the probabilities are right."
    )


def missed_step(pairs: PairTable) -> str:
    """The matches that may have been missed, among pairs that would come in at a lower cut."""
    free = pairs.probability[pairs.eligible & ~pairs.link]
    possible = free[free >= POSSIBLE]
    if not len(possible):
        return ""
    verb = "was" if len(possible) == 1 else "were"
    return (
        f'<a href="#nearly">{counted(len(possible), "pair")}</a> {verb} not {pairs.linked_word} although the '
        f"probability is {POSSIBLE} or more; {_about(float(possible.sum()))} of them will be matches all the same."
    )


def _about(expected: float) -> str:
    return f"about {count(expected)}" if expected >= 0.5 else "perhaps none"

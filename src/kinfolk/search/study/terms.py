"""The filter of a query of the study: a value, a range, a tag, or several of these at once.

The names are those of Iff, Brügger, Chrapek, Besta and Hoefler (arXiv 2507.21989): ``em`` is exact match, ``r`` a range with both ends,
``emis`` exact match in a set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from kinfolk.search.filters import Expression, col
from kinfolk.search.filters.expression import all_of

Kind: TypeAlias = Literal["em", "r", "emis"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Number: TypeAlias = int | float


@dataclass(frozen=True)
class Term:
    """One condition on one column.

    Attributes:
        kind: ``em``, ``r`` or ``emis``.
        column: of the attributes.
        value: what is matched, or both ends of the range.
    """

    kind: Kind
    column: str
    value: str | Number | tuple[Number, Number]

    def expression(self) -> Expression:
        """The condition as a filter of this package."""
        if isinstance(self.value, tuple):
            return col(self.column).between(*self.value)
        return col(self.column).contains(self.value) if self.kind == "emis" else col(self.column) == self.value


Terms: TypeAlias = tuple[Term, ...]
"""What a query asks for, all of it at once; empty for no filter."""


def expression_of(terms: Terms) -> Expression | None:
    """The terms as one filter; None for no filter."""
    return all_of(*(term.expression() for term in terms)) if terms else None


def to_json(term: Term) -> dict[str, str | Number]:
    """A term as a line of the study's files: its label, or the ends of its range."""
    if isinstance(term.value, tuple):
        return {"range_start": term.value[0], "range_end": term.value[1]}
    return {"label": term.value}


def from_json(line: Mapping[str, object], kind: Kind, column: str) -> Term | str:
    """A term from a line of the study's files; else a sentence on what was expected."""
    if kind == "r":
        ends = (line.get("range_start"), line.get("range_end"))
        if set(line) == {"range_start", "range_end"} and all(_is_number(end) for end in ends):
            return Term(kind, column, ends)  # type: ignore[arg-type]  # both are numbers
        return f'{{"range_start": number, "range_end": number}} is needed. Got {dict(line)}.'
    label = line.get("label")
    if set(line) == {"label"} and (isinstance(label, str) or _is_number(label)):
        return Term(kind, column, label)  # type: ignore[arg-type]  # a text or a number
    return f'{{"label": text or number}} is needed. Got {dict(line)}.'


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

"""The list of kinds. A kind is one file with one class under ``@kind``; the rest finds it here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from kinfolk.errors import ConfigurationError
from kinfolk.search.kinds.interface import Kind

FilterType: TypeAlias = Literal["EM", "R", "EMIS", "any"]
_Kind = TypeVar("_Kind", bound=type[Kind])


@dataclass(frozen=True)
class Entry:
    """What is known of a kind.

    Attributes:
        name: in tables and in ``find_kind``.
        make: the class; ``make.build`` has the parameters.
        paper: authors, title, venue and arXiv number.
        serves: filters by the names of the study: EM for the equality of a value, R for a range, EMIS for a list that contains
            a value; any for those and whatever else a filter can say, no filter included.
        effort: what the one parameter of a search counts.
        extra: the optional part of kinfolk that it needs; None for none.
    """

    name: str
    make: type[Kind]
    paper: str
    serves: tuple[FilterType, ...]
    effort: str
    extra: str | None

    @property
    def of_one_column(self) -> bool:
        """Whether it is built for the filters of one column."""
        return "any" not in self.serves

    @property
    def summary(self) -> str:
        """What it does, in one sentence."""
        return (inspect.getdoc(self.make) or "").split("\n", 1)[0]


_KINDS: dict[str, Entry] = {}


def kind(
    name: str, *, paper: str, serves: tuple[FilterType, ...], effort: str, extra: str | None = None
) -> Callable[[_Kind], _Kind]:
    """Make a class known as a kind; see ``Entry``.

    Raises:
        ConfigurationError: the name is taken.
    """

    def enter(make: _Kind) -> _Kind:
        if name in _KINDS and _KINDS[name].make.__qualname__ != make.__qualname__:
            raise ConfigurationError(f"A kind named {name!r} exists already. Choose another name.")
        _KINDS[name] = Entry(name, make, paper, serves, effort, extra)
        make.name = name
        return make

    return enter


def kinds() -> Mapping[str, Entry]:
    """All kinds by name, sorted."""
    return dict(sorted(_KINDS.items()))


def find_kind(name: str) -> Entry:
    """What is known of a kind.

    Raises:
        ConfigurationError: none has that name.
    """
    if name not in _KINDS:
        raise ConfigurationError(f"There is no kind {name!r}. Known: {', '.join(kinds())}.")
    return _KINDS[name]

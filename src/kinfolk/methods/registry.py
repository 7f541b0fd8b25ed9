"""The list of methods. A method is one file with one function under ``@method``; the rest finds it here."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

from kinfolk.errors import ConfigurationError
from kinfolk.methods.recipe import Recipe
from kinfolk.methods.settings import Setting, read_setting
from kinfolk.methods.trainable import Trainable
from kinfolk.objectives._inputs import check_count

Reads = Literal["images", "texts"]
_COUNTS = ("size", "projection", "num_classes")  # of pixels, numbers and labels: the same in every method that has them


@dataclass(frozen=True)
class Entry:
    """What is known of a method.

    Attributes:
        name: on the command line and in files.
        make: takes an encoder and, by keyword, the settings of the method.
        paper: authors, title, venue and arXiv number.
        recipe: how it is trained unless said otherwise; for small images and batches on a processor.
        labels: whether it learns from labels.
        reads: of what it makes vectors.
        texts: how many texts of an item it takes at most: 1; 2 with one that belongs to each; 3 with a hard negative, too.
    """

    name: str
    make: Callable[..., Trainable]
    paper: str
    recipe: Recipe = field(default_factory=Recipe)
    labels: bool = False
    reads: Reads = "images"
    texts: int = 1

    @property
    def summary(self) -> str:
        """What it does, in one sentence."""
        return (inspect.getdoc(self.make) or "").split("\n", 1)[0]

    def settings(self) -> dict[str, tuple[type, Setting]]:
        """Type and default of each setting."""
        hints = typing.get_type_hints(self.make)
        found = {}
        for name, parameter in inspect.signature(self.make).parameters.items():
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                found[name] = (_plain_type(hints[name]), parameter.default)
        return found

    def read_settings(self, given: Mapping[str, object]) -> dict[str, Setting]:
        """Settings in their types; texts, as a command line has them, are converted.

        Raises:
            ConfigurationError: a setting that the method does not have, a value of another type, or no pixels, numbers or
                labels at all.
        """
        known = self.settings()
        chosen: dict[str, Setting] = {}
        for name, value in given.items():
            if name not in known:
                raise ConfigurationError(
                    f"The method {self.name} has no setting {name!r}. It has: {', '.join(known) or 'none'}."
                )
            chosen[name] = read_setting(f"{self.name}: {name}", known[name][0], value)
        for name in _COUNTS:
            if name in chosen:
                check_count(f"{self.name}: {name}", cast(int, chosen[name]))
        return chosen


_METHODS: dict[str, Entry] = {}
_Make = TypeVar("_Make", bound=Callable[..., Trainable])


def method(
    name: str,
    *,
    paper: str,
    recipe: Recipe | None = None,
    labels: bool = False,
    reads: Reads = "images",
    texts: int = 1,
) -> Callable[[_Make], _Make]:
    """Make a function known as a method; see ``Entry``.

    Raises:
        ConfigurationError: the name is taken.
    """

    def enter(make: _Make) -> _Make:
        if name in _METHODS and _METHODS[name].make.__qualname__ != make.__qualname__:
            raise ConfigurationError(f"A method named {name!r} exists already. Choose another name.")
        _METHODS[name] = Entry(name, make, paper, recipe or Recipe(), labels, reads, texts)
        return make

    return enter


def methods(reads: Reads | None = None) -> Mapping[str, Entry]:
    """All methods by name, sorted; those that read one kind of data, if it is given."""
    return {name: entry for name, entry in sorted(_METHODS.items()) if reads in (None, entry.reads)}


def find_method(name: str) -> Entry:
    """What is known of a method.

    Raises:
        ConfigurationError: none has that name.
    """
    if name not in _METHODS:
        raise ConfigurationError(f"There is no method {name!r}. Known: {', '.join(methods())}.")
    return _METHODS[name]


def _plain_type(hint: Any) -> type:
    if typing.get_origin(hint) is typing.Literal:
        return str
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    assert isinstance(hint, type)
    return hint

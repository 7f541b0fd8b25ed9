"""What an objective is, and the list of them.

An objective is added in one file, with one line of registration over its class; ``kinfolk.objectives`` imports the file.
The generic tests find it by its registration: they build what it says it needs and hold it to the common contract.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, TypeVar

from torch import nn

from kinfolk.errors import ConfigurationError

NEEDS = ("labels",)
"""What an objective may need beside embeddings: ``labels``, one integer an item."""


class Objective(nn.Module):
    """A loss: embeddings in, a scalar out. It never owns the encoder.

    Embeddings are raw: an objective normalizes them itself. Half precision is computed in float32. All parameters have
    defaults. Every subclass is registered with ``register``.

    An objective may have a state: a queue of earlier rows, a counter. It is all in ``state_dict``, and it moves in
    training mode only: there a call first computes the loss and then takes the batch in. In evaluation mode
    (``eval()``) the loss is a function of the arguments and the state, and nothing is drawn at random. What has the
    length of an embedding is made at the start, from the argument ``dim``.

    Attributes:
        name: on the command line and in files.
        embeddings: how many tables of embeddings (items, dim), row i of each about item i, ``forward`` takes by
            position; where it takes any number, the least.
        constants: positions of those that are held constant, such as the keys of a momentum encoder: no gradient
            reaches them.
        needs: what it takes by keyword beside them, from ``NEEDS``.
        detaches: whether it holds a part constant that depends on the others (a weight, a target), so that its gradient
            is not its slope.
    """

    name: ClassVar[str]
    embeddings: ClassVar[int]
    constants: ClassVar[tuple[int, ...]]
    needs: ClassVar[tuple[str, ...]]
    detaches: ClassVar[bool]


_OBJECTIVES: dict[str, type[Objective]] = {}
_Class = TypeVar("_Class", bound=type[Objective])


def register(
    name: str,
    *,
    embeddings: int = 2,
    constants: tuple[int, ...] = (),
    needs: tuple[str, ...] = (),
    detaches: bool = False,
) -> Callable[[_Class], _Class]:
    """Make a class known as an objective.

    Args:
        name: lower-case form of the class name.
        embeddings, constants, needs, detaches: see ``Objective``.

    Raises:
        ConfigurationError: the name is taken, or ``needs`` names something unknown.
    """
    for need in needs:
        if need not in NEEDS:
            raise ConfigurationError(f"needs must be of {', '.join(NEEDS)}. Got {need!r}.")

    def enter(cls: _Class) -> _Class:
        known = _OBJECTIVES.get(name)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise ConfigurationError(
                f"An objective named {name!r} exists already: {known.__qualname__}. Choose another."
            )
        cls.name, cls.embeddings, cls.constants, cls.needs, cls.detaches = name, embeddings, constants, needs, detaches
        _OBJECTIVES[name] = cls
        return cls

    return enter


def objectives() -> Mapping[str, type[Objective]]:
    """All registered objectives by name, sorted."""
    return dict(sorted(_OBJECTIVES.items()))


def objective(name: str) -> type[Objective]:
    """The class of an objective.

    Raises:
        ConfigurationError: none has that name.
    """
    if name not in _OBJECTIVES:
        raise ConfigurationError(f"There is no objective {name!r}. Known: {', '.join(objectives())}.")
    return _OBJECTIVES[name]

"""The list of data sets. A data set is one file that describes it, and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from kinfolk.data.public.dataset import Dataset
from kinfolk.data.public.emoji import EMOJI
from kinfolk.data.public.febrl import FEBRL1, FEBRL2, FEBRL3, FEBRL4
from kinfolk.data.public.jp_firms import JP_FIRMS
from kinfolk.errors import ConfigurationError

_DATASETS = (
    EMOJI,
    FEBRL1,
    FEBRL2,
    FEBRL3,
    FEBRL4,
    JP_FIRMS,
)


def datasets() -> Mapping[str, Dataset]:
    """All data sets by name, sorted."""
    return {entry.name: entry for entry in sorted(_DATASETS, key=lambda entry: entry.name)}


def find_dataset(name: str) -> Dataset:
    """What is known of a data set.

    Raises:
        ConfigurationError: none has that name.
    """
    known = datasets()
    if name not in known:
        raise ConfigurationError(f"There is no data set {name!r}. Known: {', '.join(known)}.")
    return known[name]

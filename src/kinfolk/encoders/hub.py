"""A model by the name of a folder or of a place on the Hugging Face hub: which of the two, and is it there?"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from kinfolk.errors import ConfigurationError

Loaded = TypeVar("Loaded")

_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_HUB_SECONDS = 15.0


def local_folder(name: str, *, kinds: dict[str, str], what: str = "encoder") -> Path | None:
    """Return the folder a name stands for, or None where it can only be a name on the hub.

    Args:
        name: what the user gave.
        kinds: file that a model's folder has -> what such a model is called.
        what: it should be.

    Raises:
        ConfigurationError: a folder without a model, a file, or a folder that does not exist.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not any((folder / file).is_file() for file in kinds):
            models = " or ".join(f"{kind} ({file})" for file, kind in kinds.items())
            has = "neither" if len(kinds) == 2 else "none"
            raise ConfigurationError(f"{what} must be a folder with {models}. Got {name!r}, which has {has}.")
        return folder
    if folder.exists():
        raise ConfigurationError(f"{what} must be a folder or a model's name. Got {name!r}, which is a file.")
    if name.startswith(("/", "./", "../", "~")) or not _HUB_NAME.fullmatch(name):
        raise ConfigurationError(f"{what} must be a folder or a model's name. There is no folder {name!r}.")
    return None


def from_cache_or_hub(name: str, load: Callable[[str], Loaded], *, instead: str, what: str = "encoder") -> Loaded:
    """Load a model by its name on the hub; the network is touched only where the local cache does not hold the whole of it.

    Args:
        name: of the model on the hub.
        load: loads it from a folder, or by its name.
        instead: what the user can give that needs no hub.
        what: it should be.

    Raises:
        ConfigurationError: the model in the cache is damaged, or it is not there and the hub does not give it.
    """
    # The libraries are given the folder and not the name, with which some write to the hub even where all is local.
    folder = _cached_folder(name)
    if folder is not None:
        try:
            with quiet_loading():
                return load(str(folder))
        except (OSError, ValueError):
            pass  # a part of it is not there: the hub may have it
        except (
            Exception
        ) as error:  # Which error a damaged model gives depends on the file and on the library's version.
            raise ConfigurationError(
                f"Cannot load the {what} {name!r} from the local cache, {folder}: {first_line(error)} Remove that folder."
            ) from error
    ask_hub(name, instead=instead, what=what)
    try:
        return load(name)
    except Exception as error:  # Network, disk and damaged files all end here, each with errors of its own.
        raise ConfigurationError(f"Cannot load the {what} {name!r} from the hub: {first_line(error)}") from error


def _cached_folder(name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    files = (try_to_load_from_cache(name, file) for file in ("modules.json", "config.json"))
    return next((Path(file).parent for file in files if isinstance(file, str)), None)


def ask_hub(name: str, *, instead: str, what: str = "encoder") -> None:
    """Fail within seconds where the hub is out of reach or has no such model; loading would retry for over a minute.

    Args:
        name: of the model on the hub.
        instead: what the user can give that needs no hub.
        what: it should be.

    Raises:
        ConfigurationError: the hub does not give the model.
    """
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(name, timeout=_HUB_SECONDS)
    except Exception as error:  # The client's errors changed with its HTTP library: requests, then httpx.
        raise ConfigurationError(
            f"Cannot load the {what} {name!r}: there is no folder of that name, it is not in the local Hugging Face "
            f"cache, and the hub does not give it: {first_line(error)} Give {instead}."
        ) from error


def first_line(error: Exception) -> str:
    """The first line of an error's text that says something, with a full stop."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line if line.endswith(".") else line + "."


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Keep the libraries' own bars and warnings off the screen while a model is loaded from disk."""
    from transformers.utils import logging as transformers_logging

    bars = transformers_logging.is_progress_bar_enabled()
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()

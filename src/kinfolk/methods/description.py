"""What a model's folder says of the model: one JSON file, which is written last and makes the folder a model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kinfolk.data import atomic_write
from kinfolk.data.wording import reason_of
from kinfolk.errors import DataError, KinfolkError

_FORMAT = 1


def write_description(about: Mapping[str, Any], path: Path, *, kind: str) -> None:
    """Write what is known of a model.

    Args:
        about: what JSON can hold.
        path: of the file.
        kind: "records" or "texts".

    Raises:
        DataError: the place cannot be written to.
    """
    with atomic_write(path) as aside:
        aside.write_text(json.dumps({_key(kind): _FORMAT, **about}, indent=1), "utf-8")


def read_description(path: Path, *, kind: str) -> dict[str, Any]:
    """Read what ``write_description`` wrote; to be called within ``reading_model``.

    Args:
        path, kind: see there.

    Raises:
        DataError: there is no such file.
        OSError, ValueError, KeyError, AttributeError: it cannot be read, or is not one of these.
    """
    try:
        about: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"{path.parent} holds no model of {kind}: there is no {path.name}. Give the folder that a training of {kind} wrote."
        ) from None
    if about.pop(_key(kind)) != _FORMAT:
        raise ValueError("another format")
    return about


@contextmanager
def reading_model(folder: Path, *, kind: str) -> Iterator[None]:
    """While a folder is read as a model, whatever is wrong with its files becomes one sentence.

    Args:
        folder: of the model.
        kind: see ``write_description``.

    Raises:
        DataError: the model is broken.
    """
    from safetensors import SafetensorError

    try:
        yield
    except KinfolkError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        raise DataError(
            f"{folder} does not hold a model of {kind} that can be read ({reason_of(error)}). Train it again."
        ) from error


def _key(kind: str) -> str:
    return f"kinfolk_{kind.removesuffix('s')}_model"

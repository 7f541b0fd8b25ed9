"""Vectors of images and texts, with what they are the vectors of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.data import atomic_write, write_table
from kinfolk.data.atomic import check_place
from kinfolk.data.images import Images, OnError, read_images
from kinfolk.data.texts import read_texts
from kinfolk.encoders import TextEncoder
from kinfolk.encoders.mixture_tower import MixtureTower
from kinfolk.encoders.sentence_transformer import Backend
from kinfolk.errors import ConfigurationError
from kinfolk.methods.model import FACTS, Model, load_model
from kinfolk.methods.texts.model import ABOUT as ABOUT_TEXTS
from kinfolk.methods.texts.model import TextModel
from kinfolk.methods.texts.opened import open_text_encoder

_ENDINGS = (".parquet", ".npy")


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors of images or of texts.

    Attributes:
        names: what each is the vector of: the path or the row of the image, the row of the text, from 1.
        array: float32 (num, dim).
        notes: sentences for the user.
    """

    names: tuple[str, ...]
    array: npt.NDArray[np.float32]
    notes: tuple[str, ...] = ()

    def to_arrow(self) -> pa.Table:
        """Columns ``name`` and ``vector`` (a list of float32 of fixed length)."""
        flat = pa.array(self.array.reshape(-1), pa.float32())
        return pa.table(
            {"name": list(self.names), "vector": pa.FixedSizeListArray.from_arrays(flat, self.array.shape[1])}
        )

    def save(self, path: str | Path) -> Path:
        """Write the vectors: .parquet with their names, .npy without.

        Raises:
            ConfigurationError: the name has another ending.
            DataError: the place cannot be written to.
        """
        path = Path(path)
        check_vectors_place(path)
        if path.suffix == ".parquet":
            write_table(self.to_arrow(), path)
        else:
            written = BytesIO()  # into a file, numpy says of a full disk what no one can read
            np.save(written, self.array)
            with atomic_write(path) as aside:
                aside.write_bytes(written.getbuffer())
        return path


def embed(
    data: object,
    *,
    model: str | Path | Model | TextModel | TextEncoder,
    column: str | None = None,
    label: str | None = None,
    on_error: OnError = "raise",
    advance: Callable[[float], None] | None = None,
) -> Vectors:
    """Turn images or texts into vectors.

    Args:
        data: a folder of images, a table with a column of images, or ``Images``; for a model of texts a file of lines, a list of
            strings or a table with a column of texts. A row without text has no vector.
        model: a trained one, or its folder; for texts also the folder or the name of a sentence-transformers model, or "minilm"
            for the one that the extra ``offline`` installs.
        column: the column, or the array, with the images or texts; None takes the only one there is.
        label: the column with the domain of each text, for a mixture of experts by domain. Texts of a domain that it does not
            know, and all texts where this is None, go through the mean of its experts.
        on_error: "raise" refuses images that cannot be read, "skip" leaves them out and says so.
        advance: told the share that is done.

    Raises:
        DataError: the data or the model cannot be read.
        ConfigurationError: an option that is not possible, or ``Images`` of another size than the model sees.
        MissingExtraError: what the model needs is not installed.
    """
    trained = open_model(model) if isinstance(model, str | Path) else model
    if label is not None and not isinstance(trained, TextModel):
        raise ConfigurationError("label is for a model of texts with an expert for each domain. Leave it out.")
    if not isinstance(trained, Model):
        texts = read_texts(data, column=column, label=label, blank_labels=True)
        names = names_of_rows(texts.rows.tolist())
        if not isinstance(trained, TextModel):
            return Vectors(names, trained.encode(texts.texts, advance=advance), texts.notes)
        domains = texts.named_labels
        vectors = trained.encode(texts.texts, domains=domains, advance=advance)
        return Vectors(names, vectors, texts.notes + _unknown(trained, domains))
    if not isinstance(data, str | Path | pa.Table | Images):
        raise ConfigurationError(f"data must be a folder, a file, an Arrow table or Images. Got {type(data).__name__}.")
    if isinstance(data, Images):
        images = data
    else:
        channels: Literal[1, 3] = 1 if trained.encoder.channels == 1 else 3
        images = read_images(data, size=trained.size, channels=channels, column=column, on_error=on_error)
    return Vectors(images.names, trained.encode(images, advance=advance), images.skipped)


def open_model(name: str | Path, *, backend: Backend = "torch") -> Model | TextModel | TextEncoder:
    """Open the model behind a folder or a name; see ``embed``.

    Args:
        name: of the model.
        backend: what computes the vectors of texts; see ``load_text_encoder``.

    Raises:
        ConfigurationError: there is no such model, or the backend does not take it.
        MissingExtraError: what it needs is not installed.
    """
    if not _is_of_images(Path(name).expanduser()):
        return open_text_encoder(name, backend=backend)
    if backend != "torch":
        raise ConfigurationError(
            f"The backend {backend!r} is for models of texts. {name} is one of images: leave it out."
        )
    return load_model(name)


def _is_of_images(folder: Path) -> bool:
    """Whether a folder does not say that its model is one of texts; what is no folder can only be the name of one."""
    if not folder.exists() or any((folder / file).exists() for file in (ABOUT_TEXTS, "modules.json")):
        return False
    if (folder / FACTS).exists():
        return True
    try:
        return "model_type" not in json.loads((folder / "config.json").read_text("utf-8"))  # of transformers
    except (OSError, ValueError, TypeError):
        return True


def names_of_rows(rows: Iterable[int]) -> tuple[str, ...]:
    """What vectors of texts are called: the rows of the source, from 1."""
    return tuple(str(row + 1) for row in rows)


def _unknown(model: TextModel, domains: Sequence[str] | None) -> tuple[str, ...]:
    if domains is None or not isinstance(model.encoder, MixtureTower):
        return ()
    lost = sum(domain not in model.encoder.domains for domain in domains)
    return (
        (f"{lost:,} texts are of no domain that the model knows; the mean of its experts took them.",) if lost else ()
    )


def check_vectors_place(path: Path, inputs: Sequence[object] = ()) -> None:
    """Raise before any work what ``Vectors.save`` would raise after it.

    Raises:
        ConfigurationError: the name of the file has no known ending, or it would overwrite something.
        DataError: the place cannot be written to.
    """
    if path.suffix not in _ENDINGS:
        raise ConfigurationError(f"The name of vectors must end in {' or '.join(_ENDINGS)}. Got '{path.name}'.")
    check_place(path, inputs=inputs)

"""Vectors kept in the run folder, so that a resumed run, or the next stage, does not encode a text again.

Layout: ``<folder>/vectors/<fingerprint of the model>/part-<hash>.npz``, each part with ``keys`` (n, 16) uint8, a hash
of each text, and ``vectors`` (n, dim) float32. Parts are written aside and renamed, one after the other: a killed run
loses the part it was at, nothing else.

A batch's other texts move a vector in its last bits. So the texts of a call are cut into parts in an order that does
not depend on what is already kept: a resumed run puts the same texts together as an undisturbed one, and gets its
vectors.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kinfolk.data.atomic import atomic_write
from kinfolk.encoders.batching import distinct_texts
from kinfolk.encoders.progress import EncodingProgress
from kinfolk.encoders.text import TextEncoder, Vectors, spread_rows
from kinfolk.errors import RunError

Keys = npt.NDArray[np.uint8]

# At worst this many texts are encoded twice after a kill: under a minute for a small model on two cores.
TEXTS_PER_PART = 4096

_KEY_BYTES = 16


def encode_cached(encoder: TextEncoder, texts: Sequence[str], folder: str | Path, *, progress: bool = False) -> Vectors:
    """Return what ``encoder.encode(texts)`` returns, encoding only texts whose vectors are not yet in the folder.

    Args:
        encoder: the encoder; another model, or another precision, has vectors of its own.
        texts: n strings; blank ones get zeros.
        folder: the run folder; made if absent.
        progress: show a progress bar on the error stream when the job lasts over two seconds.

    Returns:
        float32 array (n, dim) of unit rows.

    Raises:
        DataError: if something in ``texts`` is not a string, or the folder cannot be written.
        RunError: if kept vectors cannot be read.
    """
    distinct, rows = distinct_texts(texts)
    store = Path(folder) / "vectors" / encoder.fingerprint
    keys = _keys(distinct)
    vectors = np.empty((len(distinct), encoder.dim), dtype=np.float32)
    absent = ~_fill_from_store(vectors, keys, store)
    with EncodingProgress([distinct[i] for i in np.flatnonzero(absent)], shown=progress) as bar:
        for start in range(0, len(distinct), TEXTS_PER_PART):
            wanted = start + np.flatnonzero(absent[start : start + TEXTS_PER_PART])
            if len(wanted):
                vectors[wanted] = encoder.encode_chunk([distinct[i] for i in wanted], bar)
                _write_part(store, keys[wanted], vectors[wanted])
    return spread_rows(vectors, rows)


def _keys(texts: Sequence[str]) -> Keys:
    joined = b"".join(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest() for text in texts
    )
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(texts), _KEY_BYTES)


def _fill_from_store(vectors: Vectors, keys: Keys, store: Path) -> npt.NDArray[np.bool_]:
    """Copy the kept vectors into their rows and return which rows were kept."""
    places = {key.tobytes(): row for row, key in enumerate(keys)}
    found = np.zeros(len(keys), dtype=np.bool_)
    for path in sorted(store.glob("part-*.npz")):
        part_keys, part_vectors = _read_part(path, vectors.shape[1])
        wanted = [(places[key], row) for row, key in enumerate(map(np.ndarray.tobytes, part_keys)) if key in places]
        if wanted:
            here, there = np.array(wanted, dtype=np.int64).T
            vectors[here] = part_vectors[there]
            found[here] = True
    return found


def _write_part(store: Path, keys: Keys, vectors: Vectors) -> None:
    name = hashlib.blake2b(keys.tobytes(), digest_size=_KEY_BYTES).hexdigest()
    with atomic_write(store / f"part-{name}.npz") as temporary, temporary.open("wb") as file:
        np.savez(file, keys=keys, vectors=vectors)


def _read_part(path: Path, dim: int) -> tuple[Keys, Vectors]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as part:
            keys, vectors = part["keys"], part["vectors"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise RunError(f"Cannot read the vectors kept in {path} ({error}). Delete the file and run again.") from error
    if keys.shape != (len(keys), _KEY_BYTES) or vectors.shape != (len(keys), dim):
        raise RunError(
            f"{path} must hold keys (n, {_KEY_BYTES}) and vectors (n, {dim}). Got {keys.shape} and {vectors.shape}. "
            f"Delete the file and run again."
        )
    return keys, vectors

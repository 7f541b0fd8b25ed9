"""Vectors of more texts than fit into memory: chunk by chunk into parts, which a run that was killed finds again.

Layout: ``.<name of the file>.parts/<fingerprint of texts and model>/<number>.parquet``, each part with what ``Vectors.to_arrow``
gives. Each part is written aside and renamed; when all are there, they are put one behind the other into the file, and removed. The
chunks depend on the texts alone, so a run that went on writes the bytes of an undisturbed one.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from kinfolk.data import atomic_write, write_table
from kinfolk.data.text_stream import TextChunk, open_text_stream
from kinfolk.encoders import TextEncoder
from kinfolk.errors import RunError
from kinfolk.methods.texts.model import TextModel
from kinfolk.methods.vectors import Vectors, check_vectors_place, names_of_rows

# A part is what a kill costs: seconds for a small model. Long texts are bounded by what they take in memory.
_TEXTS_PER_PART = 8192
_CHARACTERS_PER_PART = 1 << 24


@dataclass(frozen=True)
class WrittenVectors:
    """What was written.

    Attributes:
        num: vectors.
        dim: their width.
        notes: sentences for the user.
    """

    num: int
    dim: int
    notes: tuple[str, ...]


def embed_stream(
    data: object,
    output: str | Path,
    *,
    encoder: TextModel | TextEncoder,
    column: str | None = None,
    advance: Callable[[float], None] | None = None,
) -> WrittenVectors:
    """Write the vectors of texts to a file, in memory that does not grow with them.

    Args:
        data: a file of lines, or a table with a column of texts; see ``open_text_stream`` for what is not read whole.
        output: .parquet with names and vectors, one row group a part, or .npy with the vectors.
        encoder: texts to vectors.
        column: the column of a table with the texts; None takes the only one there is.
        advance: told the share of the vectors that were to be made which is done.

    Raises:
        DataError: the data cannot be read, or the place cannot be written to.
        ConfigurationError: an option that is not possible.
        RunError: a part that was kept cannot be read.
    """
    output = Path(output)
    check_vectors_place(output, inputs=(data,))
    stream = open_text_stream(data, column=column)
    key = f"1 {stream.fingerprint} {encoder.fingerprint} {_TEXTS_PER_PART} {_CHARACTERS_PER_PART}"
    kept = output.with_name(f".{output.name}.parts")
    folder = kept / hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    missing = stream.num_texts - sum(_num_rows(part) for part in folder.glob("*.parquet"))
    parts: list[Path] = []
    done = 0
    for chunk in stream.chunks(most_texts=_TEXTS_PER_PART, most_characters=_CHARACTERS_PER_PART):
        part = folder / f"{len(parts):08}.parquet"
        parts.append(part)
        if not part.exists():
            tell = None if advance is None else _share_of_all(advance, done, len(chunk.texts), missing)
            _write_part(part, chunk, encoder, tell)
            done += len(chunk.texts)
    _join(parts, output, num=stream.num_texts, dim=encoder.dim)
    shutil.rmtree(kept, ignore_errors=True)
    return WrittenVectors(stream.num_texts, encoder.dim, stream.notes)


def _share_of_all(advance: Callable[[float], None], done: int, num: int, missing: int) -> Callable[[float], None]:
    return lambda share: advance((done + share * num) / missing)


def _write_part(
    part: Path, chunk: TextChunk, encoder: TextModel | TextEncoder, advance: Callable[[float], None] | None
) -> None:
    write_table(Vectors(names_of_rows(chunk.rows), encoder.encode(chunk.texts, advance=advance)).to_arrow(), part)


def _join(parts: Sequence[Path], output: Path, *, num: int, dim: int) -> None:
    import pyarrow.parquet as pq

    with atomic_write(output) as aside, aside.open("wb") as file:
        if output.suffix == ".npy":
            header = {"descr": "<f4", "fortran_order": False, "shape": (num, dim)}
            np.lib.format.write_array_header_1_0(file, header)
            for part in parts:
                vectors = _read_part(part).column("vector").combine_chunks()
                file.write(np.ascontiguousarray(vectors.flatten().to_numpy(), dtype="<f4").data)
            return
        with pq.ParquetWriter(file, _read_part(parts[0]).schema, compression="zstd") as writer:
            for part in parts:
                writer.write_table(_read_part(part))


def _read_part(part: Path) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        with part.open("rb") as file:
            return pq.ParquetFile(file).read()
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"Cannot read the vectors kept in {part} ({error}). Delete the file and run again.") from error


def _num_rows(part: Path) -> int:
    import pyarrow.parquet as pq

    try:
        with part.open("rb") as file:
            return int(pq.read_metadata(file).num_rows)
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"Cannot read the vectors kept in {part} ({error}). Delete the file and run again.") from error

"""Hashing a column by its values alone: chunks, offsets and what lies under a null do not count."""

from __future__ import annotations

import hashlib
import json
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.data.text import is_string, value_as_text


class Digest(Protocol):
    """What ``hashlib`` objects can do."""

    def update(self, data: bytes, /) -> None:
        """Add bytes to what is hashed."""


def hash_column(digest: Digest, column: pa.ChunkedArray) -> None:
    """Feed the values of a column, their type and their order to a digest."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        _hash_bytes(digest, column, "text" if is_string(kind) else "binary")
        return
    digest.update(f"{kind}\0{len(column)}\0".encode())
    if pa.types.is_struct(kind):
        digest.update(np.packbits(np.asarray(column.is_null().to_numpy())).tobytes())
        for place in range(kind.num_fields):
            hash_column(digest, pc.struct_field(column, place))
        return
    if pa.types.is_primitive(kind) and not pa.types.is_boolean(kind):
        width = kind.bit_width
        mask = np.asarray(column.is_null().to_numpy())
        digest.update(np.packbits(mask).tobytes())
        plain = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}.get(width)
        if plain is not None:
            for chunk in column.chunks:
                bits = pa.Array.from_buffers(plain, len(chunk), chunk.buffers(), offset=chunk.offset)
                digest.update(np.ascontiguousarray(bits.fill_null(0).to_numpy(zero_copy_only=False)).tobytes())
            return
    digest.update(json.dumps(column.to_pylist(), ensure_ascii=True, default=value_as_text).encode())


def _hash_bytes(digest: Digest, column: pa.ChunkedArray, kind: str) -> None:
    digest.update(f"{kind}\0{len(column)}\0".encode())
    contents = hashlib.blake2b(digest_size=16)
    wide = column.cast(pa.large_string() if kind == "text" else pa.large_binary())
    for chunk in wide.chunks:
        # -1 marks a null, so that it differs from an empty value
        lengths = pc.fill_null(pc.binary_length(chunk).cast(pa.int64()), -1)
        digest.update(np.ascontiguousarray(lengths.to_numpy(zero_copy_only=False)).tobytes())
        filled = pc.fill_null(chunk, "" if kind == "text" else b"")
        offsets = np.frombuffer(filled.buffers()[1], dtype=np.int64)[filled.offset : filled.offset + len(filled) + 1]
        data = filled.buffers()[2]
        if len(filled) and data is not None:
            contents.update(memoryview(data)[int(offsets[0]) : int(offsets[-1])])
    digest.update(contents.digest())

"""From the bytes of a text file to text: compression, byte order marks, encodings."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from kinfolk.data.codepages import best_codepage, is_latin
from kinfolk.data.wording import counted
from kinfolk.errors import ConfigurationError, DataError

_SAMPLE_BYTES = 1 << 16
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_KEEP_BAD_BYTES = "kinfolk.cp1252"


@dataclass(frozen=True)
class Decoded:
    """Text and what had to be said about it."""

    text: str
    encoding: str
    notes: tuple[str, ...] = ()

    @property
    def as_given(self) -> bool:
        """Whether the bytes of the file are this text in UTF-8."""
        return self.encoding == "utf-8" and not self.notes


def decompress(data: bytes, name: str) -> bytes:
    """Undo gzip, zstd, bzip2 or xz, told by the first bytes; other data comes back unchanged.

    Raises:
        DataError: the compressed data is cut short or damaged; part of a table is never taken for the whole.
    """
    try:
        if data.startswith(b"\x1f\x8b"):
            return gzip.decompress(data)
        if data.startswith(b"\x28\xb5\x2f\xfd"):
            return _zstd(data)
        if data.startswith(b"BZh"):
            return bz2.decompress(data)
        if data.startswith(b"\xfd7zXZ\x00"):
            return lzma.decompress(data)
    except (EOFError, OSError, zlib.error, lzma.LZMAError, ValueError) as error:
        raise DataError(
            f"{name} is compressed and cannot be unpacked: it is cut short or damaged. Copy or download it again."
        ) from error
    return data


def open_unpacked(path: Path) -> IO[bytes]:
    """Open a file to read its bytes as ``decompress`` gives them, without holding them all.

    Damage is found where reading comes to it, and raises what the library of the compression raises.
    """
    with path.open("rb") as file:
        head = file.read(6)
    if head.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.open(path))
    if head.startswith(b"BZh"):
        return bz2.open(path)
    if head.startswith(b"\xfd7zXZ\x00"):
        return lzma.open(path)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow as pa

        return cast("IO[bytes]", pa.CompressedInputStream(pa.OSFile(str(path)), "zstd"))
    return path.open("rb")


def decode(data: bytes, name: str, encoding: str | None = None) -> Decoded:
    """Turn bytes into text.

    Args:
        data: the whole file, uncompressed.
        name: of the file, for messages.
        encoding: any name Python knows; None looks for a byte order mark, then tries strict UTF-8, then detects.

    Returns:
        The text, the encoding, and notes when it is not plain UTF-8 or bytes had to be read in another way.

    Raises:
        ConfigurationError: no such encoding.
        DataError: the data does not have the encoding given.
    """
    zeros = 0
    if encoding is None and not _is_wide(data):  # before detection: a zero byte may have split a character
        zeros = data.count(0)
        data = data.replace(b"\0", b"") if zeros else data
    found = _detect_and_decode(data, name) if encoding is None else _decode_as_told(data, name, encoding)
    zeros += found.text.count("\0")
    note = (f"{name}: {counted(zeros, 'NUL character', 'NUL characters')} removed.",) if zeros else ()
    return Decoded(found.text.lstrip("\ufeff").replace("\0", ""), found.encoding, (*found.notes, *note))


def _is_wide(data: bytes) -> bool:
    return data.startswith(tuple(mark for mark, name in _BOMS if name != "utf-8")) or _wide_encoding(data) is not None


def _detect_and_decode(data: bytes, name: str) -> Decoded:
    for mark, found in _BOMS:
        if data.startswith(mark):
            return _decode_marked(data[len(mark) :], name, found)
    wide = _wide_encoding(data)
    if wide:
        return Decoded(
            data.decode(wide, "replace"), wide, (f"{name} was read as {wide.upper()} (found by its zero bytes).",)
        )
    if b"\x1b$" in data:  # Japanese mail writes its letters in ASCII bytes between escapes
        with suppress(UnicodeDecodeError):
            return Decoded(data.decode("iso2022_jp"), "iso2022_jp", (f"{name} was read as ISO-2022-JP.",))
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        return _decode_unknown(data, name, error)


def _decode_as_told(data: bytes, name: str, encoding: str) -> Decoded:
    try:
        info = codecs.lookup(encoding)
        if not info._is_text_encoding:
            raise LookupError
    except (LookupError, ValueError) as error:
        raise ConfigurationError(
            f"encoding must be one that Python knows, such as utf-8, cp1252 or shift_jis. Got {encoding!r}."
        ) from error
    try:
        text = data.decode(info.name)
    except UnicodeError as error:
        where = (
            f" at byte {error.start:,}, line {_line(data, error.start):,}"
            if isinstance(error, UnicodeDecodeError)
            else ""
        )
        raise DataError(
            f"{name} is not {encoding}: it has a byte that does not exist there{where}. "
            "Leave encoding out to have it detected."
        ) from error
    return Decoded(text, info.name)


def _decode_marked(data: bytes, name: str, encoding: str) -> Decoded:
    try:
        return Decoded(data.decode(encoding), encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            return _decode_mostly_utf8(data, name, error)
        raise DataError(
            f"{name} begins like {encoding.upper()} but breaks at byte {error.start:,} ({error.reason}). "
            "It is cut short or damaged: copy or download it again, or give encoding=."
        ) from error


def _wide_encoding(data: bytes) -> str | None:
    """UTF-16 without a byte order mark: nearly every other byte of Western text is zero."""
    head = data[: min(len(data), 4096) // 2 * 2]
    if len(head) < 4:
        return None
    even, odd = head[0::2].count(0) / (len(head) / 2), head[1::2].count(0) / (len(head) / 2)
    if odd > 0.7 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 and odd < 0.1 else None


def _decode_unknown(data: bytes, name: str, error: UnicodeDecodeError) -> Decoded:
    sample = _interesting_lines(data)
    good = sum(1 for c in sample.decode("utf-8", "ignore") if c > "\x7f")
    bad = sample.decode("utf-8", "replace").count("\ufffd")
    if good >= 4 * bad:
        return _decode_mostly_utf8(data, name, error)
    for encoding in (*_detected(sample), "cp1252"):
        try:
            text = data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        return Decoded(
            text,
            encoding,
            (f"{name} is not UTF-8; it was read as {encoding}. If letters look wrong, give encoding=.",),
        )
    return Decoded(
        data.decode("latin-1"),
        "latin-1",
        (f"{name} is not UTF-8; it was read as latin-1. If letters look wrong, give encoding=.",),
    )


def _decode_mostly_utf8(data: bytes, name: str, error: UnicodeDecodeError) -> Decoded:
    codecs.register_error(_KEEP_BAD_BYTES, _as_cp1252)
    text = data.decode("utf-8", _KEEP_BAD_BYTES)
    count = data.decode("utf-8", "replace").count("\ufffd")
    note = (
        f"{name} is UTF-8 but for {counted(count, 'byte', 'bytes')}, first on line {_line(data, error.start):,}, "
        "read as cp1252. Check the letters there."
    )
    return Decoded(text, "utf-8", (note,))


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    piece = error.object[error.start : error.end]
    return piece.decode("cp1252", "replace"), error.end


def _interesting_lines(data: bytes) -> bytes:
    """Lines that hold bytes above 127, up to 64 kB: only these tell encodings apart."""
    kept: list[bytes] = []
    size = 0
    for line in data[: 1 << 24].splitlines():
        if not line.isascii():
            kept.append(line[:4096])
            size += len(kept[-1])
            if size > _SAMPLE_BYTES:
                break
    return b"\n".join(kept)


def _detected(sample: bytes) -> tuple[str, ...]:
    from charset_normalizer import from_bytes

    # The detector knows scripts well, but not the code pages of the Latin one. cp932 is Shift-JIS as spreadsheets write it.
    best = from_bytes(sample).best()
    if best is None or is_latin(str(best)):
        return (best_codepage(sample),)
    return {"shift_jis": ("cp932", "shift_jis")}.get(best.encoding, (best.encoding,))


def _zstd(data: bytes) -> bytes:
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
        return bytes(stream.read())


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1

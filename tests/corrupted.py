"""More than two hundred tables as they should not be, for every test that promises a result or one clear sentence.

``corrupted_inputs()`` lists them: a name, a function that writes the file into a folder and returns its path, and what
must come of it: "records" (it is read, perhaps with notes), "error" (a sentence), or "either" where the damage falls
at a place that decides.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

Outcome = Literal["records", "error", "either"]


class Corrupted(NamedTuple):
    """One bad input: ``write(folder)`` makes the file; ``rows`` is what a reader must find, where that is certain."""

    name: str
    write: Callable[[Path], Path]
    outcome: Outcome
    rows: int | None = None


def corrupted_inputs() -> list[Corrupted]:
    """All bad inputs, always the same ones."""
    families = (
        _truncated, _encodings, _nul_bytes, _shapes, _ragged, _quotes, _headers, _ids, _large_cells, _values, _scripts,
        _line_ends, _wrong_kind, _jsonl, _parquet, _workbooks, _databases, _random_bytes,
    )  # fmt: skip
    return [case for family in families for case in family()]


HEADER = ["id", "name", "city", "price", "born"]


def people(num_rows: int = 30, seed: int = 7) -> list[list[str]]:
    """Rows of a small table with an accent, a comma, a quote and a missing value here and there."""
    draw = random.Random(seed)
    names = ["Ann Lee", "José Peña", 'Bob "Bo" Hu', "Lee, Ann", "Zoë Åström", "", "O'Neil"]
    cities = ["Berlin", "São Paulo", "New York", "", "Köln"]
    return [
        [f"{i:04d}", draw.choice(names), draw.choice(cities), f"{draw.uniform(1, 900):.2f}", f"19{50 + i}-03-{i % 28 + 1:02d}"]
        for i in range(num_rows)
    ]  # fmt: skip


def csv_text(rows: list[list[str]], *, header: list[str] | None = None, delimiter: str = ",", end: str = "\n") -> str:
    """A CSV with quotes where they are needed."""

    def cell(value: str) -> str:
        return '"' + value.replace('"', '""') + '"' if any(c in value for c in (delimiter, '"', "\n", "\r")) else value

    lines = [header if header is not None else HEADER, *rows]
    return "".join(delimiter.join(map(cell, line)) + end for line in lines)


def _file(name: str, data: bytes | str, outcome: Outcome, rows: int | None = None, suffix: str = ".csv") -> Corrupted:
    content = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data

    def write(folder: Path) -> Path:
        path = folder / f"{name}{suffix}"
        path.write_bytes(content)
        return path

    return Corrupted(name, write, outcome, rows)


def _truncated() -> Iterator[Corrupted]:
    text = csv_text(people()).encode()
    for share in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        cut = int(len(text) * share)
        yield _file(f"truncated-csv-{share}", text[:cut], "records")
        for kind, packed in (("gz", gzip.compress(text)), ("bz2", bz2.compress(text)), ("xz", lzma.compress(text))):
            yield _file(
                f"truncated-{kind}-{share}", packed[: max(8, int(len(packed) * share))], "error", suffix=f".csv.{kind}"
            )
    zstd = pa.compress(text, codec="zstd", asbytes=True)
    yield _file("truncated-zstd", zstd[: len(zstd) // 2], "error", suffix=".csv.zst")
    yield _file("gzip-of-nothing", gzip.compress(b""), "error", suffix=".csv.gz")
    yield _file("gzip-named-but-plain", text, "records", 30, suffix=".csv.gz")
    yield _file("plain-named-but-gzip", gzip.compress(text), "records", 30)
    yield _file("gzip-then-garbage", gzip.compress(text) + b"garbage", "either", suffix=".csv.gz")
    broken = bytearray(gzip.compress(text))
    broken[len(broken) // 2] ^= 0xFF
    yield _file("gzip-bit-flip", bytes(broken), "error", suffix=".csv.gz")


def _encodings() -> Iterator[Corrupted]:
    text = csv_text(people())
    for encoding in (
        "cp1252",
        "latin-1",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "utf-8-sig",
        "cp850",
        "mac-roman",
    ):
        yield _file(f"encoding-{encoding}", text.encode(encoding), "records", 30)
    japanese = csv_text([[f"{i}", "株式会社日立製作所", "東京都千代田区", str(i), "1999"] for i in range(20)])
    for encoding in ("shift_jis", "euc_jp", "iso2022_jp", "utf-8"):
        yield _file(f"encoding-japanese-{encoding}", japanese.encode(encoding), "records", 20)
    russian = csv_text([[f"{i}", "Иван Петров", "Санкт-Петербург", str(i), "1999"] for i in range(20)])
    for encoding in ("cp1251", "koi8-r", "cp866"):
        yield _file(f"encoding-russian-{encoding}", russian.encode(encoding), "records", 20)
    data = text.encode()
    for position in (0, 10, 200, len(data) - 3):
        yield _file(f"one-bad-byte-at-{position}", data[:position] + b"\xff" + data[position:], "records", 30)
    yield _file("utf16-cut-in-a-character", text.encode("utf-16")[:-1], "error")
    yield _file("utf16-mark-only", b"\xff\xfe", "error")
    yield _file("utf8-mark-only", b"\xef\xbb\xbf", "error")
    yield _file("utf8-mark-twice", b"\xef\xbb\xbf" * 2 + data, "records", 30)
    yield _file("mixed-utf8-and-cp1252", data + "x1,Grüße,Köln,1,1990-01-01\n".encode("cp1252"), "records", 31)


def _nul_bytes() -> Iterator[Corrupted]:
    data = csv_text(people()).encode()
    for position in (0, 5, 40, len(data) // 2, len(data)):
        yield _file(f"nul-at-{position}", data[:position] + b"\0" + data[position:], "records", 30)
    yield _file("nul-everywhere", b"\0".join(data[i : i + 7] for i in range(0, len(data), 7)), "records", 30)
    yield _file("nul-tail", data + b"\0" * 5000, "records")
    yield _file("nul-only", b"\0" * 1000, "error")


def _shapes() -> Iterator[Corrupted]:
    yield _file("empty", b"", "error")
    for name, content in (("newline", "\n"), ("newlines", "\n\n\r\n\n"), ("spaces", "   \n  "), ("tabs", "\t\t\n")):
        yield _file(f"blank-{name}", content, "error")
    yield _file("header-only", "id,name\n", "records", 0)
    yield _file("header-only-no-end", "id,name", "records", 0)
    yield _file("one-word", "hello", "records", 0)
    yield _file("one-column", "name\nann\nbob\n", "records", 2)
    yield _file("one-column-with-commas", "title\nHello, world\nGood, bye, all\nx\n", "records", 3)
    yield _file("one-column-with-blanks", "name\nann\n\nbob\n", "records", 3)
    yield _file("one-row", "id,name\n1,ann\n", "records", 1)
    yield _file("one-cell", "a\n1\n", "records", 1)
    yield _file("delimiters-only", ",,,,\n,,,,\n,,,,\n", "records")
    yield _file("all-equal-rows", "id,name\n" + "1,ann\n" * 50, "records", 50)
    yield _file("all-equal-rows-no-id", "name,city\n" + "ann,rome\n" * 50, "records", 50)
    yield _file("all-cells-missing", "id,name,city\n" + ",,\n" * 20, "records", 20)
    yield _file("one-column-missing", "id,name\n" + "".join(f"{i},\n" for i in range(20)), "records", 20)
    wide = [f"c{i}" for i in range(300)]
    yield _file("three-hundred-columns", csv_text([["x"] * 300] * 3, header=wide), "records", 3)
    for delimiter in ("\t", ";", "|", "^", "\x1f", ":", "~"):
        rows = [[v.replace(delimiter, " ") for v in row] for row in people()]
        yield _file(f"delimiter-{ord(delimiter)}", csv_text(rows, delimiter=delimiter), "records", 30)
    yield _file("mixed-delimiters", "id,name,city\n1;ann;rome\n2,bob,bonn\n3\tcat\tcork\n", "records", 3)


def _ragged() -> Iterator[Corrupted]:
    draw = random.Random(3)
    for seed in range(8):
        rows = people(seed=seed)
        for row in draw.sample(rows, 6):
            if draw.random() < 0.5:
                row.extend(["extra"] * draw.randint(1, 3))
            else:
                del row[draw.randint(1, 4) :]
        yield _file(f"ragged-{seed}", csv_text(rows), "records", 30)
    yield _file("ragged-all-longer", csv_text([[*row, "z"] for row in people()]), "records", 30)
    yield _file("ragged-trailing-delimiters", csv_text([[*row, ""] for row in people()]), "records", 30)
    yield _file("ragged-all-shorter", csv_text([row[:3] for row in people()]), "records", 30)
    yield _file("ragged-last-line", csv_text(people()) + "9999", "records", 31)
    yield _file("comments-above", "# made by hand\n# 2024\n" + csv_text(people()), "records")


def _quotes() -> Iterator[Corrupted]:
    body = csv_text(people())
    yield _file("quote-never-closed-last", body + '9999,"open,rome,1,1990\n', "records", 31)
    yield _file("quote-never-closed-first", body.replace("0000,", '0000,"', 1), "records")
    yield _file("quote-amid-cell", body + '9999,5" disk,rome,1,1990\n', "records", 31)
    yield _file("quotes-not-doubled", body + '9999,"a "good" one",rome,1,1990\n', "records", 31)
    yield _file("quote-only", '"', "records")
    yield _file("quotes-only", '"""""\n"', "records")
    yield _file("single-quotes", "id,name\n'1','ann, b'\n", "records", 1)
    yield _file("line-ends-in-cells", 'id,note\n1,"a\nb\r\nc"\n2,"d"\n', "records", 2)
    yield _file("header-with-line-end", 'id,"na\nme"\n1,x\n2,y\n', "records", 2)
    draw = random.Random(11)
    for seed in range(8):
        spoiled = list(body)
        for place in draw.sample(range(len(body)), 12):
            spoiled.insert(place, '"')
        yield _file(f"quotes-at-random-{seed}", "".join(spoiled), "records")


def _headers() -> Iterator[Corrupted]:
    rows = people()
    header = ",".join(HEADER) + "\n"
    yield _file("header-twice", header + csv_text(rows), "records", 30)
    text = csv_text(rows).splitlines(keepends=True)
    yield _file("header-in-the-middle", "".join([*text[:10], header, *text[10:20], header, *text[20:]]), "records", 30)
    yield _file("header-at-the-end", csv_text(rows) + header, "records", 30)
    yield _file("header-names-equal", csv_text(rows, header=["a"] * 5), "records", 30)
    yield _file("header-names-missing", csv_text(rows, header=["id", "", "", "", ""]), "records", 30)
    yield _file("header-blank-first", csv_text(rows, header=["", *HEADER[1:]]), "records", 30)
    yield _file("header-spaces", csv_text(rows, header=[f"  {h} " for h in HEADER]), "records", 30)
    yield _file("header-is-data", "".join(text[1:]), "records", 29)
    yield _file("header-emoji", csv_text(rows, header=["id", "😀", "🏙️", "💶", "🎂"]), "records", 30)
    yield _file("header-very-long", csv_text(rows, header=["id", "n" * 100_000, "c", "p", "b"]), "records", 30)
    yield _file("header-clashing-repairs", csv_text(rows, header=["a", "a", "a_2", "", "column_4"]), "records", 30)
    yield _file("blank-lines-above", "\n\n\r\n" + csv_text(rows), "records", 30)
    yield _file("blank-lines-between", csv_text(rows).replace("\n", "\n\n"), "records", 30)


def _ids() -> Iterator[Corrupted]:
    for name, ids in {
        "duplicated": ["1", "1", "2", "3"] * 5,
        "all-equal": ["7"] * 20,
        "missing-some": ["", "1", "2", ""] * 5,
        "missing-all": [""] * 20,
        "leading-zeros": [f"{i:05d}" for i in range(20)],
        "zeros-that-clash": ["1", "01", "001", "1.0"] * 5,
        "floats": [f"{i}.0" for i in range(20)],
        "huge": [f"{10**30 + i}" for i in range(20)],
        "negative": [f"-{i}" for i in range(20)],
        "spaces": [f" {i} " for i in range(20)],
        "emoji": [f"👤{i}" for i in range(20)],
        "nan": ["nan", "NaN", "NULL", "None"] * 5,
        "mixed": ["1", "a", "2.5", ""] * 5,
    }.items():
        yield _file(f"ids-{name}", "id,name\n" + "".join(f"{v},ann {i}\n" for i, v in enumerate(ids)), "records", 20)


def _large_cells() -> Iterator[Corrupted]:
    yield _file("cell-10mb", f"id,name\n1,{'x' * 10_000_000}\n2,ann\n", "records", 2)
    large = "x" * 1_000_000
    yield _file("cell-1mb-quoted", f'id,name\n1,"{large},\n{large}"\n2,ann\n', "records", 2)
    yield _file("cell-1mb-header", f"id,{large}\n1,ann\n", "records", 1)
    yield _file("cell-1mb-open-quote", f'id,name\n1,"{large}\n2,ann\n', "records", 2)
    yield _file("cell-1mb-digits", f"id,price\n1,{'9' * 1_000_000}\n2,3\n", "records", 2)
    yield _file("cell-1mb-json", json.dumps({"id": 1, "name": large}) + "\n", "records", 1, suffix=".jsonl")


def _values() -> Iterator[Corrupted]:
    columns = {
        "inf": ["inf", "-inf", "Infinity", "1e999", "1.5"],
        "nan": ["nan", "NaN", "NULL", "", "1.5"],
        "all-inf": ["inf"],
        "all-nan": ["nan"],
        "mixed-types": ["1", "two", "3.5", "2020-01-01", "true"],
        "currency": ["$1,299.00", "€ 1.299,00", "¥100", "12,50", "(3.10)"],
        "impossible-dates": ["2020-02-30", "0000-00-00", "9999-99-99", "2020-13-01", "31/31/2020"],
        "far-dates": ["0001-01-01", "9999-12-31", "1066-10-14", "2500-01-01", "99999999"],
        "huge-numbers": ["1e308", "-1e308", "123456789012345678901234567890", "0.0000000001", "1e-320"],
        "ranges": ["10-20", "5 to 9", "<3", "~7", "1/2"],
        "control-characters": ["a\x01b", "\x0b", "\x1b[31mred", "\x7f", "\x0c"],
        "markup": ["<script>alert(1)</script>", "&amp;", "<b>", "</table>", "'; DROP TABLE x; --"],
        "formulas": ["=1+1", "+cmd", "@sum", "-2+3", "=HYPERLINK()"],
        "spaces": [" ", "\t", "\u00a0", "\u3000", "\u200b"],
        "backslashes": ["\\", "\\n", "\\N", 'a\\"b', "C:\\temp\\"],
    }
    for name, values in columns.items():
        rows = [[str(i), values[i % len(values)], f"name {i}"] for i in range(25)]
        yield _file(f"values-{name}", csv_text(rows, header=["id", "price", "name"], delimiter=";"), "records", 25)
        dated = csv_text(rows, header=["id", "date", "name"], delimiter="|")
        yield _file(f"values-{name}-as-date", dated, "records", 25)


def _scripts() -> Iterator[Corrupted]:
    for name, value in {
        "emoji": "👩‍👩‍👧‍👦 family 🇯🇵",
        "arabic": "محمد بن سلمان",
        "hebrew": "דוד בן גוריון",
        "mixed-directions": "\u202eabc\u202c שלום 123",
        "combining": "Zoe\u0308 A\u030angstro\u0308m",
        "zalgo": "Z" + "\u0301\u0302\u0303" * 40,
        "zero-width": "an\u200bn\u200d\ufeff",
        "full-width": "ＡＢＣ １２３",
        "line-separators": "a\u2028b\u2029c\x85d",
        "private-use": "\ue000\uf8ff",
        "surrogate-pair": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
        "thai": "กรุงเทพมหานคร",
    }.items():
        rows = [[str(i), f"{value} {i}", value, str(i), "1999"] for i in range(12)]
        yield _file(f"script-{name}", csv_text(rows), "records", 12)
    yield _file("lone-surrogate", csv_text([["1", "a\ud800b", "c", "1", "1999"]] * 3), "records", 3)


def _line_ends() -> Iterator[Corrupted]:
    rows = people()
    for name, end in (("cr", "\r"), ("crlf", "\r\n"), ("crcrlf", "\r\r\n"), ("lfcr", "\n\r")):
        yield _file(f"line-ends-{name}", csv_text(rows, end=end), "records", 30)
    lines = csv_text(rows).splitlines()
    ends = ["\n", "\r\n", "\r"]
    yield _file("line-ends-mixed", "".join(line + ends[i % 3] for i, line in enumerate(lines)), "records", 30)
    yield _file("no-last-line-end", csv_text(rows).rstrip("\n"), "records", 30)


def _wrong_kind() -> Iterator[Corrupted]:
    text = csv_text(people())
    yield _file("pdf-as-csv", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "error")
    yield _file("png-as-csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "error")
    yield _file("jpeg-as-csv", b"\xff\xd8\xff\xe0" + bytes(range(256)), "error")
    yield _file("html-as-csv", "<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>\n", "either")
    yield _file("json-as-csv", json.dumps({"id": 1, "name": "x"}), "either")
    yield _file("zip-as-csv", b"PK\x03\x04" + b"\0" * 100, "error")
    yield _file("program-as-csv", b"\x7fELF" + bytes(range(256)) * 20, "error")
    for suffix in (".parquet", ".xlsx", ".ods", ".db", ".sqlite", ".duckdb", ".arrow", ".jsonl"):
        yield _file(f"csv-as-{suffix[1:]}", text, "error", suffix=suffix)
        yield _file(f"nothing-as-{suffix[1:]}", b"", "error", suffix=suffix)

    def folder_itself(folder: Path) -> Path:
        path = folder / "a-folder.csv"
        path.mkdir()
        return path

    yield Corrupted("folder", folder_itself, "error")
    yield Corrupted("not-there", lambda folder: folder / "not-there.csv", "error")


def _jsonl() -> Iterator[Corrupted]:
    rows = [dict(zip(HEADER, row, strict=True)) for row in people()]
    text = "\n".join(json.dumps(row) for row in rows) + "\n"
    yield _file("jsonl-cut", text[:-40], "error", suffix=".jsonl")
    yield _file("jsonl-blank-lines", text.replace("\n", "\n\n"), "records", 30, suffix=".jsonl")
    yield _file("jsonl-list-lines", "[1, 2]\n[3, 4]\n", "error", suffix=".jsonl")
    yield _file("jsonl-numbers", "1\n2\n", "error", suffix=".jsonl")
    yield _file("jsonl-null", "null\n", "error", suffix=".jsonl")
    yield _file("jsonl-empty-objects", "{}\n{}\n", "error", suffix=".jsonl")
    yield _file(
        "jsonl-nested", '{"id": 1, "a": {"b": [1, {"c": null}]}}\n{"id": 2, "a": 3}\n', "records", 2, suffix=".jsonl"
    )
    yield _file(
        "jsonl-mixed-types", '{"id": 1, "a": "x"}\n{"id": "b", "a": 2.5}\n{"a": true}\n', "records", 3, suffix=".jsonl"
    )
    yield _file("jsonl-not-finite", '{"id": 1, "a": NaN}\n{"id": 2, "a": Infinity}\n', "records", 2, suffix=".jsonl")
    yield _file("jsonl-huge-integer", '{"id": 1, "a": 1' + "0" * 400 + "}\n", "records", 1, suffix=".jsonl")
    yield _file("jsonl-very-long-integer", '{"id": 1, "a": 1' + "0" * 5000 + "}\n", "error", suffix=".jsonl")
    yield _file("jsonl-lone-surrogate", '{"id": 1, "a": "\\ud800"}\n', "records", 1, suffix=".jsonl")
    yield _file("jsonl-nul-escape", '{"id": 1, "a": "x\\u0000y"}\n', "records", 1, suffix=".jsonl")
    yield _file("jsonl-different-keys", '{"a": 1}\n{"b": 2}\n{"c": 3}\n', "records", 3, suffix=".jsonl")
    yield _file("jsonl-empty-key", '{"": 1, " ": 2, "a": 3}\n', "records", 1, suffix=".jsonl")
    yield _file("jsonl-key-twice", '{"a": 1, "a": 2}\n', "records", 1, suffix=".jsonl")
    yield _file("jsonl-deep", '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}\n", "error", suffix=".jsonl")
    yield _file("jsonl-single-quotes", "{'id': 1}\n", "error", suffix=".jsonl")
    yield _file("jsonl-utf16", text.encode("utf-16"), "records", 30, suffix=".jsonl")
    yield _file("json-list", json.dumps(rows), "records", 30, suffix=".json")
    yield _file("json-list-indented", json.dumps(rows, indent=2), "records", 30, suffix=".json")
    yield _file("json-list-cut", json.dumps(rows)[:-20], "error", suffix=".json")
    yield _file("json-list-of-numbers", "[1, 2, 3]", "error", suffix=".json")
    yield _file("json-empty-list", "[]", "error", suffix=".json")
    yield _file("json-object-of-lists", '{"id": [1, 2], "a": ["x", "y"]}', "records", 2, suffix=".json")
    yield _file("json-lists-of-other-lengths", '{"id": [1, 2], "a": ["x"]}', "error", suffix=".json")


def _parquet() -> Iterator[Corrupted]:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"id": list(range(200)), "name": [f"name {i}" for i in range(200)]}), buffer)
    data = buffer.getvalue()
    for share in (0.01, 0.3, 0.6, 0.9, 0.999):
        yield _file(f"parquet-cut-{share}", data[: int(len(data) * share)], "error", suffix=".parquet")
    for seed in range(6):
        spoiled = bytearray(data)
        for place in random.Random(seed).sample(range(4, len(data)), 40):
            spoiled[place] ^= 0x55
        yield _file(f"parquet-bit-flips-{seed}", bytes(spoiled), "either", suffix=".parquet")

    def table(name: str, columns: dict[str, pa.Array], rows: int) -> Corrupted:
        def write(folder: Path) -> Path:
            path = folder / f"{name}.parquet"
            pq.write_table(pa.table(columns), path)
            return path

        return Corrupted(name, write, "records", rows)

    yield table("parquet-no-rows", {"id": pa.array([], pa.int64()), "a": pa.array([], pa.string())}, 0)
    yield table("parquet-null-type", {"id": pa.array([1, 2]), "a": pa.array([None, None])}, 2)
    yield table("parquet-not-finite", {"id": pa.array([1, 2]), "a": pa.array([float("nan"), float("inf")])}, 2)
    yield table(
        "parquet-nested", {"id": pa.array([1, 2]), "a": pa.array([[1, 2], None]), "b": pa.array([{"c": 1}] * 2)}, 2
    )
    yield table("parquet-binary", {"id": pa.array([1, 2]), "a": pa.array([b"\xff\xd8\xff", b"\0"])}, 2)
    yield table("parquet-dictionary", {"id": pa.array([1, 2]), "a": pa.array(["x", None]).dictionary_encode()}, 2)
    yield table(
        "parquet-decimal", {"id": pa.array([1, 2]), "a": pa.array(["1.50", None]).cast(pa.decimal128(10, 2))}, 2
    )
    yield table(
        "parquet-times",
        {"id": pa.array([1, 2]), "a": pa.array([1, None], pa.time64("us")), "b": pa.array([5, 6], pa.duration("s"))},
        2,
    )
    yield table(
        "parquet-zoned", {"id": pa.array([1, 2]), "a": pa.array([0, None], pa.timestamp("ns", "Asia/Tokyo"))}, 2
    )
    yield table("parquet-ids-float", {"id": pa.array([1.0, float("nan")]), "a": pa.array(["x", "y"])}, 2)
    yield table("parquet-unsigned", {"id": pa.array([2**64 - 1, 1], pa.uint64()), "a": pa.array(["x", "y"])}, 2)


def _workbooks() -> Iterator[Corrupted]:
    from openpyxl import Workbook

    def workbook(
        name: str, sheets: dict[str, list[list[object]]], outcome: Outcome, rows: int | None = None
    ) -> Corrupted:
        def write(folder: Path) -> Path:
            book = Workbook()
            book.remove(book.active)
            for title, lines in sheets.items():
                sheet = book.create_sheet(title)
                for line in lines:
                    sheet.append(line)
            path = folder / f"{name}.xlsx"
            book.save(path)
            return path

        return Corrupted(name, write, outcome, rows)

    body: list[list[object]] = [["id", "name", "price"], [1, "ann", 2.5], [2, "bob", None]]
    yield workbook("xlsx-empty", {"a": []}, "error")
    yield workbook("xlsx-header-only", {"a": [["id", "name"]]}, "records", 0)
    yield workbook("xlsx-mixed-types", {"a": [*body, ["x3", 4, "n/a"], [True, 5, "7"]]}, "records", 4)
    yield workbook("xlsx-first-sheet-empty", {"a": [], "b": body}, "records", 2)
    yield workbook("xlsx-blank-rows", {"a": [[], [], *body, [None, None, None], [4, "cat", 1]]}, "records", 3)
    yield workbook("xlsx-ragged", {"a": [*body, [3], [4, "x", 1, "more", "cells"]]}, "records", 4)
    yield workbook("xlsx-header-twice", {"a": [*body, body[0], [9, "eve", 1]]}, "records", 3)
    yield workbook("xlsx-header-names-equal", {"a": [["a", "a", "a"], [1, 2, 3]]}, "records", 1)
    source = workbook("xlsx-whole", {"a": body}, "records")
    for share in (0.05, 0.5, 0.95):

        def cut(folder: Path, share: float = share) -> Path:
            whole = source.write(folder)
            path = folder / f"xlsx-cut-{share}.xlsx"
            path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
            return path

        yield Corrupted(f"xlsx-cut-{share}", cut, "error")


def _databases() -> Iterator[Corrupted]:
    def database(name: str, script: str, outcome: Outcome, rows: int | None = None, keep: float = 1.0) -> Corrupted:
        def write(folder: Path) -> Path:
            path = folder / f"{name}.sqlite"
            connection = sqlite3.connect(path)
            connection.executescript(script)
            connection.commit()
            connection.close()
            path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
            return path

        return Corrupted(name, write, outcome, rows)

    table = "CREATE TABLE t (id, a); INSERT INTO t VALUES (1, 'x'), ('two', 2.5), (NULL, x'ff00');"
    yield database("sqlite-mixed-types", table, "records", 3)
    yield database("sqlite-no-table", "PRAGMA user_version = 1;", "error")
    yield database("sqlite-two-tables", table + "CREATE TABLE u (b);", "error")
    yield database("sqlite-no-rows", "CREATE TABLE t (id, a);", "records", 0)
    yield database("sqlite-cut", table, "error", keep=0.4)


def _random_bytes() -> Iterator[Corrupted]:
    for seed in range(12):
        draw = random.Random(seed)
        suffix = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx", ".csv.gz")[seed % 6]
        yield _file(f"random-bytes-{seed}", draw.randbytes(draw.randint(1, 4000)), "either", suffix=suffix)
    text = csv_text(people()).encode()
    for seed in range(12):
        draw, spoiled = random.Random(seed), bytearray(text)
        for place in draw.sample(range(len(text)), 30):
            spoiled[place] = draw.randrange(256)
        yield _file(f"random-damage-{seed}", bytes(spoiled), "either")

"""Make the bundled example: two editions of a trade directory, printed, worn, scanned, and read by Tesseract.

    python examples/trade_directory/generate.py

It writes into ``src/kinfolk/data/bundled/trade_directory`` and prints how well the text alone links. It needs the extra
``train`` and, from Debian or the like, the packages named in ``PACKAGES``; other versions of them give other pixels and
another reading, and the same firms.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import torch
from firms import draw_editions
from PIL import Image
from rapidfuzz.distance import Levenshtein
from sklearn.feature_extraction.text import TfidfVectorizer

from kinfolk.data import write_table
from kinfolk.views import Font, find_fonts, render_text

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / "src" / "kinfolk" / "data" / "bundled" / "trade_directory"
PACKAGES = (
    "tesseract-ocr fonts-ebgaramond fonts-gfs-didot fonts-goudybookletter fonts-linuxlibertine fonts-oldstandard "
    "fonts-sil-gentium"
)
# Each edition has its printers. All are free to use and to pass on; none comes with kinfolk.
FACES = {
    "first": (("Old Standard TT", "Regular"), ("GFS Didot", "Regular"), ("Linux Libertine O", "Regular")),
    "second": (("EB Garamond", "12 Regular"), ("Goudy Bookletter 1911", "Regular"), ("Gentium", "Regular")),
}
NUM_FIRMS = 600
SEED = 1868
COLUMN = 18  # characters a line
GLYPH_SIZES = (16, 22)  # pixels an em: small print, of 6 to 8 points, at 200 dots an inch
DEGRADE = (0.75, 1.0)
QUALITY = 35  # of WebP


def main() -> None:
    printed: dict[str, list[str]] = {}
    read: dict[str, list[str]] = {}
    rows: dict[str, dict[int, int]] = {}  # of each firm
    editions = draw_editions(NUM_FIRMS, seed=SEED)
    for number, (edition, firms) in enumerate(zip(FACES, editions, strict=True)):
        entries = _in_print_order(firms)
        printed[edition] = [entry for _, entry in entries]
        rows[edition] = {firm: row for row, (firm, _) in enumerate(entries)}
        crops = _crops(printed[edition], _fonts(edition), seed=[SEED, number])
        read[edition] = _ocr(crops)
        write_table(_table(edition, read[edition], crops), FOLDER / f"{edition}_edition.parquet")
    truth = [(row, rows["second"][firm]) for firm, row in rows["first"].items() if firm in rows["second"]]
    links = {"left_id": [_id("first", row) for row, _ in truth], "right_id": [_id("second", row) for _, row in truth]}
    write_table(pa.table(links), FOLDER / "true_links.csv")

    wrong = [_wrong_share(printed[edition], read[edition]) for edition in FACES]
    print(f"{NUM_FIRMS} firms, {len(read['first'])} and {len(read['second'])} entries, {len(truth)} in both")
    print(f"characters that Tesseract reads wrong: {wrong[0]:.1%} and {wrong[1]:.1%}")
    print(f"top-1 of n-grams: as printed {_top1(printed, truth):.3f}, as read {_top1(read, truth):.3f}")
    print(f"{sum(file.stat().st_size for file in FOLDER.iterdir()) / 1e6:.2f} MB")


def _id(edition: str, row: int) -> str:
    return f"{edition[0]}{row + 1:03d}"


def _table(edition: str, read: list[str], crops: list[bytes]) -> pa.Table:
    ids = [_id(edition, row) for row in range(len(crops))]
    images = [{"bytes": crop, "path": f"{name}.webp"} for name, crop in zip(ids, crops, strict=True)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.table({"id": ids, "text": read, "image": pa.array(images, kind)})


def _in_print_order(entries: list[str | None]) -> list[tuple[int, str]]:
    """Firms and their entries, as a directory has them: by the alphabet."""
    return sorted(((firm, entry) for firm, entry in enumerate(entries) if entry is not None), key=lambda pair: pair[1])


def _fonts(edition: str) -> list[Font]:
    found = {(font.family, font.style): font for font in find_fonts()}
    missing = [family for family, style in FACES[edition] if (family, style) not in found]
    if missing:
        sys.exit(f"Fonts are missing: {', '.join(missing)}. Install them: apt-get install {PACKAGES}")
    return [found[face] for face in FACES[edition]]


def _crops(entries: list[str], fonts: list[Font], *, seed: list[int]) -> list[bytes]:
    """Each entry as it stands in its column, with a hanging indent: gray WebP files."""
    rng = np.random.default_rng(seed)
    crops: list[bytes] = []
    for entry in entries:
        image = render_text(
            "\n".join(textwrap.wrap(entry, COLUMN, subsequent_indent="  ")),
            fonts[rng.integers(len(fonts))],
            glyph_size=int(rng.integers(*GLYPH_SIZES, endpoint=True)),
            degrade=float(rng.uniform(*DEGRADE)),
            generator=torch.Generator().manual_seed(int(rng.integers(1 << 62))),
        )
        file = BytesIO()
        image.convert("L").save(file, "WEBP", quality=QUALITY, method=6)
        crops.append(file.getvalue())
    return crops


def _ocr(crops: list[bytes]) -> list[str]:
    """What Tesseract reads in each crop, at twice its size, as one line; "" where it reads nothing."""
    with TemporaryDirectory() as folder:
        pages = Path(folder, "pages.txt")
        names = [Path(folder, f"{row:04d}.png") for row in range(len(crops))]
        for name, crop in zip(names, crops, strict=True):
            image = Image.open(BytesIO(crop)).convert("L")
            image.resize((2 * image.width, 2 * image.height), Image.Resampling.BICUBIC).save(name)
        pages.write_text("".join(f"{name}\n" for name in names))
        command = ["tesseract", str(pages), "stdout", "-l", "eng", "--psm", "6", "--dpi", "400"]
        environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
        output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return [" ".join(page.split()) for page in output.split("\f")[: len(crops)]]


def _wrong_share(truth: list[str], read: list[str]) -> float:
    """Edits that turn what was read into what was printed, by characters printed."""
    edits = sum(Levenshtein.distance(*pair) for pair in zip(truth, read, strict=True))
    return edits / sum(map(len, truth))


def _top1(texts: dict[str, list[str]], truth: list[tuple[int, int]]) -> float:
    """Share of the linked entries of the first edition whose nearest entry of the second one is theirs."""
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True).fit(
        texts["first"] + texts["second"]
    )
    left, right = (vectors.transform(texts[edition]) for edition in ("first", "second"))
    nearest = (left @ right.T).toarray().argmax(axis=1)
    return float(np.mean([nearest[a] == b for a, b in truth]))


if __name__ == "__main__":
    main()

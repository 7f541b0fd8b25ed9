import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfolk import DataError
from kinfolk.data.image_decoding import Fit, Pixels, decode_image, fold

Image = pytest.importorskip("PIL.Image", reason="needs kinfolk[train]: Pillow is not installed")

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image, kind: str = "PNG", **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decode(image, kind: str = "PNG", *, size: int = 8, **options) -> Pixels:
    return decode_image(encoded(image, kind, **options), "here.png", size=size)


def quarters(mode: str = "RGB"):
    """8 x 8: red and green above, blue and white below."""
    image = Image.new("RGB", (8, 8), WHITE)
    image.paste(RED, (0, 0, 4, 4))
    image.paste(GREEN, (4, 0, 8, 4))
    image.paste(BLUE, (0, 4, 4, 8))
    return image.convert(mode)


def corners(pixels: Pixels) -> list[tuple[int, ...]]:
    """Colors of the four corners, row by row."""
    return [tuple(pixels[:, y, x].tolist()) for y in (0, -1) for x in (0, -1)]


def near(found: list[tuple[int, ...]], expected: list[tuple[int, ...]]) -> bool:
    return bool(np.abs(np.array(found, int) - np.array(expected, int)).max() <= 3)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "TGA"])
def test_formats_without_loss_give_every_pixel(kind: str) -> None:
    assert np.array_equal(decode(quarters(), kind), np.asarray(quarters()).transpose(2, 0, 1))


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_palettes_and_webp_give_the_colors(kind: str) -> None:
    assert corners(decode(quarters(), kind, lossless=True)) == [RED, GREEN, BLUE, WHITE]


def test_jpeg_in_ink_colors_gives_the_colors() -> None:
    assert near(corners(decode(quarters("CMYK"), "JPEG", quality=100, subsampling=0)), [RED, GREEN, BLUE, WHITE])


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [RED, GREEN, BLUE, WHITE]),
        (2, [GREEN, RED, WHITE, BLUE]),  # mirrored
        (3, [WHITE, BLUE, GREEN, RED]),  # upside down
        (6, [BLUE, RED, WHITE, GREEN]),  # the camera lay on its right side: turned clockwise to be seen
        (8, [GREEN, WHITE, RED, BLUE]),
    ],
)
def test_orientation_is_followed(orientation: int, expected: list[tuple[int, ...]]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert corners(decode(quarters(), "PNG", exif=exif)) == expected
    assert near(corners(decode(quarters(), "JPEG", exif=exif, quality=100, subsampling=0)), expected)


def test_transparency_shows_the_background() -> None:
    image = quarters("RGBA")
    image.putalpha(Image.new("L", (8, 8), 0))
    half = Image.new("RGBA", (8, 8), (0, 0, 0, 128))
    data = encoded(image)
    assert corners(decode_image(data, "x", size=8)) == [WHITE] * 4
    assert corners(decode_image(data, "x", size=8, background=0)) == [(0, 0, 0)] * 4
    assert near(corners(decode(half)), [(127, 127, 127)] * 4)


def test_transparency_in_a_palette_and_in_gray() -> None:
    image = quarters("P")
    assert corners(decode(image, "PNG", transparency=image.getpixel((0, 0)))) == [WHITE, GREEN, BLUE, WHITE]
    gray = Image.merge("LA", (Image.new("L", (8, 8), 10), Image.new("L", (8, 8), 0)))
    assert corners(decode(gray)) == [WHITE] * 4


def test_sixteen_bits_are_scaled_and_one_bit_is_black_and_white() -> None:
    deep = Image.fromarray(np.full((8, 8), 40_000, dtype=np.uint16))
    assert corners(decode(deep)) == [(156, 156, 156)] * 4  # 40,000 / 257 = 155.6
    assert corners(decode(deep, "TIFF")) == [(156, 156, 156)] * 4
    assert corners(decode(Image.new("1", (8, 8), 1))) == [WHITE] * 4


@pytest.mark.parametrize(("values", "expected"), [([0, 51, 255], [0, 51, 255]), ([0, 257, 65_535], [0, 1, 255])])
def test_of_32_bits_those_count_that_are_used(values: list[int], expected: list[int]) -> None:
    image = Image.fromarray(np.array([values], dtype=np.int32).repeat(3, 0))
    assert decode_image(encoded(image, "TIFF"), "x.tif", size=3, channels=1)[0, 1].tolist() == expected


def test_an_orientation_that_cannot_be_read_turns_nothing() -> None:
    assert corners(decode(quarters(), "PNG", exif=b"Exif\0\0garbagegarbage")) == corners(decode(quarters()))


def test_files_that_hold_other_files_or_programs_are_not_opened() -> None:
    inner = encoded(Image.new("RGB", (30, 20)))
    field = b"\x1c%c%c%s%s"
    wrapped = b"".join(
        field % (record, number, struct.pack(">H", len(value)), value)
        for record, number, value in [
            (3, 20, b"\0\x0a"), (3, 30, b"\0\x0a"), (3, 60, b"\1\0"), (3, 65, b"\0"), (3, 120, b"\5"), (8, 10, inner),
        ]
    )  # fmt: skip
    icon = encoded(Image.new("RGBA", (32, 32)), "ICO")
    for data in (wrapped, icon, b"%!PS-Adobe-3.0 EPSF-3.0\nshowpage\n"):
        with pytest.raises(DataError, match="is not an image that can be read"):
            decode_image(data, "x", size=8)


def test_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in (RED, GREEN, BLUE)]
    assert corners(decode(frames[0], "GIF", save_all=True, append_images=frames[1:])) == [RED] * 4


def test_gray_is_the_luma() -> None:
    assert decode_image(encoded(quarters()), "x", size=8, channels=1)[0, [0, 0, -1, -1], [0, -1, 0, -1]].tolist() == [
        76,  # 255 x .299
        150,  # 255 x .587
        29,  # 255 x .114
        255,
    ]


@pytest.mark.parametrize(("width", "height"), [(16, 8), (8, 16), (9, 4), (3, 300)])
@pytest.mark.parametrize("background", [255, 0])
def test_padding_shows_the_whole_image_in_the_middle(width: int, height: int, background: int) -> None:
    data = encoded(Image.new("RGB", (width, height), RED))
    result = decode_image(data, "x", size=8, background=background)
    assert result.shape == (3, 8, 8)
    red = (result == np.array(RED).reshape(3, 1, 1)).all(axis=0)
    rows, columns = red.any(axis=1).nonzero()[0], red.any(axis=0).nonzero()[0]
    longer = max(width, height)
    assert (len(columns), len(rows)) == (max(1, round(8 * width / longer)), max(1, round(8 * height / longer)))
    assert red.sum() == len(rows) * len(columns)
    assert abs(rows[0] - (7 - rows[-1])) <= 1
    assert abs(columns[0] - (7 - columns[-1])) <= 1
    assert set(np.unique(result[:, ~red])) <= {background}


def test_cropping_fills_the_square_with_the_middle() -> None:
    image = Image.new("RGB", (24, 8), WHITE)
    image.paste(RED, (8, 0, 16, 8))
    assert np.array_equal(decode_image(encoded(image), "x", size=8, fit="crop"), decode(Image.new("RGB", (8, 8), RED)))


@pytest.mark.parametrize("fit", ["pad", "crop"])
def test_a_large_jpeg_decoded_small_is_what_it_would_be(fit: Fit) -> None:
    """Decoding at a part of the size is a shortcut: what a PNG of the same picture gives is nearly the same."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 9, 3), dtype=np.uint8))
    picture = coarse.resize((900, 600), Image.Resampling.BICUBIC)
    fast = decode_image(encoded(picture, "JPEG", quality=95), "x", size=32, fit=fit)
    plain = decode_image(encoded(picture), "x", size=32, fit=fit)
    assert np.abs(fast.astype(int) - plain.astype(int)).mean() < 2


def test_decoded_pixels_are_taken_as_they_are(rng: np.random.Generator) -> None:
    color = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert np.array_equal(decode_image(color, "x", size=8), color.transpose(2, 0, 1))
    assert np.array_equal(decode_image(color[..., :1], "x", size=8, channels=1), color[None, ..., 0])
    assert np.array_equal(decode_image(color[..., 0], "x", size=8), np.stack([color[..., 0]] * 3))


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize("side", [10_001, 12_000, 60_000])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bombs_are_refused_before_they_are_decoded(side: int) -> None:
    """A file of 70 bytes that claims to be huge: on either side of the limit that Pillow has of its own."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(DataError, match=r"bomb.png (has 1\d,\d{3} x 1\d,\d{3} pixels; at most|claims to be larger)"):
        decode_image(bomb, "bomb.png", size=8)


def test_the_limit_can_be_moved() -> None:
    data = encoded(quarters())
    with pytest.raises(DataError, match=r"x.png has 8 x 8 pixels; at most 63 are read. Make it smaller"):
        decode_image(data, "x.png", size=8, max_pixels=63)
    assert decode_image(data, "x.png", size=8, max_pixels=64).shape == (3, 8, 8)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
@pytest.mark.filterwarnings("ignore:Truncated File Read", "ignore:Corrupt EXIF")
def test_files_cut_short_are_named(kind: str, rng: np.random.Generator) -> None:
    data = encoded(Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)), kind)
    for length in (0, 1, 10, len(data) // 3, len(data) // 2):
        with pytest.raises(DataError, match=r"cat\.img is not an image that can be read \(.+\). Correct or remove it"):
            decode_image(data[:length], "cat.img", size=8)


def test_text_is_no_image_and_floats_have_no_range() -> None:
    with pytest.raises(DataError, match=r"notes is not an image that can be read \(unknown format\)"):
        decode_image(b"these are notes", "notes", size=8)
    with pytest.raises(DataError, match="floating-point pixels"):
        decode(Image.new("F", (4, 4), 0.5), "TIFF")


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, which read_images silences
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "TGA", "WEBP", "PPM", "JPEG2000"])
def test_whatever_is_damaged_is_pixels_or_one_sentence(kind: str) -> None:
    rng = np.random.default_rng(4)
    whole = np.frombuffer(encoded(quarters(), kind), np.uint8)
    for _ in range(150):
        data, said = whole.copy(), ""
        places = rng.integers(0, len(data), rng.integers(1, 6))
        data[places] = rng.integers(0, 256, len(places))
        try:
            pixels = decode_image(data[: rng.integers(1, len(data) + 1)].tobytes(), "here", size=4, max_pixels=10_000)
        except DataError as error:
            said = str(error)
        assert said.startswith("here ") if said else pixels.shape == (3, 4, 4)


def test_a_square_is_not_folded_and_a_long_strip_is() -> None:
    assert fold(10, 10) == [(0.0, 10.0)]
    assert fold(20, 10) == [(0.0, 20.0)]  # two pieces of 12 would need 20 as well
    two = fold(40, 10)
    assert two == [(0.0, 22.0), (18.0, 40.0)]  # they share 4, two fifths of the breadth


@given(st.integers(1, 400), st.integers(1, 60))
def test_pieces_cover_the_strip_and_are_of_one_length(length: int, breadth: int) -> None:
    pieces = fold(max(length, breadth), min(length, breadth))
    assert pieces[0][0] == 0
    assert pieces[-1][1] == pytest.approx(max(length, breadth))
    assert all(start <= end for (_, end), (start, _) in zip(pieces[1:], pieces, strict=False))  # no gap
    lengths = [end - start for start, end in pieces]
    assert max(lengths) == pytest.approx(min(lengths))


def test_folding_shows_writing_larger_in_rows_or_in_columns() -> None:
    strip = np.full((10, 80), 255, np.uint8)
    strip[:, ::10] = 0  # eight characters, each a stroke
    rows = decode_image(strip, "x", size=64, channels=1, fit="fold")[0]
    columns = decode_image(np.ascontiguousarray(strip.T), "x", size=64, channels=1, fit="fold")[0]
    padded = decode_image(strip, "x", size=64, channels=1, fit="pad")[0]
    assert np.array_equal(rows.T, columns)
    assert (rows < 128).sum() > 3 * (padded < 128).sum()

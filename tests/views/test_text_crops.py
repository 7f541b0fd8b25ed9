"""Crops of texts: what they may hold, how often, and what happens to short texts."""

import numpy as np
import pytest

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.views.text_crops import Tokens, chunk_grid, delete_tokens, inverse_cloze, random_crop


def padded(*rows: list[int]) -> Tokens:
    out = np.full((len(rows), max(map(len, rows))), -1)
    for row, values in zip(out, rows, strict=True):
        row[: len(values)] = values
    return out


def texts(tokens: Tokens) -> list[list[int]]:
    return [row[row >= 0].tolist() for row in tokens]


MIXED = padded(list(range(20)), [7], [], [3, 4, 5])


def test_a_crop_is_a_piece_of_its_text(rng: np.random.Generator) -> None:
    for _ in range(50):
        crops = random_crop(MIXED, ratio=(0.2, 0.6), rng=rng)
        assert (crops[:, -1] >= 0).any()  # as wide as the longest crop, no wider
        for crop, text in zip(texts(crops), texts(MIXED), strict=True):
            assert " ".join(map(str, crop)) in " ".join(map(str, text))
            assert min(1, len(text)) <= len(crop) <= max(0.6 * len(text), min(1, len(text)))


def test_equals_drawing_one_text_at_a_time() -> None:
    """The rule of the paper in a loop, on the same random numbers."""
    tokens = np.arange(5 * 30).reshape(5, 30)
    crops = random_crop(tokens, ratio=(0.0, 0.5), least=0, rng=np.random.default_rng(3))
    rng = np.random.default_rng(3)
    sizes = [int(30 * ratio) for ratio in rng.uniform(0.0, 0.5, size=5)]
    starts = rng.integers([30 - size for size in sizes], endpoint=True)
    expected = [row[at : at + size].tolist() for row, at, size in zip(tokens, starts, sizes, strict=True)]
    assert texts(crops) == expected


def test_the_share_of_a_ratio_is_exact_where_it_is_one_number(rng: np.random.Generator) -> None:
    assert random_crop(np.arange(40)[None], ratio=(1, 1), rng=rng).tolist() == [list(range(40))]
    assert random_crop(np.arange(40)[None], ratio=(0.3, 0.3), rng=rng).shape == (1, 12)


def test_every_place_is_as_likely_as_another(rng: np.random.Generator) -> None:
    crops = random_crop(np.tile(np.arange(10), (9000, 1)), ratio=(0.2, 0.2), rng=rng)
    begins = np.bincount(crops[:, 0], minlength=9) / 9000
    np.testing.assert_allclose(begins, 1 / 9, atol=0.015)


def test_short_texts_are_not_emptied_unless_wanted(rng: np.random.Generator) -> None:
    short = np.array([[1, 2, 3]] * 200)
    assert (random_crop(short, ratio=(0.05, 0.3), rng=rng) >= 0).sum(axis=1).tolist() == [1] * 200
    assert random_crop(short, ratio=(0.05, 0.3), least=0, rng=rng).shape == (200, 0)
    assert texts(random_crop(short[:1], least=8, rng=rng)) == [[1, 2, 3]]


def test_deletion_keeps_the_order_and_the_share(rng: np.random.Generator) -> None:
    tokens = np.tile(np.arange(100), (300, 1))
    kept = texts(delete_tokens(tokens, rate=0.2, rng=rng))
    assert all(row == sorted(set(row)) for row in kept)
    assert np.mean([len(row) for row in kept]) == pytest.approx(80, abs=1)
    assert delete_tokens(MIXED, rate=0, rng=rng).tolist() == MIXED.tolist()


def test_deletion_leaves_a_token_of_each_text(rng: np.random.Generator) -> None:
    left = [texts(delete_tokens(MIXED, rate=1, rng=rng)) for _ in range(100)]
    assert {len(row[0]) for row in left} == {1}
    assert {row[0][0] for row in left} > {0, 19}  # any of them, not always the same
    assert left[0][1:3] == [[7], []]
    assert delete_tokens(np.zeros((2, 0), np.int64), rng=rng).shape == (2, 0)


def test_span_and_surroundings_make_up_the_text(rng: np.random.Generator) -> None:
    tokens = padded(list(range(30)), list(range(40, 52)), [1, 2], [5], [])
    for _ in range(50):
        spans, around = (texts(view) for view in inverse_cloze(tokens, ratio=(0.1, 1), rng=rng))
        assert spans[3:] == around[3:] == [[5], []]
        for text, span, rest in zip(texts(tokens)[:3], spans, around, strict=False):
            assert span
            assert rest
            assert sorted(span + rest) == text
            assert span == list(range(span[0], span[-1] + 1))


def test_surroundings_keep_the_span_as_often_as_asked(rng: np.random.Generator) -> None:
    tokens = np.tile(np.arange(12), (4000, 1))
    _, around = inverse_cloze(tokens, keep=0.1, rng=rng)
    assert ((around >= 0).sum(axis=1) == 12).mean() == pytest.approx(0.1, abs=0.015)


def test_the_grid_moves_and_holds_whole_chunks_one_after_the_other(rng: np.random.Generator) -> None:
    stream, offsets = np.arange(47), set()
    for _ in range(200):
        chunks = chunk_grid(stream, length=10, rng=rng)
        offset = int(chunks[0, 0])
        offsets.add(offset)
        assert chunks.ravel().tolist() == list(range(offset, offset + 10 * len(chunks)))
        assert len(chunks) == (47 - offset) // 10
    assert offsets == set(range(10))


def test_there_is_always_a_chunk(rng: np.random.Generator) -> None:
    assert chunk_grid(np.arange(5), length=8, rng=rng).tolist() == [[0, 1, 2, 3, 4]]
    assert {len(chunk_grid(np.arange(10), length=8, rng=rng)) for _ in range(30)} == {1}


def test_the_same_seed_gives_the_same_views() -> None:
    tokens = np.arange(300).reshape(10, 30)
    for view in (random_crop, delete_tokens):
        first, second = (view(tokens, rng=np.random.default_rng(1)) for _ in range(2))
        assert first.tolist() == second.tolist()


def test_says_what_is_wrong(rng: np.random.Generator) -> None:
    for call, message in [
        (lambda: random_crop(MIXED, ratio=(0.5, 0.1), rng=rng), "ratio must be two numbers"),
        (lambda: random_crop(MIXED, least=-1, rng=rng), "least must be at least 0. Got -1"),
        (lambda: delete_tokens(MIXED, rate=1.5, rng=rng), r"rate must be in \[0, 1\]. Got 1.5"),
        (lambda: inverse_cloze(MIXED, keep=-1, rng=rng), "keep must be"),
        (lambda: chunk_grid(np.arange(5), length=0, rng=rng), "length must be at least 1"),
    ]:
        with pytest.raises(ConfigurationError, match=message):
            call()
    for call, message in [
        (lambda: random_crop(np.arange(5), rng=rng), "tokens must be signed integers"),
        (lambda: delete_tokens(np.array([[1, -1, 2]]), rng=rng), "Row 1 holds it between others"),
        (lambda: chunk_grid(np.zeros(0, np.int64), length=3, rng=rng), "stream must be integers"),
    ]:
        with pytest.raises(DataError, match=message):
            call()

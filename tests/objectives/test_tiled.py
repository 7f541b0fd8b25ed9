"""The tiled kernel is the plain one, for batches below, equal to and not divisible by the tile."""

import math
import weakref

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import _tiled
from kinfolk.objectives._tiled import softmax_sums


def plain(rows: Tensor, candidates: Tensor, apart: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    logits = rows @ candidates.T
    masked = logits if apart is None else logits.masked_fill(apart, -math.inf)
    mean = (masked.softmax(1) * logits).sum(1)
    return masked.logsumexp(1), masked.logsumexp(0), mean


def some_ids(kind: str, count: int, generator: torch.Generator) -> Tensor | None:
    if kind == "all":
        return None
    return torch.randperm(count, generator=generator) if kind == "unique" else torch.arange(count) % 4


@pytest.mark.parametrize("ids", ["all", "unique", "groups"])
@pytest.mark.parametrize("length", [1.0, 40.0], ids=["moderate", "beyond-the-exponent"])
@pytest.mark.parametrize(("count", "other", "tile"), [(5, 7, 8), (16, 16, 8), (33, 20, 8), (9, 9, 3)])
@pytest.mark.parametrize("symmetric", [True, False])
def test_same_values_and_gradients_as_plain(
    symmetric: bool, count: int, other: int, tile: int, length: float, ids: str
) -> None:
    generator = torch.Generator().manual_seed(3)

    def embeddings(items: int) -> Tensor:
        return (normalize(torch.randn(items, 6, generator=generator, dtype=torch.float64)) * length).requires_grad_()

    rows = embeddings(count)
    candidates = rows if symmetric else embeddings(other)
    row_ids = some_ids(ids, count, generator)
    candidate_ids = row_ids if symmetric else some_ids(ids, other, generator)
    apart = mask = None
    if row_ids is not None and candidate_ids is not None:
        apart = row_ids if symmetric else (row_ids, candidate_ids)
        mask = row_ids[:, None] == candidate_ids[None, :]
    tiled = softmax_sums(rows, None if symmetric else candidates, apart=apart, means=True, tile=tile)
    expected = plain(rows, candidates, mask)
    for got, wanted in zip(tiled, expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-11, atol=1e-11)
    cotangents = [torch.randn(len(v), generator=generator, dtype=torch.float64) for v in expected]
    leaves = [rows] if symmetric else [rows, candidates]

    def gradients(values: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return torch.autograd.grad(sum((v * c).sum() for v, c in zip(values, cotangents, strict=True)), leaves)

    for got, wanted in zip(gradients(tiled), gradients(expected), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kept", [0, 70, 150, 10_000], ids=["none", "one", "until-one-is-too-large", "all"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_the_gradient_is_the_same_however_many_exponentials_are_kept(
    monkeypatch: pytest.MonkeyPatch, kept: int, symmetric: bool
) -> None:
    monkeypatch.setattr(_tiled, "KEPT", kept)
    generator = torch.Generator().manual_seed(1)
    rows, other = (torch.randn(n, 4, generator=generator, dtype=torch.float64).requires_grad_() for n in (19, 11))
    candidates, leaves = (rows, [rows]) if symmetric else (other, [rows, other])
    ids = torch.arange(19) // 3, torch.arange(len(candidates)) // 3
    tiled = softmax_sums(rows, None if symmetric else other, apart=ids[0] if symmetric else ids, tile=8).rows.sum()
    expected = plain(rows, candidates, ids[0][:, None] == ids[1][None, :])[0].sum()
    wanted = torch.autograd.grad(expected, leaves)
    for _ in range(2):  # the second time finds what is kept untouched
        for got, value in zip(torch.autograd.grad(tiled, leaves, retain_graph=True), wanted, strict=True):
            torch.testing.assert_close(got, value, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("temperature", [0.5, 0.05, 0.01])
def test_float32_stays_close_to_float64_at_low_temperature(temperature: float) -> None:
    rows = normalize(torch.randn(700, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    rows[1] = -rows[0]  # the least and the largest logit there are
    exact = softmax_sums(rows / temperature**0.5, apart=torch.arange(700)).rows
    close = softmax_sums(rows.float() / temperature**0.5, apart=torch.arange(700)).rows
    torch.testing.assert_close(close.double(), exact, rtol=1e-5, atol=1e-4)


def test_a_row_without_candidates_is_minus_infinity_and_has_no_gradient() -> None:
    rows = torch.eye(3, requires_grad=True)
    sums = softmax_sums(rows, apart=torch.tensor([0, 1, 1]), means=True)
    assert sums.rows[0].isfinite()
    alone = softmax_sums(rows, apart=torch.zeros(3, dtype=torch.int64), means=True)
    assert bool((alone.rows == -math.inf).all())
    assert bool((alone.row_means == 0).all())
    (gradient,) = torch.autograd.grad(alone.rows.sum(), rows)
    assert bool((gradient == 0).all())


def test_autocast_does_not_change_the_type_of_the_products() -> None:
    rows = normalize(torch.randn(40, 8, generator=torch.Generator().manual_seed(0)))
    with torch.autocast("cpu", torch.bfloat16):
        inside = softmax_sums(rows).rows
    torch.testing.assert_close(inside, softmax_sums(rows).rows, rtol=0, atol=0)


def test_memory_does_not_grow_with_the_square_of_the_batch() -> None:
    """The tensors alive at any time are of the size of the embeddings or of a tile."""
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            for tensor in out if isinstance(out, tuple) else (out,):
                if isinstance(tensor, Tensor):
                    largest = max(largest, tensor.untyped_storage().nbytes())
            return out

    rows = torch.randn(3000, 16, generator=torch.Generator().manual_seed(0), requires_grad=True)
    with Watch():
        softmax_sums(rows / 10, tile=256).rows.sum().backward()
    assert largest <= max(3000 * 16, 256 * 256) * 4


@pytest.mark.parametrize(("rows", "candidates"), [(0, None), (0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize("means", [True, False])
def test_nothing_has_sums_of_nothing(rows: int, candidates: int | None, means: bool) -> None:
    left = torch.zeros(rows, 2, requires_grad=True)
    right = None if candidates is None else torch.zeros(candidates, 2, requires_grad=True)
    ids = torch.arange(rows), torch.arange(rows if candidates is None else candidates)
    for apart in (None, ids if right is not None else ids[0]):
        sums = softmax_sums(left, right, apart=apart, means=means)
        assert sums.rows.tolist() == sums.row_means.sub(math.inf).tolist() == [-math.inf] * rows
        assert sums.columns.tolist() == [-math.inf] * (rows if candidates is None else candidates)
        (gradient,) = torch.autograd.grad(sums.row_means.sum(), left)
        assert gradient.shape == (rows, 2)


@pytest.mark.parametrize("length", [1.0, 40.0], ids=["moderate", "beyond-the-exponent"])
@pytest.mark.parametrize("trained", [0, 1])
def test_one_side_alone_gets_its_gradient(trained: int, length: float) -> None:
    generator = torch.Generator().manual_seed(5)
    sides = [length * normalize(torch.randn(n, 4, generator=generator, dtype=torch.float64)) for n in (9, 13)]
    sides[trained].requires_grad_()
    sums, expected = softmax_sums(*sides, tile=4), plain(*sides, None)
    for got, wanted in ((sums.rows, expected[0]), (sums.columns, expected[1])):
        values = [torch.autograd.grad(v.sum(), sides[trained], retain_graph=True)[0] for v in (got, wanted)]
        torch.testing.assert_close(values[0], values[1], rtol=1e-8, atol=1e-8)


def test_exponentials_are_kept_for_a_backward_pass_only_and_let_go_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[weakref.ref[Tensor]] = []
    sums = _tiled._Tiles.sums

    def watched(tiles: _tiled._Tiles, means: bool, powers: list[Tensor] | None) -> tuple[Tensor, Tensor, Tensor]:
        result = sums(tiles, means, powers)
        kept.extend(weakref.ref(power) for power in powers or ())
        return result

    monkeypatch.setattr(_tiled._Tiles, "sums", watched)
    rows = torch.randn(20, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    with torch.no_grad():
        softmax_sums(rows, tile=8)
    softmax_sums(rows.detach(), tile=8)
    assert not kept
    value = softmax_sums(rows, tile=8).rows.sum()
    assert len(kept) == 6
    assert all(power() is not None for power in kept)
    value.backward()
    assert all(power() is None for power in kept)


def test_a_second_derivative_is_refused() -> None:
    rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    with pytest.raises(ConfigurationError, match="no second derivative"):  # and not one that is silently constant
        torch.autograd.grad(softmax_sums(rows).rows.sum(), rows, create_graph=True)

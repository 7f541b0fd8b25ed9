"""The tiled kernel is the plain one, for batches below, equal to and not divisible by the tile."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

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

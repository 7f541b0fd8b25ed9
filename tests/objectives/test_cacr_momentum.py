"""CACR with momentum keys: values known by thought, a reference of matrices, its kin InfoNCE."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import CACRMomentum, InfoNCE, attraction_weights
from kinfolk.objectives.cacr_momentum import Cost


def some_views(views: int, items: int = 6, dim: int = 5) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    center = torch.randn(items, dim, generator=generator, dtype=torch.float64)
    noise = torch.randn(views, items, dim, generator=generator, dtype=torch.float64)
    return [(center + 0.8 * each).requires_grad_() for each in noise]


def reference(queries: list[Tensor], keys: Tensor, temperature: float, cost: Cost) -> Tensor:
    k = normalize(keys.detach(), dim=1)
    qs = [normalize(query, dim=1) for query in queries]
    p = torch.stack([(q - k).square().sum(1) for q in qs]).div(temperature).softmax(0).detach()
    total = torch.zeros(len(k), dtype=torch.float64)
    for q, weight in zip(qs, p, strict=True):
        cosine = q @ k.T
        if cost == "rbf":
            each = cross_entropy(cosine / temperature, torch.arange(len(k)), reduction="none") * 2 * temperature
        else:
            other = ~torch.eye(len(k), dtype=torch.bool)
            far = (1 - cosine)[other].view(len(k), -1)
            each = (1 - cosine).diagonal() - ((-far / temperature).softmax(1).detach() * far).sum(1)
        total = total + weight * each
    return total


@pytest.mark.parametrize("cost", ["rbf", "euclidean"])
@pytest.mark.parametrize("temperature", [1.0, 0.2, 0.01])
@pytest.mark.parametrize(("queries", "items"), [(1, 6), (3, 6), (2, 700)])
def test_same_value_and_gradients_as_with_matrices(queries: int, items: int, temperature: float, cost: Cost) -> None:
    """With 700 items the batch is of several tiles."""
    *leaves, keys = some_views(queries + 1, items)
    got = CACRMomentum(temperature, cost=cost)(*leaves, keys)
    wanted = reference(leaves, keys, temperature, cost)
    torch.testing.assert_close(got, wanted.mean())
    gradients = torch.autograd.grad(got, leaves, retain_graph=True)
    torch.testing.assert_close(gradients, torch.autograd.grad(wanted.mean(), leaves))
    assert torch.autograd.grad(got, keys, allow_unused=True) == (None,)
    torch.testing.assert_close(CACRMomentum(temperature, cost=cost, reduction="sum")(*leaves, keys), wanted.sum())


def test_the_farther_query_counts_more() -> None:
    """At T = 2 the distances 0 and 4 weigh 1 to e^2."""
    keys = torch.eye(3, dtype=torch.float64)
    far = math.exp(2) / (1 + math.exp(2))
    weights = attraction_weights(keys, -keys, keys=keys, temperature=2.0)
    torch.testing.assert_close(weights, torch.tensor([[1 - far, far]] * 3, dtype=torch.float64))


def test_equal_orthogonal_queries_and_keys() -> None:
    """Own keys at cosine 1, three others at 0: log(1 + 3/e) doubled, or the cosine cost 0 less 1."""
    rows = torch.eye(4, dtype=torch.float64)
    rbf = torch.tensor(2 * math.log(1 + 3 / math.e), dtype=torch.float64)
    torch.testing.assert_close(CACRMomentum()(rows, rows), rbf)
    euclidean = torch.tensor(-1.0, dtype=torch.float64)
    torch.testing.assert_close(CACRMomentum(cost="euclidean")(rows, rows), euclidean)


def test_one_query_view_is_info_nce() -> None:
    queries, keys = some_views(2)
    expected = 2 * 0.2 * InfoNCE(0.2, symmetric=False)(queries, keys)
    torch.testing.assert_close(CACRMomentum(0.2)(queries, keys), expected)


def test_two_equal_query_views_are_one() -> None:
    queries, keys = some_views(2)
    for cost in ("rbf", "euclidean"):
        loss = CACRMomentum(0.3, cost=cost)
        torch.testing.assert_close(loss(queries, queries, keys), loss(queries, keys))


def test_says_what_is_wrong() -> None:
    queries, keys = some_views(2)
    with pytest.raises(ConfigurationError, match="2 views of the batch are needed. Got 1"):
        CACRMomentum()(keys)
    with pytest.raises(ConfigurationError, match=r"at least 2 items.*Got 1"):
        CACRMomentum()(queries[:1], keys[:1])
    with pytest.raises(ConfigurationError, match=r"cost must be of rbf, euclidean.*'cosine' and 'mean'"):
        CACRMomentum(cost="cosine")  # type: ignore[arg-type]

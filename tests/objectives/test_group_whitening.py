"""Shuffled group whitening: identity covariances, whose rows are together, what may be singular."""

import pytest
import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import ShuffledGroupWhitening, whiten_groups

ENGINES = ["zca", "cholesky"]


def some(rows: int, dim: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(11)
    mixing = torch.randn(dim, dim, generator=generator, dtype=torch.float64)
    return (torch.randn(rows, dim, generator=generator, dtype=torch.float64) @ mixing + 3).to(dtype)


def covariance(rows: Tensor) -> Tensor:
    centered = rows - rows.mean(0)
    return centered.T @ centered / len(rows)


def slow(rows: Tensor, num_groups: int, permutation: Tensor, engine: str, eps: float) -> Tensor:
    """Group by group, with a symmetric root or the inverse of the triangular factor."""
    out = torch.empty_like(rows)
    for group in permutation.chunk(num_groups):
        centered = rows[:, group] - rows[:, group].mean(0)
        matrix = covariance(rows[:, group]) + eps * torch.eye(len(group), dtype=rows.dtype)
        if engine == "zca":
            left, values, _ = torch.linalg.svd(matrix)
            whitening = left @ (values**-0.5).diag() @ left.T
        else:
            whitening = torch.linalg.inv(torch.linalg.cholesky(matrix)).T
        out[:, group] = centered @ whitening
    return out


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("eps", [0.0, 1e-5, 0.3])
@pytest.mark.parametrize("num_groups", [1, 3, 12])
def test_equals_a_slow_loop(num_groups: int, eps: float, engine: str) -> None:
    rows = some(20, 12)
    permutation = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    got = whiten_groups(rows, num_groups=num_groups, permutation=permutation, engine=engine, eps=eps)
    torch.testing.assert_close(got, slow(rows, num_groups, permutation, engine, eps))


@pytest.mark.parametrize("engine", ENGINES)
def test_each_group_gets_the_identity_for_its_covariance(engine: str) -> None:
    permutation = torch.tensor([4, 0, 3, 5, 1, 2])
    whitened = whiten_groups(some(50, 6), num_groups=2, permutation=permutation, engine=engine, eps=0)
    torch.testing.assert_close(whitened.mean(0), torch.zeros(6, dtype=torch.float64))
    for group in permutation.chunk(2):
        torch.testing.assert_close(covariance(whitened[:, group]), torch.eye(3, dtype=torch.float64))
    assert float(covariance(whitened)[4, 1].abs()) > 0.01, "channels of different groups stay correlated"


def test_as_many_groups_as_channels_standardize_each_channel() -> None:
    rows = some(30, 4)
    expected = (rows - rows.mean(0)) / rows.std(0, correction=0)
    torch.testing.assert_close(whiten_groups(rows, num_groups=4, eps=0), expected)


def test_one_group_is_whitened_alike_in_any_order_of_the_channels() -> None:
    rows, order = some(30, 5), torch.tensor([3, 1, 4, 0, 2])
    torch.testing.assert_close(
        whiten_groups(rows, num_groups=1, permutation=order), whiten_groups(rows, num_groups=1), rtol=1e-8, atol=1e-8
    )


def test_what_is_white_already_stays() -> None:
    rows = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    torch.testing.assert_close(whiten_groups(rows, num_groups=1, eps=0), rows)
    torch.testing.assert_close(whiten_groups(7 * rows + 2, num_groups=1, eps=0), rows)


class TestGradient:
    def test_of_zca_is_that_of_a_constant_matrix(self) -> None:
        """The gradient of the centered rows times the symmetric root, which itself is held."""
        rows = some(9, 4).requires_grad_()
        cotangent = some(9, 4).flip(0)
        (got,) = torch.autograd.grad((whiten_groups(rows, num_groups=2) * cotangent).sum(), rows)
        expected = []
        for group in (slice(0, 2), slice(2, 4)):
            values, vectors = torch.linalg.eigh(covariance(rows.detach()[:, group]))
            pulled = cotangent[:, group] @ (vectors @ ((values + 1e-5) ** -0.5).diag() @ vectors.T)
            expected.append(pulled - pulled.mean(0))
        torch.testing.assert_close(got, torch.cat(expected, dim=1))

    def test_of_cholesky_is_the_slope(self) -> None:
        rows = some(7, 4).requires_grad_()
        assert torch.autograd.gradcheck(lambda x: whiten_groups(x, num_groups=2, engine="cholesky"), rows)

    @pytest.mark.parametrize("engine", ENGINES)
    def test_is_finite_where_all_rows_are_equal(self, engine: str) -> None:
        rows = torch.ones(6, 4, requires_grad=True)
        whitened = whiten_groups(rows, num_groups=2, engine=engine)
        assert whitened.abs().max().item() == 0
        (gradient,) = torch.autograd.grad(whitened.square().sum() + whitened.sum(), rows)
        assert bool(gradient.isfinite().all())


@pytest.mark.parametrize("engine", ENGINES)
class TestSingularCovariances:
    def test_a_constant_channel_becomes_nought(self, engine: str) -> None:
        rows = some(20, 4)
        rows[:, 1] = 5
        whitened = whiten_groups(rows, num_groups=2, engine=engine)
        torch.testing.assert_close(whitened[:, 1], torch.zeros(20, dtype=torch.float64))
        assert bool(whitened.isfinite().all())
        with pytest.raises(ConfigurationError, match=r"Groups of 2 channels over 20 rows have a singular .* eps=0"):
            whiten_groups(rows, num_groups=2, engine=engine, eps=0)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("num_rows", [2, 4, 6])
    def test_no_more_rows_than_channels_need_an_eps(self, engine: str, num_rows: int, dtype: torch.dtype) -> None:
        rows = some(num_rows, 6, dtype=dtype)
        assert bool(whiten_groups(rows, num_groups=1, engine=engine, eps=0.01).isfinite().all())
        with pytest.raises(ConfigurationError, match="singular covariance.*Use more rows"):
            whiten_groups(rows, num_groups=1, engine=engine, eps=0)

    def test_fewer_than_twice_as_many_rows_are_enough(self, engine: str) -> None:
        whitened = whiten_groups(some(8, 6), num_groups=1, engine=engine, eps=0)
        torch.testing.assert_close(covariance(whitened), torch.eye(6, dtype=torch.float64))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32_and_given_back(dtype: torch.dtype, engine: str) -> None:
    rows = some(24, 6, dtype=dtype)
    whitened = whiten_groups(rows, num_groups=2, engine=engine)
    assert whitened.dtype == dtype
    assert torch.equal(whitened, whiten_groups(rows.float(), num_groups=2, engine=engine).to(dtype))
    single = rows.float()
    expected = whiten_groups(single, num_groups=2, engine=engine)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(whiten_groups(single, num_groups=2, engine=engine), expected)


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_that_are_no_numbers_end_in_a_sentence(engine: str) -> None:
    rows = some(12, 4)
    rows[3, 1] = torch.nan
    with pytest.raises(ConfigurationError, match="rows must be finite numbers. Got NaN"):
        whiten_groups(rows, num_groups=2, engine=engine)


class TestModule:
    permutations = torch.stack([torch.randperm(6, generator=torch.Generator().manual_seed(n)) for n in range(3)])

    def test_whitens_each_view_by_its_own_permutation(self) -> None:
        rows = some(30, 6)
        got = ShuffledGroupWhitening(2)(rows, permutations=self.permutations)
        for view in range(3):
            expected = whiten_groups(rows[view::3], num_groups=2, permutation=self.permutations[view])
            torch.testing.assert_close(got[view::3], expected)

    def test_thirds_are_contiguous(self) -> None:
        rows = some(30, 6)
        got = ShuffledGroupWhitening(2, grouping="thirds", eps=0)(rows, permutations=self.permutations)
        for part in range(3):
            mine = slice(10 * part, 10 * part + 10)
            expected = whiten_groups(rows[mine], num_groups=2, permutation=self.permutations[part], eps=0)
            torch.testing.assert_close(got[mine], expected)

    def test_order_of_items_does_not_matter_to_views_and_does_to_thirds(self) -> None:
        rows = some(30, 6)
        order = torch.randperm(10, generator=torch.Generator().manual_seed(4))
        moved = rows.unflatten(0, (10, 3))[order].flatten(0, 1)
        for grouping, same in (("view", True), ("thirds", False)):
            whitening = ShuffledGroupWhitening(2, grouping=grouping)
            got = whitening(moved, permutations=self.permutations)
            expected = whitening(rows, permutations=self.permutations).unflatten(0, (10, 3))[order].flatten(0, 1)
            assert torch.allclose(got, expected, rtol=1e-8, atol=1e-8) is same

    def test_equal_views_become_different_by_chance_alone(self) -> None:
        rows = some(20, 8).repeat_interleave(3, dim=0)
        first, second, third = (
            ShuffledGroupWhitening(4)(rows, generator=torch.Generator().manual_seed(0)).unflatten(0, (20, 3)).unbind(1)
        )
        assert not torch.allclose(first, second)
        assert not torch.allclose(first, third)
        plain = ShuffledGroupWhitening(4, shuffle=False)(rows).unflatten(0, (20, 3))
        torch.testing.assert_close(plain[:, 0], whiten_groups(rows[::3], num_groups=4))
        torch.testing.assert_close(plain[:, 1:], plain[:, :1].expand(-1, 2, -1))

    def test_the_same_seed_draws_the_same(self) -> None:
        rows, whitening = some(30, 6), ShuffledGroupWhitening(3)
        one, same, other = (whitening(rows, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
        assert torch.equal(one, same)
        assert not torch.allclose(one, other)

    def test_one_group_is_not_shuffled(self) -> None:
        rows = some(30, 4)
        whitening = ShuffledGroupWhitening(1, engine="cholesky")
        got = whitening(rows, permutations=torch.arange(4).flip(0).expand(3, 4))
        torch.testing.assert_close(got[::3], whiten_groups(rows[::3], num_groups=1, engine="cholesky"))

    def test_rows_pass_in_evaluation(self) -> None:
        rows = some(4, 6)  # not a multiple of the views, and no more than one sentence is needed
        assert ShuffledGroupWhitening(2).eval()(rows) is rows

    @pytest.mark.parametrize(
        ("grouping", "items", "dim", "groups"),
        [
            ("view", 12, 12, 2),  # 6 channels for 12 rows
            ("view", 10, 12, 3),  # at most 5 channels for 10 rows, and 4 divide 12
            ("view", 100, 12, 1),
            ("view", 1, 12, 12),
            ("thirds", 12, 12, 1),  # all 36 rows are counted
            ("thirds", 5, 12, 2),
        ],
    )
    def test_without_a_number_groups_have_half_as_many_channels_as_rows(
        self, grouping: str, items: int, dim: int, groups: int
    ) -> None:
        rows = some(3 * items, dim)
        settings = {"grouping": grouping, "shuffle": False, "eps": 0.1}
        automatic = ShuffledGroupWhitening(**settings)(rows)
        torch.testing.assert_close(automatic, ShuffledGroupWhitening(groups, **settings)(rows))

    def test_says_what_does_not_fit(self) -> None:
        rows = some(30, 6)
        with pytest.raises(ConfigurationError, match="num_groups must divide the dim of the rows. Got 4 groups of 6"):
            ShuffledGroupWhitening(4)(rows)
        with pytest.raises(ConfigurationError, match="rows must hold 3 views of each item. Got 29 rows"):
            ShuffledGroupWhitening(2)(rows[1:])
        with pytest.raises(ConfigurationError, match="permutations must be 3, one a part. Got 2"):
            ShuffledGroupWhitening(2)(rows, permutations=self.permutations[:2])
        with pytest.raises(ConfigurationError, match="permutation must hold each of 0 to 5 once"):
            ShuffledGroupWhitening(2)(rows, permutations=torch.zeros(3, 6, dtype=torch.int64))
        with pytest.raises(ConfigurationError, match="engine must be 'zca' or 'cholesky'. Got 'pca'"):
            ShuffledGroupWhitening(engine="pca")
        with pytest.raises(ConfigurationError, match="grouping must be 'view' or 'thirds'. Got 'views'"):
            ShuffledGroupWhitening(grouping="views")
        with pytest.raises(ConfigurationError, match="eps must be a number in"):
            ShuffledGroupWhitening(eps=-1.0)
        with pytest.raises(ConfigurationError, match="num_groups must be a whole number of at least 1. Got 0"):
            ShuffledGroupWhitening(0)

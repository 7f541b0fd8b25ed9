"""What every registered objective keeps to."""

import inspect
from collections.abc import Callable

import pytest
import torch

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import Objective, objective, objectives, register

ALL = [pytest.param(cls, id=name) for name, cls in objectives().items()]


@pytest.mark.parametrize("cls", ALL)
class TestEveryObjective:
    def test_is_named_in_lower_case_and_described_in_one_sentence(self, cls: type[Objective]) -> None:
        assert cls.name == cls.name.lower()
        assert objective(cls.name) is cls
        assert (cls.__doc__ or "").split("\n")[0].endswith(".")

    def test_its_file_names_its_source(self, cls: type[Objective]) -> None:
        module = inspect.getmodule(cls)
        assert module is not None
        assert "Source:" in (module.__doc__ or "")
        assert "arXiv" in (module.__doc__ or "")

    def test_is_a_finite_scalar_that_reaches_what_it_trains(self, cls: type[Objective], make_inputs: Callable) -> None:
        embeddings, needs = make_inputs(cls)
        value = cls().double()(*embeddings, **needs)
        assert value.shape == ()
        value.backward()
        reached = [e.grad for e in embeddings if e.grad is not None]
        assert reached
        assert all(bool(g.isfinite().all()) for g in reached)
        assert any(float(g.abs().max()) > 0 for g in reached)

    def test_length_of_embeddings_does_not_matter(self, cls: type[Objective], make_inputs: Callable) -> None:
        embeddings, needs = make_inputs(cls)
        loss = cls().double()
        longer = [e * (1 + torch.arange(len(e)).view(-1, *[1] * (e.ndim - 1))) for e in embeddings]
        torch.testing.assert_close(loss(*longer, **needs), loss(*embeddings, **needs))

    def test_order_of_items_does_not_matter(self, cls: type[Objective], make_inputs: Callable) -> None:
        embeddings, needs = make_inputs(cls)
        loss = cls().double()
        order = torch.randperm(len(embeddings[0]), generator=torch.Generator().manual_seed(1))
        moved = loss(*(e[order] for e in embeddings), **{name: value[order] for name, value in needs.items()})
        torch.testing.assert_close(moved, loss(*embeddings, **needs))

    def test_equal_rows_give_a_finite_loss_and_gradient(self, cls: type[Objective], make_inputs: Callable) -> None:
        embeddings, needs = make_inputs(cls)
        same = [torch.ones_like(e).requires_grad_() for e in embeddings]
        value = cls().double()(*same, **needs)
        value.backward()
        assert bool(value.isfinite())
        assert all(bool(e.grad.isfinite().all()) for e in same if e.grad is not None)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision_is_computed_in_float32(
        self, cls: type[Objective], make_inputs: Callable, dtype: torch.dtype
    ) -> None:
        embeddings, needs = make_inputs(cls, dtype=dtype)
        value = cls()(*embeddings, **needs)
        assert value.dtype == torch.float32
        exact = cls()(*(e.detach().float() for e in embeddings), **needs)
        torch.testing.assert_close(value, exact, rtol=1e-4, atol=1e-5)

    def test_autocast_does_not_change_it(self, cls: type[Objective], make_inputs: Callable) -> None:
        embeddings, needs = make_inputs(cls, dtype=torch.float32)
        loss = cls()
        expected = loss(*embeddings, **needs)
        with torch.autocast("cpu", torch.bfloat16):
            value = loss(*embeddings, **needs)
        torch.testing.assert_close(value, expected, rtol=0, atol=0)

    def test_says_what_is_wrong_with_the_shapes(self, cls: type[Objective], make_inputs: Callable) -> None:
        embeddings, needs = make_inputs(cls)
        with pytest.raises(ConfigurationError, match="shape"):
            cls().double()(*(e[:, 0] for e in embeddings), **needs)

    def test_parameters_are_checked(self, cls: type[Objective]) -> None:
        if "temperature" in inspect.signature(cls).parameters:
            with pytest.raises(ConfigurationError, match=r"temperature.*Got"):
                cls(temperature=-0.1)


@pytest.mark.parametrize("cls", [p for p in ALL if not p.values[0].detaches])
def test_gradient_is_the_slope(cls: type[Objective], make_inputs: Callable) -> None:
    embeddings, needs = make_inputs(cls, items=8, dim=5)
    torch.manual_seed(0)
    loss = cls().double()
    assert torch.autograd.gradcheck(lambda *e: loss(*e, **needs), embeddings)


@pytest.mark.parametrize(
    "cls", [p for p in ALL if {"gather", "matmul"} <= set(inspect.signature(p.values[0]).parameters)]
)
def test_bfloat16_products_change_little(cls: type[Objective], make_inputs: Callable) -> None:
    embeddings, needs = make_inputs(cls, items=64, dim=32, dtype=torch.float32)
    exact, rough = cls(), cls(matmul="bfloat16")
    value, close = exact(*embeddings, **needs), rough(*embeddings, **needs)
    torch.testing.assert_close(close, value, rtol=0.01, atol=0.01)
    gradient = torch.autograd.grad(value, embeddings[0])[0]
    near = torch.autograd.grad(close, embeddings[0])[0]
    assert torch.cosine_similarity(near.flatten(), gradient.flatten(), dim=0) > 0.999


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"'ntxnt'.*ntxent"):
        objective("ntxnt")


def test_a_name_is_given_once() -> None:
    with pytest.raises(ConfigurationError, match="'ntxent' exists already"):

        @register("ntxent")
        class Another(Objective):
            """Another one."""

    with pytest.raises(ConfigurationError, match="needs must be of labels"):
        register("another", needs=("lables",))

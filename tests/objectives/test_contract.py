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

    def test_is_a_finite_scalar_that_reaches_what_it_trains(
        self, cls: type[Objective], make_objective: Callable, make_inputs: Callable
    ) -> None:
        embeddings, needs = make_inputs(cls)
        value = make_objective(cls).double()(*embeddings, **needs)
        assert value.shape == ()
        value.backward()
        reached = [e.grad for e in embeddings if e.grad is not None]
        assert reached
        assert all(bool(g.isfinite().all()) for g in reached)
        assert any(float(g.abs().max()) > 0 for g in reached)
        assert all(embeddings[position].grad is None for position in cls.constants)

    def test_length_of_embeddings_does_not_matter(
        self, cls: type[Objective], make_objective: Callable, make_inputs: Callable
    ) -> None:
        embeddings, needs = make_inputs(cls)
        loss = make_objective(cls).double().eval()
        longer = [e * (1 + torch.arange(len(e)).view(-1, *[1] * (e.ndim - 1))) for e in embeddings]
        torch.testing.assert_close(loss(*longer, **needs), loss(*embeddings, **needs))

    def test_order_of_items_does_not_matter(
        self, cls: type[Objective], make_objective: Callable, make_inputs: Callable
    ) -> None:
        embeddings, needs = make_inputs(cls)
        loss = make_objective(cls).double().eval()
        order = torch.randperm(len(embeddings[0]), generator=torch.Generator().manual_seed(1))
        moved = loss(*(e[order] for e in embeddings), **{name: value[order] for name, value in needs.items()})
        torch.testing.assert_close(moved, loss(*embeddings, **needs))

    def test_equal_rows_give_a_finite_loss_and_gradient(
        self, cls: type[Objective], make_objective: Callable, make_inputs: Callable
    ) -> None:
        embeddings, needs = make_inputs(cls)
        same = [torch.ones_like(e).requires_grad_() for e in embeddings]
        value = make_objective(cls).double()(*same, **needs)
        value.backward()
        assert bool(value.isfinite())
        assert all(bool(e.grad.isfinite().all()) for e in same if e.grad is not None)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision_is_computed_in_float32(
        self, cls: type[Objective], make_objective: Callable, make_inputs: Callable, dtype: torch.dtype
    ) -> None:
        embeddings, needs = make_inputs(cls, dtype=dtype)
        value = make_objective(cls)(*embeddings, **needs)
        assert value.dtype == torch.float32
        exact = make_objective(cls)(*(e.detach().float() for e in embeddings), **needs)
        torch.testing.assert_close(value, exact, rtol=1e-4, atol=1e-5)

    def test_the_state_moves_in_training_only_and_is_saved_whole(
        self, cls: type[Objective], make_objective: Callable, make_inputs: Callable
    ) -> None:
        embeddings, needs = make_inputs(cls)
        loss = make_objective(cls).double()
        loss(*embeddings, **needs)
        resumed = make_objective(cls, seed=1).double()
        resumed.load_state_dict(loss.state_dict())
        following = []
        for each in (loss, resumed):
            torch.manual_seed(2)
            following.append(each(*embeddings, **needs))
        torch.testing.assert_close(following[1], following[0], rtol=0, atol=0)
        state = {name: value.clone() for name, value in loss.eval().state_dict().items()}
        values = [loss(*embeddings, **needs) for _ in range(2)]
        torch.testing.assert_close(values[1], values[0], rtol=0, atol=0)
        torch.testing.assert_close(dict(loss.state_dict()), state, rtol=0, atol=0)

    def test_autocast_does_not_change_it(
        self, cls: type[Objective], make_objective: Callable, make_inputs: Callable
    ) -> None:
        embeddings, needs = make_inputs(cls, dtype=torch.float32)
        loss = make_objective(cls).eval()
        expected = loss(*embeddings, **needs)
        with torch.autocast("cpu", torch.bfloat16):
            value = loss(*embeddings, **needs)
        torch.testing.assert_close(value, expected, rtol=0, atol=0)

    def test_says_what_is_wrong_with_the_shapes(
        self, cls: type[Objective], make_objective: Callable, make_inputs: Callable
    ) -> None:
        embeddings, needs = make_inputs(cls)
        with pytest.raises(ConfigurationError, match="shape"):
            make_objective(cls).double()(*(e[:, 0] for e in embeddings), **needs)

    def test_parameters_are_checked(self, cls: type[Objective]) -> None:
        if "temperature" in inspect.signature(cls).parameters:
            with pytest.raises(ConfigurationError, match=r"temperature.*Got"):
                cls(temperature=-0.1)


@pytest.mark.parametrize("cls", [p for p in ALL if not p.values[0].detaches])
def test_gradient_is_the_slope(cls: type[Objective], make_objective: Callable, make_inputs: Callable) -> None:
    embeddings, needs = make_inputs(cls, items=8, dim=5)
    loss = make_objective(cls, dim=5).double().eval()
    held = [e.detach() if position in cls.constants else e for position, e in enumerate(embeddings)]
    assert torch.autograd.gradcheck(lambda *e: loss(*e, **needs), held)


@pytest.mark.parametrize(
    "cls", [p for p in ALL if {"gather", "matmul"} <= set(inspect.signature(p.values[0]).parameters)]
)
def test_bfloat16_products_change_little(cls: type[Objective], make_objective: Callable, make_inputs: Callable) -> None:
    embeddings, needs = make_inputs(cls, items=64, dim=32, dtype=torch.float32)
    exact, rough = make_objective(cls, dim=32), make_objective(cls, dim=32, matmul="bfloat16")
    value, close = exact(*embeddings, **needs), rough(*embeddings, **needs)
    torch.testing.assert_close(close, value, rtol=0.01, atol=0.01)
    trained = next(e for position, e in enumerate(embeddings) if position not in cls.constants)
    gradient = torch.autograd.grad(value, trained)[0]
    near = torch.autograd.grad(close, trained)[0]
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


def test_no_public_name_hides_a_file() -> None:
    import pkgutil

    import kinfolk.objectives

    files = {module.name for module in pkgutil.iter_modules(kinfolk.objectives.__path__)}
    assert files.isdisjoint(kinfolk.objectives.__all__)

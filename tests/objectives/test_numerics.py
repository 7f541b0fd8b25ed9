"""What no objective may trip over: memory order, copies, no gradient asked for, two items, rows of zeros, extreme temperatures."""

import copy
import inspect
import pickle
from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import Objective, objectives

ALL = [pytest.param(cls, id=name) for name, cls in objectives().items()]
SETTINGS = {"groco": {"top_k": 1}, "ntxenttopk": {"top_k": 1}}  # fit a batch of two


@pytest.mark.parametrize("cls", ALL)
class TestEveryObjective:
    def test_order_in_memory_does_not_matter(
        self, cls: type[Objective], make_objective: Callable, make_inputs: Callable
    ) -> None:
        embeddings, needs = make_inputs(cls)
        loss = make_objective(cls).double().eval()
        strided = [torch.stack([e, -e], dim=-1)[..., 0] for e in embeddings]
        assert not any(e.is_contiguous() for e in strided)
        torch.testing.assert_close(loss(*strided, **needs), loss(*embeddings, **needs), rtol=1e-12, atol=1e-12)

    def test_no_gradient_is_made_where_none_is_asked_for(
        self, cls: type[Objective], make_objective: Callable, make_inputs: Callable
    ) -> None:
        embeddings, needs = make_inputs(cls)
        loss = make_objective(cls).double().eval()
        expected = loss(*embeddings, **needs).detach()
        with torch.no_grad():
            value = loss(*embeddings, **needs)
        assert not value.requires_grad
        torch.testing.assert_close(value, expected, rtol=0, atol=0)
        constant = loss(*(e.detach() for e in embeddings), **needs)
        torch.testing.assert_close(constant.detach(), expected, rtol=0, atol=0)

    def test_each_table_gets_its_gradient_alone(
        self, cls: type[Objective], make_objective: Callable, make_inputs: Callable
    ) -> None:
        embeddings, needs = make_inputs(cls)
        loss = make_objective(cls).double().eval()
        trained = [place for place in range(len(embeddings)) if place not in cls.constants]
        wanted = torch.autograd.grad(loss(*embeddings, **needs), [embeddings[p] for p in trained], allow_unused=True)
        for place, gradient in zip(trained, wanted, strict=True):
            if gradient is not None:
                one = [e if p == place else e.detach() for p, e in enumerate(embeddings)]
                (alone,) = torch.autograd.grad(loss(*one, **needs), embeddings[place])
                torch.testing.assert_close(alone, gradient, rtol=1e-9, atol=1e-12)

    def test_a_copy_goes_on_alike(self, cls: type[Objective], make_objective: Callable, make_inputs: Callable) -> None:
        embeddings, needs = make_inputs(cls)
        loss = make_objective(cls).double()
        loss(*embeddings, **needs)
        following = []
        for each in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss)), loss):
            torch.manual_seed(1)
            following.append(each(*embeddings, **needs))
        torch.testing.assert_close(following[:2], [following[2]] * 2, rtol=0, atol=0)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    def test_rows_of_zeros_give_a_finite_loss_and_gradient(
        self, cls: type[Objective], make_objective: Callable, make_inputs: Callable, dtype: torch.dtype
    ) -> None:
        embeddings, needs = make_inputs(cls, dtype=dtype)
        rows = [torch.cat([torch.zeros_like(e[:3]), e[3:].detach()]).requires_grad_() for e in embeddings]
        value = make_objective(cls)(*rows, **needs)
        value.backward()
        assert bool(value.isfinite())
        assert all(bool(e.grad.isfinite().all()) for e in rows if e.grad is not None)

    def test_two_items_are_a_batch(self, cls: type[Objective], make_objective: Callable, make_inputs: Callable) -> None:
        embeddings, needs = make_inputs(cls, items=2)
        needs = {**needs, **({"labels": torch.tensor([1, 1])} if cls.name == "supcon" else {})}
        needs = {**needs, **({"target_labels": torch.tensor([1, 0])} if cls.name == "hydra" else {})}
        loss = make_objective(cls, **SETTINGS.get(cls.name, {})).double()
        with pytest.warns(UserWarning, match="No anchor has a negative") if cls.name == "hydra" else nullcontext():
            value = loss(*embeddings, **needs)
        value.backward()
        assert bool(value.isfinite())
        assert all(bool(e.grad.isfinite().all()) for e in embeddings if e.grad is not None)

    def test_batches_may_have_other_sizes(
        self, cls: type[Objective], make_objective: Callable, make_inputs: Callable
    ) -> None:
        sized = {"queue_size": 17} if "queue_size" in inspect.signature(cls).parameters else {}
        sized |= {"num_hard": 5} if "num_hard" in inspect.signature(cls).parameters else {}
        loss = make_objective(cls, **sized).double()
        for items in (12, 15, 13, 16, 12):
            embeddings, needs = make_inputs(cls, items=items, seed=items)
            value = loss(*embeddings, **needs)
            value.backward()
            assert bool(value.isfinite())
            assert all(bool(e.grad.isfinite().all()) for e in embeddings if e.grad is not None)

    def test_tables_of_two_precisions_are_refused(
        self, cls: type[Objective], make_objective: Callable, make_inputs: Callable
    ) -> None:
        if cls.embeddings == 1:
            return
        embeddings, needs = make_inputs(cls)
        with pytest.raises(ConfigurationError, match="must both be float64, or neither"):
            make_objective(cls).double()(embeddings[0].float(), *embeddings[1:], **needs)


@pytest.mark.parametrize("temperature", [1e-6, 1e-3, 1e3, 1e12, 1e30])
@pytest.mark.parametrize("cls", [p for p in ALL if "temperature" in inspect.signature(p.values[0]).parameters])
def test_extreme_temperatures_give_a_finite_loss_and_gradient(
    cls: type[Objective], make_objective: Callable, make_inputs: Callable, temperature: float
) -> None:
    with pytest.raises(ConfigurationError, match=r"temperature must be a number in \[1e-06, inf\). Got 1e-12"):
        cls(temperature=1e-12)
    if cls.name == "clip" and temperature < 0.01:
        return  # refused: its scale is at most 100
    embeddings, needs = make_inputs(cls, dtype=torch.float32)
    value = make_objective(cls, temperature=temperature)(*embeddings, **needs)
    value.backward()
    assert bool(value.isfinite())
    assert all(bool(e.grad.isfinite().all()) for e in embeddings if e.grad is not None)

"""Known steps of LARS, and the learning rate over a training."""

import pytest
import torch
from torch import nn

from kinfolk.errors import ConfigurationError
from kinfolk.methods.optimizers import LARS, make_optimizer, warmup_cosine
from kinfolk.methods.recipe import Recipe


def test_lars_moves_a_tensor_by_a_share_of_its_length() -> None:
    weight = nn.Parameter(torch.tensor([[3.0, 4.0]]))
    weight.grad = torch.tensor([[0.0, 1e-3]])
    LARS([weight], lr=1.0, trust=0.1).step()
    torch.testing.assert_close(weight.detach(), torch.tensor([[3.0, 3.5]]))  # 0.1 x length 5, whatever the gradient's


def test_lars_with_decay_and_momentum() -> None:
    weight = nn.Parameter(torch.tensor([[2.0]]))
    optimizer = LARS([weight], lr=0.5, trust=0.1, weight_decay=0.5, momentum=0.5)
    weight.grad = torch.tensor([[1.0]])
    optimizer.step()  # direction 1 + 0.5 x 2 = 2, ratio 0.1 x 2 / (1 + 1) = 0.1: moves 0.5 x 0.2
    torch.testing.assert_close(weight.detach(), torch.tensor([[1.9]]))
    optimizer.step()  # direction 1.95, ratio 0.19 / 1.95: 0.19, and half of 0.2 from before
    torch.testing.assert_close(weight.detach(), torch.tensor([[1.9 - 0.5 * (0.19 + 0.1)]]))


def test_a_tensor_of_zeros_moves_as_in_plain_descent() -> None:
    weight = nn.Parameter(torch.zeros(2, 2))
    weight.grad = torch.ones(2, 2)
    LARS([weight], lr=0.1).step()
    torch.testing.assert_close(weight.detach(), torch.full((2, 2), -0.1))


def test_the_rate_rises_and_falls() -> None:
    rates = [warmup_cosine(step, warmup=4, total=12) for step in range(13)]
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[8] == pytest.approx(0.5)
    assert rates[12] == pytest.approx(0.0)


@pytest.mark.parametrize("name", ["sgd", "adamw", "lars"])
def test_norms_and_biases_are_not_decayed(name: str) -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    groups = make_optimizer(module, Recipe(optimizer=name, weight_decay=0.1)).param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert [p.ndim for p in groups[0]["params"]] == [2]


@pytest.mark.parametrize("name", ["sgd", "adamw", "lars"])
def test_a_part_with_a_rate_of_its_own_has_groups_of_its_own(name: str) -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)))
    recipe = Recipe(optimizer=name, learning_rate=0.1, weight_decay=0.1)
    groups = make_optimizer(module, recipe, slow=[module[1]], slow_share=0.01).param_groups
    assert [(group["lr"], group["weight_decay"]) for group in groups] == [
        (0.1, 0.1),
        (0.1, 0.0),
        (pytest.approx(0.001), 0.1),
        (pytest.approx(0.001), 0.0),
    ]
    inside = {id(p) for p in module[1].parameters()}
    assert [all(id(p) in inside for p in group["params"]) for group in groups] == [False, False, True, True]
    assert [len(group["params"]) for group in groups] == [1, 1, 1, 3]


def test_the_rate_of_a_larger_batch_is_larger() -> None:
    assert Recipe(batch_size=512, learning_rate=0.1).scaled_rate == pytest.approx(0.2)
    assert Recipe(batch_size=512, learning_rate=0.1, optimizer="adamw").scaled_rate == pytest.approx(0.1)
    with pytest.raises(ConfigurationError, match=r"epochs.*Got 0"):
        Recipe(epochs=0)
    with pytest.raises(ConfigurationError, match=r"optimizer.*Got 'adam'"):
        Recipe(optimizer="adam")
    with pytest.raises(ConfigurationError, match=r"batch_size must be an integer.*'many'"):
        Recipe().changed({"batch_size": "many"})

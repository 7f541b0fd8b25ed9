"""The key encoder follows the query encoder as the formula says, parameters only."""

import copy

import pytest
import torch
from torch import nn

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import momentum_at, update_key_encoder


def weights(*values: float, dtype: torch.dtype = torch.float32) -> nn.Module:
    layer = nn.Linear(len(values), 1, bias=False)
    layer.load_state_dict({"weight": torch.tensor([values])})
    return layer.to(dtype)


def test_moves_by_one_minus_the_momentum() -> None:
    keys, queries = weights(1.0, -2.0), weights(2.0, 2.0)
    update_key_encoder(keys, queries, momentum=0.75)
    assert keys.weight.tolist() == [[1.25, -1.0]]
    assert queries.weight.tolist() == [[2.0, 2.0]]


def test_many_steps_are_a_power_of_the_momentum() -> None:
    keys, queries = weights(1.0, dtype=torch.float64), weights(0.0, dtype=torch.float64)
    for _ in range(100):
        update_key_encoder(keys, queries, momentum=0.99)
    assert keys.weight.item() == pytest.approx(0.99**100)


def test_one_freezes_and_zero_copies() -> None:
    keys, queries = weights(0.1, 0.3), weights(0.7, -0.2)
    before = keys.weight.tolist()
    update_key_encoder(keys, queries, momentum=1)
    assert keys.weight.tolist() == before
    update_key_encoder(keys, queries, momentum=0)
    assert keys.weight.tolist() == queries.weight.tolist()


def test_running_statistics_stay_those_of_the_keys() -> None:
    queries = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    keys = copy.deepcopy(queries)
    queries(torch.randn(8, 3, generator=torch.Generator().manual_seed(0)))
    with torch.no_grad():
        queries[1].weight.fill_(3.0)
    update_key_encoder(keys, queries, momentum=0.5)
    assert keys[1].weight.tolist() == [2.0] * 3
    assert keys[1].running_mean.tolist() == [0.0] * 3
    assert int(keys[1].num_batches_tracked) == 0


def test_half_precision_is_computed_in_float32() -> None:
    slow, fast, momentum = 1.0, 1.5, 0.999  # in float16 the weight 1 - momentum alone is off by 1 part in 3000
    keys, queries = weights(slow), weights(fast, dtype=torch.float16)
    for _ in range(10):
        update_key_encoder(keys, queries, momentum=momentum)
    assert keys.weight.item() == pytest.approx(fast + (slow - fast) * momentum**10, rel=1e-6)
    half, queries = weights(60_000.0, dtype=torch.float16), weights(-60_000.0, dtype=torch.float16)
    update_key_encoder(half, queries, momentum=0.5)
    assert half.weight.item() == 0.0  # their difference is beyond float16


def test_takes_no_gradient_and_leaves_the_flag_alone() -> None:
    keys, queries = weights(1.0).requires_grad_(False), weights(2.0)
    update_key_encoder(keys, queries, momentum=0.5)
    assert not keys.weight.requires_grad
    assert queries.weight.requires_grad
    assert keys.weight.grad_fn is None


def test_says_where_the_encoders_differ() -> None:
    with pytest.raises(ConfigurationError, match=r"'weight' of shape \(1, 1\) and \(1, 2\)"):
        update_key_encoder(weights(1.0), weights(1.0, 2.0), momentum=0.5)
    with pytest.raises(ConfigurationError, match="'bias' of shape None and"):
        update_key_encoder(weights(1.0), nn.Linear(1, 1), momentum=0.5)
    with pytest.raises(ConfigurationError, match=r"momentum must be in \[0, 1\]"):
        update_key_encoder(weights(1.0), weights(1.0), momentum=1.5)


def test_cosine_rises_from_the_start_to_one() -> None:
    assert momentum_at(0, 100, start=0.99, schedule="cosine") == pytest.approx(0.99)
    assert momentum_at(50, 100, start=0.99, schedule="cosine") == pytest.approx(0.995)
    assert momentum_at(100, 100, start=0.99, schedule="cosine") == 1
    rising = [momentum_at(step, 100, start=0.9, schedule="cosine") for step in range(101)]
    assert rising == sorted(rising)
    assert {momentum_at(step, 100) for step in range(101)} == {0.999}


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((101, 100), {}, r"step must be in \[0, 100\]. Got 101"),
        ((0, 0), {}, "num_steps must be a whole number of at least 1"),
        ((0, 1), {"start": -0.1}, "start must be in"),
        ((0, 1), {"schedule": "linear"}, "'constant' or 'cosine'. Got 'linear'"),
    ],
)
def test_schedule_arguments_are_checked(arguments: tuple[int, int], settings: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        momentum_at(*arguments, **settings)

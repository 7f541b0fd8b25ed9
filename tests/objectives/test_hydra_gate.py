"""The gate network, and the entropy and activation of gates."""

import math

import pytest
import torch

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import GateNetwork, gate_activation, gate_entropy


def network(**settings: object) -> GateNetwork:
    torch.manual_seed(0)
    return GateNetwork(5, 7, class_dim=6, hidden_dim=8, **settings)


FIRST, SECOND = torch.tensor([0, 1, 2, 3]), torch.tensor([4, 1, 0, 2])


@pytest.mark.parametrize("fuse", ["mean", "product"])
def test_gates_are_open_in_part_and_symmetric_in_the_pair(fuse: str) -> None:
    gates = network(fuse=fuse)(FIRST, SECOND)
    assert gates.shape == (4, 7)
    assert bool(((gates > 0) & (gates < 1)).all())
    torch.testing.assert_close(network(fuse=fuse)(SECOND, FIRST), gates)


def test_of_a_class_with_itself_the_product_is_the_square() -> None:
    same = FIRST
    torch.testing.assert_close(network(fuse="product")(same, same), network()(same, same).square())


def test_equals_the_formula_in_evaluation_mode() -> None:
    net = network().eval()  # running mean 0 and variance 1: batch norm divides by sqrt(1 + eps)
    _, _, first, _, _, second, _ = net.network
    scale = 1 / math.sqrt(1 + 1e-5)
    hidden = first(((net.classes.weight[FIRST] + net.classes.weight[SECOND]) / 2).relu() * scale)
    torch.testing.assert_close(net(FIRST, SECOND), second(hidden.relu() * scale).sigmoid())


def test_one_pair_needs_evaluation_mode() -> None:
    net = network()
    with pytest.raises(ConfigurationError, match="at least 2 items for its batch norm in training mode. Got 1"):
        net(FIRST[:1], SECOND[:1])
    assert net.eval()(FIRST[:1], SECOND[:1]).shape == (1, 7)


def test_entropy_and_activation_by_hand() -> None:
    gates = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.5, 0.5]])
    assert float(gate_entropy(gates)) == pytest.approx(4 / 6 * math.log(2), abs=1e-5)
    assert float(gate_activation(gates)) == pytest.approx((1 + 2) / 2)
    assert float(gate_entropy(torch.full((2, 3), 0.5).half())) == pytest.approx(math.log(2))


def test_entropy_of_a_shut_gate_has_a_finite_slope() -> None:
    gates = torch.tensor([0.0, 1.0, 0.3], requires_grad=True)
    gate_entropy(gates).backward()
    assert bool(gates.grad.isfinite().all())


def test_errors() -> None:
    with pytest.raises(ConfigurationError, match=r"target_labels must be in \[0, 5\). Got 0 to 5"):
        network()(FIRST, torch.tensor([0, 1, 5, 2]))
    with pytest.raises(ConfigurationError, match="target_labels must be 4 integers"):
        network()(FIRST, SECOND[:3])
    with pytest.raises(ConfigurationError, match="fuse must be 'mean' or 'product'. Got 'sum'"):
        network(fuse="sum")

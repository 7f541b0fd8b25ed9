import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from kinfolk.encoders.experts import UNKNOWN, Experts, group_rows
from kinfolk.errors import ConfigurationError

ASSIGNMENT = torch.tensor([2, 0, 2, 0, 0])


def make(num_experts=4, *, gated=True, bias=True, **settings):
    torch.manual_seed(0)
    return Experts(num_experts, 6, 10, gated=gated, bias=bias, **settings).double()


def one(experts, number, row):
    """Row by row, from the formula."""
    hidden = row @ experts.weight_in[number].T
    if experts.bias_in is not None:
        hidden = hidden + experts.bias_in[number]
    factor = hidden[..., 10:] if experts.gated else 1
    hidden = torch.nn.functional.gelu(hidden[..., :10]) * factor
    out = hidden @ experts.weight_out[number].T
    return out if experts.bias_out is None else out + experts.bias_out[number]


@pytest.fixture
def inputs():
    return torch.randn(5, 3, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_each_row_goes_through_its_expert(inputs, gated, bias):
    experts = make(gated=gated, bias=bias)
    expected = torch.stack([one(experts, number, row) for number, row in zip(ASSIGNMENT, inputs, strict=True)])
    torch.testing.assert_close(experts(inputs, group_rows(ASSIGNMENT, 4)), expected)


def test_gradients_are_those_of_the_loop_and_zeros_for_experts_without_rows(inputs):
    experts = make()
    inputs.requires_grad_()
    grouped = experts(inputs, group_rows(ASSIGNMENT, 4))
    looped = torch.stack([one(experts, number, row) for number, row in zip(ASSIGNMENT, inputs, strict=True)])
    leaves = [inputs, *experts.parameters()]
    got, expected = (torch.autograd.grad(value.square().sum(), leaves) for value in (grouped, looped))
    torch.testing.assert_close(got, expected)
    for gradient in got[1:]:
        assert gradient[[1, 3]].eq(0).all()
        assert gradient[[0, 2]].ne(0).any()


@pytest.mark.parametrize("assignment", [[0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 1, 0, 1, 0]])
def test_equal_experts_are_one_network_wherever_rows_go(inputs, assignment):
    torch.manual_seed(0)
    first, last = torch.nn.Linear(6, 10).double(), torch.nn.Linear(10, 6).double()
    experts = Experts.copies(first, last, 2, gated=False, activation=torch.nn.functional.gelu)
    dense = last(torch.nn.functional.gelu(first(inputs)))
    torch.testing.assert_close(experts(inputs, group_rows(torch.tensor(assignment), 2)), dense)


def test_a_row_costs_what_it_costs_in_one_network(inputs):
    counts = []
    for number, assignment in ((1, torch.zeros(5, dtype=torch.int64)), (4, ASSIGNMENT)):
        experts = make(number)
        with FlopCounterMode(display=False) as flops:
            experts(inputs, group_rows(assignment, number)).sum().backward()
        counts.append(flops.get_total_flops())
    assert counts[0] == counts[1] > 0


def test_one_row_and_no_row(inputs):
    experts = make(1)
    torch.testing.assert_close(experts(inputs[:1], group_rows(torch.tensor([0]), 1))[0], one(experts, 0, inputs[0]))
    assert experts(inputs[:0], group_rows(torch.tensor([], dtype=torch.int64), 1)).shape == (0, 3, 6)


def test_unknown_rows_go_through_the_mean_of_the_weights(inputs):
    experts, mean = make(3), make(1)
    mean.load_state_dict({name: value.mean(0, keepdim=True) for name, value in experts.state_dict().items()})
    got = experts(inputs, group_rows(torch.tensor([UNKNOWN, 1, 0, UNKNOWN, 2]), 3, unknown="mean"))
    torch.testing.assert_close(got[[0, 3]], mean(inputs[[0, 3]], group_rows(torch.zeros(2).long(), 1)))
    torch.testing.assert_close(got[1], one(experts, 1, inputs[1]))


def test_dropout_is_before_the_second_product_and_in_training_only(inputs):
    experts = make(dropout=0.5)
    groups = group_rows(ASSIGNMENT, 4)
    torch.manual_seed(5)
    dropped = experts(inputs, groups)
    exact = experts.eval()(inputs, groups)
    assert not torch.allclose(dropped, exact)
    torch.testing.assert_close(exact, make()(inputs, groups))


def test_an_expert_added_is_a_copy(inputs):
    experts = make(3)
    experts.append_copy(1)
    assert len(experts) == 4
    got = experts(inputs, group_rows(torch.full((5,), 3), 4))
    torch.testing.assert_close(got, experts(inputs, group_rows(torch.full((5,), 1), 4)))
    got.sum().backward()
    assert experts.weight_in.grad[3].ne(0).any()


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ([0, 3], r"assignment must be in \[0, 3\), the experts. Got 0 to 3"),
        ([-1, 0], r"Got -1 to 0. For rows of an unknown domain give -1 and unknown='mean'"),
        ([0.0, 1.0], "assignment must be integers"),
        ([True, False], "assignment must be integers"),
        ([[0], [1]], r"Got torch.int64 of shape \(2, 1\)"),
    ],
)
def test_an_assignment_out_of_range_is_refused(assignment, message):
    with pytest.raises(ConfigurationError, match=message):
        group_rows(torch.tensor(assignment), 3)


def test_with_the_mean_other_numbers_are_still_refused():
    with pytest.raises(ConfigurationError, match="Got -2 to 0"):
        group_rows(torch.tensor([-2, 0]), 3, unknown="mean")
    with pytest.raises(ConfigurationError, match="unknown must be 'error' or 'mean'. Got 'nearest'"):
        group_rows(torch.tensor([0]), 3, unknown="nearest")


def test_groups_of_another_batch_are_refused(inputs):
    with pytest.raises(ConfigurationError, match="groups must be of 5 rows and 4 experts. Got 2 rows and 4 experts"):
        make()(inputs, group_rows(torch.tensor([0, 1]), 4))
    with pytest.raises(ConfigurationError, match="Got 5 rows and 3 experts"):
        make()(inputs, group_rows(ASSIGNMENT, 3))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_experts": 0}, "num_experts must be at least 1. Got 0"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\). Got 1.0"),
        ({"activation": "step"}, "activation must be of gelu, .* Got 'step'"),
    ],
)
def test_impossible_options_are_refused(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        make(**settings)

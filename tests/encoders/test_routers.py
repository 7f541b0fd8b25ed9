import pytest
import torch

from kinfolk.encoders.experts import Experts, group_rows
from kinfolk.encoders.routers import Gate, sentence_switch, sentence_top_k, token_top_k, token_type
from kinfolk.errors import ConfigurationError


@pytest.fixture
def experts():
    torch.manual_seed(0)
    return Experts(4, 6, 5).double()


@pytest.fixture
def hidden():
    return torch.randn(3, 7, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@pytest.fixture
def gate():
    return torch.randn(4, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64).requires_grad_()


def through(experts, number, rows):
    return experts(rows[None], group_rows(torch.tensor([number]), 4))[0]


def test_sentence_top_k_is_the_weighted_sum_of_all_experts_of_which_k_are_kept(experts, hidden, gate):
    routed = sentence_top_k(experts, hidden, gate, k=2)
    for text, got, logits in zip(hidden, routed.hidden, routed.logits, strict=True):
        torch.testing.assert_close(logits, (text @ gate.T).mean(0))
        weights = logits.softmax(0)
        best = weights.argsort(descending=True)[:2]
        torch.testing.assert_close(got, sum(weights[e] * through(experts, int(e), text) for e in best))


def test_token_top_k_is_the_weighted_sum_for_each_token_and_adds_up_to_one(experts, hidden, gate):
    routed = token_top_k(experts, hidden, gate, k=3)
    for text, got in zip(hidden, routed.hidden, strict=True):
        for token, value in zip(text, got, strict=True):
            weights = (gate @ token).softmax(0)
            best = weights.argsort(descending=True)[:3]
            expected = sum(weights[e] * through(experts, int(e), token[None])[0] for e in best) / weights[best].sum()
            torch.testing.assert_close(value, expected)


def test_a_switch_takes_the_largest_unscaled_and_its_gate_learns_from_logits_alone(experts, hidden, gate):
    routed = sentence_switch(experts, hidden, gate)
    for text, got, logits in zip(hidden, routed.hidden, routed.logits, strict=True):
        torch.testing.assert_close(got, through(experts, int(logits.argmax()), text))
    assert torch.autograd.grad(routed.hidden.sum(), gate, allow_unused=True, retain_graph=True) == (None,)
    assert torch.autograd.grad(routed.logits.square().sum(), gate)[0].ne(0).any()


def test_token_types_choose_for_each_token(experts, hidden):
    types = torch.tensor([[0, 1, 2, 3, 0, 1, 2]] * 3)
    got = token_type(experts, hidden, types)
    for column in range(7):
        torch.testing.assert_close(got[:, column], through(experts, column % 4, hidden[:, column]))


@pytest.mark.parametrize("gating", ["sentence-top-k", "token-top-k", "sentence-switch"])
def test_a_mask_makes_padding_unseen(experts, hidden, gating):
    torch.manual_seed(1)
    gate = Gate(6, 4, gating=gating, k=2).double()
    mask = torch.tensor([[1, 1, 1, 1, 0, 0, 0]] * 3)
    alone = gate(experts, hidden[:, :4])
    padded = gate(experts, hidden, mask=mask)
    torch.testing.assert_close(padded.hidden[:, :4], alone.hidden)
    torch.testing.assert_close(padded.logits, alone.logits)


def test_k_of_all_experts_with_equal_experts_is_one_network(hidden, gate):
    one = Experts(1, 6, 5).double()
    same = Experts(4, 6, 5).double()
    same.load_state_dict({name: value.expand(4, *value.shape[1:]) for name, value in one.state_dict().items()})
    dense = one(hidden, group_rows(torch.zeros(3).long(), 1))
    for routed in (
        sentence_top_k(same, hidden, gate, k=4),
        token_top_k(same, hidden, gate, k=2),
        sentence_switch(same, hidden, gate),
    ):
        torch.testing.assert_close(routed.hidden, dense)


def test_a_gate_copies_the_logits_of_an_expert():
    gate = Gate(6, 4)
    gate.append_copy(2)
    assert gate.weight.shape == (5, 6)
    assert gate.weight[4].equal(gate.weight[2])


def test_what_is_not_possible_is_refused(experts, hidden, gate):
    with pytest.raises(ConfigurationError, match=r"k must be in \[1, 4\], the number of experts. Got 5"):
        token_top_k(experts, hidden, gate, k=5)
    with pytest.raises(ConfigurationError, match=r"k must be in \[1, 4\].*Got 0"):
        Gate(6, 4, k=0)
    with pytest.raises(ConfigurationError, match="gating must be one of sentence-top-k.*Got 'soft'"):
        Gate(6, 4, gating="soft")
    with pytest.raises(ConfigurationError, match=r"gate \(4, dim\). Got \(3, 7, 6\) and \(4, 5\)"):
        sentence_switch(experts, hidden, gate[:, :5])
    with pytest.raises(ConfigurationError, match=r"token_types must be integers \(3, 7\), one a token. Got \(3, 6\)"):
        token_type(experts, hidden, torch.zeros(3, 6).long())
    with pytest.raises(ConfigurationError, match="Got 0 to 4"):
        token_type(experts, hidden, torch.full((3, 7), 4).index_fill(1, torch.tensor([0]), 0))

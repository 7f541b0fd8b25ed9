import math

import pytest
import torch

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import load_balance, mutual_information, published_mutual_information, specified_expert

LABELS = torch.tensor([0, 2, 2, 0, 3, 2])


@pytest.fixture
def logits():
    return torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()


def one_hot(choices, experts=4, height=200.0):
    """Logits of a gate that is sure of one expert for each text."""
    return (height * torch.nn.functional.one_hot(torch.tensor(choices), experts)).double()[None]


def test_specified_is_the_cross_entropy_of_the_mean_logits(logits):
    expected = 0.0
    for text, label in enumerate(LABELS):
        mean = (logits[0, text] + logits[1, text]).detach() / 2
        expected += float(mean.logsumexp(0) - mean[label]) / 6
    assert specified_expert(logits, LABELS, weight=0.5).item() == pytest.approx(0.5 * expected)
    assert specified_expert(one_hot(LABELS.tolist()), LABELS).item() == pytest.approx(0)


def test_load_balance_is_one_where_all_are_used_alike_and_the_number_of_experts_where_one_is():
    assert load_balance(one_hot([0, 1, 2, 3])).item() == pytest.approx(1)
    assert load_balance(one_hot([1, 1, 1, 1]), weight=0.1).item() == pytest.approx(0.4)


def test_load_balance_counts_layers_and_texts_alike(logits):
    mean, share = torch.zeros(4).double(), torch.zeros(4).double()
    for row in logits.detach().flatten(0, 1):
        mean += row.softmax(0) / 12
        share[row.argmax()] += 1 / 12
    assert load_balance(logits).item() == pytest.approx(float(4 * (mean * share).sum()))


def test_mutual_information_is_that_of_the_table(logits):
    table = torch.zeros(4, 4).double()
    for layer in logits.detach():
        for text, label in enumerate(LABELS):
            table[label] += layer[text].softmax(0) / 12
    expected = sum(
        table[t, e] * (table[t, e] / (table[t].sum() * table[:, e].sum())).log() for t in (0, 2, 3) for e in range(4)
    )
    assert mutual_information(logits, LABELS, weight=2.0).item() == pytest.approx(-2 * float(expected))


def test_mutual_information_is_nothing_for_a_gate_that_is_blind_and_log_n_for_one_that_knows():
    known = torch.tensor([0, 1, 2, 3])
    assert mutual_information(torch.zeros(1, 4, 4), known).item() == pytest.approx(0, abs=1e-6)
    assert mutual_information(one_hot([2, 0, 3, 1]), known).item() == pytest.approx(-math.log(4))
    assert mutual_information(one_hot([1, 1]), torch.tensor([0, 0])).item() == pytest.approx(0)


def test_a_domain_of_many_texts_weighs_more_than_its_share_in_the_published_sum(logits):
    once = torch.tensor([0, 1, 2, 3, 4, 5])  # with a text a domain both forms differ by their small terms only
    plain = mutual_information(logits, once).item()
    assert published_mutual_information(logits, once, k=1).item() == pytest.approx(plain, abs=5e-3)
    assert published_mutual_information(logits, LABELS, k=1).item() != pytest.approx(
        mutual_information(logits, LABELS).item(), abs=5e-3
    )
    assert not published_mutual_information(logits, once, k=1).requires_grad


def test_gradients_are_slopes(logits):
    for loss in (
        lambda r: specified_expert(r, LABELS),
        lambda r: load_balance(r),
        lambda r: mutual_information(r, LABELS),
    ):
        assert torch.autograd.gradcheck(loss, logits)
    sure = one_hot([2, 0, 3, 1], height=1e4).requires_grad_()
    mutual_information(sure, torch.tensor([0, 1, 2, 3])).backward()
    assert sure.grad.isfinite().all()


@pytest.mark.parametrize("loss", [specified_expert, mutual_information])
def test_order_of_texts_does_not_matter(logits, loss):
    order = torch.tensor([3, 1, 5, 0, 4, 2])
    torch.testing.assert_close(loss(logits[:, order], LABELS[order]), loss(logits, LABELS))


def test_what_does_not_fit_is_refused(logits):
    with pytest.raises(ConfigurationError, match=r"labels must be in \[0, 4\), the experts. Got 1 to 4"):
        specified_expert(logits, LABELS + 1)
    with pytest.raises(ConfigurationError, match="labels must be 6 integers"):
        mutual_information(logits, LABELS[:5])
    with pytest.raises(ConfigurationError, match=r"\(layers, texts, experts\).*\(6, 4\)"):
        load_balance(logits[0])
    with pytest.raises(ConfigurationError, match=r"weight must be a number in \[0, inf\). Got -1"):
        load_balance(logits, weight=-1)
    with pytest.raises(ConfigurationError, match="k must be a whole number of at least 1. Got 0"):
        published_mutual_information(logits, LABELS, k=0)

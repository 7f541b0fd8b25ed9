import pytest
import torch
import torch.nn.functional as F

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import MNRPlus, MultipleNegativesRanking, mnr_plus_targets


def slow_targets(a, b, temperature):
    items = len(a)
    shares = []
    for i in range(items):
        logits = torch.stack([(a[i] @ a[j] + b[i] @ b[j]) / 2 / temperature for j in range(items)])
        shares.append(logits.softmax(0))
    of_anchors = [max(range(items), key=lambda j, i=i: float(shares[i][j])) for i in range(items)]
    of_positives = [max(range(items), key=lambda i, j=j: float(shares[i][j])) for j in range(items)]
    return torch.tensor(of_anchors), torch.tensor(of_positives)


@pytest.fixture
def sides():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 23, 4, generator=generator, dtype=torch.float64).unbind(0)


@pytest.mark.parametrize("tile", [768, 5])
@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_targets_and_loss_are_those_of_the_loop(sides, temperature, tile, monkeypatch):
    monkeypatch.setattr("kinfolk.objectives.mnr_plus.TILE", tile)
    a, b = sides
    expected = slow_targets(a, b, temperature)
    got = mnr_plus_targets(a, b, temperature=temperature)
    assert got[0].equal(expected[0])
    assert got[1].equal(expected[1])
    assert not got[0].equal(torch.arange(23))  # long vectors take the place of others
    logits = a @ b.T / temperature
    loss = (F.cross_entropy(logits, expected[0]) + F.cross_entropy(logits.T, expected[1])) / 2
    torch.testing.assert_close(MNRPlus(temperature, similarity="dot")(a, b), loss)


def test_a_long_vector_takes_the_place_of_its_neighbor():
    a = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 1.0]])
    of_anchors, of_positives = mnr_plus_targets(a, a)
    assert of_anchors.tolist() == [1, 1, 2]  # a_0 is more like a_1 than like itself
    assert of_positives.tolist() == [2, 1, 2]  # row 2 has little to share with others, and gives more of it to 0


def test_cosines_apart_give_symmetric_multiple_negatives_ranking(sides):
    a, b = sides
    near = a + 0.01 * b
    expected = MultipleNegativesRanking(symmetric=True)(a, near)
    torch.testing.assert_close(MNRPlus()(a, near), expected)


def test_one_item_has_no_negative():
    with pytest.raises(ConfigurationError, match="at least 2 items"):
        MNRPlus()(torch.ones(1, 3), torch.ones(1, 3))


def test_an_unknown_similarity_is_refused():
    with pytest.raises(ConfigurationError, match="similarity must be 'cosine' or 'dot'. Got 'l2'"):
        MNRPlus(similarity="l2")

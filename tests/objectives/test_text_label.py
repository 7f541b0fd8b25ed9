import math

import pytest
import torch

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import TextLabelMatch, draw_labels, label_embeddings, label_probabilities, zero_shot


@pytest.fixture
def match():
    torch.manual_seed(0)
    return TextLabelMatch(4, hidden_dim=5).double()


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    texts = torch.randn(3, 4, generator=generator, dtype=torch.float64).requires_grad_()
    labels = torch.randn(3, 6, 4, generator=generator, dtype=torch.float64).requires_grad_()
    is_true = torch.rand(3, 6, generator=generator) < 0.4
    mask = torch.tensor([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 0, 0]])
    return texts, labels, is_true, mask


def slow_loss(match, texts, labels, is_true, mask):
    of_texts = []
    for i in range(len(texts)):
        terms = []
        for j in range(labels.shape[1]):
            if mask[i, j]:
                joined = torch.cat([labels[i, j], texts[i]])  # the label first
                p = match.last(match.first(joined).relu()).sigmoid()[0]
                terms.append(-p.log() if is_true[i, j] else -(1 - p).log())
        if terms:
            of_texts.append(sum(terms) / len(terms))
    return sum(of_texts) / len(of_texts)


def test_the_loss_is_the_mean_over_labels_and_then_over_texts(match, batch):
    texts, labels, is_true, mask = batch
    torch.testing.assert_close(match(texts, labels, is_true, mask=mask), slow_loss(match, *batch))
    everything = torch.ones_like(mask)
    torch.testing.assert_close(match(texts, labels, is_true), slow_loss(match, texts, labels, is_true, everything))


def test_a_matcher_that_knows_nothing_pays_log_2(match, batch):
    for parameter in match.parameters():
        parameter.data.zero_()
    texts, labels, is_true, mask = batch
    assert match(texts, labels, is_true, mask=mask).item() == pytest.approx(math.log(2))


def test_a_text_without_labels_is_left_out(match, batch):
    texts, labels, is_true, mask = batch
    mask = mask.clone()
    mask[1] = 0
    kept = [0, 2]
    expected = match(texts[kept], labels[kept], is_true[kept], mask=mask[kept])
    torch.testing.assert_close(match(texts, labels, is_true, mask=mask), expected)
    match(texts, labels, is_true, mask=mask).backward()
    assert texts.grad[1].eq(0).all()
    assert labels.grad[mask == 0].eq(0).all()


def test_gradients_are_slopes(match, batch):
    texts, labels, is_true, mask = batch
    assert torch.autograd.gradcheck(lambda t, m: match(t, m, is_true, mask=mask), (texts, labels))


def test_sure_and_wrong_is_finite(match, batch):
    texts, labels, is_true, mask = batch
    match.last.bias.data.fill_(1e4)
    loss = match(texts, labels, torch.zeros_like(is_true), mask=mask)
    assert loss.item() == pytest.approx(1e4, rel=0.01)
    loss.backward()
    assert texts.grad.isfinite().all()


def test_half_precision_and_autocast_are_computed_in_float32(batch):
    match = TextLabelMatch(4)
    texts, labels, is_true, mask = (value.detach() for value in batch)
    half = (texts.half(), labels.half(), is_true)
    exact = match(half[0].float(), half[1].float(), is_true, mask=mask)
    torch.testing.assert_close(match(*half, mask=mask), exact)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(match(*half, mask=mask), exact, rtol=0, atol=0)


def test_probabilities_of_all_labels_are_those_of_each_pair_however_they_are_cut(match, batch, monkeypatch):
    texts, labels = batch[0].detach(), batch[1][0].detach()
    whole = label_probabilities(match, texts, labels)
    each = [torch.stack([match.logits(text[None], one[None])[0, 0].sigmoid() for one in labels]) for text in texts]
    torch.testing.assert_close(whole, torch.stack(each).detach())
    monkeypatch.setattr("kinfolk.objectives.text_label._AT_ONCE", 1)
    torch.testing.assert_close(label_probabilities(match, texts, labels), whole)


def test_names_of_labels_never_seen_are_scored_by_their_words(match, batch):
    words = torch.randn(5, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    known = {"red": 0, "shoe": 1, "hat": 2}

    def embed(names):
        longest = max(len(name.split()) for name in names)
        rows = [[known[word] for word in name.split()] for name in names]
        return label_embeddings(words, torch.tensor([row + [-1] * (longest - len(row)) for row in rows]))

    got = zero_shot(match, batch[0], ["red shoe", "hat"], embed=embed)
    expected = label_probabilities(match, batch[0], torch.stack([(words[0] + words[1]) / 2, words[2]]))
    torch.testing.assert_close(got, expected)
    with pytest.raises(ConfigurationError, match="none blank. Got a blank one at position 1"):
        zero_shot(match, batch[0], ["hat", " "], embed=embed)
    with pytest.raises(ConfigurationError, match="at least one, none blank. Got none"):
        zero_shot(match, batch[0], [], embed=embed)


def test_a_label_is_the_mean_of_its_known_words():
    words = torch.tensor([[1.0, 0.0], [0.0, 1.0], [4.0, 4.0]])
    got = label_embeddings(words, torch.tensor([[0, 1, -1], [2, -1, -1], [-1, 0, -1]]))
    assert got.tolist() == [[0.5, 0.5], [4.0, 4.0], [1.0, 0.0]]
    with pytest.raises(ConfigurationError, match="Label 1 of 2 has none"):
        label_embeddings(words, torch.tensor([[0, 1], [-1, -1]]))


OWN = [[3, 1, 1], [1, 5], [], [7]]


def test_false_labels_are_those_of_other_texts_and_never_ones_own():
    draw = draw_labels(OWN)
    rows = [
        {(int(label), bool(true)) for label, true in zip(*row, strict=True) if label >= 0}
        for row in zip(draw.labels, draw.is_true, strict=True)
    ]
    assert rows == [
        {(1, True), (3, True), (5, False), (7, False)},
        {(1, True), (5, True), (3, False), (7, False)},
        {(1, False), (3, False), (5, False), (7, False)},
        {(7, True), (1, False), (3, False), (5, False)},
    ]
    assert draw.mask.sum(1).tolist() == [4, 4, 4, 4]


def test_a_part_is_drawn_at_random_without_repetition_and_from_all_that_there_is():
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(60):
        draw = draw_labels(OWN, positives=1, negatives=2, generator=generator)
        assert draw.labels.shape == (4, 3)
        assert draw.is_true.sum(1).tolist() == [1, 1, 0, 1]
        assert (draw.mask & ~draw.is_true).sum(1).tolist() == [2, 2, 2, 2]
        for text, (labels, true) in enumerate(zip(draw.labels, draw.is_true, strict=True)):
            chosen = labels[labels >= 0].tolist()
            assert len(set(chosen)) == len(chosen)
            seen |= {(text, int(label), bool(t)) for label, t in zip(labels, true, strict=True) if label >= 0}
    everything = draw_labels(OWN)
    assert seen == {
        (text, int(everything.labels[text, at]), bool(everything.is_true[text, at]))
        for text, at in everything.mask.nonzero().tolist()
    }


def test_the_same_generator_draws_the_same():
    one, other = (
        draw_labels(OWN, positives=1, negatives=1, generator=torch.Generator().manual_seed(3)) for _ in range(2)
    )
    assert one.labels.equal(other.labels)


def test_a_text_with_fewer_words_than_asked_for_gets_what_there_is():
    draw = draw_labels([[1], [2, 3, 4]], positives=5, negatives=2)
    assert draw.is_true.sum(1).tolist() == [1, 3]
    assert (draw.mask & ~draw.is_true).sum(1).tolist() == [2, 1]


@pytest.mark.parametrize("own", [[], [[1, 2]], [[1], [1]], [[], []]])
def test_a_batch_without_anything_false_is_refused(own):
    with pytest.raises(ConfigurationError, match="A text needs labels that are not its own"):
        draw_labels(own)


def test_what_does_not_fit_is_refused(match, batch):
    texts, labels, is_true, mask = batch
    with pytest.raises(ConfigurationError, match=r"labels must be of shape \(texts, labels, dim\). Got \(6, 4\)"):
        match(texts, labels[0], is_true)
    with pytest.raises(ConfigurationError, match=r"is_true and mask must be of shape \(3, 6\)"):
        match(texts, labels, is_true[:, :2], mask=mask)
    with pytest.raises(ConfigurationError, match=r"Got \(2, 4\) and \(3, 6, 4\)"):
        match(texts[:2], labels, is_true)
    with pytest.raises(ConfigurationError, match="At least one text needs a label. Got none"):
        match(texts, labels, is_true, mask=torch.zeros_like(mask))
    with pytest.raises(ConfigurationError, match="negatives must be a whole number of at least 1. Got 0"):
        draw_labels(OWN, negatives=0)
    with pytest.raises(ConfigurationError, match="Labels must be numbers of at least 0. Got -1"):
        draw_labels([[-1], [2]])
    with pytest.raises(ConfigurationError, match="dim must be a whole number"):
        TextLabelMatch(0)

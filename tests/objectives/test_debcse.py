"""DebCSE: several positives, own hard negatives, and positives of others that are left out."""

import math

import pytest
import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import DebCSE, SimCSE, deb_cse


def some(items: int, positives: int = 2, negatives: int = 2, dim: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(6)
    anchors, *others = (
        torch.randn(items, number, dim, generator=generator, dtype=torch.float64)
        for number in (1, positives, negatives)
    )
    return anchors[:, 0].requires_grad_(), *((anchors + other).detach().requires_grad_() for other in others)


def cosine(x: Tensor, y: Tensor) -> Tensor:
    return torch.cosine_similarity(x, y, dim=0, eps=0)


def slow(
    anchors: Tensor,
    positives: Tensor,
    negatives: Tensor,
    temperature: float,
    *,
    present: Tensor,
    frozen: Tensor,
    frozen_positives: Tensor,
    e_false: float,
) -> Tensor:
    """The formula, pair by pair."""
    losses = []
    for i, z in enumerate(anchors):
        pushed = [cosine(z, negatives[i, n]) for n in range(negatives.shape[1]) if present[i, n]]
        for j in range(len(anchors)):
            for p in range(positives.shape[1]):
                if j != i and (cosine(frozen[i], frozen_positives[j, p]) + 1) / 2 <= e_false:
                    pushed.append(cosine(z, positives[j, p]))
        total = sum((s / temperature).exp() for s in pushed)
        powers = [(cosine(z, p) / temperature).exp() for p in positives[i]]
        losses.append(torch.stack([-(power / (power + total)).log() for power in powers]))
    return torch.stack(losses)


def test_known_by_thought() -> None:
    x = torch.eye(3, dtype=torch.float64)
    assert float(DebCSE(1.0)(x, x)) == pytest.approx(math.log(1 + 2 / math.e))
    assert float(DebCSE(1.0)(x, x, -x)) == pytest.approx(math.log(1 + 2 / math.e + math.exp(-2)))
    # Two positives, the anchor itself and its opposite; those of the others are at right angles.
    both = torch.stack([x, -x], dim=1)
    expected = (math.log(1 + 4 / math.e) + math.log(1 + 4 * math.e)) / 2
    assert float(DebCSE(1.0)(x, both)) == pytest.approx(expected)


@pytest.mark.parametrize("block", [2, 512])
@pytest.mark.parametrize("e_false", [0.3, 0.6, 1.0])
@pytest.mark.parametrize(("num_positives", "num_negatives"), [(1, 1), (3, 2)])
def test_equals_a_slow_loop(num_positives: int, num_negatives: int, e_false: float, block: int) -> None:
    tables = some(5, num_positives, num_negatives)
    generator = torch.Generator().manual_seed(1)
    present = torch.rand(5, num_negatives, generator=generator) < 0.7
    frozen = torch.randn(5, 4, generator=generator, dtype=torch.float64)
    frozen_positives = torch.randn(5, num_positives, 4, generator=generator, dtype=torch.float64)
    known = {"frozen": frozen, "frozen_positives": frozen_positives, "e_false": e_false}
    got = deb_cse(*tables, has_negative=present, **known, temperature=0.3, block=block)
    expected = slow(*tables, 0.3, present=present, **known)
    assert got.shape == (5, num_positives)
    torch.testing.assert_close(got, expected)
    gradients = [torch.autograd.grad(each.mean(), tables) for each in (got, expected)]
    torch.testing.assert_close(gradients[0], gradients[1])


def test_with_one_positive_and_nothing_left_out_it_is_simcse() -> None:
    anchors, positives, _ = some(6, 1, 1)
    torch.testing.assert_close(DebCSE()(anchors, positives), SimCSE()(anchors, positives[:, 0]))
    torch.testing.assert_close(DebCSE()(anchors, positives[:, 0]), DebCSE()(anchors, positives))


def test_gradient_is_the_slope() -> None:
    tables = some(4)
    frozen = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    loss = DebCSE(0.3, e_false=0.7)
    assert torch.autograd.gradcheck(lambda *rows: loss(*rows, frozen=frozen), tables)


class TestLeftOut:
    frozen = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]], dtype=torch.float64)  # the first two are near

    def test_near_texts_do_not_push_each_other(self) -> None:
        anchors, positives, _ = some(3, 1)
        each = deb_cse(anchors, positives, frozen=self.frozen)
        pushed = [torch.autograd.grad(each[i, 0], positives, retain_graph=True)[0].norm(dim=2) > 0 for i in range(3)]
        assert torch.cat(pushed, dim=1).T.tolist() == [[True, False, True], [False, True, True], [True, True, True]]

    def test_the_text_that_counts_is_that_of_the_positive(self) -> None:
        anchors, positives, _ = some(3, 1)
        # What the third drew is the text of the first; what the second drew is far from it.
        texts = torch.stack([self.frozen[0], -self.frozen[0], self.frozen[0]])
        each = deb_cse(anchors, positives, frozen=self.frozen, frozen_positives=texts)
        (gradient,) = torch.autograd.grad(each[0, 0], positives)
        assert (gradient.norm(dim=(1, 2)) > 0).tolist() == [True, True, False]

    def test_own_positives_are_always_kept(self) -> None:
        anchors, positives, _ = some(3)
        same = torch.ones(3, 4, dtype=torch.float64)
        assert DebCSE()(anchors, positives, frozen=same).item() == 0, "no negative is left"
        (gradient,) = torch.autograd.grad(DebCSE()(anchors, positives, frozen=same), anchors)
        assert gradient.abs().max().item() == 0
        alone = [deb_cse(*(rows[i : i + 1] for rows in some(3))) for i in range(3)]
        got = deb_cse(*some(3), frozen=same)
        torch.testing.assert_close(got, torch.cat(alone))

    def test_one_leaves_out_nothing(self) -> None:
        anchors, positives, _ = some(3)
        same = torch.full((3, 7), 0.3, dtype=torch.float32)  # whose cosine may be rounded above 1
        torch.testing.assert_close(DebCSE(e_false=1)(anchors, positives, frozen=same), DebCSE()(anchors, positives))

    def test_without_vectors_nothing_is_left_out_at_any_limit(self) -> None:
        anchors, positives, _ = some(3)
        torch.testing.assert_close(DebCSE(e_false=0.1)(anchors, positives), DebCSE()(anchors, positives))

    def test_the_frozen_encoder_gets_no_gradient(self) -> None:
        anchors, positives, _ = some(3)
        frozen = self.frozen.clone().requires_grad_()
        DebCSE()(anchors, positives, frozen=frozen).backward()
        assert frozen.grad is None


def test_hard_negatives_push_their_own_anchor_alone() -> None:
    tables = some(4)
    each = deb_cse(*tables)
    (gradient,) = torch.autograd.grad(each[1].sum(), tables[2])
    assert (gradient.norm(dim=2) > 0).any(1).tolist() == [False, True, False, False]


def test_what_stands_for_no_hard_negative_does_not_matter() -> None:
    anchors, positives, negatives = (rows.detach() for rows in some(4))
    present = torch.tensor([[True, False], [False, False], [True, True], [False, True]])
    spoiled = negatives.masked_fill(~present[:, :, None], math.nan)
    leaves = [rows.requires_grad_() for rows in (anchors, positives, spoiled)]
    loss = DebCSE()(*leaves, has_negative=present)
    torch.testing.assert_close(loss, DebCSE()(anchors, positives, negatives, has_negative=present))
    gradients = torch.autograd.grad(loss, leaves)
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)
    assert (gradients[2].norm(dim=2) > 0).tolist() == present.tolist()
    none = torch.zeros(4, 2, dtype=torch.bool)
    torch.testing.assert_close(DebCSE()(anchors, positives, negatives, has_negative=none), DebCSE()(anchors, positives))


def test_places_of_positives_and_negatives_do_not_matter() -> None:
    anchors, positives, negatives = some(5, 3, 2)
    loss = DebCSE()
    torch.testing.assert_close(loss(anchors, positives.flip(1), negatives.flip(1)), loss(anchors, positives, negatives))


def test_says_what_does_not_fit() -> None:
    anchors, positives, negatives = some(4)
    loss = DebCSE()
    with pytest.raises(ConfigurationError, match=r"hard negatives of shape .* Got \(4, 5\) and \(3, 2, 5\)"):
        loss(anchors, positives, negatives[:3])
    with pytest.raises(ConfigurationError, match="Each anchor needs a positive. Got none"):
        loss(anchors, positives[:, :0])
    with pytest.raises(ConfigurationError, match=r"has_negative must be bool of shape \(4, 2\).*Got torch.int64"):
        loss(anchors, positives, negatives, has_negative=torch.ones(4, 2, dtype=torch.int64))
    with pytest.raises(ConfigurationError, match="frozen_positives are compared with frozen, which is missing"):
        loss(anchors, positives, frozen_positives=positives)
    with pytest.raises(ConfigurationError, match="the same 4 items and 2 positives"):
        loss(anchors, positives, frozen=anchors, frozen_positives=anchors)
    with pytest.raises(ConfigurationError, match=r"e_false must be in \[0, 1\]. Got 1.5"):
        DebCSE(e_false=1.5)

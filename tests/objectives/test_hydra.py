"""Hydra: the loss, the pairs of classes, the cosine under gates."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import (
    GateNetwork,
    Hydra,
    InfoNCE,
    class_pairs,
    draw_target_labels,
    gate_entropy,
    gated_similarity,
)
from kinfolk.objectives.hydra import hydra

Batch = dict[str, Tensor]


def rows(items: int, dim: int = 5, seed: int = 0) -> Tensor:
    return torch.randn(items, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def batch(items: int = 9, dim: int = 5) -> tuple[Tensor, Batch]:
    """Three classes; the fourth, to which some anchors are drawn, is absent."""
    generator = torch.Generator().manual_seed(3)
    return rows(items, dim), {
        "labels": torch.arange(items) % 3,
        "target_labels": torch.arange(items) * 3 % 4,
        "gates": torch.rand(items, dim, generator=generator, dtype=torch.float64),
    }


def slow(z: Tensor, k: Tensor, given: Batch, temperature: float, renormalize: bool, reduction: str) -> float:
    labels, targets, gates = given["labels"].tolist(), given["target_labels"].tolist(), given["gates"]

    def power(i: int, j: int) -> float:
        if renormalize:
            similarity = torch.cosine_similarity(gates[i] * z[i], gates[i] * k[j], dim=0)
        else:
            similarity = (gates[i] ** 2 * z[i] / z[i].norm() * k[j] / k[j].norm()).sum()
        return math.exp(float(similarity) / temperature)

    pairs, anchors = [], []
    for i in range(len(z)):
        pushed = sum(power(i, k_) for k_ in range(len(k)) if labels[k_] not in (labels[i], targets[i]))
        own = [math.log(1 + pushed / power(i, j)) for j in range(len(k)) if labels[j] == targets[i]]
        pairs += own
        anchors.append(sum(own) / (len(own) + 1e-6))
    return sum(pairs) / len(pairs) if reduction == "pooled" else sum(anchors) / len(anchors)


class TestLoss:
    @pytest.mark.parametrize("two_views", [False, True])
    @pytest.mark.parametrize("renormalize", [False, True])
    @pytest.mark.parametrize("reduction", ["pooled", "per-anchor"])
    @pytest.mark.parametrize("temperature", [0.01, 0.5])
    def test_equals_a_slow_loop(self, temperature: float, reduction: str, renormalize: bool, two_views: bool) -> None:
        z, given = batch()
        views = (z, rows(9, seed=1)) if two_views else (z,)
        found = Hydra(temperature, renormalize=renormalize, reduction=reduction)(*views, **given)
        assert float(found) == pytest.approx(slow(z, views[-1], given, temperature, renormalize, reduction))

    def test_equal_rows_count_the_negatives(self) -> None:
        """Two anchors of class 0 drawn to class 1, two items of class 2 as negatives: log(1 + 2)."""
        given = {"labels": torch.tensor([0, 0, 1, 2, 2]), "target_labels": torch.tensor([1, 1, 9, 9, 9])}
        loss = Hydra()(torch.ones(5, 3), **given, gates=torch.full((5, 3), 0.3))
        assert float(loss) == pytest.approx(math.log(3))

    def test_open_gates_and_one_item_a_class_are_infonce(self) -> None:
        z, k = rows(7), rows(7, seed=1)
        labels = torch.arange(7)
        loss = Hydra(0.2)(z, k, labels=labels, target_labels=labels, gates=torch.ones(7, 5))
        torch.testing.assert_close(loss, InfoNCE(0.2, symmetric=False)(z, k))

    def test_closed_dimensions_do_not_count(self) -> None:
        z, given = batch()
        given["gates"][:, 3:] = 0
        other = torch.cat([z[:, :3], 7 * rows(9, 2, seed=5)], dim=1)
        torch.testing.assert_close(Hydra()(other, **given), Hydra()(z, **given))

    def test_the_size_of_a_gate_matters_only_without_renormalization(self) -> None:
        z, given = batch()
        faint = {**given, "gates": given["gates"] * 1e-4}
        torch.testing.assert_close(Hydra()(z, **faint), Hydra()(z, **given))
        flat = Hydra(renormalize=False)(z, **faint)
        counts = hydra(z, z, **given)
        even = (counts.positives * torch.log1p(counts.negatives)).sum() / counts.positives.sum()
        torch.testing.assert_close(flat, even)

    def test_a_row_of_zeros_resembles_nothing_and_has_a_slope_of_one_over_the_least_norm(self) -> None:
        z, given = batch()
        z[0] = 0
        z.requires_grad_()
        similarity = gated_similarity(z, z, given["gates"])
        assert not similarity[0].any()
        (slope,) = torch.autograd.grad(similarity[0, 1], z)
        assert 1e10 < float(slope[0].norm()) < 1e13

    def test_anchors_without_a_positive_contribute_nothing(self) -> None:
        z, given = batch()
        z.requires_grad_(), given["gates"].requires_grad_()
        sums = hydra(z, z, **given)
        lonely = given["target_labels"] == 3
        assert bool(lonely.any())
        assert not sums.loss[lonely].any()
        (of_gates,) = torch.autograd.grad(Hydra()(z, **given), given["gates"])
        assert not of_gates[lonely].any()
        assert bool(of_gates[~lonely].abs().sum(1).gt(0).all())

    def test_gradient_of_gates_and_of_both_views_is_the_slope(self) -> None:
        z, given = batch(6)
        others, gates = given.pop("labels"), given.pop("gates").requires_grad_()
        for settings in ({}, {"renormalize": False, "gate_penalty": 0.5}, {"reduction": "per-anchor"}):
            loss = Hydra(0.3, **settings)

            def value(a: Tensor, b: Tensor, g: Tensor, loss: Hydra = loss) -> Tensor:
                return loss(a, b, labels=others, gates=g, **given)

            assert torch.autograd.gradcheck(value, (z.requires_grad_(), rows(6, seed=2).requires_grad_(), gates))

    def test_blocks_do_not_change_it(self) -> None:
        z, given = batch()
        z.requires_grad_(), given["gates"].requires_grad_()

        def value_and_gradients(block: int) -> tuple[Tensor, ...]:
            value = hydra(z, z, **given, block=block).loss
            return value, *torch.autograd.grad(value.square().sum(), (z, given["gates"]))

        for got, expected in zip(value_and_gradients(4), value_and_gradients(9), strict=True):
            torch.testing.assert_close(got, expected)

    def test_gate_penalty_is_a_multiple_of_the_entropy(self) -> None:
        z, given = batch()
        added = Hydra(gate_penalty=0.5)(z, **given) - Hydra()(z, **given)
        torch.testing.assert_close(added, 0.5 * gate_entropy(given["gates"]))

    def test_only_the_two_classes_of_a_pair_warn_and_give_zero(self) -> None:
        z, labels = rows(4).requires_grad_(), torch.tensor([0, 0, 1, 1])
        with pytest.warns(UserWarning, match="No anchor has a negative"):
            loss = Hydra()(z, labels=labels, target_labels=1 - labels, gates=torch.ones(4, 5))
        assert float(loss.detach()) == 0
        assert not torch.autograd.grad(loss, z)[0].any()

    def test_a_row_or_a_gate_of_zeros_is_finite(self) -> None:
        z, given = batch()
        z[0], given["gates"][1] = 0, 0
        z.requires_grad_(), given["gates"].requires_grad_()
        loss = Hydra()(z.float(), **given)
        assert bool(loss.isfinite())
        for gradient in torch.autograd.grad(loss, (z, given["gates"])):
            assert bool(gradient.isfinite().all())

    def test_published_property_arbitrary_pairs_need_the_gate(self) -> None:
        """Six classes, each drawn to all others in turn. Without gates the pulls contradict one another and draw all classes
        together; with gates they are met, and classes stay apart.
        """

        def train(gated: bool) -> tuple[float, float]:
            torch.manual_seed(0)
            labels = torch.arange(6).repeat_interleave(8)
            x = torch.randn(6, 32)[labels] + 0.8 * torch.randn(48, 32)
            encoder = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.ReLU(), torch.nn.Linear(64, 16))
            network = GateNetwork(6, 16, class_dim=16, hidden_dim=32)
            optimizer = torch.optim.Adam([*encoder.parameters(), *network.parameters()], lr=3e-3)
            for _ in range(150):
                targets = draw_target_labels(labels)
                gates = network(labels, targets) if gated else torch.ones(48, 16)
                loss = Hydra()(encoder(x), labels=labels, target_labels=targets, gates=gates)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            z = normalize(encoder(x).detach())
            return float(loss.detach()), float((z @ z.T)[labels[:, None] != labels].mean())

        (loss, likeness), (plain_loss, plain_likeness) = train(gated=True), train(gated=False)
        assert loss < 0.1
        assert plain_loss > 1
        assert likeness < 0
        assert plain_likeness > 0.2

    def test_errors(self) -> None:
        z, given = batch()
        with pytest.raises(ConfigurationError, match="none of the target classes is in the batch"):
            Hydra()(z, **{**given, "target_labels": torch.full((9,), 7)})
        with pytest.raises(ConfigurationError, match=r"gates must have the shape of the embeddings, \(9, 5\)"):
            Hydra()(z, **{**given, "gates": given["gates"][:, :2]})
        with pytest.raises(ConfigurationError, match="target_labels must be 9 integers"):
            Hydra()(z, **{**given, "target_labels": torch.zeros(9)})
        with pytest.raises(ConfigurationError, match="one or two views of the batch. Got 3"):
            Hydra()(z, z, z, **given)
        with pytest.raises(ConfigurationError, match="reduction must be 'pooled' or 'per-anchor'. Got 'sum'"):
            Hydra(reduction="sum")
        with pytest.raises(ConfigurationError, match=r"gate_penalty must be in \[0, inf\). Got -1"):
            Hydra(gate_penalty=-1)


class TestSimilarity:
    @pytest.mark.parametrize("renormalize", [False, True])
    def test_three_products_equal_the_tensor_of_gated_vectors(self, renormalize: bool) -> None:
        z, k, gates = rows(6), rows(4, seed=1), rows(6, seed=2).sigmoid()
        if renormalize:
            left = normalize(gates * z, dim=1)[:, None]
            right = normalize(gates[:, None] * k, dim=2)  # (anchors, items, dim)
        else:
            left, right = (gates * normalize(z))[:, None], gates[:, None] * normalize(k)
        torch.testing.assert_close(gated_similarity(z, k, gates, renormalize=renormalize), (left * right).sum(2))

    def test_half_gates_of_a_half_network_do_not_lose_small_ones(self) -> None:
        z, gates = rows(6).half(), (rows(6, seed=2).sigmoid() * 1e-3).half()
        expected = gated_similarity(z.double(), z.double(), gates.double())
        torch.testing.assert_close(gated_similarity(z, z, gates).double(), expected, rtol=1e-5, atol=1e-5)


class TestPairs:
    def test_positives_and_negatives_by_hand(self) -> None:
        labels, targets = torch.tensor([0, 1, 2, 2]), torch.tensor([2, 1, 0, 5])
        positive, negative = class_pairs(labels, targets, labels)
        assert positive.int().tolist() == [[0, 0, 1, 1], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
        assert negative.int().tolist() == [[0, 1, 0, 0], [1, 0, 1, 1], [0, 1, 0, 0], [1, 1, 0, 0]]

    def test_draws(self) -> None:
        labels = torch.tensor([4, 4, 7, 9, 9, 9]).repeat(200)
        seeds = [torch.Generator().manual_seed(0) for _ in range(3)]
        arbitrary = draw_target_labels(labels, generator=seeds[0])
        assert arbitrary.sort().values.tolist() == labels.sort().values.tolist()
        assert arbitrary.tolist() != labels.tolist()
        assert draw_target_labels(labels, pairs="identical").tolist() == labels.tolist()
        distinct = draw_target_labels(labels, pairs="distinct", generator=seeds[1])
        assert not (distinct == labels).any()
        of_sevens = distinct[labels == 7]
        assert set(of_sevens.tolist()) == {4, 9}
        assert float((of_sevens == 4).float().mean()) == pytest.approx(0.5, abs=0.15)
        assert draw_target_labels(labels, pairs="distinct", generator=seeds[2]).tolist() == distinct.tolist()

    def test_errors(self) -> None:
        with pytest.raises(ConfigurationError, match="at least 2 classes. Got 1"):
            draw_target_labels(torch.zeros(4, dtype=torch.int64), pairs="distinct")
        with pytest.raises(ConfigurationError, match=r"pairs must be .* Got 'any'"):
            draw_target_labels(torch.arange(4), pairs="any")

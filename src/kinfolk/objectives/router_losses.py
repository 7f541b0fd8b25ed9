"""Auxiliary losses of routers: to the expert of one's domain, to all experts alike, and how much experts tell of domains.

With logits r of L layers, rows i (texts) and N experts e, p = softmax over experts, and domains t::

    specified           = w CE( mean over layers of r_i, t_i )
    load balance        = w N sum_e  mean(p_e) * share of rows whose largest is e,     over layers and rows
    mutual information  = -w sum_{t,e} P(t,e) log( P(t,e) / (P(t) P(e)) )

Source: Hallee et al., "Contrastive learning and mixture of experts enables precise vector embeddings", 2024,
arXiv 2401.15713, and the earlier release of its authors; load balance: Fedus, Zoph & Shazeer, "Switch transformers", 2021,
arXiv 2101.03961, equation 4; mutual information: Chen et al., "Mod-Squad", 2022, arXiv 2212.08066.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import as_computed, check_count, check_labels, check_not_negative

_EPSILON = 1e-4  # of the published sums


def specified_expert(router_logits: Tensor, labels: Tensor, *, weight: float = 1.0) -> Tensor:
    """Draw each text to the expert of its domain.

    Args:
        router_logits: (layers, texts, experts).
        labels: the domain, which is the expert wanted, integer (texts,), in [0, experts).
        weight: w, at least 0.

    Raises:
        ConfigurationError: shapes that do not fit, or labels out of range.
    """
    logits = _checked(router_logits)
    check_labels(labels, logits.shape[1])
    experts = logits.shape[2]
    if not 0 <= int(labels.min()) <= int(labels.max()) < experts:
        raise ConfigurationError(
            f"labels must be in [0, {experts}), the experts. Got {int(labels.min())} to {int(labels.max())}."
        )
    return check_not_negative("weight", weight) * F.cross_entropy(logits.mean(0), labels.long())


def load_balance(router_logits: Tensor, *, weight: float = 1.0) -> Tensor:
    """Use all experts alike: w where all are used alike, w N where one has all; the share of rows has no gradient.

    Args:
        router_logits: (layers, texts, experts).
        weight: w, at least 0.

    Raises:
        ConfigurationError: shapes that do not fit.
    """
    logits = _checked(router_logits).flatten(0, 1)
    experts = logits.shape[1]
    share = torch.bincount(logits.argmax(1), minlength=experts).to(logits.dtype) / len(logits)
    return check_not_negative("weight", weight) * experts * (logits.softmax(1).mean(0) * share).sum()


def mutual_information(router_logits: Tensor, labels: Tensor, *, weight: float = 1.0) -> Tensor:
    """Minus the mutual information of domains and experts: 0 where they tell nothing of each other, -w log N at best.

    P(t, e) is the mean over layers and texts of what the texts of domain t give to expert e. It has a gradient.

    Args:
        router_logits: (layers, texts, experts).
        labels: the domain, integer (texts,).
        weight: w, at least 0.

    Raises:
        ConfigurationError: shapes that do not fit.
    """
    given, _ = _by_domain(router_logits, labels)
    joint = given / given.sum()
    together, domains, experts = (_entropy(p) for p in (joint, joint.sum(1), joint.sum(0)))
    return -check_not_negative("weight", weight) * (domains + experts - together)


@torch.no_grad()
def published_mutual_information(router_logits: Tensor, labels: Tensor, *, k: int, weight: float = 1.0) -> Tensor:
    """The value that the authors' code shows for ``mutual_information``, to compare with; it has no gradient there, either.

    It counts what a domain gives once more for each of its texts, so that a domain of n texts weighs n^2; it lets P add up
    to k; and it adds 1e-4 in four places.

    Args:
        router_logits, labels, weight: see ``mutual_information``.
        k: experts that a text goes through, at least 1.

    Raises:
        ConfigurationError: shapes that do not fit, or a k below 1.
    """
    given, texts = _by_domain(router_logits, labels)
    given = given * texts[:, None]
    joint = given / (given.sum() / check_count("k", k) + _EPSILON)
    of_domains, of_experts = joint.sum(1, keepdim=True) + _EPSILON, joint.sum(0, keepdim=True) + _EPSILON
    return -check_not_negative("weight", weight) * (joint * (joint / of_domains / of_experts + _EPSILON).log()).sum()


def _by_domain(router_logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Sum over layers and texts of a domain of the probabilities, (domains, experts); and its texts, (domains,)."""
    logits = _checked(router_logits)
    check_labels(labels, logits.shape[1])
    _, domain_of, texts = labels.unique(return_inverse=True, return_counts=True)
    of_texts = logits.softmax(2).sum(0)
    return of_texts.new_zeros(len(texts), of_texts.shape[1]).index_add(0, domain_of, of_texts), texts


def _entropy(probabilities: Tensor) -> Tensor:
    """In nats; what has rounded to 0 has no slope."""
    entropy: Tensor = torch.special.entr(probabilities.clamp_min(torch.finfo(probabilities.dtype).tiny))
    return entropy.sum()


def _checked(router_logits: Tensor) -> Tensor:
    if router_logits.ndim != 3 or not router_logits.numel() or not router_logits.is_floating_point():
        raise ConfigurationError(
            "router_logits must be a floating-point tensor (layers, texts, experts), none of them 0. "
            f"Got {router_logits.dtype} of shape {tuple(router_logits.shape)}."
        )
    return as_computed(router_logits)

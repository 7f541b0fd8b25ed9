"""Multiple negatives ranking: cross-entropy over the positives and hard negatives of all items."""

import pytest
import torch
import torch.nn.functional as F

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import MultipleNegativesRanking


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("hard", [0, 2])
def test_is_the_cross_entropy_of_all_candidates(similarity: str, smoothing: float, hard: int) -> None:
    generator = torch.Generator().manual_seed(2)
    blocks = [torch.randn(5, 4, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2 + hard)]
    ready = [F.normalize(block) if similarity == "cosine" else block for block in blocks]
    target = torch.arange(5)
    forward = F.cross_entropy(ready[0] @ torch.cat(ready[1:]).T / 0.3, target, label_smoothing=smoothing)
    backward = F.cross_entropy(ready[1] @ ready[0].T / 0.3, target, label_smoothing=smoothing)
    for symmetric, expected in ((False, forward), (True, (forward + backward) / 2)):
        loss = MultipleNegativesRanking(0.3, similarity=similarity, label_smoothing=smoothing, symmetric=symmetric)(
            *blocks
        )
        torch.testing.assert_close(loss, expected)
        gradients = [torch.autograd.grad(value, blocks, retain_graph=True) for value in (loss, expected)]
        torch.testing.assert_close(gradients[0], gradients[1])


def test_says_what_cannot_be() -> None:
    with pytest.raises(ConfigurationError, match="similarity must be 'cosine' or 'dot'. Got 'euclid'"):
        MultipleNegativesRanking(similarity="euclid")
    with pytest.raises(ConfigurationError, match=r"label_smoothing must be in \[0, 1\]. Got -1"):
        MultipleNegativesRanking(label_smoothing=-1)

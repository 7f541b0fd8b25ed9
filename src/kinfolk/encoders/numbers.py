"""Numbers and dates as features: sines and cosines at octaves, so that near numbers are alike at every scale.

Source: the Fourier features of Tancik et al., "Fourier features let networks learn high frequency functions in low
dimensional domains", NeurIPS 2020, arXiv 2006.10739, with octaves in place of random frequencies.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class NumberFeatures(nn.Module):
    """Numbers, (numbers,), scaled to a spread of about one, to features (numbers, dim).

    Args:
        octaves: from one period over 16 spreads on, each half as long as the one before, at least 1.
        width: of the hidden layer and of the features.
    """

    frequencies: Tensor

    def __init__(self, *, octaves: int = 8, width: int = 64) -> None:
        super().__init__()
        self.dim = width
        self.register_buffer("frequencies", math.tau / 16 * 2.0 ** torch.arange(octaves))
        self.layers = nn.Sequential(nn.Linear(2 * octaves, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, numbers: Tensor) -> Tensor:
        """Features of numbers, (numbers, dim)."""
        angle = numbers.unsqueeze(1) * self.frequencies
        features: Tensor = self.layers(torch.cat([angle.sin(), angle.cos()], dim=1))
        return features

"""ConvNeXt: convolutions arranged like a transformer, with a patch size and a width for small images.

Source: Liu, Mao, Wu, Feichtenhofer, Darrell & Xie, "A ConvNet for the 2020s", CVPR 2022, arXiv 2201.03545. Without
stochastic depth, which the paper adds for large networks only.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kinfolk.encoders.image import ImageEncoder, check_side
from kinfolk.errors import ConfigurationError

_EPSILON = 1e-6


def convnext_blocks(depth: int) -> tuple[int, ...]:
    """Blocks in each of the four stages, as 1 : 1 : 3 : 1.

    Raises:
        ConfigurationError: the depth is no multiple of 6.
    """
    if depth < 6 or depth % 6:
        raise ConfigurationError(f"depth of a ConvNeXt must be a multiple of 6: blocks, as 1 : 1 : 3 : 1. Got {depth}.")
    return depth // 6, depth // 6, depth // 2, depth // 6


class ConvNeXt(ImageEncoder):
    """A ConvNeXt; each stage after the first halves the sides and doubles the width.

    Args:
        channels: of the images.
        width: of the first stage; 40 is the smallest that is in use, 96 the smallest of the paper.
        blocks: how many in each stage.
        patch_size: side of the patches that the first layer takes; the paper has 4 for images of 224.
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        width: int = 40,
        blocks: Sequence[int] = (2, 2, 6, 2),
        patch_size: int = 2,
    ) -> None:
        if min(width, patch_size, *blocks) < 1:
            raise ConfigurationError(
                f"width, patch_size and blocks of a ConvNeXt must be at least 1. Got {width}, {patch_size}, {tuple(blocks)}."
            )
        super().__init__(dim=width * 2 ** (len(blocks) - 1), channels=channels)
        self._least = patch_size * 2 ** (len(blocks) - 1)
        stages: list[nn.Module] = []
        for number, count in enumerate(blocks):
            wide = width * 2**number
            entry = (
                nn.Sequential(nn.Conv2d(channels, width, patch_size, stride=patch_size), _PlaceNorm(width))
                if number == 0
                else nn.Sequential(_PlaceNorm(wide // 2), nn.Conv2d(wide // 2, wide, 2, stride=2))
            )
            stages.append(nn.Sequential(entry, *(_Block(wide) for _ in range(count))))
        self.stages = nn.Sequential(*stages)
        self.norm = nn.LayerNorm(self.dim, eps=_EPSILON)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def feature_map(self, images: Tensor) -> Tensor:
        """Features of each place, (images, dim, rows, columns).

        Raises:
            ConfigurationError: an image has fewer pixels a side than the last stage needs.
        """
        check_side(images, least=self._least)
        features: Tensor = self.stages(self.prepare(images))
        return features

    def pool(self, features: Tensor) -> Tensor:
        """The mean over all places, then normalized, as in the paper."""
        pooled: Tensor = self.norm(features.mean(dim=(2, 3)))
        return pooled


class _Block(nn.Module):
    """Each channel over its neighborhood, then each place over its channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=_EPSILON)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)
        self.scale = nn.Parameter(torch.full((width,), 1e-6))

    def forward(self, features: Tensor) -> Tensor:
        places = self.norm(self.depthwise(features).permute(0, 2, 3, 1))
        changed = self.scale * self.contract(nn.functional.gelu(self.expand(places)))
        added: Tensor = features + changed.permute(0, 3, 1, 2)
        return added


class _PlaceNorm(nn.LayerNorm):
    """Layer normalization of the channels of each place, (images, channels, rows, columns)."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=_EPSILON)

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

"""Residual networks for small images: the first layer keeps every pixel, and nothing is pooled before the first block.

Source: He, Zhang, Ren & Sun, "Deep residual learning for image recognition", CVPR 2016, arXiv 1512.03385: section 4.2 for
three stages (depth 6 n + 2), table 1 for four (depth 18 and 34). Where a block changes the shape, its shortcut is a
projection (option B).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from kinfolk.encoders.image import ImageEncoder
from kinfolk.errors import ConfigurationError

_FOUR_STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}


def resnet_blocks(depth: int) -> tuple[int, ...]:
    """Blocks in each stage of a network with this many layers.

    Raises:
        ConfigurationError: the papers have no network of that depth.
    """
    if depth in _FOUR_STAGES:
        return _FOUR_STAGES[depth]
    if depth < 8 or depth % 6 != 2:
        raise ConfigurationError(
            f"depth of a ResNet must be 6 n + 2, such as 8, 14, 20, 32, 44 or 56, or else 18 or 34. Got {depth}."
        )
    return ((depth - 2) // 6,) * 3


class ResNet(ImageEncoder):
    """A residual network of basic blocks; each stage after the first halves the sides and doubles the width.

    Args:
        channels: of the images.
        width: of the first stage; 16 with three stages and 64 with four in the paper.
        blocks: how many in each stage, see ``resnet_blocks``.
    """

    def __init__(self, *, channels: int = 3, width: int = 16, blocks: Sequence[int] = (3, 3, 3)) -> None:
        if width < 1 or not blocks or min(blocks) < 1:
            raise ConfigurationError(
                f"width and blocks of a ResNet must be at least 1. Got {width} and {tuple(blocks)}."
            )
        super().__init__(dim=width * 2 ** (len(blocks) - 1), channels=channels)
        self.stem = nn.Sequential(conv3x3(channels, width), nn.BatchNorm2d(width), nn.ReLU())
        stages: list[nn.Module] = []
        before = width
        for number, count in enumerate(blocks):
            wide = width * 2**number
            first = BasicBlock(before, wide, stride=1 if number == 0 else 2)
            stages.append(nn.Sequential(first, *(BasicBlock(wide, wide) for _ in range(count - 1))))
            before = wide
        self.stages = nn.Sequential(*stages)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def feature_map(self, images: Tensor) -> Tensor:
        """Features of each place, (images, dim, rows, columns); sides are halved, rounded up, by each further stage."""
        features: Tensor = self.stages(self.stem(self.prepare(images)))
        return features


class BasicBlock(nn.Module):
    """Two convolutions beside a shortcut; ``stride`` 2 halves the sides."""

    def __init__(self, before: int, width: int, *, stride: int = 1) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            conv3x3(before, width, stride=stride),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            conv3x3(width, width),
            nn.BatchNorm2d(width),
        )
        self.stride = stride
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != width:
            self.shortcut = nn.Sequential(nn.Conv2d(before, width, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, features: Tensor) -> Tensor:
        """Features of half the places a side at stride 2, (images, width, rows, columns)."""
        # A step is taken here and not by the convolution: torch 2.13 writes beyond the end of memory in the backward pass of
        # a 1 x 1 convolution that has steps, few channels and channels last.
        stepped = features[:, :, :: self.stride, :: self.stride]
        added: Tensor = self.residual(features) + self.shortcut(stepped)
        return added.relu()


def conv3x3(before: int, width: int, *, stride: int = 1) -> nn.Conv2d:
    """A convolution over 3 x 3 places that keeps the sides, over ``stride``."""
    return nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False)

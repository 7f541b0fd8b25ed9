"""A small network for crops of writing: it looks at each place closely, and the crop is what stands at its places.

What a crop says is the letters in it, wherever they stand: in a line, in a column, or in a line that was folded. So the
network looks at one place and what is around it (79 pixels at most), and its map stays fine (one place for 8 pixels). Where it
has learned to name letters, a crop is the letters that were seen in it; else the mean of its places. Pixels become shades of
gray, less their mean and over their deviation in the crop, so that old paper and pale ink change little.

The blocks are those of ResNet (He et al., CVPR 2016, arXiv 1512.03385); the arrangement is a project definition.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kinfolk.encoders.image import ImageEncoder, check_side
from kinfolk.encoders.resnet import BasicBlock, conv3x3
from kinfolk.errors import ConfigurationError

STRIDE = 8
_EPSILON = 0.05  # of the deviation, in shades: an empty crop stays empty
_LOGITS = 1 << 25  # at once, so that many letters take no more memory than few
_FAINT = 1e-4  # probability, below which the root of it is no longer steep


class WritingNet(ImageEncoder):
    """Two convolutions that halve the sides, three residual blocks of which the second halves them again, and a wide end.

    Args:
        channels: of the images.
        width: of the first block; the features of a place are eight times as wide.
        letters: that it names, 0 for none. With letters the features of a crop are as many: the root of the largest
            probability with which each is seen at any place. The root, since a letter seen dimly is much more than one not seen.

    Attributes:
        naming: from the features of places to the logits of "no letter" and of each letter; None without letters.
    """

    def __init__(self, *, channels: int = 3, width: int = 24, letters: int = 0) -> None:
        if width < 2 or width % 2:
            raise ConfigurationError(f"width of a network for writing must be even and at least 2. Got {width}.")
        if letters < 0:
            raise ConfigurationError(f"letters that a network for writing names must be at least 0. Got {letters}.")
        super().__init__(dim=letters or 8 * width, channels=channels, place_dim=8 * width)
        self.stem = nn.Sequential(*_halved(1, width // 2), *_halved(width // 2, width))
        self.blocks = nn.Sequential(
            BasicBlock(width, width), BasicBlock(width, 2 * width, stride=2), BasicBlock(2 * width, 4 * width)
        )
        self.last = nn.Sequential(nn.Conv2d(4 * width, 8 * width, 1, bias=False), nn.BatchNorm2d(8 * width), nn.GELU())
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        self.naming = nn.Linear(self.place_dim, letters + 1) if letters else None

    def prepare(self, images: Tensor) -> Tensor:
        """Crops in shades of gray, (images, 1, height, width), each centered and scaled by its own."""
        shades = super().prepare(images).mean(dim=1, keepdim=True)
        deviation, mean = shades.std(dim=(2, 3), keepdim=True), shades.mean(dim=(2, 3), keepdim=True)
        return (shades - mean) / (deviation + _EPSILON)

    def feature_map(self, images: Tensor) -> Tensor:
        """Features of each place, (images, place_dim, rows, columns), one for ``STRIDE`` pixels a side.

        Raises:
            ConfigurationError: an image has fewer pixels a side than that.
        """
        check_side(images, least=STRIDE)
        features: Tensor = self.last(self.blocks(self.stem(self.prepare(images))))
        return features

    def pool(self, features: Tensor) -> Tensor:
        """Features of each image, (images, dim): the letters seen in it, or the mean over its places."""
        if self.naming is None:
            return super().pool(features)
        places = features.shape[2] * features.shape[3]
        at_once = max(1, _LOGITS // (places * (self.dim + 1)))
        seen = torch.cat([_seen(self.naming(part.flatten(2).transpose(1, 2))) for part in features.split(at_once)])
        roots: Tensor = torch.sqrt(seen + _FAINT) - _FAINT**0.5
        return roots


def _seen(logits: Tensor) -> Tensor:
    """The largest probability of each letter at any place, (images, letters), from (images, places, 1 + letters)."""
    largest: Tensor = logits.softmax(dim=2).max(dim=1).values
    return largest[:, 1:]


def _halved(before: int, width: int) -> tuple[nn.Module, ...]:
    return conv3x3(before, width, stride=2), nn.BatchNorm2d(width), nn.ReLU()

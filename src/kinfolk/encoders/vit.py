"""A plain vision transformer: fixed positions and the mean over all patches, so that it takes images of any size.

Source: Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021, arXiv 2010.11929, with the positions and the
pooling of Beyer, Zhai & Kolesnikov, "Better plain ViT baselines for ImageNet-1k", 2022, arXiv 2205.01580.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinfolk.encoders.image import ImageEncoder, check_side
from kinfolk.errors import ConfigurationError

_EPSILON = 1e-6
_LONGEST_WAVE = 10_000.0


class ViT(ImageEncoder):
    """A vision transformer.

    Args:
        channels: of the images.
        width: of the tokens, a multiple of 4 and of ``heads``; 192 is the smallest in wide use.
        depth: number of blocks.
        heads: of attention.
        patch_size: side of a patch in pixels.
    """

    def __init__(
        self, *, channels: int = 3, width: int = 192, depth: int = 6, heads: int = 3, patch_size: int = 4
    ) -> None:
        if min(width, depth, heads, patch_size) < 1 or width % heads or width % 4:
            raise ConfigurationError(
                f"depth, heads and patch_size of a ViT must be at least 1, and width a multiple of 4 and of heads. "
                f"Got depth {depth}, heads {heads}, patch_size {patch_size} and width {width}."
            )
        super().__init__(dim=width, channels=channels)
        self._patch_size = patch_size
        self.patches = nn.Conv2d(channels, width, patch_size, stride=patch_size)
        self.blocks = nn.Sequential(*(_Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=_EPSILON)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def feature_map(self, images: Tensor) -> Tensor:
        """The tokens in their places, (images, dim, rows, columns).

        Raises:
            ConfigurationError: the images do not divide into patches.
        """
        check_side(images, least=self._patch_size, multiple=self._patch_size)
        features = self.patches(self.prepare(images))
        rows, columns = features.shape[2:]
        tokens = features.flatten(2).mT + sine_positions(rows, columns, self.dim).to(features)
        return self.norm(self.blocks(tokens)).mT.unflatten(2, (rows, columns))  # type: ignore[no-any-return]


def sine_positions(rows: int, columns: int, width: int) -> Tensor:
    """Sines and cosines of the column and of the row of each place, at wavelengths from 2 pi to 2 pi 10,000.

    Args:
        rows, columns: of the map.
        width: of the result, a multiple of 4.

    Returns:
        float32 (rows x columns, width): for the columns sines, then cosines; the same for the rows.
    """
    steps = torch.arange(width // 4, dtype=torch.float64) / max(1, width // 4 - 1)
    frequencies = _LONGEST_WAVE**-steps
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    x, y = (place.flatten()[:, None] * frequencies for place in (column, row))
    return torch.cat([x.sin(), x.cos(), y.sin(), y.cos()], dim=1).float()


class _Block(nn.Module):
    """Attention and a network for each token, each normalized before and added to what came."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width, eps=_EPSILON)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.before_network = nn.LayerNorm(width, eps=_EPSILON)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        mixed = self.query_key_value(self.before_attention(tokens))  # (images, tokens, 3 width)
        query, key, value = mixed.unflatten(2, (3, self.heads, -1)).permute(
            2, 0, 3, 1, 4
        )  # each (images, heads, tokens, ·)
        tokens = tokens + self.attended(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))
        changed: Tensor = tokens + self.contract(F.gelu(self.expand(self.before_network(tokens))))
        return changed

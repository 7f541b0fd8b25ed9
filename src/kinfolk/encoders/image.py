"""What every image encoder offers: a vector for each image, and the map of features it is pooled from. Needs torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kinfolk.data.images import Images
from kinfolk.errors import ConfigurationError
from kinfolk.views import to_float


class ImageEncoder(nn.Module, ABC):
    """Images in, features out: pooled ones for the image, or one vector for each place in it.

    Images are uint8 in [0, 255] or floats in [0, 1], (images, channels, height, width). They are centered and scaled here,
    so that whoever calls needs to know nothing about it; gray images become three equal channels where three are needed.

    Args:
        dim: width of the features.
        channels: of the images it takes.
        place_dim: width of the features of a place; None where it is ``dim``.
        mean, std: of the channels, in shares of the full range.

    Attributes:
        dim: width of the features.
        place_dim: width of the features of a place.
        channels: of the images it takes.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        dim: int,
        channels: int,
        place_dim: int | None = None,
        mean: Sequence[float] = (0.5,),
        std: Sequence[float] = (0.25,),
    ) -> None:
        super().__init__()
        if channels < 1:
            raise ConfigurationError(f"channels must be at least 1. Got {channels}.")
        self.dim, self.channels = dim, channels
        self.place_dim = dim if place_dim is None else place_dim
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Features of each image, (images, dim)."""
        return self.pool(self.feature_map(images))

    @torch.no_grad()
    def encode(
        self, images: Images, *, batch_size: int = 256, advance: Callable[[float], None] | None = None
    ) -> npt.NDArray[np.float32]:
        """Vectors of images, float32 (num, dim), not normalized; computed in evaluation mode, where the weights are.

        Args:
            images: of any size that the network takes.
            batch_size: images at a time.
            advance: told the share that is done.
        """
        training = self.training
        self.eval()
        vectors = np.empty((len(images), self.dim), np.float32)
        try:
            for start in range(0, len(images), batch_size):
                part = torch.from_numpy(images.pixels[start : start + batch_size])
                vectors[start : start + len(part)] = self(part.to(self.mean.device)).float().numpy(force=True)
                if advance is not None:
                    advance((start + len(part)) / len(images))
        finally:
            self.train(training)
        return vectors

    @abstractmethod
    def feature_map(self, images: Tensor) -> Tensor:
        """Features of each place, (images, place_dim, rows, columns); row 0 is the top."""

    def pool(self, features: Tensor) -> Tensor:
        """Features of each image, (images, dim), from its map: the mean over all places."""
        return features.mean(dim=(2, 3))

    def prepare(self, images: Tensor) -> Tensor:
        """Images as the network takes them: as many channels, centered and scaled.

        Raises:
            ConfigurationError: they have another number of channels, or are no images.
        """
        pixels = to_float(images).to(self.mean.dtype)
        if pixels.shape[1] == 1 < self.channels:
            pixels = pixels.expand(-1, self.channels, -1, -1)
        if pixels.shape[1] != self.channels:
            raise ConfigurationError(f"The encoder takes images of {self.channels} channels. Got {pixels.shape[1]}.")
        # Channels last: convolutions on a CPU take a fifth to a third less time.
        return ((pixels - self.mean) / self.std).contiguous(memory_format=torch.channels_last)


def check_side(images: Tensor, *, least: int, multiple: int = 1) -> None:
    """Refuse images that are too small for the network, or do not divide into its patches.

    Raises:
        ConfigurationError: they are.
    """
    height, width = images.shape[2:]
    if min(height, width) < least or height % multiple or width % multiple:
        divisible = f" and a multiple of {multiple}" if multiple > 1 else ""
        raise ConfigurationError(
            f"Height and width of the images must be at least {least} pixels{divisible}. Got {height} x {width}."
        )

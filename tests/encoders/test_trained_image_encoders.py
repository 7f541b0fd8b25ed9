"""Vision models of transformers, made small and saved here; and timm, by a stand-in for what is called of it."""

# ruff: noqa: E402 (the imports below need what is looked for first)

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="needs kinfolk[train]: torch is not installed")
transformers = pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")

import torch.nn.functional as F
from torch import Tensor, nn

from kinfolk import ConfigurationError, DataError, MissingExtraError
from kinfolk.encoders import image_encoder, timm_image
from kinfolk.encoders.kept import keep_tower, kept_image_encoder

SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 32,
    "patch_size": 8,
}
MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]


def vit(**options: object) -> nn.Module:
    return transformers.ViTModel(transformers.ViTConfig(**SMALL), **options)


def convnext() -> nn.Module:
    return transformers.ConvNextModel(
        transformers.ConvNextConfig(num_stages=2, hidden_sizes=[8, 16], depths=[1, 1], image_size=32)
    )


def resnet() -> nn.Module:
    return transformers.ResNetModel(
        transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    )


def dinov2() -> nn.Module:
    return transformers.Dinov2WithRegistersModel(
        transformers.Dinov2WithRegistersConfig(**SMALL, num_register_tokens=4, mlp_ratio=2)
    )


def swin() -> nn.Module:
    return transformers.SwinModel(
        transformers.SwinConfig(
            embed_dim=8, depths=[1, 1], num_heads=[1, 2], image_size=32, patch_size=4, window_size=4
        )
    )


def clip() -> nn.Module:
    text = {**SMALL, "vocab_size": 20, "max_position_embeddings": 8}
    for key in ("image_size", "patch_size"):
        del text[key]
    return transformers.CLIPModel(transformers.CLIPConfig(text_config=text, vision_config=SMALL))


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int]]] = {
    "vit": (vit, (4, 4)),
    "convnext": (convnext, (4, 4)),
    "resnet": (resnet, (4, 4)),
    "dinov2 with registers": (dinov2, (4, 4)),
    "swin": (swin, (4, 4)),
    "clip": (clip, (4, 4)),
}


def saved(model: nn.Module, folder: Path) -> str:
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": MEAN, "image_std": STD}))
    return str(folder)


@pytest.fixture
def images() -> Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def scaled(images: Tensor) -> Tensor:
    return (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


@pytest.mark.parametrize(("make", "places"), MODELS.values(), ids=MODELS.keys())
def test_pooled_features_are_the_models_own(
    make: Callable[[], nn.Module], places: tuple[int, int], images: Tensor, scaled: Tensor, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = make().eval()
    encoder = image_encoder(saved(model, tmp_path)).eval()
    outputs = getattr(model, "vision_model", model)(pixel_values=scaled)
    torch.testing.assert_close(encoder(images), outputs.pooler_output.flatten(1))
    assert encoder(images).shape == (2, encoder.dim)
    features = encoder.feature_map(images)
    assert features.shape == (2, encoder.dim, *places)
    hidden = outputs.last_hidden_state
    tokens = hidden if hidden.ndim == 4 else hidden[:, -places[0] * places[1] :].mT.reshape(features.shape)
    torch.testing.assert_close(features, tokens)


def test_images_of_another_size_are_resized_to_what_the_model_was_trained_on(tmp_path: Path) -> None:
    encoder = image_encoder(saved(vit(), tmp_path)).eval()
    small = torch.rand(2, 1, 16, 24, generator=torch.Generator().manual_seed(1))
    resized = F.interpolate(small, size=(32, 32), mode="bilinear", antialias=True)
    torch.testing.assert_close(encoder(small), encoder(resized), rtol=1e-4, atol=1e-5)


def test_a_pooler_without_trained_weights_is_not_used(images: Tensor, tmp_path: Path) -> None:
    encoder = image_encoder(saved(vit(add_pooling_layer=False), tmp_path)).eval()
    torch.testing.assert_close(encoder(images), encoder.feature_map(images).mean((2, 3)))


@pytest.mark.parametrize("make", [make for make, _ in MODELS.values()], ids=MODELS.keys())
def test_what_is_kept_and_the_weights_are_the_encoder(
    make: Callable[[], nn.Module], images: Tensor, tmp_path: Path
) -> None:
    name = saved(make(), tmp_path / "base")
    encoder = image_encoder(name).eval()
    keep_tower(encoder, tmp_path / "kept")
    shutil.rmtree(name)
    again = kept_image_encoder(name, {}, tmp_path / "kept").eval()
    again.load_state_dict(encoder.state_dict())
    assert torch.equal(again(images), encoder(images))
    assert torch.equal(again.feature_map(images), encoder.feature_map(images))


def test_a_pooler_that_was_not_trained_stays_unused(images: Tensor, tmp_path: Path) -> None:
    encoder = image_encoder(saved(vit(add_pooling_layer=False), tmp_path / "base")).eval()
    keep_tower(encoder, tmp_path / "kept")
    again = kept_image_encoder("base", {}, tmp_path / "kept").eval()
    again.load_state_dict(encoder.state_dict())
    assert torch.equal(again(images), again.feature_map(images).mean((2, 3)))


def test_building_what_is_kept_leaves_random_numbers_as_they_were(tmp_path: Path) -> None:
    keep_tower(image_encoder(saved(vit(), tmp_path / "base")), tmp_path / "kept")
    before = torch.random.get_rng_state()
    kept_image_encoder("base", {}, tmp_path / "kept")
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("file", ["config.json", "images.json"])
def test_what_is_kept_and_damaged_is_named(file: str, tmp_path: Path) -> None:
    keep_tower(image_encoder(saved(vit(), tmp_path / "base")), tmp_path / "kept")
    (tmp_path / "kept" / file).write_text("{")
    with pytest.raises(DataError, match="kept does not describe the encoder 'base' in a way that can be read"):
        kept_image_encoder("base", {}, tmp_path / "kept")


def test_weights_of_half_precision_are_made_whole(images: Tensor, tmp_path: Path) -> None:
    assert image_encoder(saved(vit().half(), tmp_path)).eval()(images).dtype == torch.float32


def test_gradients_flow(images: Tensor, tmp_path: Path) -> None:
    encoder = image_encoder(saved(convnext(), tmp_path))
    encoder(images).square().sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


def test_models_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"folder with a transformers model \(config.json\). .* has none"):
        image_encoder(str(tmp_path))
    words = transformers.BertModel(
        transformers.BertConfig(
            vocab_size=10, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
        )
    )
    with pytest.raises(ConfigurationError, match="is a BertModel, which takes no images"):
        image_encoder(saved(words, tmp_path / "words"))
    folder = Path(saved(vit(), tmp_path / "cut"))
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(ConfigurationError, match="Cannot load the encoder"):
        image_encoder(str(folder))


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(saved(vit(), tmp_path))
    weights = load_file(folder / "model.safetensors")
    gone = next(key for key in sorted(weights) if key.startswith("encoder"))
    del weights[gone]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigurationError, match=r"lacks weights of a ViTModel, such as \S+\.0\.\S+\. Check"):
        image_encoder(str(folder))


class StandIn(nn.Module):
    """A convolution and a mean, called as timm's models are."""

    num_features = 6
    pretrained_cfg = {"mean": tuple(MEAN), "std": tuple(STD)}  # noqa: RUF012

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, 6, 4, stride=4)

    def forward_intermediates(
        self, x: Tensor, indices: int, norm: bool, output_fmt: str, intermediates_only: bool
    ) -> list[Tensor]:
        assert (indices, norm, output_fmt, intermediates_only) == (1, True, "NCHW", True)
        return [self.layer(x)]

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x).mean((2, 3))


def test_timm_is_used_where_it_is_installed(
    images: Tensor, scaled: Tensor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []

    def create_model(name: str, *, pretrained: bool, num_classes: int, in_chans: int) -> StandIn:
        if name != "known":
            raise RuntimeError(f"Unknown model ({name})")
        asked.append(pretrained)
        assert num_classes == 0
        return StandIn(in_chans)

    module = ModuleType("timm")
    module.create_model = create_model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "timm", module)
    monkeypatch.setattr(timm_image, "find_spec", lambda _: SimpleNamespace())
    encoder = image_encoder("timm/known")
    assert encoder.dim == 6
    assert encoder.feature_map(images).shape == (2, 6, 8, 8)
    torch.testing.assert_close(encoder(images), encoder.model.layer(scaled).mean((2, 3)))
    assert image_encoder("timm/known", channels=1)(images[:, :1]).shape == (2, 6)
    with pytest.raises(ConfigurationError, match=r"timm cannot load 'other': Unknown model \(other\)"):
        image_encoder("timm/other")
    assert asked == [True, True]
    again = kept_image_encoder("timm/known", {"channels": 3}, tmp_path)
    assert asked[2:] == [False]  # no weights are fetched
    again.load_state_dict(encoder.state_dict())
    assert torch.equal(again(images), encoder(images))


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timm_image, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"'timm/resnet18' needs timm.* pip install timm"):
        image_encoder("timm/resnet18")
    monkeypatch.setattr(
        sys.modules[image_encoder.__module__], "find_spec", lambda name: None if name == "transformers" else 1
    )
    with pytest.raises(MissingExtraError, match=r"kinfolk\[text\]"):
        image_encoder("some-org/model")

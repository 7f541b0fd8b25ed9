"""The small image encoders: what all of them hold to, and each against another implementation of the same paper."""

# ruff: noqa: E402 (the imports below need what is looked for first)

import subprocess
import sys
from dataclasses import dataclass

import pytest

torch = pytest.importorskip("torch", reason="needs kinfolk[train]: torch is not installed")

from torch import Tensor, nn

from kinfolk import ConfigurationError
from kinfolk.encoders import image_encoder
from kinfolk.encoders.convnext import ConvNeXt
from kinfolk.encoders.resnet import ResNet, resnet_blocks
from kinfolk.encoders.vit import ViT, sine_positions


@dataclass(frozen=True)
class Case:
    name: str
    options: dict[str, int]
    dim: int
    stride: int  # pixels of the image to one place of the map
    least: int  # smallest side
    of_places: int | None = None  # features of a place, where they are not dim


CASES = [
    Case("resnet", {"depth": 8, "width": 4}, dim=16, stride=4, least=1),
    Case("resnet", {"depth": 18, "width": 2}, dim=16, stride=8, least=1),
    Case("convnext", {"depth": 6, "width": 4}, dim=32, stride=16, least=16),
    Case("convnext", {"depth": 6, "width": 4, "patch_size": 1}, dim=32, stride=8, least=8),
    Case("vit", {"depth": 2, "width": 16, "heads": 2}, dim=16, stride=4, least=4),
    Case("vit", {"depth": 1, "width": 8, "patch_size": 8}, dim=8, stride=8, least=8),
    Case("writing", {"width": 4}, dim=32, stride=8, least=8),
    Case("writing", {"width": 4, "letters": 5}, dim=5, stride=8, least=8, of_places=32),
]
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, (case.name, *case.options.values()))))


def make(case: Case, *, channels: int = 3, seed: int | None = 0) -> nn.Module:
    return image_encoder(case.name, channels=channels, seed=seed, **case.options)


@pytest.fixture
def images() -> Tensor:
    return torch.rand(3, 3, 32, 48, generator=torch.Generator().manual_seed(1))


@cases
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes(case: Case, channels: int, images: Tensor) -> None:
    encoder = make(case, channels=channels).eval()
    of_places = case.of_places or case.dim
    assert (encoder.dim, encoder.place_dim, encoder.channels) == (case.dim, of_places, channels)
    assert encoder(images[:, :channels]).shape == (3, case.dim)
    expected = (3, of_places, 32 // case.stride, 48 // case.stride)
    assert encoder.feature_map(images[:, :channels]).shape == expected


@cases
def test_pooled_features_come_from_the_map(case: Case, images: Tensor) -> None:
    encoder = make(case).eval()
    torch.testing.assert_close(encoder(images), encoder.pool(encoder.feature_map(images)))
    if case.name != "convnext" and case.of_places is None:  # it normalizes after the mean; letters are no mean
        torch.testing.assert_close(encoder(images), encoder.feature_map(images).mean((2, 3)))


@cases
def test_a_seed_gives_the_same_weights_and_leaves_other_random_numbers_alone(case: Case, images: Tensor) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second, other = (make(case, seed=seed).eval()(images) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first, second)
    assert not torch.allclose(first, other)


@cases
def test_without_a_seed_torch_decides(case: Case) -> None:
    def first_weights() -> Tensor:
        return next(iter(make(case, seed=None).parameters())).detach()

    torch.manual_seed(5)
    first, next_one = first_weights(), first_weights()
    torch.manual_seed(5)
    assert torch.equal(first_weights(), first)
    assert not torch.equal(first, next_one)


@cases
def test_every_parameter_has_a_gradient(case: Case, images: Tensor) -> None:
    encoder = make(case).train()
    target = torch.rand(3, case.dim, generator=torch.Generator().manual_seed(2))
    (encoder(images) * target).sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    # the mean of a batch is taken out by batch normalization, so that a bias before it could not move; there is none
    assert all(parameter.grad.abs().max() > 0 for parameter in encoder.parameters())


@cases
def test_bytes_and_floats_and_gray_images(case: Case, images: Tensor) -> None:
    encoder = make(case).eval()
    given = (images * 255).round().to(torch.uint8)
    torch.testing.assert_close(encoder(given), encoder(given / 255))
    torch.testing.assert_close(encoder(images[:, :1]), encoder(images[:, :1].expand(-1, 3, -1, -1)))
    with pytest.raises(ConfigurationError, match="takes images of 3 channels. Got 2"):
        encoder(images[:, :2])


@cases
def test_an_image_does_not_depend_on_its_batch(case: Case, images: Tensor) -> None:
    encoder = make(case).eval()
    apart = torch.cat([encoder(image[None]) for image in images])
    torch.testing.assert_close(encoder(images), apart, rtol=1e-4, atol=1e-5)


@cases
def test_the_smallest_images(case: Case) -> None:
    encoder = make(case).eval()
    image = torch.rand(2, 3, case.least, case.least, generator=torch.Generator().manual_seed(1))
    assert torch.isfinite(encoder(image)).all()
    assert encoder.feature_map(image).shape == (2, case.of_places or case.dim, 1, 1)
    if case.least > 1:
        with pytest.raises(
            ConfigurationError, match=f"at least {case.least} pixels.* Got {case.least - 1} x {case.least}"
        ):
            encoder(image[:, :, 1:])


@cases
def test_places_of_the_map_are_places_of_the_image(case: Case) -> None:
    """What changes in the upper right corner changes there most; a network of several layers may see it a place away."""
    encoder = make(case).eval()
    plain = torch.full((1, 3, 64, 64), 0.5)
    changed = plain.clone()
    changed[:, :, : case.stride, -case.stride :] = torch.rand(
        3, case.stride, case.stride, generator=torch.Generator().manual_seed(1)
    )
    difference = (encoder.feature_map(changed) - encoder.feature_map(plain)).norm(dim=1)[0]
    row, column = divmod(int(difference.argmax()), 64 // case.stride)
    assert row <= 1
    assert column >= 64 // case.stride - 2


def count(encoder: nn.Module) -> int:
    return sum(parameter.numel() for parameter in encoder.parameters())


def test_numbers_of_parameters_are_those_of_the_papers() -> None:
    """The published counts, less the classifier and what these networks do not have."""
    with torch.device("meta"):
        # 269,722 with shortcuts without weights: less 650 of the classifier, plus 576 and 2,176 of two projections
        assert count(ResNet(width=16, blocks=resnet_blocks(20))) == 269_722 - 650 + 576 + 2_176
        # 11,689,512 and 21,797,672: the first layer is 3 x 3 instead of 7 x 7
        assert count(ResNet(width=64, blocks=resnet_blocks(18))) == 11_689_512 - 513_000 - 3 * 64 * (49 - 9)
        assert count(ResNet(width=64, blocks=resnet_blocks(34))) == 21_797_672 - 513_000 - 3 * 64 * (49 - 9)
        # ConvNeXt-T has 28,589,128
        assert count(ConvNeXt(width=96, blocks=(3, 3, 9, 3), patch_size=4)) == 28_589_128 - 769_000
        # ViT-Ti/16 has 5,717,416 and ViT-B/16 has 86,567,656: without class token and learned positions
        tiny = ViT(width=192, depth=12, heads=3, patch_size=16)
        assert count(tiny) == 5_717_416 - 193_000 - 192 * (1 + 197)
        base = ViT(width=768, depth=12, heads=12, patch_size=16)
        assert count(base) == 86_567_656 - 769_000 - 768 * (1 + 197)


def randomize(module: nn.Module) -> None:
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3 + 0.1)


def test_resnet_is_that_of_transformers(images: Tensor) -> None:
    transformers = pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")
    ours = ResNet(width=4, blocks=(2, 2, 2)).eval()
    config = transformers.ResNetConfig(
        embedding_size=4, hidden_sizes=[4, 8, 16], depths=[2, 2, 2], layer_type="basic", downsample_in_first_stage=False
    )
    theirs = transformers.ResNetModel(config).encoder.eval()
    weights = theirs.state_dict()
    for key in ours.stages.state_dict():
        stage, block, part, rest = key.split(".", 3)
        if part == "shortcut":
            number, rest = rest.split(".")
            place = f"shortcut.{('convolution', 'normalization')[int(number)]}.{rest}"
        else:
            number, rest = rest.split(".")
            kind = "normalization" if int(number) in (1, 4) else "convolution"
            place = f"layer.{int(number) // 3}.{kind}.{rest}"
        weights[f"stages.{stage}.layers.{block}.{place}"] = ours.stages.state_dict()[key]
    theirs.load_state_dict(weights)
    features = ours.stem(ours.prepare(images))
    torch.testing.assert_close(ours.feature_map(images), theirs(features).last_hidden_state)


def test_convnext_is_that_of_transformers(images: Tensor) -> None:
    transformers = pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")
    ours = ConvNeXt(width=4, blocks=(1, 2), patch_size=4).eval()
    randomize(ours)
    config = transformers.ConvNextConfig(
        num_stages=2, hidden_sizes=[4, 8], depths=[1, 2], patch_size=4, layer_norm_eps=1e-6
    )
    theirs = transformers.ConvNextModel(config).eval()
    names = {"depthwise": "dwconv", "norm": "layernorm", "expand": "pwconv1", "contract": "pwconv2"}
    weights = {}
    for key, value in ours.state_dict().items():
        parts = key.split(".")
        if parts[0] == "norm":
            weights[f"layernorm.{parts[1]}"] = value
        elif parts[0] == "stages" and parts[2] == "0":
            first = f"embeddings.{('patch_embeddings', 'layernorm')[int(parts[3])]}"
            entry = first if parts[1] == "0" else f"encoder.stages.{parts[1]}.downsampling_layer.{parts[3]}"
            weights[f"{entry}.{parts[4]}"] = value
        elif parts[0] == "stages":
            block = f"encoder.stages.{parts[1]}.layers.{int(parts[2]) - 1}"
            inner = "layer_scale_parameter" if parts[3] == "scale" else f"{names[parts[3]]}.{parts[4]}"
            weights[f"{block}.{inner}"] = value
    theirs.load_state_dict(weights)
    outputs = theirs(ours.prepare(images))
    torch.testing.assert_close(ours.feature_map(images), outputs.last_hidden_state, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours(images), outputs.pooler_output, rtol=1e-4, atol=1e-4)


def test_vit_is_a_stack_of_the_encoder_layers_of_torch(images: Tensor) -> None:
    ours = ViT(width=16, depth=3, heads=2, patch_size=8).eval()
    tokens = ours.patches(ours.prepare(images)).flatten(2).mT + sine_positions(4, 6, 16)
    for block in ours.blocks:
        layer = nn.TransformerEncoderLayer(
            16, 2, 64, dropout=0.0, activation="gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True
        )
        layer.self_attn.in_proj_weight, layer.self_attn.in_proj_bias = block.query_key_value.parameters()
        layer.self_attn.out_proj.weight, layer.self_attn.out_proj.bias = block.attended.parameters()
        layer.norm1, layer.norm2 = block.before_attention, block.before_network
        layer.linear1, layer.linear2 = block.expand, block.contract
        tokens = layer(tokens)
    expected = ours.norm(tokens).mT.unflatten(2, (4, 6))
    torch.testing.assert_close(ours.feature_map(images), expected)


def test_positions_by_thought() -> None:
    """Two frequencies, 1 and 1/10,000; place (row 1, column 2)."""
    positions = sine_positions(2, 3, 8)
    assert positions.shape == (6, 8)
    x, y = torch.tensor([2.0, 0.0002]), torch.tensor([1.0, 0.0001])
    torch.testing.assert_close(positions[5], torch.cat([x.sin(), x.cos(), y.sin(), y.cos()]))
    assert len(torch.unique(sine_positions(20, 20, 16), dim=0)) == 400


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet", {"depth": 21}, "depth of a ResNet must be 6 n .* or else 18 or 34. Got 21"),
        ("resnet", {"patch_size": 4}, "patch_size= is no option of the encoder 'resnet'"),
        ("resnet", {"width": 0}, "width and blocks of a ResNet must be at least 1. Got 0"),
        ("convnext", {"depth": 8}, "multiple of 6.* Got 8"),
        ("convnext", {"heads": 2}, "heads= is no option of the encoder 'convnext'"),
        ("convnext", {"patch_size": 0}, "must be at least 1. Got 40, 0"),
        ("vit", {"width": 10, "heads": 2}, "width a multiple of 4 and of heads. .* width 10"),
        ("vit", {"channels": 0}, "channels must be at least 1. Got 0"),
        ("some-org/model", {"width": 8}, "width= is no option of the encoder 'some-org/model'"),
        ("./nowhere", {}, "There is no folder './nowhere'"),
        ("timm/resnet18", {"seed": 1}, "seed= is no option of the encoder 'timm/resnet18'"),
    ],
)
def test_impossible_options_are_refused(name: str, options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        image_encoder(name, **options)


def test_images_that_do_not_divide_into_patches_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 4 pixels and a multiple of 4. Got 32 x 30"):
        image_encoder("vit", width=8, depth=1)(torch.rand(1, 3, 32, 30))


def test_without_torch_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from kinfolk import MissingExtraError\n"
        "from kinfolk.encoders import image_encoder\n"
        "try:\n    image_encoder('resnet')\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert (
        printed == "An image encoder needs an optional part of kinfolk. Install it with: pip install 'kinfolk[train]'\n"
    )

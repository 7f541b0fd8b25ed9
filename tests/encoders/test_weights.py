import pytest
import torch
from torch import nn

from kinfolk.encoders.weights import save_weights, weights_fingerprint


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def test_equal_networks_have_one_name_and_any_change_another():
    assert weights_fingerprint(network(), "a") == weights_fingerprint(network(), "a")
    changed, narrow = network(), network().bfloat16()
    changed.weight.data[0, 0] = torch.nextafter(changed.weight[0, 0], torch.tensor(9.0))
    turned = network()
    turned.weight = nn.Parameter(turned.weight.data.reshape(3, 2))
    names = [weights_fingerprint(of, "a") for of in (network(), changed, narrow, turned)]
    assert len({*names, weights_fingerprint(network(), "b")}) == 5


def test_the_device_and_the_layout_in_memory_change_nothing():
    other = network()
    other.weight = nn.Parameter(other.weight.data.T.contiguous().T)
    assert not other.weight.is_contiguous()
    assert weights_fingerprint(other, "a") == weights_fingerprint(network(), "a")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_saved_is_read_back(dtype, tmp_path):
    from safetensors.torch import load_file

    saved = network().to(dtype)
    save_weights(saved, tmp_path / "weights.safetensors")
    for name, tensor in load_file(tmp_path / "weights.safetensors").items():
        assert torch.equal(tensor, saved.state_dict()[name])

"""What a method has learned beside the encoder: as its parts say it, and kept with the model."""

from pathlib import Path

import numpy as np
import pytest
import torch

from kinfolk.data.images import Images
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.errors import DataError
from kinfolk.methods import methods
from kinfolk.methods.fit import train
from kinfolk.methods.model import load_model

SMALL = {"encoder_settings": {"depth": 8, "width": 8}, "size": 16, "recipe": {"epochs": 1, "batch_size": 32}}


def test_the_relations_of_hydra_are_those_of_its_gates_pair_by_pair() -> None:
    torch.manual_seed(0)
    method = methods()["hydra"].make(image_encoder("resnet", depth=8, width=8), size=16, num_classes=5, projection=16)
    facts = method.facts()
    assert method.gates.training, "it is left as it was"
    method.eval()
    own = [method.gates(torch.tensor([a]), torch.tensor([a]))[0].detach().numpy() for a in range(5)]
    for a in range(5):
        for b in range(5):
            gate = method.gates(torch.tensor([a]), torch.tensor([b])).detach()
            assert facts["class_overlap"][a, b] == pytest.approx(gate.mean().item(), abs=1e-6)
            assert facts["class_likeness"][a, b] == pytest.approx(np.corrcoef(own[a], own[b])[0, 1], abs=1e-5)


def test_facts_and_history_are_read_back_as_they_were(stripes: Images, tmp_path: Path) -> None:
    model = train(stripes, method="hydra", output=tmp_path, **SMALL)
    again = load_model(tmp_path)
    assert again.history == model.history
    assert again.facts.keys() == model.facts.keys() == {"class_likeness", "class_overlap"}
    for name, values in model.facts.items():
        assert values.shape == (4, 4)
        np.testing.assert_array_equal(values, again.facts[name])


def test_a_folder_without_them_is_a_model_and_a_broken_one_is_not(stripes: Images, tmp_path: Path) -> None:
    train(stripes, method="simclr", output=tmp_path, **SMALL)
    (tmp_path / "facts.safetensors").unlink()
    (tmp_path / "history.jsonl").unlink()
    model = load_model(tmp_path)
    assert (model.history, model.facts) == ((), {})
    (tmp_path / "history.jsonl").write_text('{"epoch": 1}\n')
    with pytest.raises(DataError, match=r"history\.jsonl cannot be read"):
        load_model(tmp_path)
    (tmp_path / "history.jsonl").unlink()
    (tmp_path / "facts.safetensors").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"facts\.safetensors cannot be read"):
        load_model(tmp_path)

"""A model whose towers were trained models of transformers, moved to where those are not."""

import json
import shutil

import numpy as np
import pytest
import torch

from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.encoders.record import FieldSpec, RecordEncoder, Towers
from kinfolk.encoders.record_inputs import RecordInputs, image_field, number_field, text_field
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.methods.clippings.finetune import finetune
from kinfolk.methods.clippings.model import RecordModel
from kinfolk.methods.clippings.pretrain import pretrain
from kinfolk.methods.model import Model, load_model

transformers = pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "smith", "jones", "&", "co", "sons"]
SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
SPECS = (FieldSpec("crop", "image"), FieldSpec("name", "text"), FieldSpec("year", "number", 1950.0, 10.0))


@pytest.fixture
def base(tmp_path):
    """A model of images and one of texts, with random weights."""
    torch.manual_seed(0)
    place = tmp_path / "base"
    transformers.ViTModel(transformers.ViTConfig(**SMALL, image_size=16, patch_size=8)).save_pretrained(place / "image")
    transformers.BertModel(transformers.BertConfig(**SMALL, vocab_size=len(WORDS))).save_pretrained(place / "text")
    vocabulary = place / "vocab.txt"
    vocabulary.write_text("\n".join(WORDS), "utf-8")
    transformers.BertTokenizer(str(vocabulary)).save_pretrained(place / "text")
    return place


@pytest.fixture
def model(base):
    towers = Towers(dim=8, image=str(base / "image"), text=str(base / "text"))
    return RecordModel(RecordEncoder(SPECS, towers).eval(), {"stages": []})


@pytest.fixture
def inputs():
    rng = np.random.default_rng(0)
    texts = [f"{WORDS[4 + row % 2]} & {WORDS[7 + row // 2 % 2]}" for row in range(16)]
    pixels = rng.integers(0, 256, (16, 3, 16, 16), dtype=np.uint8)
    years = np.where(np.arange(16) % 3 > 0, 1950.0 + np.arange(16), np.nan)
    return RecordInputs((image_field("crop", pixels), text_field("name", texts), number_field("year", years)))


def test_a_model_of_records_needs_no_model_that_it_came_from(model, base, inputs, tmp_path):
    moved = shutil.move(model.save(tmp_path / "model"), tmp_path / "elsewhere")
    shutil.rmtree(base)
    again = RecordModel.load(moved)
    np.testing.assert_array_equal(again.encode(inputs), model.encode(inputs))
    assert again.fingerprint() == model.fingerprint()
    once_more = RecordModel.load(again.save(tmp_path / "again"))
    np.testing.assert_array_equal(once_more.encode(inputs), model.encode(inputs))


def test_training_goes_on_from_it(model, base, inputs, tmp_path):
    shutil.rmtree(base)
    labels = np.arange(16) % 4
    tuned = finetune(inputs, labels, output=tmp_path / "tuned", start=model, views="none", recipe={"epochs": 1})
    assert len(tuned.about["stages"]) == 1
    np.testing.assert_array_equal(RecordModel.load(tmp_path / "tuned").encode(inputs), tuned.encode(inputs))


def test_a_locked_trained_tower_stays_as_it_is_in_both_stages(base, inputs, tmp_path):
    towers = Towers(dim=8, image=str(base / "image"), text=str(base / "text"))
    common = {"views": "none", "locked": ["image"], "recipe": {"epochs": 1}}
    own = pretrain(inputs, output=tmp_path / "own", towers=towers, **common)
    tuned = finetune(inputs, np.arange(16) % 4, output=tmp_path / "tuned", start=own, **common)
    begun = RecordEncoder(SPECS, towers).towers["image"].state_dict()
    for model in (own, tuned):
        kept = model.encoder.towers["image"].state_dict()
        assert all(torch.equal(value, kept[name]) for name, value in begun.items())


def test_a_folder_without_what_is_kept_asks_for_the_models(model, base, inputs, tmp_path):
    folder = model.save(tmp_path / "model")
    shutil.rmtree(folder / "encoder")
    np.testing.assert_array_equal(RecordModel.load(folder).encode(inputs), model.encode(inputs))
    shutil.rmtree(base)
    with pytest.raises(ConfigurationError, match="There is no folder"):
        RecordModel.load(folder)


def test_damage_is_named(model, tmp_path):
    folder = model.save(tmp_path / "model")
    (folder / "encoder" / "text" / "tokenizer.json").write_text(json.dumps({"version": "?"}))
    with pytest.raises(DataError, match="does not describe the encoder"):
        RecordModel.load(folder)


def test_a_model_of_images_is_kept_in_the_same_way(base, tmp_path):
    name = str(base / "image")
    about = {
        "encoder": name, "encoder_settings": {}, "size": 16, "method": "simclr", "dim": 8, "version": "0", "images": 2,
        "data": "drawn", "seed": 0, "recipe": {}, "settings": {}, "measures": {}, "paper": "",
    }  # fmt: skip
    model = Model(image_encoder(name).eval(), about)
    model.save(tmp_path / "model")
    shutil.rmtree(base)
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(load_model(tmp_path / "model").encoder(images), model.encoder(images))

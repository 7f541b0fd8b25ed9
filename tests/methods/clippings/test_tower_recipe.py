"""Towers that come trained learn at a rate of their own, and others as if there were none."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kinfolk.encoders.record import Towers
from kinfolk.encoders.record_inputs import RecordInputs, text_field
from kinfolk.errors import ConfigurationError
from kinfolk.methods.clippings.batch import Corruption
from kinfolk.methods.clippings.finetune import FINETUNING, finetune
from kinfolk.methods.clippings.pooled_classes import PooledClasses
from kinfolk.methods.clippings.pretrain import PRETRAINING, pretrain
from kinfolk.methods.clippings.stage import encoder_of
from kinfolk.methods.clippings.tower_recipe import TowerRecipe, slow_towers
from kinfolk.objectives import SupCon

transformers = pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "smith", "jones", "&", "co", "sons"]


@pytest.fixture
def trained(tmp_path):
    """Towers of which that of texts is a folder of transformers, which counts as trained."""
    torch.manual_seed(0)
    place = tmp_path / "text"
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    transformers.BertModel(transformers.BertConfig(**sizes, vocab_size=len(WORDS))).save_pretrained(place)
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS), "utf-8")
    transformers.BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(place)
    return Towers(dim=8, text=str(place))


@pytest.fixture
def firms():
    """Records with two names each, two records a firm."""
    names = [f"{one} & {other}" for one in WORDS[4:6] for other in (*WORDS[4:6], *WORDS[7:])] * 4
    return RecordInputs((text_field("name", names), text_field("sign", names[::-1]))), np.arange(32) // 2


def rates_of(inputs, towers):
    """An encoder of records in training, and the rate of each of its parameters by their number."""
    encoder = encoder_of(inputs, None, towers)
    module = PooledClasses(encoder, Corruption(inputs, views="none", text_noise=0.0, drop=0.0), SupCon(0.1))
    module.recipe = replace(FINETUNING, learning_rate=1e-3, tower_learning_rate=1e-5)
    slow_towers(module, encoder, module.recipe)
    groups = module.configure_optimizers()["optimizer"].param_groups
    return encoder, {id(p): group["initial_lr"] for group in groups for p in group["params"]}


def test_a_trained_tower_gets_its_rate_and_what_is_new_the_other(trained, firms):
    encoder, rates = rates_of(firms[0], trained)
    assert [rates[id(p)] for p in encoder.towers["text"].parameters()] == pytest.approx([1e-5] * (len(rates) - 3))
    assert [rates[id(p)] for p in (*encoder.projections.parameters(), encoder.raw_weights)] == [1e-3] * 3


def test_towers_that_begin_anew_have_no_rate_of_their_own(firms):
    _, rates = rates_of(firms[0], Towers(dim=8, text_settings={"width": 8, "depth": 1, "heads": 2}))
    assert set(rates.values()) == {1e-3}


@pytest.mark.parametrize("is_trained", [True, False])
def test_the_rate_changes_what_a_trained_tower_learns_and_nothing_else(is_trained, trained, firms, tmp_path):
    towers = trained if is_trained else Towers(dim=8, text_settings={"width": 8, "depth": 1, "heads": 2})

    def learned(rate, name):
        recipe = {"epochs": 1, "batch_size": 18, "warmup_epochs": 0, "tower_learning_rate": rate}
        options = {"recipe": recipe, "text_noise": 0.0, "views": "none"}
        start = pretrain(firms[0], output=tmp_path / name / "1", towers=towers, **options)
        finetune(*firms, output=tmp_path / name / "2", start=start, **options)
        return start.fingerprint()

    same = learned(1e-5, "slow") == learned(1e-2, "fast")
    assert same is not is_trained


def test_the_rate_is_a_field_of_the_recipe():
    assert PRETRAINING.changed({"tower_learning_rate": "1e-4"}).tower_learning_rate == 1e-4
    with pytest.raises(ConfigurationError, match=r"tower_learning_rate must be a number in \(0, inf\). Got 0"):
        TowerRecipe(tower_learning_rate=0.0)

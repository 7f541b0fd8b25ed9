"""The packed forward pass against sentence-transformers' own, on small models with random weights."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sentence_transformers", reason="needs kinfolk[text]: sentence-transformers is not installed")

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel, RobertaConfig, RobertaModel

from kinfolk.encoders import TextEncoder
from kinfolk.encoders.own_tokenizer import SPECIAL, train_tokenizer
from kinfolk.encoders.packed_bert import is_packable
from kinfolk.encoders.sentence_transformer import SentenceTransformerModel

pytestmark = pytest.mark.filterwarnings("default")  # libraries announce their own future changes

TEXTS = [
    "red shoe",
    "blue shoe",
    "red",
    "a red shoe of York " * 4,
    "blue hat of Hull",
    "hat " * 200,
    "🎧",
    "[PAD] red [MASK]",
]
SIZES = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "max_position_embeddings": 40,
    "pad_token_id": 0,
}


@pytest.fixture
def library_model(tmp_path: Path) -> Callable[..., SentenceTransformer]:
    """Makes a model with random weights, large enough for the layers to matter."""

    def make(
        architecture: str = "bert", pooling: str = "mean", activation: str = "gelu", normalized: bool = True
    ) -> SentenceTransformer:
        from transformers import PreTrainedTokenizerFast

        torch.manual_seed(0)
        tokenizer = train_tokenizer(TEXTS, vocab_size=300, min_count=1)
        size = tokenizer.get_vocab_size()
        if architecture == "distilbert":
            network = DistilBertModel(DistilBertConfig(vocab_size=size, dim=24, n_layers=1, n_heads=3, hidden_dim=40))
        else:
            config_of, model_of = {"bert": (BertConfig, BertModel), "roberta": (RobertaConfig, RobertaModel)}[
                architecture
            ]
            network = model_of(config_of(vocab_size=size, hidden_act=activation, initializer_range=0.3, **SIZES))
        for module in network.modules():
            if isinstance(module, torch.nn.Linear | torch.nn.LayerNorm):
                torch.nn.init.normal_(module.bias, std=0.3)
        network.save_pretrained(str(tmp_path))
        names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(str(tmp_path))
        parts = [Transformer(str(tmp_path), max_seq_length=32), Pooling(24, pooling_mode=pooling)]
        return SentenceTransformer(modules=[*parts, *([Normalize()] if normalized else [])], device="cpu")

    return make


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"normalized": False},
        {"pooling": "cls"},
        {"activation": "gelu_new"},
        {"activation": "relu"},
        {"architecture": "roberta"},
        {"architecture": "roberta", "pooling": "cls"},
    ],
    ids=str,
)
def test_the_vectors_are_those_of_the_library(library_model, settings) -> None:
    model = library_model(**settings)
    assert is_packable(model)
    expected = np.concatenate([model.encode([text], normalize_embeddings=True) for text in TEXTS])
    vectors = TextEncoder("small", SentenceTransformerModel(model, precision="float32")).encode(TEXTS)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert np.abs(expected - expected.mean(axis=0)).max() > 0.1  # the texts are told apart


def test_what_is_not_packed_has_the_vectors_of_the_library(library_model) -> None:
    several = library_model(pooling=("mean", "cls"))
    other = library_model("distilbert")
    dense = library_model(normalized=False)
    dense.append(Dense(24, 8))
    prompted = library_model()
    prompted.prompts, prompted.default_prompt_name = {"hat": "hat of "}, "hat"
    for model in (several, other, dense, prompted):
        assert not is_packable(model)
        expected = np.concatenate([model.encode([text], normalize_embeddings=True) for text in TEXTS])
        vectors = TextEncoder("small", SentenceTransformerModel(model, precision="float32")).encode(TEXTS)
        np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_a_batch_changes_no_vector(library_model) -> None:
    model = SentenceTransformerModel(library_model(), precision="float32")
    inputs, _ = model.tokenize(TEXTS)
    together = model.embed(inputs)
    for row, alone in enumerate(inputs):
        np.testing.assert_allclose(model.embed([alone])[0], together[row], atol=1e-5)
    np.testing.assert_allclose(model.embed(inputs[::-1])[::-1], together, atol=1e-5)


def test_bfloat16_products_with_float32_sums_drift_little(library_model) -> None:
    model = library_model()
    full, rounded = (
        TextEncoder("small", SentenceTransformerModel(model, precision=precision)).encode(TEXTS)
        for precision in ("float32", "bfloat16")
    )
    drift = 1 - np.sum(full * rounded, axis=1)
    assert 1e-8 < drift.max() < 1e-3

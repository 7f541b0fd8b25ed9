"""The packed forward pass, of PyTorch and of OpenVINO, against sentence-transformers' own, on small models with random weights."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sentence_transformers", reason="needs kinfolk[text]: sentence-transformers is not installed")

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel, RobertaConfig, RobertaModel

from kinfolk.encoders import TextEncoder, load_text_encoder
from kinfolk.encoders.affine import Affine, has_onednn_linear
from kinfolk.encoders.own_tokenizer import SPECIAL, train_tokenizer
from kinfolk.encoders.packed_attention import attend, attend_at_once, pieces_of, room_for, runs_of
from kinfolk.encoders.packed_bert import is_packable
from kinfolk.encoders.sentence_transformer import Backend, Precision, SentenceTransformerModel
from kinfolk.encoders.text import unit_rows
from kinfolk.errors import ConfigurationError, MissingExtraError

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


BACKENDS = [
    "torch",
    pytest.param(
        "openvino",
        marks=[
            pytest.mark.openvino,
            pytest.mark.skipif(
                find_spec("openvino") is None, reason="needs kinfolk[openvino]: OpenVINO is not installed"
            ),
        ],
    ),
]


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


@pytest.mark.parametrize("backend", BACKENDS)
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
def test_the_vectors_are_those_of_the_library(library_model, settings, backend: Backend) -> None:
    model = library_model(**settings)
    assert is_packable(model)
    expected = np.concatenate([model.encode([text], normalize_embeddings=True) for text in TEXTS])
    ours = SentenceTransformerModel(model, precision="float32", backend=backend)
    vectors = TextEncoder("small", ours).encode(TEXTS)
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


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_batch_and_its_order_change_no_vector(library_model, precision: Precision, backend: Backend) -> None:
    model = SentenceTransformerModel(library_model(), precision=precision, backend=backend)
    inputs, _ = model.tokenize(TEXTS)
    together = unit_rows(model.embed(inputs), TEXTS)
    alone = np.concatenate([model.embed([of]) for of in inputs])
    np.testing.assert_allclose(unit_rows(alone, TEXTS), together, atol=1e-6)
    np.testing.assert_allclose(unit_rows(model.embed(inputs[::-1])[::-1], TEXTS), together, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_bfloat16_products_with_float32_sums_drift_little(library_model, backend: Backend) -> None:
    model = library_model()
    full = TextEncoder("small", SentenceTransformerModel(model, precision="float32")).encode(TEXTS)
    rounded = TextEncoder("small", SentenceTransformerModel(model, precision="bfloat16", backend=backend)).encode(TEXTS)
    drift = 1 - np.sum(full * rounded, axis=1)
    # what OpenVINO rounds is its own affair, and on a processor without bfloat16 it rounds nothing
    assert (-1e-6 if backend == "openvino" else 1e-8) < drift.max() < 1e-3


def test_attention_at_once_is_attention() -> None:
    """The way of short texts in bfloat16 and the kernel of PyTorch, in float32, where both give the same."""
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 5, 2, 7, 4).unbind()
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value)
    torch.testing.assert_close(attend_at_once(query, key, value), expected)


def test_pieces_hold_every_token_once_and_batches_of_any_texts_have_few_shapes() -> None:
    rng = np.random.default_rng(0)
    products, rooms = set[tuple[int, int]](), set[int]()
    for _ in range(200):
        lengths = np.sort(rng.integers(3, rng.integers(5, 90), rng.integers(1, 2_000)))[::-1]
        tokens = int(lengths.sum())
        runs = list(runs_of([[0] * length for length in lengths.tolist()]))
        pieces = pieces_of(runs, at_once=True)
        assert [token for piece in pieces for token in range(tokens)[piece.tokens]] == list(range(tokens))
        assert tokens <= room_for(tokens) < tokens * 17 / 16
        products |= {(piece.length, piece.tokens.stop - piece.tokens.start) for piece in pieces if piece.at_once}
        rooms.add(room_for(tokens))
        assert pieces_of(runs, at_once=False) == [(run.tokens, run.length, False) for run in runs]
    assert all(length <= 64 for length, _ in products)
    assert max(sum(of == length for of, _ in products) for length in range(3, 65)) <= 10
    assert len(rooms) < 100


def test_attention_in_pieces_is_that_of_whole_runs() -> None:
    torch.manual_seed(0)
    heads, width, lengths = 2, 8, [6] * 5 + [3] * 7 + [2]
    runs = list(runs_of([[0] * length for length in lengths]))
    inputs = torch.randn(room_for(sum(lengths)) + 3, 3 * width)
    inputs[sum(lengths) :] = torch.nan
    found, expected = (attend(inputs, heads, pieces_of(runs, at_once=at_once)) for at_once in (True, False))
    torch.testing.assert_close(found, expected)
    assert not found[sum(lengths) :].any()


@pytest.mark.parametrize("name", ["gelu", "relu", None])
def test_a_product_laid_out_is_the_plain_one(monkeypatch: pytest.MonkeyPatch, name: str | None) -> None:
    torch.manual_seed(0)
    parts = [torch.nn.Linear(6, 5), torch.nn.Linear(6, 3)]
    activation = None if name is None else getattr(torch.nn.functional, name)
    states = torch.randn(9, 6)
    assert has_onednn_linear()
    with torch.inference_mode():
        expected = torch.cat([part(states) for part in parts], dim=1)
        expected = expected if activation is None else activation(expected)
        for is_there in (True, False):
            monkeypatch.setattr("kinfolk.encoders.affine.has_onednn_linear", lambda is_there=is_there: is_there)
            ours = Affine(parts, dtype=torch.float32, activation=activation, name=name)
            torch.testing.assert_close(ours(states), expected)


def test_a_backend_that_is_not_possible_is_one_sentence(library_model, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("kinfolk.encoders.openvino_bert.find_spec", lambda _name: None)
        with pytest.raises(MissingExtraError, match=r"pip install 'kinfolk\[openvino\]'"):
            SentenceTransformerModel(library_model(), backend="openvino")
    monkeypatch.setattr("kinfolk.encoders.openvino_bert.find_spec", lambda _name: object())
    with pytest.raises(ConfigurationError, match=r"The backend 'openvino' needs a BERT.*Leave the backend out\."):
        SentenceTransformerModel(library_model("distilbert"), backend="openvino")
    with pytest.raises(ConfigurationError, match=r"backend must be 'torch' or 'openvino'\. Got 'onnx'\."):
        load_text_encoder("minilm", backend="onnx")  # type: ignore[arg-type]

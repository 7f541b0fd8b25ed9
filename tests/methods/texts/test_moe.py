"""Mixture of experts: it begins at the dense model, costs what that costs, learns by domain, and takes new domains."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import kinfolk
from kinfolk.data.texts import Texts
from kinfolk.encoders.experts import UNKNOWN
from kinfolk.encoders.mixture_tower import MixtureTower
from kinfolk.encoders.st_folder import as_sentence_transformer
from kinfolk.encoders.text_by_name import text_tower_for
from kinfolk.encoders.text_features import encode_texts
from kinfolk.errors import ConfigurationError
from kinfolk.evaluation.reciprocal_rank import mean_reciprocal_rank
from kinfolk.methods.texts.method import TextBatch
from kinfolk.methods.texts.model import TextModel
from kinfolk.methods.texts.moe import ExpertsOfDomains, moe

pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")

ENCODER = {"width": 32, "depth": 1, "heads": 2, "max_tokens": 24, "vocab_size": 500}
RECIPE = {"epochs": 1, "batch_size": 16, "learning_rate": 1e-3}


@pytest.fixture(scope="module")
def pairs() -> Texts:
    """Texts of twenty words, and what they are in another language; domains a and b translate differently."""
    rng = np.random.default_rng(3)
    words = ["".join(rng.choice(list("abdeiklmnorstu"), 5)) for _ in range(40)]
    translated = [20 + rng.permutation(20) for _ in "ab"]
    things = [rng.choice(20, 4, replace=False) for _ in range(64)]
    here = tuple(" ".join(words[word] for word in thing) for thing in things)
    there = tuple(" ".join(words[word] for word in translated[row % 2][thing]) for row, thing in enumerate(things))
    columns = (here, there)
    return Texts(columns, np.arange(64), np.arange(64) % 2, ("a", "b"))


def train(pairs: Texts, folder: Path, **options: object) -> TextModel:
    given = {"encoder_settings": ENCODER, "recipe": RECIPE, **options}
    return kinfolk.train(pairs, method="moe", output=folder, **given)


def prepared(pairs: Texts, **settings: object) -> ExpertsOfDomains:
    torch.manual_seed(0)
    module = moe(text_tower_for(pairs.texts, "subwords", ENCODER), **settings)
    module.prepare(pairs)
    return module


def drift(tower: MixtureTower) -> MixtureTower:
    """Experts and domains that have gone apart."""
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for weight in tower.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=generator)
    return tower.eval()


def test_features_are_those_of_the_dense_model_before_training_whatever_the_domain(pairs: Texts) -> None:
    torch.manual_seed(0)
    dense = text_tower_for(pairs.texts, "subwords", ENCODER).eval()
    expected = encode_texts(dense, pairs.texts)
    tower = prepared(pairs).eval().encoder
    tokens = tower.tokens(pairs.texts)
    for expert in (0, 1, UNKNOWN):
        found = tower(tokens, torch.full((len(tokens),), expert)).detach().numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(encode_texts(tower.dense("b"), pairs.texts), expected, atol=1e-5)


def test_it_costs_what_the_dense_model_costs(pairs: Texts) -> None:
    torch.manual_seed(0)
    dense = text_tower_for(pairs.texts, "subwords", ENCODER)
    tower = prepared(pairs).encoder
    tokens = tower.tokens(pairs.texts)
    with FlopCounterMode(display=False) as of_dense:
        dense(tokens).sum().backward()
    with FlopCounterMode(display=False) as of_mixture:
        tower(tokens, tower.numbers(["a", "b"] * 32)).sum().backward()
    assert of_mixture.get_total_flops() == of_dense.get_total_flops() > 0


@pytest.mark.parametrize("layers", ["all", "middle"])
def test_the_dense_model_of_a_domain_is_the_mixture_to_its_texts(pairs: Texts, layers: str) -> None:
    tower = drift(prepared(pairs, layers=layers).encoder)
    tokens = tower.tokens(pairs.texts)
    found = []
    for expert, name in ((0, "a"), (1, "b"), (UNKNOWN, None)):
        expected = tower(tokens, torch.full((len(tokens),), expert)).detach().numpy()
        found.append(encode_texts(tower.dense(name), pairs.texts))
        np.testing.assert_allclose(found[-1], expected, atol=1e-4)
    assert np.abs(found[0] - found[1]).max() > 0.01


def test_texts_are_encoded_by_their_domain_and_unknown_ones_by_the_mean(pairs: Texts, tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    model = TextModel(drift(prepared(pairs).encoder), {"encoder": "subwords", "encoder_settings": ENCODER})
    texts, domains = list(pairs.texts[:4]), ["b", "a", "nowhere", "b"]
    vectors = model.encode(texts, domains=domains)
    np.testing.assert_allclose(vectors[2], model.encode(texts)[2], atol=1e-6)
    assert np.abs(vectors - model.encode(texts)).max() > 0.01
    of_b = as_sentence_transformer(model.encoder.dense("b"), tmp_path / "b").encode(texts)
    np.testing.assert_allclose(vectors[[0, 3]], of_b[[0, 3]], atol=1e-5)
    model.save(tmp_path / "model")
    loaded = TextModel.load(tmp_path / "model")
    assert loaded.encoder.domains == ("a", "b")
    np.testing.assert_array_equal(loaded.encode(texts, domains=domains), vectors)
    theirs = library.SentenceTransformer(str(tmp_path / "model"), device="cpu").encode(texts)
    np.testing.assert_allclose(theirs, loaded.encode(texts), atol=1e-5)

    table = pa.table({"text": texts, "domain": ["b", "a", "", "b"]})
    found = kinfolk.embed(table, model=tmp_path / "model", column="text", label="domain")
    np.testing.assert_array_equal(found.array, vectors)
    assert found.notes == ("1 texts are of no domain that the model knows; the mean of its experts took them.",)
    with pytest.raises(ConfigurationError, match="domains must be one for each of the 4 texts. Got 1"):
        model.encode(texts, domains=["a"])


def test_training_finds_pairs_better_than_the_dense_start(pairs: Texts, tmp_path: Path) -> None:
    start = TextModel(prepared(pairs).eval().encoder, {})
    model = train(pairs, tmp_path, recipe={**RECIPE, "epochs": 20, "learning_rate": 3e-3})
    domains = [pairs.label_names[label] for label in pairs.labels]
    before, after = (
        mean_reciprocal_rank(*(of.encode(column, domains=domains) for column in pairs.columns)) for of in (start, model)
    )
    assert before < 0.2
    assert after > 0.5
    first, second = (model.encode(pairs.texts, domains=[name] * len(pairs)) for name in "ab")
    assert np.abs(first - second).max() > 0.01, "experts have gone apart"


def test_what_is_measured_before_and_after_goes_through_the_expert_of_its_domain(pairs: Texts, tmp_path: Path) -> None:
    first = TextModel(drift(prepared(pairs).encoder), {"encoder": "subwords", "encoder_settings": ENCODER})
    first.save(tmp_path / "first")
    options = {"encoder": str(tmp_path / "first"), "encoder_settings": {}, "recipe": {**RECIPE, "learning_rate": 1e-30}}
    still = train(pairs, tmp_path / "still", report=True, **options)
    assert still.domains_of(pairs) == pairs.named_labels == ("a", "b") * 32
    here, there = (first.encode(column, domains=("a", "b") * 32) for column in pairs.columns)
    expected = np.square(here - there).sum(1).mean()
    for measured in (still.about["before"], still.about["measures"]):
        assert measured["alignment"] == pytest.approx(expected, rel=1e-4)
    lists = re.findall(r"<ol>.*?</ol>", (tmp_path / "still" / "report.html").read_text("utf-8"))
    assert lists
    assert lists[::2] == lists[1::2], "neighbors before and after, without learning"
    with pytest.raises(ConfigurationError, match="a mixture of experts, which goes on as it is. Leave out layers"):
        train(pairs, tmp_path / "fewer", **{**options, "encoder_settings": {"layers": 1}})


def test_a_domain_added_later_leaves_the_others_as_they_are(pairs: Texts, tmp_path: Path) -> None:
    first = train(pairs, tmp_path / "first")
    new = Texts(pairs.columns, pairs.rows, np.zeros(64, np.int64), ("c",))
    wider = train(
        new, tmp_path / "wider", encoder=str(tmp_path / "first"), encoder_settings={},
        settings={"shared": False, "like": "b"},
    )  # fmt: skip
    assert wider.encoder.domains == ("a", "b", "c")
    domains = ["a", "b"] * 32
    np.testing.assert_array_equal(
        wider.encode(pairs.texts, domains=domains), first.encode(pairs.texts, domains=domains)
    )
    of_c, of_b = (wider.encode(pairs.texts, domains=[name] * 64) for name in "cb")
    assert np.abs(of_c - of_b).max() > 1e-3, "the new one has learned"
    tower = MixtureTower.load(tmp_path / "first")
    tower.add_domain("d", like="b")
    np.testing.assert_array_equal(
        encode_texts(tower.dense("d"), pairs.texts), encode_texts(tower.dense("b"), pairs.texts)
    )
    with pytest.raises(ConfigurationError, match="a domain 'd' already"):
        tower.add_domain("d", like="b")
    with pytest.raises(ConfigurationError, match="like must be a domain of the mixture: a, b, d. Got 'e'"):
        tower.add_domain("f", like="e")


def test_the_loss_does_not_depend_on_the_order_of_items(pairs: Texts, rng: np.random.Generator) -> None:
    module = prepared(pairs).eval()
    drift(module.encoder)
    order = rng.permutation(64)
    batch = TextBatch(pairs.columns, pairs.rows, pairs.labels)
    shuffled = TextBatch(
        tuple(tuple(column[row] for row in order) for column in pairs.columns), order, pairs.labels[order]
    )
    torch.testing.assert_close(
        module.loss(shuffled, torch.Generator()), module.loss(batch, torch.Generator()), rtol=1e-4, atol=1e-5
    )


def test_batches_are_of_one_domain_unless_they_are_to_be_mixed(pairs: Texts) -> None:
    numbers, names = prepared(pairs).corpora(pairs)
    np.testing.assert_array_equal(numbers, pairs.labels)
    assert names == pairs.label_names
    languages = replace(pairs, corpora=np.arange(64) % 4, corpus_names=("d", "e", "f", "g"))
    with pytest.raises(ConfigurationError, match="leave no choice of a corpus"):
        prepared(pairs).corpora(languages)
    mixed = prepared(pairs, mixed=True)
    assert mixed.corpora(pairs) == (None, ())
    assert mixed.corpora(languages) == (languages.corpora, languages.corpus_names)


@pytest.mark.parametrize("routing", ["token-top-k", "sentence-top-k", "sentence-switch"])
def test_gates_learn_and_need_no_domain_afterwards(pairs: Texts, tmp_path: Path, routing: str) -> None:
    module = prepared(pairs, routing=routing)
    module.loss(TextBatch(pairs.columns, pairs.rows, pairs.labels), torch.Generator()).backward()
    gates = [weight for name, weight in module.encoder.named_parameters() if name.endswith("gate.weight")]
    assert gates
    assert all(gate.grad.any() for gate in gates)
    model = train(pairs, tmp_path, settings={"routing": routing})
    texts = list(pairs.texts[:5])
    np.testing.assert_array_equal(TextModel.load(tmp_path).encode(texts), model.encode(texts))
    assert not (tmp_path / "modules.json").exists(), "sentence-transformers has no gates"
    with pytest.raises(ConfigurationError, match="domains are for a mixture of experts by domain"):
        model.encode(texts, domains=["a"] * 5)
    with pytest.raises(ConfigurationError, match="holds no dense model of a domain"):
        model.encoder.dense("a")
    with pytest.raises(ConfigurationError, match="finds its experts by itself. Give no domains"):
        model.encoder(model.encoder.tokens(texts), torch.zeros(5, dtype=torch.int64))


def test_what_is_not_possible_is_refused(pairs: Texts, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Got a TokenBag"):
        train(pairs, tmp_path, encoder="bag", encoder_settings={})
    with pytest.raises(ConfigurationError, match="learns from labels"):
        train(Texts(pairs.columns, pairs.rows), tmp_path)
    alone = Texts(pairs.columns, pairs.rows, np.append(np.zeros(63, np.int64), 1), ("a", "b"))
    with pytest.raises(ConfigurationError, match="Of the 1 items of 'b' no two may stand in one"):
        train(alone, tmp_path)
    tower = prepared(pairs).encoder
    with pytest.raises(ConfigurationError, match="2 different names, one an expert. Got"):
        MixtureTower(tower.mixture, tower.tokenizer, ["a", "a"], max_tokens=8)
    with pytest.raises(ConfigurationError, match="has no domains.json"):
        MixtureTower.load(tmp_path)

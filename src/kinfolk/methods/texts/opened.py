"""A text encoder by its name: trained here, a folder of sentence-transformers, or a name on the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from kinfolk.encoders import TextEncoder, load_text_encoder
from kinfolk.encoders.mixture_tower import DOMAINS
from kinfolk.encoders.sentence_transformer import Backend
from kinfolk.encoders.token_bag import SETTINGS as BAG
from kinfolk.errors import ConfigurationError
from kinfolk.methods.texts.model import ABOUT, TextModel


def open_text_encoder(name: str | Path, *, backend: Backend = "torch") -> TextModel | TextEncoder:
    """Open a text encoder.

    Args:
        name: the folder of a model that ``kinfolk train`` wrote, or see ``load_text_encoder``.
        backend: what computes, see there.

    Raises:
        DataError, ConfigurationError: there is no such model, or it cannot be read.
        MissingExtraError: what it needs is not installed.
    """
    folder = Path(name).expanduser()
    # sentence-transformers reads no model over characters, does not cut what a bag is given, and knows no domains
    only_ours = any((folder / file).exists() for file in (BAG, DOMAINS)) or not (folder / "modules.json").exists()
    if not only_ours or not (folder / ABOUT).exists():
        return load_text_encoder(name, backend=backend)
    if backend != "torch":
        raise ConfigurationError(
            f"The backend {backend!r} takes models of the format of sentence-transformers. {name} is one over characters, a bag of "
            "tokens or a mixture by domain: leave the backend out."
        )
    return TextModel.load(folder)

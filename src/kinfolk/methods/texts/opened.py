"""A text encoder by its name: trained here, a folder of sentence-transformers, or a name on the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from kinfolk.encoders import TextEncoder, load_text_encoder
from kinfolk.encoders.mixture_tower import DOMAINS
from kinfolk.encoders.token_bag import SETTINGS as BAG
from kinfolk.methods.texts.model import ABOUT, TextModel


def open_text_encoder(name: str | Path) -> TextModel | TextEncoder:
    """Open a text encoder.

    Args:
        name: the folder of a model that ``kinfolk train`` wrote, or see ``load_text_encoder``.

    Raises:
        DataError, ConfigurationError: there is no such model, or it cannot be read.
        MissingExtraError: what it needs is not installed.
    """
    folder = Path(name).expanduser()
    # sentence-transformers reads no model over characters, does not cut what a bag is given, and knows no domains
    only_ours = any((folder / file).exists() for file in (BAG, DOMAINS)) or not (folder / "modules.json").exists()
    return TextModel.load(folder) if only_ours and (folder / ABOUT).exists() else load_text_encoder(name)

"""A text tower by its name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from kinfolk.encoders.characters import CharacterTransformer
from kinfolk.encoders.subwords import SubwordTransformer, load_subword_transformer
from kinfolk.encoders.token_bag import SETTINGS, TokenBag
from kinfolk.errors import ConfigurationError, MissingExtraError

CHARACTERS = "characters"
TextTower = CharacterTransformer | SubwordTransformer | TokenBag
_SETTINGS = {
    CHARACTERS: ("width", "depth", "heads", "max_characters", "buckets"),
    "a trained model": ("max_tokens",),
}


def text_tower(name: str, settings: Mapping[str, int]) -> TextTower:
    """Make a text tower.

    Args:
        name: "characters", trained from scratch; the folder of a ``TokenBag``; or a text model of transformers, see
            ``load_subword_transformer``, such as the folder of one from scratch, see ``scratch_subword_transformer``.
        settings: of that tower.

    Raises:
        ConfigurationError: a setting that it does not have, or is not possible; no such model.
        MissingExtraError: transformers is not installed, and the model is one of its.
    """
    known = _SETTINGS[CHARACTERS if name == CHARACTERS else "a trained model"]
    for setting in settings:
        if setting not in known:
            raise ConfigurationError(f"The text tower {name!r} has no setting {setting!r}. It has: {', '.join(known)}.")
    if name == CHARACTERS:
        return CharacterTransformer(**settings)
    if find_spec("transformers") is None:
        raise MissingExtraError(f"The text tower {name!r}", "text")
    if (Path(name).expanduser() / SETTINGS).is_file():
        return TokenBag.load(Path(name).expanduser(), **settings)
    return load_subword_transformer(name, **settings)

"""A text tower by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from kinfolk.encoders.characters import CharacterTransformer
from kinfolk.encoders.layer_pruning import prune_layers
from kinfolk.encoders.mixture_tower import MixtureTower
from kinfolk.encoders.subword_scratch import scratch_subword_transformer
from kinfolk.encoders.subwords import SubwordTransformer, load_subword_transformer
from kinfolk.encoders.token_bag import SETTINGS, TokenBag
from kinfolk.errors import ConfigurationError, MissingExtraError

CHARACTERS, SUBWORDS, BAG = "characters", "subwords", "bag"
_TRAINED, _TRAINED_BAG = "a trained model", "a trained bag"
TextTower = CharacterTransformer | SubwordTransformer | TokenBag | MixtureTower
_SETTINGS = {
    CHARACTERS: ("width", "depth", "heads", "max_characters", "buckets"),
    SUBWORDS: ("width", "depth", "heads", "max_tokens", "vocab_size", "min_count"),
    BAG: ("width", "max_tokens", "vocab_size", "min_count"),
    _TRAINED: ("max_tokens", "layers"),
    _TRAINED_BAG: ("max_tokens",),
}


def text_tower(name: str, settings: Mapping[str, int]) -> TextTower:
    """Make a text tower.

    Args:
        name: "characters", trained from scratch; the folder of a ``TokenBag``; or a text model of transformers, see
            ``load_subword_transformer``, such as the folder of one from scratch, see ``scratch_subword_transformer``.
        settings: of that tower; of a text model of transformers ``max_tokens``, and ``layers``, how many of its layers are
            kept (see ``prune_layers``).

    Raises:
        ConfigurationError: a setting that it does not have, or is not possible; no such model.
        MissingExtraError: transformers is not installed, and the model is one of its.
    """
    folder = Path(name).expanduser()
    is_bag = (folder / SETTINGS).is_file()
    _check_settings(name, settings, _TRAINED_BAG if is_bag else name)
    if name == CHARACTERS:
        return CharacterTransformer(**settings)
    if find_spec("transformers") is None:
        raise MissingExtraError(f"The text tower {name!r}", "text")
    if is_bag:
        return TokenBag.load(folder, **settings)
    tower = load_subword_transformer(name, **{key: value for key, value in settings.items() if key != "layers"})
    return prune_layers(tower, keep=settings["layers"]) if "layers" in settings else tower


def text_tower_for(texts: Sequence[str], name: str, settings: Mapping[str, int]) -> TextTower:
    """Make a text tower that is to learn from texts.

    Args:
        texts: from which "subwords" and "bag" take their vocabulary.
        name: "subwords", a small transformer from scratch; "bag", a mean of tokens from scratch; or see ``text_tower``.
        settings: of that tower.

    Raises:
        ConfigurationError, MissingExtraError: see ``text_tower``.
    """
    if name not in (SUBWORDS, BAG):
        return text_tower(name, settings)
    _check_settings(name, settings, name)
    return scratch_subword_transformer(texts, **settings) if name == SUBWORDS else TokenBag.of_texts(texts, **settings)


def is_trained(name: str) -> bool:
    """Whether the tower of this name has been trained before, and is not made from scratch."""
    return name not in (CHARACTERS, SUBWORDS, BAG)


def _check_settings(name: str, settings: Mapping[str, int], kind: str) -> None:
    known = _SETTINGS.get(kind, _SETTINGS[_TRAINED])
    for setting in settings:
        if setting not in known:
            raise ConfigurationError(f"The text tower {name!r} has no setting {setting!r}. It has: {', '.join(known)}.")

"""Labels as vectors: the mean of the embeddings that a tower has for the words of their names.

A tower makes its texts of these embeddings, too. So the name of a label that no training has shown has a vector.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from kinfolk.encoders.characters import CharacterTransformer
from kinfolk.encoders.text_by_name import TextTower
from kinfolk.encoders.token_bag import TokenBag
from kinfolk.errors import ConfigurationError
from kinfolk.objectives import label_embeddings

_MOST = 64  # tokens of a name


def label_vectors(tower: TextTower, names: Sequence[str]) -> Tensor:
    """Vectors of labels by a tower as it is now, with gradients, (labels, dim).

    Args:
        tower: over subwords.
        names: of labels, each with a word that the tower has a token for.

    Raises:
        ConfigurationError: a name without such a word, or a tower without embeddings of words.
    """
    words = word_embeddings(tower)
    return label_embeddings(words, tower.pieces(names, most=_MOST).to(words.device))


def word_embeddings(tower: TextTower) -> Tensor:
    """The embeddings of what the texts of a tower are made of, (vocabulary, dim).

    Raises:
        ConfigurationError: it has none, or they are of another width than its texts.
    """
    if isinstance(tower, CharacterTransformer):
        raise ConfigurationError(
            "Labels are embedded by their words. Got a tower over characters: take subwords or bag."
        )
    words = tower.embeddings if isinstance(tower, TokenBag) else tower.model.get_input_embeddings().weight
    if words.shape[1] != tower.dim:
        raise ConfigurationError(
            f"Embeddings of words must be as wide as texts, {tower.dim}. Got {words.shape[1]}. Take another encoder."
        )
    return words

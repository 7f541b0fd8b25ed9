"""Texts as a careless eye or a scanner would read them: characters changed, lost, added, swapped, pieces cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from kinfolk.errors import ConfigurationError

_KINDS = 4  # change, lose, add, swap with the next


def alphabet_of(texts: Sequence[str]) -> str:
    """The characters of texts, the frequent ones first; what is read wrong is read as one of them."""
    counts = Counter(character for text in texts for character in text if not character.isspace())
    return "".join(sorted(counts, key=lambda character: (-counts[character], character)))


def misread(texts: Sequence[str], rate: float, *, alphabet: str, rng: np.random.Generator) -> tuple[str, ...]:
    """Texts with errors in their characters.

    Args:
        texts: to be misread.
        rate: share of the characters at which something goes wrong, in [0, 1]: one of four faults, equally often.
        alphabet: what a wrong or an added character is drawn from, all alike; where it is empty, characters are lost.
        rng: where random numbers come from.

    Returns:
        As many texts. None of them is emptied: the last character stays.

    Raises:
        ConfigurationError: a rate outside [0, 1].
    """
    if not 0 <= rate <= 1:
        raise ConfigurationError(f"rate must be in [0, 1]. Got {rate}.")
    out = []
    for text in texts:
        wrong = rng.random(len(text)) < rate
        if not wrong.any():
            out.append(text)
            continue
        kinds = rng.integers(_KINDS, size=len(text))
        drawn = rng.integers(max(1, len(alphabet)), size=len(text))
        pieces: list[str] = []
        for at, character in enumerate(text):
            if not wrong[at]:
                pieces.append(character)
            elif kinds[at] == 0 and alphabet:
                pieces.append(alphabet[drawn[at]])
            elif kinds[at] == 2 and alphabet:
                pieces += [character, alphabet[drawn[at]]]
            elif kinds[at] == 3 and pieces:
                pieces.insert(-1, character)
        out.append("".join(pieces) if "".join(pieces).strip() else text)
    return tuple(out)

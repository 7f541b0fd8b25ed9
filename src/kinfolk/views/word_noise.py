"""Texts with words lost, said twice, or in another order: views whose meaning is nearly the same, or is not.

Words are what stands between spaces; what was between them becomes one space. For a language that is written without
spaces take the tokens of its tokenizer and ``delete_tokens``.

Source: Wei & Zou, "EDA: easy data augmentation techniques for boosting performance on text classification tasks", EMNLP
2019, arXiv 1901.11196 (deletion and swap); Wu et al., "ESimCSE", COLING 2022, arXiv 2109.04380 (repetition, which changes
the length of a text and not what it says). There the number of changes is set by the length of a text; here a word is
changed with the same probability in any.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinfolk.views.draws import check_shares


def delete_words(texts: Sequence[str], rate: float = 0.1, *, rng: np.random.Generator) -> tuple[str, ...]:
    """Texts without some of their words.

    Args:
        texts: any texts.
        rate: probability that a word is lost, in [0, 1]; each alone. A text that would lose all keeps one of them.
        rng: where random numbers come from.

    Raises:
        ConfigurationError: a rate outside [0, 1].
    """
    check_shares(rate=rate)
    out = []
    for text in texts:
        words = text.split()
        drawn = rng.random(len(words))
        kept = [word for word, number in zip(words, drawn, strict=True) if number >= rate]
        out.append(" ".join(kept if kept or not words else [words[int(drawn.argmax())]]))
    return tuple(out)


def repeat_words(texts: Sequence[str], rate: float = 0.1, *, rng: np.random.Generator) -> tuple[str, ...]:
    """Texts in which some words stand twice, one after the other.

    Args:
        texts: any texts.
        rate: probability that a word is repeated, in [0, 1]; each alone.
        rng: where random numbers come from.

    Raises:
        ConfigurationError: a rate outside [0, 1].
    """
    check_shares(rate=rate)
    out = []
    for text in texts:
        words = text.split()
        times = 1 + (rng.random(len(words)) < rate)
        out.append(" ".join(word for word, number in zip(words, times, strict=True) for _ in range(number)))
    return tuple(out)


def swap_words(texts: Sequence[str], rate: float = 0.1, *, rng: np.random.Generator) -> tuple[str, ...]:
    """Texts in which some words have changed places: the same words, perhaps with another meaning.

    Args:
        texts: any texts.
        rate: probability that a word changes places with another of its text, drawn at random, in [0, 1]; each alone.
        rng: where random numbers come from.

    Raises:
        ConfigurationError: a rate outside [0, 1].
    """
    check_shares(rate=rate)
    out = []
    for text in texts:
        words = text.split()
        if len(words) > 1:
            for first in np.flatnonzero(rng.random(len(words)) < rate):
                second = (first + rng.integers(1, len(words))) % len(words)
                words[first], words[second] = words[second], words[first]
        out.append(" ".join(words))
    return tuple(out)

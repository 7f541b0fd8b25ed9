"""Texts that a training does not learn from, so that one can look at what it makes of new ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError

Rows = npt.NDArray[np.int64]
_SHARE, _MOST = 100, 100  # one text in so many, and no more than that


def hold_out(texts: Sequence[str], num: int | None, *, seed: int) -> tuple[Rows, Rows]:
    """Rows to learn from, rising, and rows that are held out, in random order; the same texts and seed give the same rows.

    A text that is there twice is never held out, for it would be learned from all the same.

    Args:
        texts: all there are.
        num: to hold out, at least 0; None takes one in a hundred, 100 at most.
        seed: of the draw.

    Raises:
        ConfigurationError: more than half of the texts would be held out.
    """
    wanted = min(len(texts) // _SHARE, _MOST) if num is None else num
    if not 0 <= wanted <= len(texts) // 2:
        raise ConfigurationError(f"held_out must be in [0, {len(texts) // 2}], half of the texts. Got {wanted}.")
    times = Counter(texts)
    single = np.array([row for row, text in enumerate(texts) if times[text] == 1], np.int64)
    held = np.random.default_rng(seed).permutation(single)[:wanted]
    return np.setdiff1d(np.arange(len(texts)), held), held

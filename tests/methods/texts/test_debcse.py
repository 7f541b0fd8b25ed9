"""What is drawn for a text, and an encoder that tells no texts apart."""

import numpy as np
import pytest
import torch

from kinfolk.data.texts import Texts
from kinfolk.encoders.text_by_name import text_tower_for
from kinfolk.errors import ConfigurationError
from kinfolk.methods import methods
from kinfolk.methods.texts.method import TextBatch

pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")

TEXTS = tuple(f"{animal} {verb} {place}" for animal in ("cats", "dogs", "birds", "fish")
              for verb in ("sleep", "eat", "play") for place in ("outside today", "in the old house"))  # fmt: skip


def test_an_encoder_to_which_all_texts_are_alike_is_refused():
    torch.manual_seed(0)
    tower = text_tower_for(TEXTS, "subwords", {"width": 16, "depth": 1, "heads": 2})
    method = methods()["debcse"].make(tower, e_false=0.4)  # an untrained encoder has positive cosines
    with pytest.raises(ConfigurationError, match=r"100% of the texts are too alike.*Begin with a trained encoder"):
        method.prepare(Texts((TEXTS,), np.arange(len(TEXTS))))


def test_the_nearest_texts_are_candidates_and_the_text_itself_is_none():
    torch.manual_seed(0)
    tower = text_tower_for(TEXTS, "subwords", {"width": 16, "depth": 1, "heads": 2})
    method = methods()["debcse"].make(tower, num_candidates=5, e_false=1.0)
    method.prepare(Texts((TEXTS,), np.arange(len(TEXTS))))
    rows = np.array([3, 7])
    batch = TextBatch((tuple(TEXTS[row] for row in rows),), rows)
    texts, vectors = method._candidates(batch, method._vectors[rows], np.random.default_rng(0))
    for of, row, its in zip(texts, rows, vectors, strict=True):
        assert len(of) == 3 + 5
        assert TEXTS[row] not in of[3:]
        cosines = method._vectors @ method._vectors[row]
        cosines[row] = -1
        assert set(of[3:]) == {TEXTS[at] for at in np.argsort(-cosines)[:5]}
        np.testing.assert_allclose(its[3:] @ method._vectors[row], np.sort(cosines)[::-1][:5], atol=1e-5)

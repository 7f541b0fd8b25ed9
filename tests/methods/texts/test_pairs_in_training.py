"""Pairs with negatives in training: what the loss is, who is masked, what is checked, and that a stop changes nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kinfolk.data.texts import Texts
from kinfolk.encoders.text_by_name import text_tower_for
from kinfolk.errors import ConfigurationError
from kinfolk.methods import find_method
from kinfolk.methods.fit import train
from kinfolk.methods.texts.check import check_pairs
from kinfolk.methods.texts.method import TextBatch, TextMethod
from kinfolk.objectives import MultipleNegativesRanking

pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")

ENCODER = {"width": 16, "depth": 1, "heads": 2, "max_tokens": 16, "vocab_size": 300}


@pytest.fixture
def pairs(rng) -> Texts:
    """48 pairs about six matters of two corpora."""
    words = ["".join(rng.choice(list("abdeiklmnorstu"), 5)) for _ in range(60)]
    matters = np.arange(48) % 6
    columns = tuple(tuple(" ".join(rng.choice(words[10 * m : 10 * m + 10], 4)) for m in matters) for _ in range(2))
    return Texts(columns, np.arange(48), groups=np.full(48, -1), corpora=matters % 2, corpus_names=("a", "b"))


def contriever(texts: Texts, **settings: object) -> TextMethod:
    torch.manual_seed(0)
    module = find_method("contriever").make(text_tower_for(texts.texts, "subwords", ENCODER), **settings)
    assert isinstance(module, TextMethod)
    return module.eval()  # without dropout


def test_contriever_learns_from_the_batch_alone_where_there_are_negatives(pairs: Texts) -> None:
    module = contriever(pairs, queue_size=32, temperature=0.1)
    columns = (pairs.columns[0][:6], pairs.columns[1][:6], pairs.columns[1][6:12])
    loss = module.loss(TextBatch(columns, np.arange(6)), torch.Generator())
    expected = MultipleNegativesRanking(0.1)(*(module.features(column) for column in columns))
    torch.testing.assert_close(loss, expected)
    logits = torch.nn.functional.normalize(module.features(columns[0]))
    documents = torch.nn.functional.normalize(module.features([*columns[1], *columns[2]]))
    slow = torch.nn.functional.cross_entropy(logits @ documents.T / 0.1, torch.arange(6))
    torch.testing.assert_close(loss, slow, atol=1e-5, rtol=1e-5)


def test_earlier_keys_of_a_group_are_no_negatives(pairs: Texts) -> None:
    """With all of the queue in one group the loss is that of a query without any negative: 0."""
    module = contriever(pairs, queue_size=8).train()
    columns = tuple(column[:8] for column in pairs.columns)
    first = TextBatch(columns, np.arange(8), of_group=np.zeros(8, np.int64))
    module.loss(first, torch.Generator())
    again = module.loss(first, torch.Generator())
    assert again.item() == 0
    others = module.loss(replace(first, of_group=np.ones(8, np.int64)), torch.Generator())
    assert others.item() > 0


def test_the_check_finds_pairs_near_that_are_equal_and_nothing_where_there_are_none(pairs: Texts) -> None:
    module = contriever(pairs)
    equal = Texts((pairs.texts, pairs.texts), pairs.rows)
    found = check_pairs(module, equal, np.arange(48), 10, seed=0)
    assert found is not None
    assert (found.share, found.pairs) == (0, 48)
    assert check_pairs(module, equal, np.arange(48), 48, seed=0) == found, "whatever the batches"
    alone = find_method("simcse").make(module.encoder)
    assert isinstance(alone, TextMethod)
    assert check_pairs(alone, Texts((pairs.texts,), pairs.rows), np.arange(48), 8, seed=0) is None


@pytest.mark.parametrize("name", ["simcse", "contriever"])
def test_a_training_with_mined_negatives_that_was_stopped_ends_with_the_same_weights(
    name: str, pairs: Texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six batches an epoch; stopped before the third of epoch 2, it goes on there."""
    options = {
        "method": name, "recipe": {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3}, "encoder_settings": ENCODER,
        "mine": "bm25", "mining": {"pool": 3}, "sampling_coefficient": 0.5, "checkpoint_minutes": 1e-9,
    }  # fmt: skip
    seen: list[tuple[tuple[str, ...], ...]] = []
    step, stopping = TextMethod.training_step, False

    def watched(self: TextMethod, batch: TextBatch, batch_idx: int) -> torch.Tensor:
        if stopping and (self.current_epoch, batch_idx) == (1, 2):
            raise KeyboardInterrupt
        seen.append(batch.columns)
        return step(self, batch, batch_idx)

    monkeypatch.setattr(TextMethod, "training_step", watched)
    whole = train(pairs, output=tmp_path / "whole", **options)
    undisturbed, seen = seen, []
    stopping = True
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train(pairs, output=tmp_path / "stopped", **options)
    stopping = False
    resumed = train(pairs, output=tmp_path / "stopped", **options)
    assert seen == undisturbed
    for (key, one), other in zip(
        whole.encoder.state_dict().items(), resumed.encoder.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), key
    corpus_of = dict(zip(pairs.texts, pairs.corpora.tolist(), strict=True))
    for texts, positives, negatives in undisturbed:
        assert len({corpus_of[text] for text in texts}) == 1
        assert len({*texts, *positives}) == 16
        assert set(negatives) <= set(pairs.columns[1])
        assert {*texts, *positives}.isdisjoint(negatives), "a mined negative is nobody's positive in its batch"


def test_a_method_without_negatives_refuses_to_mine(pairs: Texts, tmp_path: Path) -> None:
    alone = Texts((pairs.texts,), pairs.rows)
    with pytest.raises(ConfigurationError, match="debcse makes no use of negatives"):
        train(alone, method="debcse", output=tmp_path, mine="bm25", encoder_settings=ENCODER)


def test_a_vocabulary_from_scratch_holds_the_words_of_what_belongs_to_the_texts(tmp_path: Path) -> None:
    """Questions in one language and answers in another: a frequent word of either is one token."""
    columns = tuple(tuple(f"{word} {number}" for number in range(8)) for word in ("house", "здание"))
    model = train(
        Texts(columns, np.arange(8)),
        method="simcse",
        output=tmp_path,
        encoder_settings=ENCODER,
        recipe={"epochs": 1, "batch_size": 4},
        held_out=0,
    )
    assert [len(model.encoder.tokenizer.tokenize(word)) for word in ("house", "здание")] == [1, 1]

"""What every registered method over texts keeps to: it learns, it resumes to the same weights, it is saved and read back."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch

from kinfolk.data.texts import Texts
from kinfolk.encoders.text_by_name import text_tower_for
from kinfolk.errors import ConfigurationError
from kinfolk.methods import methods
from kinfolk.methods.fit import train
from kinfolk.methods.texts.method import TextBatch, TextMethod
from kinfolk.methods.texts.model import TextModel

pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")

NAMES = list(methods("texts"))
ENCODER = {"width": 32, "depth": 1, "heads": 2, "max_tokens": 24, "vocab_size": 400}
RECIPE = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-3}
BAD = {float: ("much", [], "nan"), int: (1.5, "few", []), bool: ("perhaps", 2), str: (3, "no such word")}


@pytest.fixture(scope="module")
def texts() -> Texts:
    """Sentences of made-up words about four matters, each with another about the same one, and the matter as label."""
    rng = np.random.default_rng(5)
    words = ["".join(rng.choice(list("abdeiklmnorstu"), rng.integers(3, 7))) for _ in range(60)]
    labels = np.tile([0, 0, 1, 2, 3], 16)  # in batches of 16, as many of one label as of mixed ones

    def sentence(matter: int) -> str:
        return " ".join(rng.choice(words[15 * matter : 15 * matter + 15], 14))

    columns = tuple(tuple(sentence(matter) for matter in labels) for _ in range(2))
    return Texts(columns, np.arange(80), labels, ("a", "b", "c", "d"))


def fitting(name: str, texts: Texts) -> Texts:
    """The texts without what the method does not need."""
    entry = methods()[name]
    return Texts(texts.columns[:1], texts.rows, texts.labels if entry.labels else None, texts.label_names)


def small(name: str) -> dict[str, object]:
    chosen = {"queue_size": 32, "num_candidates": 8, "e_false": 1.0}  # an untrained encoder finds all texts alike
    return {setting: value for setting, value in chosen.items() if setting in methods()[name].settings()}


@pytest.mark.parametrize("name", ["whitenedcse", "debcse"])
def test_texts_that_a_method_does_not_read_are_refused(name: str, texts: Texts, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"The method {name} makes no use of positive"):
        train(texts, method=name, output=tmp_path, recipe=RECIPE, encoder_settings=ENCODER)


@pytest.mark.parametrize("name", NAMES)
class TestEveryMethod:
    def test_says_what_it_is(self, name: str) -> None:
        entry = methods()[name]
        assert entry.summary.endswith(".")
        assert "arXiv" in entry.paper
        assert "Source:" in (inspect.getmodule(entry.make).__doc__ or "")

    def test_every_setting_is_checked(self, name: str, texts: Texts, tmp_path: Path) -> None:
        for setting, (kind, _) in methods()[name].settings().items():
            for value in BAD[kind]:
                with pytest.raises(ConfigurationError, match=rf"{setting}.*Got"):
                    train(
                        fitting(name, texts), method=name, output=tmp_path, recipe=RECIPE, settings={setting: value},
                        encoder_settings=ENCODER,
                    )  # fmt: skip

    def test_loss_falls_on_one_batch(self, name: str, texts: Texts) -> None:
        torch.manual_seed(0)
        own = fitting(name, texts)
        module = methods()[name].make(text_tower_for(own.texts, "subwords", ENCODER), **small(name))
        assert isinstance(module, TextMethod)
        module.prepare(own)
        module.steps = 40
        batch = TextBatch(
            tuple(column[:32] for column in own.columns), own.rows[:32], None if own.labels is None else own.labels[:32]
        )
        optimizer = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], lr=2e-3)
        values = []
        for _ in range(40):
            module.before_step(0.5)
            torch.manual_seed(3)
            loss = module.loss(batch, torch.Generator().manual_seed(3))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            module.after_step()
            values.append(loss.item())
        assert np.isfinite(values).all()
        assert np.mean(values[-5:]) < np.mean(values[5:10])

    def test_a_training_stopped_within_an_epoch_ends_with_the_weights_of_an_undisturbed_one(
        self, name: str, texts: Texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Five batches an epoch; stopped before the fourth of epoch 2, it goes on there."""
        options = {
            "method": name, "settings": small(name), "recipe": RECIPE, "encoder_settings": ENCODER,
            "checkpoint_minutes": 1e-9,
        }  # fmt: skip
        whole = train(fitting(name, texts), output=tmp_path / "whole", **options)
        step, done = TextMethod.training_step, list[tuple[int, int]]()

        def counted(self: TextMethod, batch: TextBatch, batch_idx: int) -> torch.Tensor:
            if not done and (self.current_epoch, batch_idx) == (1, 3):
                raise KeyboardInterrupt
            if stopped:
                done.append((self.current_epoch, batch_idx))
            return step(self, batch, batch_idx)

        stopped = False
        monkeypatch.setattr(TextMethod, "training_step", counted)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            train(fitting(name, texts), output=tmp_path / "stopped", **options)
        stopped = True
        done.append((-1, -1))
        resumed = train(fitting(name, texts), output=tmp_path / "stopped", **options)
        assert done[1:] == [(1, 3), (1, 4)], "only what was missing is done"
        for (key, one), other in zip(
            whole.encoder.state_dict().items(), resumed.encoder.state_dict().values(), strict=True
        ):
            assert torch.equal(one, other), key

    def test_a_saved_model_gives_the_same_vectors_and_those_of_sentence_transformers(
        self, name: str, texts: Texts, tmp_path: Path
    ) -> None:
        library = pytest.importorskip("sentence_transformers")
        recipe = {**RECIPE, "epochs": 1}
        model = train(
            fitting(name, texts), method=name, output=tmp_path, settings=small(name), recipe=recipe,
            encoder_settings=ENCODER,
        )  # fmt: skip
        vectors = model.encode([*texts.texts[:9], ""])
        np.testing.assert_array_equal(vectors, TextModel.load(tmp_path).encode([*texts.texts[:9], ""]))
        assert not vectors[9].any()
        theirs = library.SentenceTransformer(str(tmp_path), device="cpu").encode(list(texts.texts[:9]))
        np.testing.assert_allclose(vectors[:9], theirs, atol=1e-5)


def test_an_encoder_that_was_trained_already_has_dropout_from_the_first_step(
    texts: Texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = {**RECIPE, "epochs": 1}
    own = fitting("simcse", texts)
    train(own, method="simcse", output=tmp_path / "first", recipe=recipe, encoder_settings=ENCODER)
    step, seen = TextMethod.training_step, list[bool]()

    def watched(self: TextMethod, batch: TextBatch, batch_idx: int) -> torch.Tensor:
        seen.append(all(part.training for part in self.encoder.modules()))
        return step(self, batch, batch_idx)

    monkeypatch.setattr(TextMethod, "training_step", watched)
    train(own, method="simcse", output=tmp_path / "second", recipe=recipe, encoder=str(tmp_path / "first"))
    assert seen == [True] * 5

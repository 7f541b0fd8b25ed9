"""What every registered method keeps to: it learns, it resumes to the same weights, it is saved and read back."""

import inspect
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from html_page import Page
from kinfolk.data.images import Images
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.errors import ConfigurationError, DataError, RunError
from kinfolk.methods import methods
from kinfolk.methods.batches import batches
from kinfolk.methods.fit import train
from kinfolk.methods.history import EpochEnd
from kinfolk.methods.method import Batch, Method
from kinfolk.methods.model import load_model

NAMES = list(methods("images"))
ENCODER = {"encoder": "resnet", "encoder_settings": {"depth": 8, "width": 8}}
RECIPE = {"epochs": 3, "batch_size": 32, "learning_rate": 0.06}


def small(name: str) -> dict[str, object]:
    """Settings that fit small data: queues of two batches, few prototypes."""
    fitting = {
        "queue_size": 64,
        "num_hard": 16,
        "num_pairs": 16,
        "num_with_query": 8,
        "num_prototypes": 12,
        "num_views": 2,
        "projection": 16,
        "num_classes": 4,
        "freeze_steps": 2,
    }
    return {setting: fitting[setting] for setting in methods()[name].settings() if setting in fitting}


class Stopped(Exception):
    """What a test stops a training with."""


@contextmanager
def stopping_before(
    batch: int | None, *, epoch: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[tuple[int, int]]]:
    """Raise in place of one batch (None: of no batch); yields epoch and number of those that were done."""
    done: list[tuple[int, int]] = []
    step = Method.training_step

    def counted(self: Method, batch_of_step: Batch, batch_idx: int) -> torch.Tensor:
        if (self.current_epoch, batch_idx) == (epoch, batch):
            raise Stopped
        done.append((self.current_epoch, batch_idx))
        return step(self, batch_of_step, batch_idx)

    with monkeypatch.context() as patched:
        patched.setattr(Method, "training_step", counted)
        yield done


def history(folder: Path) -> list[dict[str, object]]:
    """The lines that a training kept, without how long it took."""
    lines = (folder / "training" / "history.jsonl").read_text("utf-8").splitlines()
    return [{k: v for k, v in json.loads(line).items() if "second" not in k} for line in lines]


@pytest.mark.parametrize("name", NAMES)
class TestEveryMethod:
    def test_says_what_it_is(self, name: str) -> None:
        entry = methods()[name]
        assert entry.summary.endswith(".")
        assert "arXiv" in entry.paper
        module = inspect.getmodule(entry.make)
        assert module is not None
        assert "Source:" in (module.__doc__ or "")
        assert set(entry.settings()) >= {"size"}

    def test_loss_falls_on_one_batch(self, name: str, stripes: Images) -> None:
        """Views of the same numbers, forty steps: whatever it learns, it learns that."""
        torch.manual_seed(0)
        module = methods()[name].make(image_encoder("resnet", depth=8, width=8), size=16, **small(name))
        module.steps = 40
        batch = next(iter(batches(stripes, batch_size=32, seed=0)))
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
        self, name: str, stripes: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Five batches an epoch in windows of two; stopped in the second window of epoch 2, it goes on behind the first."""
        recipe = {**RECIPE, "epochs": 2, "accumulate": 2, "warmup_epochs": 0.5}
        options = {"method": name, **ENCODER, "size": 16, "settings": small(name), "recipe": recipe}
        whole = train(stripes, output=tmp_path / "whole", checkpoint_minutes=None, **options)
        with stopping_before(3, epoch=1, monkeypatch=monkeypatch), pytest.raises(Stopped):
            train(stripes, output=tmp_path / "stopped", checkpoint_minutes=1e-9, **options)
        with stopping_before(None, epoch=1, monkeypatch=monkeypatch) as done:
            resumed = train(stripes, output=tmp_path / "stopped", checkpoint_minutes=None, **options)
        assert done == [(1, 2), (1, 3), (1, 4)], "only what was missing is done"
        for (key, one), other in zip(
            whole.encoder.state_dict().items(), resumed.encoder.state_dict().values(), strict=True
        ):
            assert torch.equal(one, other), key
        assert history(tmp_path / "whole") == history(tmp_path / "stopped")

    def test_a_saved_model_gives_the_same_vectors_and_report(self, name: str, stripes: Images, tmp_path: Path) -> None:
        model = train(
            stripes,
            method=name,
            output=tmp_path,
            **ENCODER,
            size=16,
            settings=small(name),
            recipe={**RECIPE, "epochs": 1},
            report=True,
        )
        again = load_model(tmp_path)
        np.testing.assert_array_equal(model.encode(stripes), again.encode(stripes))
        page = Page(tmp_path / "report.html")
        assert {"result", "geometry", "map", "neighbors", "method"} <= set(page.ids)
        assert methods()[name].paper in page.text
        assert again.report(tmp_path / "again.html", stripes).read_bytes() == (tmp_path / "report.html").read_bytes()
        card = (tmp_path / "README.md").read_text("utf-8")
        assert methods()[name].paper in card
        assert "160 images" in card


def test_another_training_in_the_same_folder_is_refused(stripes: Images, tmp_path: Path) -> None:
    options = {"method": "simclr", **ENCODER, "size": 16, "recipe": {**RECIPE, "epochs": 1}}
    train(stripes, output=tmp_path, **options)
    with pytest.raises(RunError, match="another seed"):
        train(stripes, output=tmp_path, seed=1, **options)


def test_patience_stops_where_nothing_gets_better(stripes: Images, tmp_path: Path) -> None:
    recipe = {**RECIPE, "epochs": 30, "learning_rate": 1e-9}
    options = {"method": "simclr", **ENCODER, "size": 16, "output": tmp_path, "recipe": recipe, "patience": 2}
    ends: list[EpochEnd] = []
    train(stripes, **options, progress=ends.append)
    assert len(ends) < 30
    assert train(stripes, **options, progress=ends.append).about["epochs"] == len(ends), "it has stopped for good"


def test_what_cannot_be_is_said(stripes: Images, tmp_path: Path) -> None:
    unlabeled = Images(stripes.pixels, stripes.names)
    options = {"output": tmp_path, **ENCODER, "size": 16}
    with pytest.raises(ConfigurationError, match="learns from labels"):
        train(unlabeled, method="supcon", **options)
    with pytest.raises(ConfigurationError, match=r"no setting 'temprature'.*temperature"):
        train(stripes, method="simclr", settings={"temprature": 1}, **options)
    with pytest.raises(ConfigurationError, match=r"no 'epoch'.*epochs"):
        train(stripes, method="simclr", recipe={"epoch": 1}, **options)
    with pytest.raises(ConfigurationError, match="batch_size must be at most the 160"):
        train(stripes, method="simclr", recipe={"batch_size": 500}, **options)
    with pytest.raises(ConfigurationError, match=r"no method 'simclear'.*simclr"):
        train(stripes, method="simclear", **options)
    with pytest.raises(ConfigurationError, match="temperature must be a number"):
        train(stripes, method="simclr", settings={"temperature": "warm"}, **options)
    with pytest.raises(ConfigurationError, match="checkpoint_minutes must be at least 0"):
        train(stripes, method="simclr", checkpoint_minutes=-1.0, **options)
    with pytest.raises(DataError, match="holds no model"):
        load_model(tmp_path / "nothing")


def test_a_broken_model_is_refused(stripes: Images, tmp_path: Path) -> None:
    train(stripes, method="simclr", output=tmp_path, **ENCODER, size=16, recipe={**RECIPE, "epochs": 1})
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"model\.safetensors cannot be read"):
        load_model(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"kinfolk_model": 99}))
    with pytest.raises(DataError, match="this version"):
        load_model(tmp_path)


def test_training_leaves_no_trace_in_the_process(stripes: Images, tmp_path: Path) -> None:
    random, handler = torch.get_rng_state(), signal.getsignal(signal.SIGINT)
    train(stripes, method="simclr", output=tmp_path, **ENCODER, size=16, recipe={**RECIPE, "epochs": 1})
    assert torch.equal(torch.get_rng_state(), random)
    assert not torch.are_deterministic_algorithms_enabled()
    assert signal.getsignal(signal.SIGINT) is handler


def test_an_interruption_is_one(stripes: Images, tmp_path: Path) -> None:
    def interrupt(_: EpochEnd) -> None:
        raise KeyboardInterrupt

    handler = signal.getsignal(signal.SIGINT)
    options = {"method": "simclr", **ENCODER, "size": 16, "recipe": {**RECIPE, "epochs": 2}, "output": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        train(stripes, progress=interrupt, **options)
    assert signal.getsignal(signal.SIGINT) is handler
    assert train(stripes, **options).about["epochs"] == 2


def test_logs_for_tensorboard_are_written_when_asked_for(stripes: Images, tmp_path: Path) -> None:
    train(
        stripes, method="simclr", output=tmp_path, **ENCODER, size=16, recipe={**RECIPE, "epochs": 1}, tensorboard=True
    )
    assert list((tmp_path / "training" / "tensorboard").glob("events.*"))


def test_a_training_stopped_between_two_epochs_ends_with_the_weights_of_an_undisturbed_one(
    stripes: Images, tmp_path: Path
) -> None:
    options = {"method": "moco", **ENCODER, "size": 16, "settings": small("moco"), "recipe": RECIPE}
    whole = train(stripes, output=tmp_path / "whole", **options)

    def stop(end: EpochEnd) -> None:
        if end.epoch == 2:
            raise Stopped

    with pytest.raises(Stopped):
        train(stripes, output=tmp_path / "stopped", progress=stop, **options)
    ends: list[EpochEnd] = []
    resumed = train(stripes, output=tmp_path / "stopped", progress=ends.append, **options)
    assert [end.epoch for end in ends] == [3], "only what was missing is done"
    for (key, one), other in zip(
        whole.encoder.state_dict().items(), resumed.encoder.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), key
    assert whole.about["measures"] == resumed.about["measures"]


def test_batches_that_are_added_up_make_fewer_steps(stripes: Images, tmp_path: Path) -> None:
    module = methods()["simclr"].make(image_encoder("resnet", depth=8, width=8), size=16)
    before = {name: value.clone() for name, value in module.encoder.state_dict().items()}
    recipe = {"epochs": 1, "batch_size": 32, "accumulate": 2, "learning_rate": 0.05, "clip_norm": 1.0}
    model = train(stripes, method="simclr", output=tmp_path, **ENCODER, size=16, recipe=recipe)
    assert any(not torch.equal(before[name], value) for name, value in model.encoder.state_dict().items())
    with pytest.raises(ConfigurationError, match="accumulate must be an integer of at least 1"):
        train(stripes, method="simclr", output=tmp_path, recipe={**recipe, "accumulate": 0})


def test_within_an_epoch_nothing_is_kept_unless_time_has_passed(
    stripes: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"method": "simclr", **ENCODER, "size": 16, "recipe": RECIPE}
    for minutes, first in ((None, 0), (0.0, 0), (60.0, 0), (1e-9, 3)):
        folder = tmp_path / str(minutes)
        with stopping_before(3, epoch=0, monkeypatch=monkeypatch), pytest.raises(Stopped):
            train(stripes, output=folder, checkpoint_minutes=minutes, **options)
        with stopping_before(4, epoch=0, monkeypatch=monkeypatch) as done, pytest.raises(Stopped):
            train(stripes, output=folder, checkpoint_minutes=minutes, **options)
        assert done[0] == (0, first)


def test_a_loss_that_is_no_number_stops_the_training_and_is_not_kept(
    stripes: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Method.training_step

    def broken(self: Method, batch: Batch, batch_idx: int) -> torch.Tensor:
        return step(self, batch, batch_idx) * (float("nan") if batch_idx == 2 else 1.0)

    options = {"method": "simclr", **ENCODER, "size": 16, "recipe": RECIPE, "checkpoint_minutes": 1e-9}
    with monkeypatch.context() as patched:
        patched.setattr(Method, "training_step", broken)
        with pytest.raises(RunError, match="no longer numbers in epoch 1"):
            train(stripes, output=tmp_path, **options)
    with stopping_before(None, epoch=0, monkeypatch=monkeypatch) as done:
        train(stripes, output=tmp_path, **options)
    assert done[0] == (0, 2), "it goes on from the last state that was well"


def test_a_training_that_stopped_by_patience_is_not_trained_further(stripes: Images, tmp_path: Path) -> None:
    options = {
        "method": "simclr",
        **ENCODER,
        "size": 16,
        "recipe": {**RECIPE, "epochs": 30, "learning_rate": 1e-9},
        "patience": 2,
        "output": tmp_path,
    }
    first = train(stripes, **options)
    before = (tmp_path / "model.safetensors").read_bytes()
    ends: list[EpochEnd] = []
    again = train(stripes, progress=ends.append, **options)
    assert not ends
    assert again.about["measures"] == first.about["measures"]
    assert (tmp_path / "model.safetensors").read_bytes() == before
    longer = train(stripes, **{**options, "patience": 3})
    assert longer.about["epochs"] > first.about["epochs"]

"""Two processes train what one process trains from the same batches, and go on as one does."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from kinfolk.data.images import Images
from kinfolk.encoders.image import ImageEncoder
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.errors import ConfigurationError, RunError
from kinfolk.methods import methods
from kinfolk.methods.fit import train
from kinfolk.methods.history import EpochEnd
from kinfolk.methods.loop import Job, fit
from kinfolk.methods.method import Method
from kinfolk.methods.recipe import Recipe
from kinfolk.methods.settings import Setting
from kinfolk.methods.split import WholeBatchNorm, normalize_whole_batches

pytestmark = pytest.mark.slow  # each process loads torch anew
NAMES = list(methods("images"))
ENCODER = {"encoder": "resnet", "encoder_settings": {"depth": 8, "width": 8}}
ROWS = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 3 + 1


@dataclass(frozen=True)
class InDouble:
    """Makes a method in float64, in which two orders of a sum differ by nothing that training could enlarge."""

    name: str

    def __call__(self, encoder: ImageEncoder, **settings: Setting) -> Method:
        return methods()[self.name].make(encoder, **settings).double()


def job_of(name: str, folder: Path) -> Job:
    fitting = {"queue_size": 64, "num_hard": 16, "num_pairs": 16, "num_with_query": 8, "num_prototypes": 12}
    fitting.update(num_classes=4, freeze_steps=2, projection=16)
    settings = {setting: value for setting, value in fitting.items() if setting in methods()[name].settings()}
    recipe = Recipe(epochs=1, batch_size=32, accumulate=2, learning_rate=0.06)
    entry = methods()[name]
    return Job(
        entry=replace(entry, make=InDouble(name)),
        settings={**settings, "size": 16},
        recipe=recipe,
        **ENCODER,
        size=16,
        seed=0,
        checkpoint=folder / name / "last.ckpt",
        key={},
        patience=None,
        tensorboard=False,
        checkpoint_minutes=None,
    )


def normalized(norm: nn.Module, rows: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What comes out, and the gradient of a function of it that the rows before the normalization get."""
    leaf = rows.clone().requires_grad_()
    out = norm(leaf)
    (out * weights).sum().backward()
    assert leaf.grad is not None
    return out.detach(), leaf.grad, norm.running_mean, norm.running_var


def one_of_two(rank: int, folder: str, jobs: Sequence[Job], images: Images) -> None:
    dist.init_process_group("gloo", store=dist.FileStore(f"{folder}/meeting", 2), rank=rank, world_size=2)
    torch.set_num_threads(1)
    mine = slice(4 * rank, 4 * rank + 4)
    found = {"norm": normalized(WholeBatchNorm(3), ROWS[mine], ROWS[mine].cos())}
    for job in jobs:
        trained = fit(job, images, rank=rank, devices=2)
        found[job.entry.name] = trained.encoder.state_dict(), [end.loss for end in trained.history]
    torch.save(found, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory, stripes: Images) -> list[dict]:
    folder = tmp_path_factory.mktemp("processes")
    mp.spawn(one_of_two, (str(folder), [job_of(name, folder) for name in NAMES], stripes), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("name", NAMES)
def test_the_encoder_of_two_processes_is_that_of_one(
    name: str, two_processes: list[dict], stripes: Images, tmp_path: Path
) -> None:
    job = job_of(name, tmp_path)
    trained = fit(job, stripes)
    whole, history = trained.encoder, trained.history
    begun = image_encoder(job.encoder, **job.encoder_settings, seed=job.seed).double()
    (weights, losses), (others, _) = (found[name] for found in two_processes)
    trained = [key for key, _ in whole.named_parameters()]
    for key, value in weights.items():
        assert torch.equal(value, others[key]), f"{key} differs between the processes"
    states = whole.state_dict(), weights, begun.state_dict()
    one, two, before = (torch.cat([state[key].flatten() for key in trained]) for state in states)
    assert (two - one).norm() < 1e-6 * (one - before).norm()
    assert losses == pytest.approx([end.loss for end in history], rel=1e-9)


def test_statistics_are_those_of_the_whole_batch(two_processes: list[dict]) -> None:
    expected = normalized(nn.BatchNorm2d(3), ROWS, ROWS.cos())
    for number, whole in enumerate(expected):
        parts = [found["norm"][number] for found in two_processes]
        for part in [torch.cat(parts)] if number < 2 else parts:
            torch.testing.assert_close(part, whole)


def test_a_normalization_that_does_more_is_refused() -> None:
    class WithActivation(nn.BatchNorm2d):
        pass

    with pytest.raises(ConfigurationError, match="WithActivation"):
        normalize_whole_batches(nn.Sequential(nn.Sequential(WithActivation(3))))


def test_processes_of_which_one_is_killed_go_on_to_the_same_weights(stripes: Images, tmp_path: Path) -> None:
    recipe = {"epochs": 2, "batch_size": 32, "learning_rate": 0.06}
    options = {"method": "moco", **ENCODER, "size": 16, "settings": {"queue_size": 64}, "recipe": recipe, "devices": 2}
    ends: list[EpochEnd] = []
    whole = train(stripes, output=tmp_path / "whole", progress=ends.append, **options)
    assert [end.epoch for end in ends] == [1, 2]

    def kill(_: EpochEnd) -> None:
        os.kill(next(p.pid for p in multiprocessing.active_children() if p.pid), signal.SIGKILL)

    options["checkpoint_minutes"] = 1e-9
    with pytest.raises(RunError, match="One of the 2 processes of the training ended with code"):
        train(stripes, output=tmp_path / "killed", progress=kill, **options)
    assert not multiprocessing.active_children()
    resumed = train(stripes, output=tmp_path / "killed", **options)
    for (key, one), other in zip(
        whole.encoder.state_dict().items(), resumed.encoder.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), key
    assert [p.name for p in (tmp_path / "killed" / "training").iterdir() if p.name == "processes"] == []


def test_what_one_process_refuses_is_said(stripes: Images, tmp_path: Path) -> None:
    options = {"method": "moco", **ENCODER, "size": 16, "output": tmp_path}
    with pytest.raises(ConfigurationError, match="A queue must hold at least one batch"):
        train(stripes, settings={"queue_size": 8}, recipe={"batch_size": 32, "epochs": 1}, devices=2, **options)
    with pytest.raises(ConfigurationError, match="devices must be an integer of at least 1"):
        train(stripes, devices=0, **options)
    with pytest.raises(ConfigurationError, match="multiple of devices. Got 32 and 3"):
        train(stripes, recipe={"batch_size": 32}, devices=3, **options)

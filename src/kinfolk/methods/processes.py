"""A training over several processes on one machine: started, listened to and ended by the one that was asked.

The processes are started anew ("spawn") and not forked, for a fork of a process that has threads or a GPU may hang. Each
is an ordinary training of one device; ``kinfolk.methods.split`` is what binds them together. They end with their parent,
however that ends, so that a killed training can go on at once.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from kinfolk.data.images import Images
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.errors import ConfigurationError, KinfolkError, RunError
from kinfolk.methods.history import EpochEnd
from kinfolk.methods.loop import Facts, Job, Trained, fit

_PIXELS, _LABELS, _WEIGHTS, _MEETING = "pixels.npy", "labels.npy", "weights.pt", "meeting"


def check_devices(devices: int, batch_size: int) -> None:
    """Refuse a number of processes that is not possible.

    Raises:
        ConfigurationError: it is less than 1, more than the GPUs of a machine that has some, or no divisor of the batch.
    """
    if devices < 1:
        raise ConfigurationError(f"devices must be an integer of at least 1. Got {devices}.")
    if torch.cuda.is_available() and devices > torch.cuda.device_count():
        raise ConfigurationError(f"devices must be at most the {torch.cuda.device_count()} GPUs here. Got {devices}.")
    if batch_size % devices:
        raise ConfigurationError(f"batch_size must be a multiple of devices. Got {batch_size} and {devices}.")


def fit_in_processes(job: Job, images: Images, *, devices: int, progress: Callable[[EpochEnd], None] | None) -> Trained:
    """As ``fit``, by several processes, one for each GPU where there are some.

    Raises:
        RunError: one of them ended before its time.
        KinfolkError: what one of them raised.
    """
    with torch.random.fork_rng(devices=[]):
        network = image_encoder(job.encoder, **job.encoder_settings)  # gets the trained weights below
    place = job.checkpoint.parent / "processes"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        # A file that all processes map is one copy of the images in memory.
        np.save(place / _PIXELS, images.pixels)
        if images.labels is not None:
            np.save(place / _LABELS, images.labels)
        history, facts = _listen(job, place, devices, progress)
        network.load_state_dict(torch.load(place / _WEIGHTS, weights_only=True, map_location="cpu"))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return Trained(network, history, facts)


def _listen(
    job: Job, place: Path, devices: int, progress: Callable[[EpochEnd], None] | None
) -> tuple[tuple[EpochEnd, ...], Facts]:
    context = multiprocessing.get_context("spawn")
    threads = max(1, torch.get_num_threads() // devices)
    learned: tuple[tuple[EpochEnd, ...], Facts] = (), {}
    running = {}
    try:
        for rank in range(devices):
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(job, place, rank, devices, threads, sender), daemon=True)
            process.start()
            sender.close()  # the process has its own end; with this one open, its death would not be heard
            running[receiver] = process
        left = dict(running)
        while left:
            failed: list[KinfolkError] = []
            for ready in wait(list(left)):
                assert isinstance(ready, Connection)
                try:
                    message = ready.recv()
                except EOFError:
                    ended = left.pop(ready)
                    ended.join()
                    if ended.exitcode != 0:
                        failed.append(_ended_early(ended.exitcode, devices))
                    continue
                if isinstance(message, EpochEnd) and progress is not None:
                    progress(message)
                elif isinstance(message, KinfolkError):
                    failed.insert(0, message)  # it says more than that a process has ended
                elif isinstance(message, tuple):
                    learned = message
            if failed:
                raise failed[0]
    finally:
        for process in running.values():
            process.kill()
            process.join()
    return learned


def _ended_early(code: int | None, devices: int) -> RunError:
    return RunError(
        f"One of the {devices} processes of the training ended with code {code}; what it said stands above. The same call "
        "goes on from the last state that was kept. In a script, the call must stand below `if __name__ == '__main__':`."
    )


def _work(job: Job, place: Path, rank: int, devices: int, threads: int, sender: Connection) -> None:
    """What each process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends all
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(rank)
    store = dist.FileStore(str(place / _MEETING), devices)  # type: ignore[attr-defined]
    dist.init_process_group("nccl" if on_gpu else "gloo", store=store, rank=rank, world_size=devices)
    labels = np.load(place / _LABELS) if (place / _LABELS).exists() else None
    images = Images(np.load(place / _PIXELS, mmap_mode="c"), (), labels)
    try:
        trained = fit(job, images, progress=sender.send if rank == 0 else None, rank=rank, devices=devices)
    except KinfolkError as error:
        sender.send(error)
        return
    if rank == 0:
        torch.save(trained.encoder.state_dict(), place / _WEIGHTS)
        sender.send((trained.history, trained.facts))
    dist.destroy_process_group()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)

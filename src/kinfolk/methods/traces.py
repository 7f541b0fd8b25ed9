"""Lightning, kept from changing the process that calls it."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def without_traces() -> Iterator[None]:
    """What Lightning changes in the process is as it was afterwards, and its hints stay off the screen.

    It ends the program at Ctrl-C and no longer listens to it; here that is an interruption like any other. Deterministic
    algorithms fill all new memory first, which shows who reads what was never written and costs a twelfth of the time.
    """
    log = logging.getLogger("lightning.pytorch")
    level, deterministic = log.level, torch.are_deterministic_algorithms_enabled()
    memory = torch.utils.deterministic
    filled = memory.fill_uninitialized_memory  # type: ignore[attr-defined]
    on_interrupt = signal.getsignal(signal.SIGINT)
    log.setLevel(logging.ERROR)
    memory.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.filterwarnings("ignore", module=r"lightning\.")
            yield
    except SystemExit as leaving:
        signal.signal(signal.SIGINT, on_interrupt)
        raise KeyboardInterrupt from leaving
    finally:
        log.setLevel(level)
        torch.use_deterministic_algorithms(deterministic)
        memory.fill_uninitialized_memory = filled  # type: ignore[attr-defined]

"""What a training does to the process it runs in, undone and put into words."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from kinfolk.errors import ConfigurationError


@contextmanager
def memory_in_words(batch_size: int, size: int) -> Iterator[None]:
    """Say in a sentence that memory is too small; torch says it in an error of the general kind.

    Args:
        batch_size: images of one step.
        size: their height and width in pixels.

    Raises:
        ConfigurationError: memory is too small.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        text = str(error).lower()
        if not isinstance(error, MemoryError) and "out of memory" not in text and "allocate memory" not in text:
            raise
        raise ConfigurationError(
            f"Memory does not hold this network with batches of {batch_size} images of {size} x {size} pixels. Lower "
            "batch_size (accumulate makes up for it), size, or the widths of the network and its projection."
        ) from error


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

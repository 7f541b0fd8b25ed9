"""How many threads products of matrices take, found by trying once.

PyTorch takes one a core of the machine. Where a container may use less than the machine has, or others use it, too, these wait for
each other, and fewer are faster. What the user has set stays.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch.nn import functional as F

_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
# Fewer threads have to be a tenth faster: less is noise, and more threads are right as soon as nobody else computes.
_GAIN = 0.9
_ROWS, _INPUTS, _OUTPUTS = 4096, 384, 1536  # a layer of a small BERT on half a batch: 5 billion operations


@contextmanager
def fastest_threads() -> Iterator[None]:
    """Within it, products take the number of threads that was fastest when this was first asked; afterwards what they took before.

    Changes nothing where ``OMP_NUM_THREADS`` or ``MKL_NUM_THREADS`` is set, or ``torch.set_num_threads`` to another number than one a
    core; and never takes more threads than there were.
    """
    before = torch.get_num_threads()
    if before == 1 or not _is_left_to_us(before):
        yield
        return
    torch.set_num_threads(_measured(before))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def choose_threads(seconds: Callable[[int], float], *, most: int) -> int:
    """Halve the number of threads as long as that is faster; the largest number that no smaller one beats by a tenth.

    Args:
        seconds: that the work takes with a number of threads.
        most: where to begin, at least 1.
    """
    best, least = most, seconds(most)
    number = most // 2
    while number >= 1:
        taken = seconds(number)
        if taken > least / _GAIN:
            break
        if taken < least * _GAIN:
            best, least = number, taken
        number //= 2
    return best


def _is_left_to_us(threads: int) -> bool:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # PyTorch counts cores that share their units as one or as two.
    return not any(os.environ.get(name) for name in _VARIABLES) and threads in (cores, cores // 2)


@cache
def _measured(most: int) -> int:
    states, weight = torch.ones((_ROWS, _INPUTS)), torch.ones((_OUTPUTS, _INPUTS))

    def seconds(number: int) -> float:
        torch.set_num_threads(number)
        F.linear(states, weight)  # starts the threads
        taken = []
        for _ in range(2):
            began = time.perf_counter()
            F.linear(states, weight)
            taken.append(time.perf_counter() - began)
        return min(taken)

    return choose_threads(seconds, most=most)

"""What a process cost: CPU and wall seconds and peak memory, imports and children included.

Imported first by every script that is measured; standard library only.
"""

from __future__ import annotations

import resource
import time

STARTED = time.perf_counter()


def process_costs() -> dict[str, float]:
    """CPU seconds (children included), wall seconds and peak memory in MiB of this process so far."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    return {
        "seconds_cpu": round(cpu, 2),
        "seconds_wall": round(time.perf_counter() - STARTED, 2),
        # Linux counts in KiB; children report the largest of them, so the sum is an upper bound of two processes.
        "mib_peak": round((own.ru_maxrss + children.ru_maxrss) / 1024, 1),
    }

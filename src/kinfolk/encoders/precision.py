"""Whether bfloat16 is worth its rounding on this processor.

The answer is read from what the processor says it can do and is not timed: a timing on a busy machine could come out
otherwise on the next day, and a resumed run would then mix vectors of two precisions.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FAST_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})


@cache
def processor_has_fast_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether the processor multiplies bfloat16 matrices in hardware (AMX or AVX-512 BF16).

    Args:
        cpuinfo: file in which the Linux kernel describes the processor; on systems without it the answer is no.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    return not _FAST_FLAGS.isdisjoint(flags)

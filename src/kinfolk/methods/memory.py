"""Memory that does not suffice, in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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

"""Encoders whose vectors are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from hashing_model import HashingModel
from kinfolk.encoders import TextEncoder
from kinfolk.evaluation.tasks import Encode


@pytest.fixture
def words() -> Encode:
    """Texts of the same words have the same vector, and share as much as they share words."""
    return TextEncoder("hashing", HashingModel(dim=64)).encode


@pytest.fixture
def on_circle() -> Callable[[Mapping[str, float]], Encode]:
    """An encoder by the angle of each text in degrees; any length."""

    def encoder(degrees: Mapping[str, float]) -> Encode:
        def encode(texts: Sequence[str]) -> np.ndarray:
            angles = [math.radians(degrees[text]) for text in texts]
            return 3 * np.array([[math.cos(angle), math.sin(angle)] for angle in angles])

        return encode

    return encoder


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a file of a task and gives its path."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    return write

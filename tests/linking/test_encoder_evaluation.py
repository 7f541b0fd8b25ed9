"""An encoder by itself: whatever gives vectors is evaluated, whatever does not is refused."""

import numpy as np
import pytest

import kinfolk
from hashing_model import HashingModel
from kinfolk.encoders import TextEncoder
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.tasks import evaluate_texts

PAIRS = {"sentence1": ["one", "one"] * 3000, "sentence2": ["one two", "three"] * 3000, "score": [5, 1] * 3000}


class Constant:
    """Gives one value for everything."""

    def __init__(self, value: float, short: int = 0) -> None:
        self.value, self.short = value, short

    def encode(self, texts: list[str]) -> np.ndarray:
        return np.full((len(texts) - self.short, 2), self.value)


def test_equals_the_task_and_tells_how_far_it_is() -> None:
    encoder = TextEncoder("hashing", HashingModel())
    told: list[float] = []
    found = kinfolk.evaluate_encoder(encoder, task="sts", data=PAIRS, advance=told.append)
    assert found == evaluate_texts(encoder.encode, task="sts", data=PAIRS, name="hashing")
    assert told == pytest.approx([4096 / 6000, 1, 4096 / 6000, 1])
    assert kinfolk.evaluate_encoder(encoder, task="sts", data=PAIRS, name="mine").model == "mine"


def test_an_encoder_that_is_broken_is_refused() -> None:
    with pytest.raises(DataError, match="Constant must give a vector of finite numbers .*with NaN or infinity"):
        kinfolk.evaluate_encoder(Constant(np.nan), task="sts", data=PAIRS)
    with pytest.raises(DataError, match=r"for each of 4,096 texts. Got shape \(4095, 2\)"):
        kinfolk.evaluate_encoder(Constant(1, short=1), task="sts", data=PAIRS)
    with pytest.raises(ConfigurationError, match="Got none"):
        kinfolk.evaluate_encoder("none", task="sts", data=PAIRS)
    with pytest.raises(ConfigurationError, match="Got int"):
        kinfolk.evaluate_encoder(7, task="sts", data=PAIRS)

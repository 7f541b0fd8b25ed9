"""Made-up records: a class is a word and a pattern; both are written several times, each time with faults."""

import numpy as np
import pytest
from PIL import ImageFont

from kinfolk.encoders.record import Towers
from kinfolk.encoders.record_inputs import RecordInputs, image_field, text_field
from kinfolk.views import Font, find_fonts
from kinfolk.views.text_noise import misread

CLASSES, EACH, SIZE = 16, 10, 16


@pytest.fixture(scope="session")
def towers() -> Towers:
    return Towers(
        dim=32,
        image_settings={"depth": 8, "width": 8},
        text_settings={"width": 32, "depth": 1, "heads": 2, "max_characters": 12, "buckets": 512},
    )


@pytest.fixture(scope="session")
def words_and_patterns() -> tuple[RecordInputs, np.ndarray]:
    """160 records of 16 classes, and the class of each."""
    rng = np.random.default_rng(3)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choice(list(letters), 7)) for _ in range(CLASSES)]
    patterns = rng.integers(0, 2, (CLASSES, 4, 4)).repeat(4, 1).repeat(4, 2) * 200 + 30
    labels = np.repeat(np.arange(CLASSES), EACH)
    noisy = patterns[labels] + rng.normal(0, 60, (len(labels), SIZE, SIZE))
    pixels = np.repeat(noisy.clip(0, 255).astype(np.uint8)[:, None], 3, axis=1)
    texts = misread([words[label] for label in labels], 0.25, alphabet=letters, rng=rng)
    return RecordInputs((image_field("mark", pixels), text_field("name", texts))), labels


@pytest.fixture(scope="session")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Font, ...]:
    """The font inside Pillow: it is there on every machine, and has Latin letters only."""
    path = tmp_path_factory.mktemp("fonts") / "latin.ttf"
    path.write_bytes(ImageFont.load_default(20).font_bytes)
    return find_fonts(places=[path], system=False)

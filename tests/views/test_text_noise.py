import numpy as np
import pytest

from kinfolk.errors import ConfigurationError
from kinfolk.views.text_noise import alphabet_of, misread


def rng():
    return np.random.default_rng(0)


def test_no_noise_changes_nothing():
    assert misread(["abc", ""], 0.0, alphabet="xyz", rng=rng()) == ("abc", "")


def test_the_same_seed_misreads_alike():
    texts = ["the quick brown fox"] * 20
    assert misread(texts, 0.3, alphabet="ab", rng=rng()) == misread(texts, 0.3, alphabet="ab", rng=rng())


@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_the_rate_is_the_share_of_characters_that_go_wrong(rate):
    from rapidfuzz.distance import OSA

    text = "".join(chr(0x4E00 + n) for n in range(2000))  # all differ, so each fault is one edit
    (wrong,) = misread([text], rate, alphabet="x", rng=rng())
    assert OSA.distance(text, wrong) / len(text) == pytest.approx(rate, rel=0.2)


def test_no_text_is_emptied():
    assert all(misread(["a"] * 200, 1.0, alphabet="", rng=rng()))


def test_the_alphabet_has_the_frequent_characters_first_and_no_space():
    assert alphabet_of(["bb a", "b c"]) == "bac"


def test_a_rate_outside_its_range_is_refused():
    with pytest.raises(ConfigurationError, match=r"rate must be in \[0, 1\]. Got 1.5"):
        misread(["a"], 1.5, alphabet="a", rng=rng())

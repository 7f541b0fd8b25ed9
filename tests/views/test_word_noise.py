import numpy as np
import pytest

from kinfolk.errors import ConfigurationError
from kinfolk.views.word_noise import delete_words, repeat_words, swap_words

ALL = [delete_words, repeat_words, swap_words]
LONG = " ".join(f"w{n}" for n in range(4000))


@pytest.mark.parametrize("noise", ALL)
def test_no_noise_changes_nothing_but_spaces(noise, rng):
    assert noise([" two  words ", "", "one", " "], 0.0, rng=rng) == ("two words", "", "one", "")


@pytest.mark.parametrize("noise", ALL)
def test_the_same_seed_gives_the_same_texts(noise):
    first, second = (noise([LONG, "a b c"], 0.3, rng=np.random.default_rng(0)) for _ in range(2))
    assert first == second != (LONG, "a b c")


def test_deletion_loses_the_share_and_keeps_the_order(rng):
    (short,) = delete_words([LONG], 0.2, rng=rng)
    numbers = [int(word[1:]) for word in short.split()]
    assert numbers == sorted(numbers)
    assert len(numbers) / 4000 == pytest.approx(0.8, abs=0.03)


def test_deletion_leaves_a_word(rng):
    assert set(delete_words(["a b"] * 100, 1.0, rng=rng)) == {"a", "b"}


def test_repetition_says_words_twice_in_a_row(rng):
    assert repeat_words(["a b", ""], 1.0, rng=rng) == ("a a b b", "")
    (long,) = repeat_words([LONG], 0.2, rng=rng)
    assert list(dict.fromkeys(long.split())) == LONG.split()
    assert len(long.split()) / 4000 == pytest.approx(1.2, abs=0.03)


def test_a_swap_keeps_all_words_and_moves_two(rng):
    assert set(swap_words(["a b"] * 200, 0.5, rng=rng)) == {"a b", "b a"}
    (other,) = swap_words([LONG], 0.05, rng=rng)
    assert sorted(other.split()) == sorted(LONG.split())
    moved = np.mean([word != old for word, old in zip(other.split(), LONG.split(), strict=True)])
    assert moved == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("noise", ALL)
def test_a_rate_outside_its_range_is_refused(noise, rng):
    with pytest.raises(ConfigurationError, match=r"rate must be in \[0, 1\]. Got 1.5"):
        noise(["a"], 1.5, rng=rng)

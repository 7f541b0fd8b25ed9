import numpy as np
import pytest

from kinfolk.data.held_out_texts import hold_out
from kinfolk.errors import ConfigurationError


@pytest.mark.parametrize(("total", "wanted"), [(1, 0), (99, 0), (100, 1), (5_050, 50), (20_000, 100)])
def test_one_in_a_hundred_and_a_hundred_at_most(total, wanted):
    kept, held = hold_out([str(row) for row in range(total)], None, seed=0)
    assert len(held) == wanted
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), np.arange(total))
    assert (np.diff(kept) > 0).all()


def test_what_is_there_twice_is_learned_from():
    texts = ["a", "b", "a", "c", "b", "d"]
    kept, held = hold_out(texts, 3, seed=0)
    assert sorted(texts[row] for row in held) == ["c", "d"]
    assert kept.tolist() == [0, 1, 2, 4]


def test_the_draw_follows_from_the_seed():
    texts = [str(row) for row in range(400)]
    draws = [hold_out(texts, 20, seed=seed)[1].tolist() for seed in (0, 0, 1)]
    assert draws[0] == draws[1]
    assert set(draws[0]) != set(draws[2])


@pytest.mark.parametrize("num", [-1, 6])
def test_more_than_half_is_refused(num):
    with pytest.raises(ConfigurationError, match=rf"held_out must be in \[0, 5\], half of the texts. Got {num}"):
        hold_out([str(row) for row in range(10)], num, seed=0)

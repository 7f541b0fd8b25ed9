"""Pairs by inverse propensity: words in common, weights, what may be drawn, and how often."""

from itertools import permutations

import numpy as np
import pytest

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.views import draw_pairs, inverse_propensity, semantic_similarity, surface_similarity, surface_words


def similarity(anchor: str, *candidates: str) -> list[float]:
    return surface_similarity(surface_words(anchor), [surface_words(text) for text in candidates]).tolist()


def edits(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    """Word edit distance, by its recursion."""
    if not left or not right:
        return len(left) + len(right)
    if left[0] == right[0]:
        return edits(left[1:], right[1:])
    return 1 + min(edits(left[1:], right), edits(left, right[1:]), edits(left[1:], right[1:]))


class TestSurface:
    def test_known_by_thought(self) -> None:
        assert similarity("a man rides", "a man rides", "A  MAN\trides", "a man", "rides a man", "he") == pytest.approx(
            [1, 1, 2 / 3, 1 / 3, 0]
        )

    def test_equals_the_recursion(self, rng: np.random.Generator) -> None:
        texts = [tuple(rng.choice(list("xyz"), size=rng.integers(6))) for _ in range(40)]
        for anchor in texts[:5]:
            got = surface_similarity(anchor, texts)
            expected = [1 - edits(anchor, text) / max(len(anchor), len(text), 1) for text in texts]
            np.testing.assert_allclose(got, expected, atol=1e-12)

    def test_empty_and_one_word_texts(self) -> None:
        assert similarity("", "", " ", "word") == [1, 1, 0]
        assert similarity("word", "word", "other", "") == [1, 0, 0]
        assert similarity("word") == []

    def test_is_symmetric(self) -> None:
        assert similarity("one two three", "two three four five") == similarity("two three four five", "one two three")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("New  York,\nUSA", ("new", "york,", "usa")),
            ("東京タワーで会う", tuple("東京タワーで会う")),
            ("Sony株式会社 A-1", ("sony", "株", "式", "会", "社", "a-1")),
            ("กรุงเทพ", tuple("กรุงเทพ")),
            ("서울 타워", ("서울", "타워")),  # Korean has spaces
            ("", ()),
        ],
    )
    def test_words_are_characters_where_a_script_leaves_no_spaces(self, text: str, words: tuple[str, ...]) -> None:
        assert surface_words(text) == words

    def test_one_character_of_many_is_no_other_text(self) -> None:
        assert similarity("株式会社東京", "株式会社京都") == pytest.approx([4 / 6])


class TestWeights:
    def test_known_by_thought(self) -> None:
        positive, negative = inverse_propensity([1.0, 0.5], [0.5, 1.0], alpha=1, beta=1)
        np.testing.assert_allclose(positive, [4 / 5, 1 / 5])  # 1 / 0.5 against 0.5 / 1
        np.testing.assert_allclose(negative, [1 / 5, 4 / 5])

    def test_equals_the_formula_row_by_row(self, rng: np.random.Generator) -> None:
        e, words = rng.random((2, 6, 9))
        positive, negative = inverse_propensity(e, words, alpha=3, beta=0.5, eps=0.2)
        for row in range(6):
            weights = np.maximum(e[row], 0.2) ** 3 / np.maximum(words[row], 0.2) ** 0.5
            np.testing.assert_allclose(positive[row], weights / weights.sum())
            np.testing.assert_allclose(negative[row], (1 / weights) / (1 / weights).sum())

    def test_a_power_of_nought_leaves_a_similarity_out(self, rng: np.random.Generator) -> None:
        e, words, others = rng.random((3, 5))
        for a, b in zip(inverse_propensity(e, words, beta=0), inverse_propensity(e, others, beta=0), strict=True):
            np.testing.assert_allclose(a, b)
        for a, b in zip(inverse_propensity(e, words, alpha=0), inverse_propensity(others, words, alpha=0), strict=True):
            np.testing.assert_allclose(a, b)
        for shares in inverse_propensity(e, words, alpha=0, beta=0):
            np.testing.assert_allclose(shares, np.full(5, 1 / 5))

    def test_identical_candidates_are_equally_likely(self) -> None:
        for shares in inverse_propensity(np.full(4, 0.9), np.full(4, 0.2)):
            np.testing.assert_allclose(shares, np.full(4, 1 / 4))

    def test_opposite_meaning_counts_as_eps(self) -> None:
        e = semantic_similarity([-1.0, -1.0 - 1e-7, 1.0 + 1e-7, 0.0])
        assert e.tolist() == [0, 0, 1, 0.5]
        for a, b in zip(inverse_propensity([0.0, 1], [1, 1]), inverse_propensity([0.05, 1], [1, 1]), strict=True):
            np.testing.assert_allclose(a, b)

    def test_large_powers_overflow_nothing(self) -> None:
        positive, negative = inverse_propensity([0.0, 0.9, 1.0], [1.0, 0.5, 0.0], alpha=1e4, beta=1e4)
        np.testing.assert_allclose(positive, [0, 0, 1])
        np.testing.assert_allclose(negative, [1, 0, 0])

    def test_candidates_that_are_not_there_have_no_share(self) -> None:
        positive, negative = inverse_propensity([[0.5, np.nan], [np.nan, np.nan]], [[0.5, np.nan], [np.nan, np.nan]])
        assert positive.tolist() == negative.tolist() == [[1, 0], [0, 0]]
        assert inverse_propensity(np.zeros((2, 0)), np.zeros((2, 0)))[0].shape == (2, 0)

    def test_says_what_does_not_fit(self) -> None:
        with pytest.raises(ConfigurationError, match=r"eps in \(0, 1\]. Got alpha 2.0, beta 1.0, eps 0"):
            inverse_propensity([1.0], [1.0], eps=0)
        with pytest.raises(ConfigurationError, match=r"alpha and beta must be in \[0, inf\)"):
            inverse_propensity([1.0], [1.0], beta=-1)
        with pytest.raises(DataError, match=r"semantic must be in \[0, 1\], or NaN. Got -0.5 to 1"):
            inverse_propensity([-0.5, 1.0], [1.0, 1.0])
        with pytest.raises(DataError, match=r"one shape. Got \(1,\) and \(2,\)"):
            inverse_propensity([1.0], [1.0, 1.0])


class TestDraws:
    # Means the same in other words, a copy, means something else in the same words, something else in other words.
    e = np.array([[0.9, 1.0, 0.5, 0.5]])
    surface = np.array([[0.1, 1.0, 0.9, 0.1]])

    def test_draws_other_words_for_positives_and_the_same_words_for_negatives(self, rng: np.random.Generator) -> None:
        e, surface = (np.repeat(values, 2000, axis=0) for values in (self.e, self.surface))
        drawn = draw_pairs(e, surface, rng=rng)
        shares = [np.bincount(places[:, 0], minlength=4) / 2000 for places in (drawn.positives, drawn.negatives)]
        paraphrase = (0.81 / 0.1) / (0.81 / 0.1 + 1)
        np.testing.assert_allclose(shares[0], [paraphrase, 1 - paraphrase, 0, 0], atol=0.02)
        np.testing.assert_allclose(shares[1], [0, 0, 0.9, 0.1], atol=0.02)

    def test_draws_without_replacement_one_after_another_by_weight(self, rng: np.random.Generator) -> None:
        e, surface = np.array([0.8, 0.9, 1.0]), np.array([0.3, 0.9, 0.6])
        weights = e**2 / surface
        drawn = draw_pairs(np.tile(e, (20_000, 1)), np.tile(surface, (20_000, 1)), rng=rng, num_positives=3).positives
        for order in permutations(range(3)):
            first, second, _ = order
            expected = weights[first] / weights.sum() * weights[second] / (weights.sum() - weights[first])
            assert np.mean((drawn == order).all(axis=1)) == pytest.approx(expected, abs=0.015)

    def test_a_copy_is_never_a_negative(self, rng: np.random.Generator) -> None:
        e, surface = np.zeros((500, 2)), np.tile([1.0, 0.0], (500, 1))  # an encoder that knows nothing
        drawn = draw_pairs(e, surface, rng=rng, num_negatives=2, beta=5)
        assert (drawn.negatives == [1, -1]).all()

    def test_guards_are_met_at_their_limits(self, rng: np.random.Generator) -> None:
        e = np.array([[0.75, 0.7499, 0.6, 0.6001]])
        drawn = draw_pairs(e, np.full((1, 4), 0.5), rng=rng, num_positives=4, num_negatives=4)
        assert drawn.positives.tolist() == [[0, -1, -1, -1]]
        assert drawn.negatives.tolist() == [[2, -1, -1, -1]]

    @pytest.mark.parametrize("candidates", [0, 3])
    def test_with_no_candidate_the_anchor_is_its_own_positive(self, candidates: int, rng: np.random.Generator) -> None:
        nothing = np.full((2, candidates), np.nan)
        drawn = draw_pairs(nothing, nothing, rng=rng, num_positives=2)
        assert drawn.positives.tolist() == [[-1, -1], [-1, -1]]
        assert drawn.negatives.tolist() == [[-1], [-1]]
        unsure = np.full((2, 3), 0.7)  # too far for a positive, too near for a negative
        assert (draw_pairs(unsure, unsure, rng=rng).positives == -1).all()
        assert (draw_pairs(unsure, unsure, rng=rng).negatives == -1).all()

    def test_identical_candidates_are_drawn_in_all_orders(self, rng: np.random.Generator) -> None:
        same = np.full((3000, 3), 0.9)
        drawn = draw_pairs(same, same, rng=rng).positives[:, 0]
        np.testing.assert_allclose(np.bincount(drawn) / 3000, np.full(3, 1 / 3), atol=0.03)

    def test_the_same_seed_draws_the_same_pairs(self) -> None:
        e, surface = np.random.default_rng(0).random((2, 50, 8))

        def drawn(seed: int) -> np.ndarray:
            pairs = draw_pairs(e, surface, rng=np.random.default_rng(seed), num_positives=2, num_negatives=2)
            return np.hstack([pairs.positives, pairs.negatives])

        np.testing.assert_array_equal(drawn(3), drawn(3))
        assert (drawn(3) != drawn(4)).any()

    def test_no_candidate_is_drawn_twice_or_on_both_sides(self, rng: np.random.Generator) -> None:
        e, surface = rng.random((2, 300, 10))
        drawn = draw_pairs(e, surface, rng=rng, num_positives=4, num_negatives=4)
        for row in np.hstack([drawn.positives, drawn.negatives]):
            chosen = row[row >= 0]
            assert len(set(chosen.tolist())) == len(chosen)

    def test_says_what_does_not_fit(self, rng: np.random.Generator) -> None:
        with pytest.raises(ConfigurationError, match="e_neg the lower one. Got 0.8 and 0.75"):
            draw_pairs(self.e, self.surface, rng=rng, e_neg=0.8)
        with pytest.raises(ConfigurationError, match="num_positives must be at least 1.*Got 0 and 1"):
            draw_pairs(self.e, self.surface, rng=rng, num_positives=0)
        with pytest.raises(DataError, match=r"must be of shape \(anchors, candidates\). Got \(4,\)"):
            draw_pairs(self.e[0], self.surface[0], rng=rng)
        with pytest.raises(DataError, match="surface must be in"):
            draw_pairs(self.e, self.surface + 1, rng=rng)

import numpy as np
import pytest
import torch

from kinfolk.encoders.static_distillation import distill_static, main_directions
from kinfolk.encoders.subword_scratch import scratch_subword_transformer
from kinfolk.encoders.subwords import SubwordTransformer
from kinfolk.encoders.text_features import encode_texts
from kinfolk.errors import ConfigurationError

pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")

TEXTS = ["red shoe", "blue shoe", "red hat", "red shoe", "shoe 東京"] * 4


@pytest.fixture(scope="module")
def teacher() -> SubwordTransformer:
    torch.manual_seed(0)
    made = scratch_subword_transformer(TEXTS, width=12, depth=2, heads=2, max_tokens=8, vocab_size=300)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made


def test_the_vector_of_a_token_keeps_what_the_teacher_says_of_it_alone(teacher):
    """All directions kept, distances between tokens are those of the teacher's features."""
    bag = distill_static(teacher, TEXTS, dim=99)
    assert bag.dim == 12
    numbers = [60, 70, 265]
    alone = teacher.eval()(torch.tensor([[2, number, 3] for number in numbers]))
    torch.testing.assert_close(torch.pdist(bag.embeddings[numbers]), torch.pdist(alone), rtol=0, atol=1e-5)
    assert not bag.embeddings[:5].any()


def test_a_text_is_the_mean_by_how_rare_its_tokens_are(teacher):
    bag = distill_static(teacher, TEXTS, dim=5, sif=0.01)
    plain = bag.tokenizer.encode("red hat", add_special_tokens=False).ids
    counts = np.zeros(len(bag.log_weights))
    for text in TEXTS:
        for number in bag.tokenizer.encode(text, add_special_tokens=False).ids:
            counts[number] += 1
    share = (counts + 1) / (counts.sum() + len(counts))
    weights = 0.01 / (0.01 + share)
    vectors = bag.embeddings.detach().numpy().astype(np.float64)
    expected = (vectors[plain] * weights[plain, None]).sum(0) / weights[plain].sum()
    np.testing.assert_allclose(encode_texts(bag, ["red hat"])[0], expected, atol=1e-6)
    assert weights[plain[0]] < weights[plain[-1]], "red is more frequent than hat"


def test_padding_and_limits_of_the_teachers_tokenizer_do_not_count(teacher):
    teacher.tokenizer.backend_tokenizer.enable_padding(length=128)  # as the files of many published models say
    teacher.tokenizer.backend_tokenizer.enable_truncation(4)
    bag = distill_static(teacher, TEXTS)
    tokens = bag.tokens(["red shoe", "red shoe " * 20])
    assert (tokens[0] != -1).sum() == 2
    assert (tokens[1] != -1).sum() == 40


def test_the_same_again_and_the_state_of_the_teacher_changes_nothing(teacher):
    teacher.train()
    first = distill_static(teacher, TEXTS).state_dict()
    assert teacher.training
    second = distill_static(teacher.eval(), TEXTS[::-1]).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_main_directions_are_those_of_principal_components(rng):
    from sklearn.decomposition import PCA

    vectors = (rng.normal(size=(200, 6)) * [5, 4, 3, 2, 1, 0.5] + 7).astype(np.float32)
    found, known = main_directions(vectors, 3), PCA(3, svd_solver="full").fit_transform(vectors.astype(np.float64))
    np.testing.assert_allclose(np.abs(found), np.abs(known), atol=1e-4)
    turned, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    again = main_directions((vectors @ turned).astype(np.float32), 6)
    np.testing.assert_allclose(again @ again.T, main_directions(vectors, 6) @ main_directions(vectors, 6).T, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 0}, "dim must be at least 1. Got 0"),
        ({"sif": 0.0}, r"sif must be in \(0, inf\). Got 0.0"),
        ({"sif": float("nan")}, r"sif must be in \(0, inf\). Got nan"),
        ({"texts": []}, "at least one text"),
    ],
)
def test_impossible_options_are_refused(teacher, options, message):
    with pytest.raises(ConfigurationError, match=message):
        distill_static(teacher, **{"texts": TEXTS, **options})

"""A sentence-transformers CrossEncoder as a scorer of pairs."""

import numpy as np
import pytest

from kinfolk.encoders import load_cross_encoder
from kinfolk.errors import ConfigurationError
from kinfolk.search.cross_encoder import CrossEncoderIndex

transformers = pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")
pytest.importorskip("sentence_transformers", reason="needs kinfolk[text]: sentence-transformers is not installed")

# Libraries announce their own future changes; that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("default")

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "blue", "green", "shoe", "hat"]


@pytest.fixture(scope="module")
def new_folder(tmp_path_factory):
    """Makes folders with a tiny cross-encoder of random weights."""
    torch = pytest.importorskip("torch")

    def make(num_labels: int = 1, seed: int = 0) -> str:
        place = tmp_path_factory.mktemp("cross-encoder")
        (place / "vocab.txt").write_text("\n".join(WORDS))
        config = transformers.BertConfig(
            vocab_size=len(WORDS),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            initializer_range=1.0,
            num_labels=num_labels,
        )
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            transformers.BertForSequenceClassification(config).save_pretrained(place)
        transformers.BertTokenizer(str(place / "vocab.txt")).save_pretrained(place)
        return str(place)

    return make


def test_scores_are_the_logits_of_the_model(new_folder):
    torch = pytest.importorskip("torch")
    folder = new_folder()
    model = transformers.BertForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.BertTokenizer.from_pretrained(folder)
    pairs = [("red shoe", "blue shoe"), ("green hat", "red"), ("hat", "blue blue blue hat")]
    with torch.inference_mode():
        logits = [float(model(**tokenizer(*pair, return_tensors="pt")).logits) for pair in pairs]
    scores = load_cross_encoder(folder)([q for q, _ in pairs], [i for _, i in pairs])
    np.testing.assert_allclose(scores, logits, atol=1e-4)
    assert scores.dtype == np.float64


def test_other_weights_are_another_scorer_and_the_same_ones_are_not(new_folder):
    folder = new_folder()
    names = [load_cross_encoder(place).fingerprint for place in (folder, folder, new_folder(seed=1))]
    assert names[0] == names[1] != names[2]


def test_an_index_searches_by_it(new_folder, tmp_path):
    scorer = load_cross_encoder(new_folder())
    items = [f"{a} {b}" for a in ("red", "blue", "green") for b in ("shoe", "hat")]
    index = CrossEncoderIndex(scorer).build(["red", "hat", "blue shoe"], items, folder=tmp_path)
    exact = scorer(["green shoe"] * len(items), items)
    found = CrossEncoderIndex.open(tmp_path, scorer).search(["green shoe"], 3, calls=len(items))
    assert found.ids[0].tolist() == np.argsort(-exact, kind="stable")[:3].tolist()
    assert index.calls == 3 * len(items)


def test_what_is_no_scorer_is_said(new_folder, tmp_path):
    with pytest.raises(ConfigurationError, match="has 3 classes"):
        load_cross_encoder(new_folder(num_labels=3))
    with pytest.raises(ConfigurationError, match="cross-encoder must be a folder with a transformers model"):
        load_cross_encoder(tmp_path)
    with pytest.raises(ConfigurationError, match="There is no folder './nowhere'"):
        load_cross_encoder("./nowhere")

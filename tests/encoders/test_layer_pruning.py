import pytest
import torch

from kinfolk.encoders.kept import keep_tower, kept_text_tower
from kinfolk.encoders.layer_pruning import even_layers, prune_layers
from kinfolk.encoders.st_folder import save_sentence_transformer
from kinfolk.encoders.subword_scratch import save_subword_transformer, scratch_subword_transformer
from kinfolk.encoders.subwords import SubwordTransformer
from kinfolk.encoders.text_by_name import text_tower
from kinfolk.encoders.text_features import encode_texts
from kinfolk.encoders.token_bag import TokenBag
from kinfolk.errors import ConfigurationError

transformers = pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")

TEXTS = ["red shoe", "blue shoe", "red hat", "green shoe and hat", "shoe 東京"] * 2


@pytest.fixture(scope="module")
def tower() -> SubwordTransformer:
    torch.manual_seed(0)
    made = scratch_subword_transformer(TEXTS, width=16, depth=5, heads=2, max_tokens=8, vocab_size=300)
    for parameter in made.parameters():  # far from the small random weights of BERT, so that each layer does much
        torch.nn.init.normal_(parameter, std=0.3)
    return made.eval()


def test_the_first_the_last_and_what_lies_evenly_between():
    assert [even_layers(6, keep) for keep in (1, 2, 3, 4, 6)] == [
        (5,), (0, 5), (0, 3, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
    ]  # fmt: skip
    for num in range(1, 13):
        for keep in range(1, num + 1):
            kept = even_layers(num, keep)
            assert len(set(kept)) == keep
            assert kept[-1] == num - 1


def test_the_kept_layers_are_applied_one_after_the_other(tower):
    pruned = prune_layers(tower, keep=(0, 2, 4)).eval()
    tokens = tower.tokens(TEXTS[:4])
    bert, there = tower.model, (tokens != -1)
    states = bert.embeddings(input_ids=tokens.clamp_min(0))
    bias = torch.where(there, 0.0, -torch.inf)[:, None, None, :]
    for number in (0, 2, 4):
        out = bert.encoder.layer[number](states, attention_mask=bias)
        states = out[0] if isinstance(out, tuple) else out
    expected = (states * there[..., None]).sum(1) / there.sum(1, keepdim=True)
    torch.testing.assert_close(pruned(tokens), expected, rtol=0, atol=1e-5)
    assert torch.equal(prune_layers(tower, keep=3).eval()(tokens), pruned(tokens))


def test_all_layers_are_the_tower_itself_and_it_is_left_as_it_was(tower):
    tokens = tower.tokens(TEXTS)
    before = tower(tokens)
    whole, pruned = (prune_layers(tower, keep=keep).eval() for keep in (5, 2))
    assert torch.equal(whole(tokens), before)
    with torch.no_grad():
        for parameter in pruned.parameters():
            parameter.zero_()
    assert torch.equal(tower(tokens), before)
    assert tower.model.config.num_hidden_layers == 5


def test_the_library_reads_its_folder_and_gives_the_same_vectors(tower, tmp_path):
    library = pytest.importorskip("sentence_transformers")
    pruned = prune_layers(tower, keep=2)
    save_sentence_transformer(pruned, tmp_path)
    theirs = library.SentenceTransformer(str(tmp_path), device="cpu")
    assert theirs[0].auto_model.config.num_hidden_layers == 2
    ours = torch.nn.functional.normalize(torch.from_numpy(encode_texts(pruned, TEXTS)), dim=1)
    torch.testing.assert_close(ours, torch.from_numpy(theirs.encode(TEXTS)), rtol=0, atol=1e-5)


def test_it_is_found_by_the_name_of_the_whole_and_kept_pruned(tower, tmp_path):
    save_subword_transformer(tower, tmp_path / "whole")
    settings = {"layers": 3, "max_tokens": 6}
    made = text_tower(str(tmp_path / "whole"), settings).eval()
    assert made.model.config.num_hidden_layers == 3
    assert made.max_tokens == 6
    keep_tower(made, tmp_path / "kept")
    again = kept_text_tower("not here any more", settings, tmp_path / "kept").eval()
    again.load_state_dict(made.state_dict())
    tokens = made.tokens(TEXTS)
    assert torch.equal(again(tokens), made(tokens))


def test_layers_that_do_something_of_their_own_do_it_at_their_new_places(tmp_path):
    """ModernBERT: every third layer sees all tokens, the others a window; the first has no norm before it."""
    config = transformers.ModernBertConfig(
        vocab_size=300, hidden_size=16, intermediate_size=16, num_hidden_layers=6, num_attention_heads=2,
        local_attention=2, pad_token_id=0, cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3,
        attn_implementation="eager",
    )  # fmt: skip
    torch.manual_seed(0)
    tokenizer = scratch_subword_transformer(TEXTS, width=4, depth=1, heads=1, vocab_size=300).tokenizer
    whole = SubwordTransformer(transformers.ModernBertModel(config), tokenizer).eval()
    pruned = prune_layers(whole, keep=(0, 3, 4)).eval()
    save_subword_transformer(pruned, tmp_path)
    loaded = text_tower(str(tmp_path), {}).eval()
    torch.testing.assert_close(loaded(loaded.tokens(TEXTS)), pruned(pruned.tokens(TEXTS)), rtol=0, atol=1e-6)
    with pytest.raises(ConfigurationError, match=r"layers \[1, 5\] of a ModernBertModel do not fit"):
        prune_layers(whole, keep=(1, 5))


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (0, r"layers must be in \[1, 5\], the layers of the encoder. Got 0"),
        (6, r"layers must be in \[1, 5\], the layers of the encoder. Got 6"),
        ((2, 1), r"rising layers from 0 to 4. Got \[2, 1\]"),
        ((1, 1), r"rising layers from 0 to 4. Got \[1, 1\]"),
        ((4, 5), r"rising layers from 0 to 4. Got \[4, 5\]"),
        ((), r"rising layers from 0 to 4. Got \[\]"),
    ],
)
def test_impossible_layers_are_refused(tower, keep, message):
    with pytest.raises(ConfigurationError, match=message):
        prune_layers(tower, keep=keep)


def test_layers_that_are_one_and_the_same_cannot_be_taken_apart(tower):
    albert = transformers.AlbertModel(
        transformers.AlbertConfig(
            vocab_size=300,
            embedding_size=8,
            hidden_size=16,
            intermediate_size=16,
            num_attention_heads=2,
            num_hidden_layers=4,
        )
    )
    with pytest.raises(ConfigurationError, match="layers of a AlbertModel cannot be taken apart"):
        prune_layers(SubwordTransformer(albert, tower.tokenizer), keep=2)


def test_a_bag_has_no_layers(tmp_path):
    TokenBag.of_texts(TEXTS, width=4, vocab_size=300).save(tmp_path)
    with pytest.raises(ConfigurationError, match="has no setting 'layers'. It has: max_tokens"):
        text_tower(str(tmp_path), {"layers": 2})

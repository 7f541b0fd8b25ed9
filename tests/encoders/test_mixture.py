import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from kinfolk.encoders.experts import UNKNOWN, Experts
from kinfolk.encoders.mixture import MixtureEncoder, upcycle
from kinfolk.encoders.text_pooling import pool_tokens
from kinfolk.errors import ConfigurationError

transformers = pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")

CLS = 2
TOKENS = torch.tensor([[CLS, 5, 6, 7, 3], [CLS, 8, 3, -1, -1], [CLS, 9, 5, 3, -1], [CLS, 4, 4, 11, 3]])
DOMAINS = torch.tensor([2, 0, 2, 1])


def bert(depth=3):
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=12, hidden_size=8, num_hidden_layers=depth, num_attention_heads=2, intermediate_size=16
    )
    return transformers.BertModel(config).eval()


def modern_bert(depth=3):
    torch.manual_seed(0)
    config = transformers.ModernBertConfig(
        vocab_size=12, hidden_size=8, num_hidden_layers=depth, num_attention_heads=2, intermediate_size=16,
        pad_token_id=0, bos_token_id=CLS, cls_token_id=CLS, eos_token_id=3, sep_token_id=3, mlp_dropout=0.25,
    )  # fmt: skip
    return transformers.ModernBertModel(config).eval()


def trained(encoder):
    """Experts and domains that have drifted apart."""
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return encoder


def of_dense(model):
    there = TOKENS >= 0
    return model(input_ids=TOKENS.clamp_min(0), attention_mask=there.long()).last_hidden_state[there]


@pytest.mark.parametrize("make", [bert, modern_bert])
@pytest.mark.parametrize("layers", ["all", "middle"])
@pytest.mark.parametrize(
    ("routing", "k"),
    [("domain", 2), ("token-type", 2), ("token-top-k", 2), ("sentence-switch", 1), ("sentence-top-k", 3)],
)
def test_outputs_are_those_of_the_dense_model_before_training(make, layers, routing, k):
    model = make()
    encoder = upcycle(model, 3, layers=layers, cls_token_id=CLS, routing=routing, k=k)
    states = encoder.states(TOKENS, DOMAINS, token_types=TOKENS.clamp_min(0) % 3)
    torch.testing.assert_close(states.hidden[TOKENS >= 0], of_dense(model))
    assert (states.router_logits is None) == (routing in ("domain", "token-type"))
    if states.router_logits is not None:
        assert states.router_logits.shape == (3 if layers == "all" else 1, 4, 3)


def test_word_embeddings_may_be_narrower_than_the_layers():
    config = transformers.ElectraConfig(
        vocab_size=12, embedding_size=4, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
    )
    model = transformers.ElectraModel(config).eval()
    encoder = upcycle(model, 3, cls_token_id=CLS)
    assert encoder.domain_tokens.shape == (3, 4)
    torch.testing.assert_close(encoder.states(TOKENS, DOMAINS).hidden[TOKENS >= 0], of_dense(model))


def test_the_dense_model_stays_as_it_is():
    model = bert()
    before = of_dense(model)
    trained(upcycle(model, 3, cls_token_id=CLS))
    torch.testing.assert_close(of_dense(model), before, rtol=0, atol=0)


def test_only_the_middle_layer_gets_experts():
    encoder = upcycle(bert(depth=4), 3, layers="middle", cls_token_id=CLS)
    assert [name for name, module in encoder.named_modules() if isinstance(module, Experts)] == [
        "model.encoder.layer.2.intermediate.experts"
    ]


@pytest.mark.parametrize("make", [bert, modern_bert])
def test_a_trained_mixture_is_one_dense_model_for_each_domain(make):
    encoder = trained(upcycle(make(), 3, cls_token_id=CLS))
    hidden = encoder.states(TOKENS, DOMAINS).hidden
    for domain in range(3):
        alone = upcycle(make(), 1, cls_token_id=CLS)
        alone.load_state_dict(
            {
                name: value[domain, None] if ".experts." in name or name == "domain_tokens" else value
                for name, value in encoder.state_dict().items()
            }
        )
        rows = domain == DOMAINS
        of_domain = alone.states(TOKENS[rows], torch.zeros(int(rows.sum())).long()).hidden
        torch.testing.assert_close(hidden[rows], of_domain, rtol=1e-4, atol=1e-5)


def test_it_costs_what_the_dense_model_costs():
    model = bert()
    encoder = upcycle(model, 3, cls_token_id=CLS)
    model.pooler = None
    with FlopCounterMode(display=False) as dense:
        of_dense(model)
    with FlopCounterMode(display=False) as mixed:
        encoder.states(TOKENS, DOMAINS)
    assert mixed.get_total_flops() == dense.get_total_flops() > 0


def test_the_domain_token_takes_the_place_of_the_first():
    encoder = trained(upcycle(bert(), 3, cls_token_id=CLS))
    other_first = TOKENS.clone()
    other_first[:, 0] = 7
    torch.testing.assert_close(encoder(other_first, DOMAINS), encoder(TOKENS, DOMAINS), rtol=0, atol=0)
    assert not torch.allclose(encoder(TOKENS, (DOMAINS + 1) % 3), encoder(TOKENS, DOMAINS))


def test_gradients_reach_the_domains_of_the_batch_and_are_zeros_for_the_others():
    encoder = trained(upcycle(bert(), 4, cls_token_id=CLS))
    encoder(TOKENS, DOMAINS).square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        if ".experts." in name or name == "domain_tokens":
            assert parameter.grad[3].eq(0).all(), name
            assert all(parameter.grad[domain].ne(0).any() for domain in range(3)), name


def test_texts_do_not_depend_on_each_other_or_on_padding():
    encoder = trained(upcycle(bert(), 3, cls_token_id=CLS))
    together = encoder(TOKENS, DOMAINS)
    alone = encoder(TOKENS[1:2, :3], DOMAINS[1:2])
    torch.testing.assert_close(alone, together[1:2], rtol=1e-4, atol=1e-6)


def test_an_empty_text_is_the_token_of_its_domain():
    encoder = trained(upcycle(bert(), 3, cls_token_id=CLS))
    empty, bare = (encoder(torch.tensor([row]), torch.tensor([1])) for row in ([-1, -1], [CLS, -1]))
    assert empty.isfinite().all()
    torch.testing.assert_close(empty, bare)


def test_an_unknown_domain_is_the_mean_of_all_where_that_is_asked_for():
    encoder = trained(upcycle(bert(), 3, cls_token_id=CLS, unknown="mean"))
    mean = upcycle(bert(), 1, cls_token_id=CLS)
    mean.load_state_dict(
        {
            name: value.mean(0, keepdim=True) if ".experts." in name or name == "domain_tokens" else value
            for name, value in encoder.state_dict().items()
        }
    )
    unknown = torch.tensor([2, UNKNOWN, UNKNOWN, 1])
    got = encoder(TOKENS, unknown)
    torch.testing.assert_close(got[1:3], mean(TOKENS[1:3], torch.tensor([0, 0])), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(got[[0, 3]], encoder(TOKENS, DOMAINS)[[0, 3]], rtol=1e-4, atol=1e-5)
    with pytest.raises(ConfigurationError, match="Got -1 to 2. For rows of an unknown domain"):
        upcycle(bert(), 3, cls_token_id=CLS)(TOKENS, unknown)


@pytest.mark.parametrize("routing", ["domain", "token-top-k"])
def test_a_domain_added_later_is_a_copy_and_the_others_stay(routing):
    encoder = trained(upcycle(bert(), 3, cls_token_id=CLS, routing=routing, k=3))
    before = encoder(TOKENS, DOMAINS)
    assert encoder.add_expert(like=2) == 3
    assert encoder.num_experts == 4
    if routing == "domain":
        torch.testing.assert_close(encoder(TOKENS, DOMAINS), before)
        torch.testing.assert_close(encoder(TOKENS, torch.full((4,), 3)), encoder(TOKENS, torch.full((4,), 2)))
    encoder(TOKENS, torch.full((4,), 3)).sum().backward()
    assert encoder.domain_tokens.grad[3].ne(0).any()
    with pytest.raises(ConfigurationError, match=r"like must be in \[0, 4\), a domain. Got 4"):
        encoder.add_expert(like=4)


@pytest.mark.parametrize("make", [bert, modern_bert])
@pytest.mark.parametrize("routing", ["domain", "token-top-k"])
def test_what_is_saved_is_read_back_with_its_number_of_experts(tmp_path, make, routing):
    encoder = upcycle(make(), 2, layers="middle", cls_token_id=CLS, routing=routing, unknown="mean", pooling="mlp")
    encoder.add_expert()
    trained(encoder).save(tmp_path / "mixture")
    loaded = MixtureEncoder.load(tmp_path / "mixture")
    assert loaded.settings == encoder.settings
    assert loaded.num_experts == 3
    assert not loaded.training
    torch.testing.assert_close(loaded(TOKENS, DOMAINS), encoder(TOKENS, DOMAINS), rtol=0, atol=0)


def test_pooling_by_the_mean_has_no_network():
    encoder = upcycle(bert(), 2, cls_token_id=CLS, pooling="mean")
    hidden = encoder.states(TOKENS, DOMAINS % 2).hidden
    torch.testing.assert_close(encoder(TOKENS, DOMAINS % 2), pool_tokens([hidden], TOKENS >= 0))
    assert encoder.pooler is None


def test_one_domain_and_one_text():
    model = bert()
    encoder = upcycle(model, 1, cls_token_id=CLS, pooling="mean")
    got = encoder.states(TOKENS[:1], torch.tensor([0])).hidden[0]
    torch.testing.assert_close(got, of_dense(model)[:5])


def test_gates_need_no_domain():
    encoder = upcycle(bert(), 3, cls_token_id=CLS, routing="sentence-switch")
    torch.testing.assert_close(encoder(TOKENS), encoder(TOKENS, DOMAINS))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_experts": 0}, "num_experts must be at least 1. Got 0"),
        ({"layers": "last"}, "layers must be 'all' or 'middle'. Got 'last'"),
        ({"cls_token_id": None}, r"cls_token_id must be the number of \[CLS\], in \[0, 12\). Got None"),
        ({"cls_token_id": 12}, "Got 12"),
        ({"routing": "domains"}, "routing must be one of domain, token-type, .* Got 'domains'"),
        ({"pooling": "max"}, "pooling must be one of mlp, mean. Got 'max'"),
        ({"unknown": "nearest"}, "unknown must be one of error, mean. Got 'nearest'"),
        ({"routing": "token-top-k", "k": 4}, r"k must be in \[1, 3\]"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        upcycle(bert(), **{"num_experts": 3, "cls_token_id": CLS, **options})


def test_another_kind_of_model_is_refused():
    model = transformers.ViTModel(
        transformers.ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    )
    with pytest.raises(ConfigurationError, match="model must have layers like those of BERT .* Got ViTModel"):
        upcycle(model, 2, cls_token_id=CLS)


def test_inputs_that_do_not_fit_are_refused():
    encoder = upcycle(bert(), 3, cls_token_id=CLS)
    with pytest.raises(ConfigurationError, match="Routing by domain needs assignment"):
        encoder(TOKENS)
    with pytest.raises(ConfigurationError, match="assignment must be of 4 texts. Got 3"):
        encoder(TOKENS, DOMAINS[:3])
    with pytest.raises(ConfigurationError, match=r"assignment must be in \[0, 3\)"):
        encoder(TOKENS, DOMAINS + 1)
    with pytest.raises(ConfigurationError, match=r"tokens must be \(texts, length\).*Got \(4, 0\)"):
        encoder(TOKENS[:, :0], DOMAINS)
    with pytest.raises(ConfigurationError, match="Call the encoder and not its model"):
        encoder.model(input_ids=TOKENS.clamp_min(0))
    with pytest.raises(ConfigurationError, match="Routing by token-type needs token_types"):
        upcycle(bert(), 3, cls_token_id=CLS, routing="token-type")(TOKENS, DOMAINS)


def test_a_folder_without_a_mixture_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"must be the folder of a saved mixture. It has no mixture.json"):
        MixtureEncoder.load(tmp_path)

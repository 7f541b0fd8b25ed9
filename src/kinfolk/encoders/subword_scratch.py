"""A small transformer over subwords that is trained from scratch, with a tokenizer trained on one's own texts.

It is a BERT of transformers with random weights: what is said of trained models holds for it, too. It is saved with its
vocabulary and found again by its folder, and ``upcycle`` makes a mixture of experts of it.

Source: the layers are those of Devlin et al., "BERT", NAACL 2019, arXiv 1810.04805; the sizes are a project definition.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kinfolk.encoders.own_tokenizer import SPECIAL, train_tokenizer
from kinfolk.encoders.subwords import SubwordTransformer
from kinfolk.errors import ConfigurationError


def scratch_subword_transformer(
    texts: Iterable[str],
    *,
    width: int = 128,
    depth: int = 4,
    heads: int = 4,
    dropout: float = 0.1,
    max_tokens: int = 64,
    vocab_size: int = 8192,
    min_count: int = 2,
) -> SubwordTransformer:
    """Make a transformer with random weights for texts of one's own.

    Args:
        texts: on which the tokenizer is trained; the weights see nothing of them.
        width: of the tokens, a multiple of ``heads``.
        depth: layers, at least 1.
        heads: of attention.
        dropout: in [0, 1); two passes of one text then differ, which is what unsupervised SimCSE needs.
        max_tokens: after which a text is cut, at least 3: [CLS], a token, [SEP].
        vocab_size, min_count: see ``train_tokenizer``.

    Raises:
        ConfigurationError: an option that is not possible.
        MissingExtraError: transformers is not installed.
    """
    for name, value, least in (
        ("width", width, 1), ("depth", depth, 1), ("heads", heads, 1), ("max_tokens", max_tokens, 3)
    ):  # fmt: skip
        if value < least:
            raise ConfigurationError(f"{name} must be at least {least}. Got {value}.")
    if width % heads:
        raise ConfigurationError(f"width must be a multiple of heads. Got {width} and {heads}.")
    if not 0 <= dropout < 1:
        raise ConfigurationError(f"dropout must be in [0, 1). Got {dropout}.")
    tokenizer = train_tokenizer(texts, vocab_size=vocab_size, min_count=min_count)
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        max_position_embeddings=max_tokens,
        cls_token_id=SPECIAL.index("[CLS]"),
    )
    model = BertModel(config, add_pooling_layer=False)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=max_tokens, **names)
    return SubwordTransformer(model, wrapped, max_tokens=max_tokens)


def save_subword_transformer(tower: SubwordTransformer, folder: str | Path) -> None:
    """Write model and tokenizer, from scratch or trained further; ``load_subword_transformer`` reads the folder.

    Args:
        tower: to write.
        folder: made if absent.
    """
    tower.model.save_pretrained(str(folder))
    tower.tokenizer.save_pretrained(str(folder))

"""The forward pass of a BERT on texts one behind the other: no padding, no mask, one product for queries, keys and values.

Texts of one length stand side by side. All that a layer does to single tokens is done to all tokens of the batch at once; only
attention goes from length to length. Sums stay in float32 where the products are in bfloat16, which keeps the drift small.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from kinfolk.encoders.affine import Affine
from kinfolk.encoders.packed_attention import attend, pieces_of, room_for, runs_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_ARCHITECTURES = ("BertModel", "RobertaModel", "XLMRobertaModel")
_POOLINGS = ("mean", "cls")


class _Layer(NamedTuple):
    heads: int
    inputs: Affine  # queries, keys and values
    outputs: Affine
    norm: nn.LayerNorm
    up: Affine  # with the activation
    down: Affine
    last_norm: nn.LayerNorm


class PackedBert:
    """What a sentence-transformers model of this architecture does between the tokens and the unit vectors.

    Args:
        model: one for which ``is_packable`` holds; its weights are copied.
        dtype: of the matrix products.
    """

    def __init__(self, model: SentenceTransformer, *, dtype: torch.dtype) -> None:
        bert = model[0].auto_model
        self._embeddings = bert.embeddings
        self._layers = [_layer(layer, bert.config.hidden_act, dtype) for layer in bert.encoder.layer]
        self._takes_first = pooling_of(model) == "cls"
        self._few_shapes = model.device.type == "cpu"
        self._at_once = self._few_shapes and dtype is torch.bfloat16

    @torch.inference_mode()
    def __call__(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Features of texts, float32 (texts, dim), not of unit length.

        Args:
            texts: numbers of their tokens, with the special ones, at least one a text; fastest where equal lengths are neighbors.
        """
        runs = list(runs_of(texts))
        pieces = pieces_of(runs, at_once=self._at_once)
        numbers = torch.tensor(list(chain.from_iterable(texts)), device=self._embeddings.word_embeddings.weight.device)
        embedded = [self._embeddings(numbers[run.tokens].view(-1, run.length)).flatten(0, 1) for run in runs]
        if self._few_shapes:
            embedded.append(embedded[0].new_zeros((room_for(len(numbers)) - len(numbers), embedded[0].shape[1])))
        states = torch.cat(embedded)
        for layer in self._layers:
            attended = attend(layer.inputs(states), layer.heads, pieces)
            states = layer.norm(states.add_(layer.outputs(attended)))
            states = layer.last_norm(states.add_(layer.down(layer.up(states))))
        features = states.new_empty((len(texts), states.shape[1]))
        for run in runs:
            of_texts = states[run.tokens].view(-1, run.length, states.shape[1])
            features[run.texts] = of_texts[:, 0] if self._takes_first else of_texts.mean(1)
        return features


def is_packable(model: SentenceTransformer) -> bool:
    """Whether ``PackedBert`` does all that a model does: a plain encoder, one pooling, and at most a normalization behind it."""
    bert = getattr(model[0], "auto_model", None)
    behind = [type(module).__name__ for module in list(model)[1:]]
    if type(bert).__name__ not in _ARCHITECTURES or behind not in (["Pooling"], ["Pooling", "Normalize"]):
        return False
    assert bert is not None
    config = bert.config
    return (
        pooling_of(model) in _POOLINGS
        and model.default_prompt_name is None
        and not getattr(model[0], "do_lower_case", False)
        and not config.is_decoder
        and getattr(config, "position_embedding_type", "absolute") == "absolute"
        # adapters and quantized weights stand in place of plain layers
        and all(type(product) is nn.Linear for layer in bert.encoder.layer for product in products(layer))
    )


def pooling_of(model: SentenceTransformer) -> str:
    """The name of what a model does with the vectors of the tokens."""
    pooling = model[1]
    return str(pooling.pooling_mode if hasattr(pooling, "pooling_mode") else pooling.get_pooling_mode_str())  # before 5


def products(layer: Any) -> tuple[nn.Linear, ...]:
    """Of a layer of BERT: queries, keys, values, what follows attention, up and down."""
    attention = layer.attention.self
    behind = (layer.attention.output.dense, layer.intermediate.dense, layer.output.dense)
    return attention.query, attention.key, attention.value, *behind


def _layer(layer: Any, activation_name: object, dtype: torch.dtype) -> _Layer:
    query, key, value, outputs, up, down = products(layer)
    activation = layer.intermediate.intermediate_act_fn
    return _Layer(
        layer.attention.self.num_attention_heads,
        Affine((query, key, value), dtype=dtype),
        Affine((outputs,), dtype=dtype),
        layer.attention.output.LayerNorm,
        Affine((up,), dtype=dtype, activation=activation, name=activation_name),
        Affine((down,), dtype=dtype),
        layer.output.LayerNorm,
    )

"""The forward pass of a BERT by OpenVINO, on texts of one length at a time: no padding, no mask.

The graph is written from the weights, in operations that every version of OpenVINO has; nothing is converted, traced or kept on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from kinfolk.encoders.packed_attention import runs_of
from kinfolk.encoders.packed_bert import is_packable, pooling_of, products
from kinfolk.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_ACTIVATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "gelu": lambda operations, states: operations.gelu(states, "ERF"),
    "gelu_new": lambda operations, states: operations.gelu(states, "TANH"),
    "gelu_pytorch_tanh": lambda operations, states: operations.gelu(states, "TANH"),
    "relu": lambda operations, states: operations.relu(states),
}


class OpenVinoBert:
    """What a sentence-transformers model of this architecture does between the tokens and the vectors, by OpenVINO.

    Args:
        model: one for which ``is_packable`` holds; its weights are copied.
        dtype: of the products, float32 or bfloat16.

    Raises:
        MissingExtraError: OpenVINO is not installed.
        ConfigurationError: the model is another than a BERT, or has an activation that is not known here.
    """

    def __init__(self, model: SentenceTransformer, *, dtype: torch.dtype) -> None:
        if find_spec("openvino") is None:
            raise MissingExtraError("The backend 'openvino'", "openvino")
        if not is_packable(model) or model[0].auto_model.config.hidden_act not in _ACTIVATIONS:
            raise ConfigurationError(
                "The backend 'openvino' needs a BERT, RoBERTa or XLM-RoBERTa with a pooling by the mean or the first token and one of "
                f"the activations {', '.join(_ACTIVATIONS)}. Leave the backend out."
            )
        import openvino

        compiled = openvino.Core().compile_model(
            _graph(model),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "bf16" if dtype is torch.bfloat16 else "f32",
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),  # as the user may have set it
                "NUM_STREAMS": "1",
                "PERFORMANCE_HINT": "LATENCY",
            },
        )
        self._one_at_a_time = Lock()  # a request takes no second batch while it computes
        self._request = compiled.create_infer_request()
        self._positions = _positions(model[0].auto_model)
        self._dim = int(model[0].auto_model.config.hidden_size)

    def __call__(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Features of texts, float32 (texts, dim), not of unit length.

        Args:
            texts: numbers of their tokens, with the special ones, at least one a text; fastest where equal lengths are neighbors.
        """
        features = np.empty((len(texts), self._dim), dtype=np.float32)
        for run in runs_of(texts):
            numbers = np.array(texts[run.texts], dtype=np.int64)
            with self._one_at_a_time:
                self._request.infer([numbers, self._positions(numbers)])
                features[run.texts] = self._request.get_output_tensor(0).data
        return torch.from_numpy(features)


def _positions(bert: nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    """Tokens (texts, length) to the numbers of their positions: a RoBERTa counts from behind the padding, and passes over it."""
    if type(bert).__name__ == "BertModel":
        return lambda numbers: np.broadcast_to(np.arange(numbers.shape[1]), numbers.shape).copy()
    padding: Any = bert.embeddings.padding_idx  # type: ignore[union-attr]

    def behind_padding(numbers: np.ndarray) -> np.ndarray:
        is_text = numbers != int(padding)
        return np.where(is_text, is_text.cumsum(axis=1) + int(padding), int(padding))

    return behind_padding


def _graph(model: SentenceTransformer) -> Any:
    import openvino
    from openvino import opset13 as operations

    bert = model[0].auto_model
    width, heads = int(bert.config.hidden_size), int(bert.config.num_attention_heads)

    def constant(tensor: Tensor) -> Any:
        return operations.constant(tensor.detach().float().cpu().numpy())

    def integers(*numbers: int) -> Any:
        return operations.constant(np.array(numbers, dtype=np.int64))

    def affine(states: Any, *parts: nn.Linear) -> Any:
        product = operations.matmul(states, constant(torch.cat([part.weight for part in parts])), False, True)
        return operations.add(product, constant(torch.cat([part.bias for part in parts])))

    def normalized(states: Any, norm: nn.LayerNorm) -> Any:
        scaled = operations.mvn(states, integers(-1), True, norm.eps, "inside_sqrt")
        return operations.add(operations.multiply(scaled, constant(norm.weight)), constant(norm.bias))

    def attended(states: Any, query: nn.Linear, key: nn.Linear, value: nn.Linear) -> Any:
        split = operations.reshape(affine(states, query, key, value), integers(0, 0, 3 * heads, width // heads), True)
        parts = operations.split(operations.transpose(split, integers(0, 2, 1, 3)), operations.constant(np.int64(1)), 3)
        taken = operations.scaled_dot_product_attention(*parts.outputs())
        return operations.reshape(operations.transpose(taken, integers(0, 2, 1, 3)), integers(0, 0, width), True)

    tokens = operations.parameter([-1, -1], np.int64, "tokens")
    positions = operations.parameter([-1, -1], np.int64, "positions")
    embeddings = bert.embeddings
    along = operations.constant(np.int64(0))
    words = operations.gather(constant(embeddings.word_embeddings.weight), tokens, along)
    # of one sentence, all tokens are of the first type
    places = embeddings.position_embeddings.weight + embeddings.token_type_embeddings.weight[0]
    states = operations.add(words, operations.gather(constant(places), positions, along))
    states = normalized(states, embeddings.LayerNorm)
    for layer in bert.encoder.layer:
        query, key, value, outputs, up, down = products(layer)
        taken = affine(attended(states, query, key, value), outputs)
        states = normalized(operations.add(states, taken), layer.attention.output.LayerNorm)
        inner = _ACTIVATIONS[bert.config.hidden_act](operations, affine(states, up))
        states = normalized(operations.add(states, affine(inner, down)), layer.output.LayerNorm)
    if pooling_of(model) == "cls":
        features = operations.gather(states, along, operations.constant(np.int64(1)))
    else:
        features = operations.reduce_mean(states, integers(1), False)
    return openvino.Model([features], [tokens, positions], "bert")

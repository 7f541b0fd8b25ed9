"""A trained text encoder as a table of token vectors, kept in a folder like any model of texts; see ``distill_static``."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch

from kinfolk.data.texts import Texts, read_texts
from kinfolk.data.wording import printable
from kinfolk.encoders.static_distillation import distill_static
from kinfolk.encoders.subwords import SubwordTransformer
from kinfolk.encoders.text_by_name import BAG, text_tower
from kinfolk.errors import ConfigurationError, MissingExtraError
from kinfolk.methods.checks import check_output
from kinfolk.methods.texts.model import FILES, TextModel

_PAPER = "Tulkens & van Dongen, Model2Vec, 2024; Arora, Liang & Ma, ICLR 2017 (weights)"


def distill(
    model: str | Path,
    texts: object,
    *,
    output: str | Path,
    column: str | None = None,
    dim: int = 256,
    sif: float = 1e-3,
    advance: Callable[[float], None] | None = None,
) -> TextModel:
    """Make a very fast encoder of a trained one: a vector for each token, and a text is the mean of those of its tokens.

    Args:
        model: a text model of transformers: "minilm" (extra ``offline``), a folder, also one that ``kinfolk train`` wrote, or a name
            on the Hugging Face hub. The mean of its last hidden states is what is distilled.
        texts: of the kind that will be encoded, a file of lines, a list of strings or a table; only how often the tokens
            occur in them is used.
        output: the folder of the new model, which sentence-transformers reads, too.
        column: the column of a table with the texts; None takes the only column of text.
        dim: width of the vectors, at least 1, at most that of the model.
        sif: frequency at which a token counts half, in (0, inf).
        advance: told the share that is done.

    Raises:
        ConfigurationError: there is no such model, or it is none of transformers; an option that is not possible.
        DataError: the texts cannot be read, or the folder cannot be written to.
        MissingExtraError: transformers or the model is not installed.
        RunError: the folder holds another model.
    """
    if find_spec("transformers") is None:
        raise MissingExtraError("Distilling a text encoder", "text")
    folder = Path(output)
    check_output(folder, files=FILES)
    read = texts if isinstance(texts, Texts) else read_texts(texts, column=column)
    teacher = text_tower(str(model), {})
    if not isinstance(teacher, SubwordTransformer):
        raise ConfigurationError(
            f"What is distilled must be a text model of transformers. {model} is a {type(teacher).__name__}, which is fast already."
        )
    with torch.random.fork_rng(devices=[]):
        bag = distill_static(teacher, read.texts, dim=dim, sif=sif, advance=advance)
    about = {
        "version": version("kinfolk"),
        "method": "static distillation",
        "paper": _PAPER,
        "teacher": printable(str(model)),
        "encoder": BAG,
        "encoder_settings": {"width": bag.dim, "max_tokens": bag.max_tokens},
        "dim": bag.dim,
        "settings": {"dim": dim, "sif": sif},
        "texts": len(read),
        "notes": list(read.notes),
        "data": printable(str(texts)) if isinstance(texts, str | Path) else "arrays in memory",
        "column": column,
    }
    distilled = TextModel(bag.eval(), about)
    distilled.save(folder)
    return distilled

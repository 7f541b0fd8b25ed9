"""A text tower as a folder of sentence-transformers, which that library reads and from which it gives the same vectors."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from kinfolk.data import atomic_write
from kinfolk.encoders.hub import quiet_loading
from kinfolk.encoders.subwords import SubwordTransformer
from kinfolk.encoders.token_bag import TokenBag

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def save_sentence_transformer(tower: SubwordTransformer | TokenBag, folder: Path) -> None:
    """Write the tower and a normalization behind it; ``modules.json``, which makes it a model, comes last.

    Args:
        tower: what was trained.
        folder: made if it is not there; other files in it stay.

    Raises:
        DataError: the folder cannot be written to.
    """
    with TemporaryDirectory() as place:
        with quiet_loading():
            whole = as_sentence_transformer(tower, Path(place) / "tower")
            whole.save(f"{place}/whole", create_model_card=False)
        written = Path(place) / "whole"
        files = sorted(path for path in written.rglob("*") if path.is_file())
        for file in sorted(files, key=lambda path: path.name == "modules.json"):
            with atomic_write(folder / file.relative_to(written)) as aside:
                shutil.copyfile(file, aside)
        for empty in (path for path in written.rglob("*") if path.is_dir()):  # modules without files are folders
            (folder / empty.relative_to(written)).mkdir(parents=True, exist_ok=True)


def as_sentence_transformer(tower: SubwordTransformer | TokenBag, place: Path) -> SentenceTransformer:
    """The tower as a model of the library.

    A bag becomes a table of static embeddings, each times its weight: the length of the sum is another, its direction is not.
    The library cuts no text there.

    Args:
        tower: what was trained.
        place: a folder for the files through which the library takes it.
    """
    from sentence_transformers import SentenceTransformer

    try:
        from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, StaticEmbedding, Transformer
    except ImportError:  # before version 6
        from sentence_transformers.models import Normalize, Pooling, StaticEmbedding, Transformer

    if isinstance(tower, TokenBag):
        weighted = (tower.embeddings * tower.log_weights.exp()[:, None]).detach()
        return SentenceTransformer(
            modules=[StaticEmbedding(tower.tokenizer, embedding_weights=weighted), Normalize()], device="cpu"
        )
    tower.model.save_pretrained(str(place))
    tower.tokenizer.save_pretrained(str(place))
    transformer = Transformer(str(place), max_seq_length=tower.max_tokens)
    return SentenceTransformer(
        modules=[transformer, Pooling(tower.dim, pooling_mode="mean"), Normalize()], device="cpu"
    )

"""A trained tower beside its weights: what a saved model keeps of it, so that the model is whole without the one it came from.

The weights of the whole model lie in a file of their own. Here are the configuration of a model of transformers, or of a
bag of tokens, and the files of its tokenizer: with them a tower is built on any machine, without a network and without its first weights. A
tower that its name and its settings describe keeps nothing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from torch import nn

from kinfolk.data import atomic_write
from kinfolk.encoders.efficientnet import EfficientNetLite
from kinfolk.encoders.hub import first_line, quiet_loading
from kinfolk.encoders.image import ImageEncoder
from kinfolk.encoders.image_by_name import EFFICIENTNET, TIMM, image_encoder
from kinfolk.encoders.subwords import SubwordTransformer
from kinfolk.encoders.text_by_name import TextTower, text_tower
from kinfolk.encoders.timm_image import load_timm_image_encoder
from kinfolk.encoders.token_bag import SETTINGS, TokenBag
from kinfolk.encoders.transformers_image import TransformersImageEncoder, image_part
from kinfolk.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

KEPT = "encoder"
"""The folder, in that of a model, where its towers are kept."""

_CONFIG, _IMAGES = "config.json", "images.json"


def keep_tower(tower: nn.Module, folder: Path) -> None:
    """Write what, beside its name, its settings and its weights, it takes to build a tower again; nothing for most.

    Args:
        tower: of images, texts or numbers.
        folder: made if something is written.

    Raises:
        DataError: the folder cannot be written to.
    """
    if isinstance(tower, TransformersImageEncoder):
        _keep_config(tower.config, folder)
        scale = {name: getattr(tower, name).flatten().tolist() for name in ("mean", "std")}
        with atomic_write(folder / _IMAGES) as aside:
            aside.write_text(json.dumps({**scale, "pooler_is_trained": tower.pooler_is_trained}), "utf-8")
    elif isinstance(tower, TokenBag):
        tower.save(folder)
    elif isinstance(tower, SubwordTransformer):
        _keep_config(tower.model.config, folder)
        with TemporaryDirectory() as place:
            tower.tokenizer.save_pretrained(place)
            for file in sorted(path for path in Path(place).rglob("*") if path.is_file()):
                with atomic_write(folder / file.relative_to(place)) as aside:
                    shutil.copyfile(file, aside)


def kept_image_encoder(name: str, settings: Mapping[str, int], folder: Path) -> ImageEncoder:
    """Build an image encoder for weights that are loaded afterwards.

    Args:
        name, settings: with which ``image_encoder`` made it.
        folder: where ``keep_tower`` may have written; without what it writes, the encoder is made as it was at first.

    Raises:
        DataError: what is kept is damaged.
        ConfigurationError, MissingExtraError: see ``image_encoder``.
    """
    if name.startswith(TIMM):
        return load_timm_image_encoder(name.removeprefix(TIMM), **settings, trained=False)
    if name == EFFICIENTNET:
        return EfficientNetLite()
    if not (folder / _CONFIG).exists():
        return image_encoder(name, **settings)
    with _reading(name, folder):
        said = json.loads((folder / _IMAGES).read_text("utf-8"))
        model = _build(folder)
        return TransformersImageEncoder(image_part(model), config=model.config, **said)


def kept_text_tower(name: str, settings: Mapping[str, int], folder: Path) -> TextTower:
    """Build a text tower for weights that are loaded afterwards.

    Args:
        name, settings: with which ``text_tower`` made it.
        folder: see ``kept_image_encoder``.

    Raises:
        DataError: what is kept is damaged.
        ConfigurationError, MissingExtraError: see ``text_tower``.
    """
    if (folder / SETTINGS).exists():
        return TokenBag.load(folder, **settings)
    if not (folder / _CONFIG).exists():
        return text_tower(name, settings)
    with _reading(name, folder):
        from transformers import AutoTokenizer

        limit = {key: value for key, value in settings.items() if key != "layers"}  # what is kept has been pruned
        return SubwordTransformer(_build(folder), AutoTokenizer.from_pretrained(str(folder)), **limit)


def _keep_config(config: PretrainedConfig, folder: Path) -> None:
    with atomic_write(folder / _CONFIG) as aside:
        aside.write_text(config.to_json_string(), "utf-8")


def _build(folder: Path) -> PreTrainedModel:
    from transformers import AutoConfig, AutoModel

    with torch.random.fork_rng(devices=[]):  # its first weights are random, and are replaced
        model: PreTrainedModel = AutoModel.from_config(AutoConfig.from_pretrained(str(folder)))
    return model.float()


@contextmanager
def _reading(name: str, folder: Path) -> Iterator[None]:
    if find_spec("transformers") is None:
        raise MissingExtraError(f"The encoder {name!r}", "text")
    try:
        with quiet_loading():
            yield
    except Exception as error:  # Which error a damaged file gives depends on the file and on the library's version.
        raise DataError(
            f"{folder} does not describe the encoder {name!r} in a way that can be read: {first_line(error)} "
            "Take the folder of the model again from where it was trained."
        ) from error

"""One paper, one file: which views, which encoder, which objective, and one training step. Needs the extra ``train``.

===============  ==================================================================================================
views            simclr · dcl · groco · cacr · hardcontrastive
queues           moco · mochi · nnclr
prototypes       swav
pixels           pixpro
labels           supcon · hydra
texts            simcse · contriever · debcse · whitenedcse · textlabel · moe
===============  ==================================================================================================
"""

from importlib import import_module
from importlib.util import find_spec

from kinfolk.errors import MissingExtraError

if find_spec("torch") is None or find_spec("lightning") is None:
    raise MissingExtraError("kinfolk.methods", "train")

from kinfolk.methods.families import views_of
from kinfolk.methods.method import (
    Batch,
    Method,
)  # before the function ``method``, which the module of its name would hide
from kinfolk.methods.registry import Entry, find_method, method, methods

__all__ = ["Batch", "Entry", "Method", "find_method", "method", "methods", "views_of"]

# The files of the methods; each registers itself.
for _file in (
    "cacr",
    "dcl",
    "groco",
    "hardcontrastive",
    "hydra",
    "mochi",
    "moco",
    "nnclr",
    "pixpro",
    "simclr",
    "supcon",
    "swav",
    "texts.contriever",
    "texts.debcse",
    "texts.moe",
    "texts.simcse",
    "texts.textlabel",
    "texts.whitenedcse",
):
    import_module(f"kinfolk.methods.{_file}")

"""One paper, one file: which views, which encoder, which objective, and one training step. Needs the extra ``train``.

===============  ==================================================================================================
views            simclr · dcl · groco · cacr · hardcontrastive
queues           moco · mochi · nnclr
prototypes       swav
pixels           pixpro
labels           supcon · hydra
===============  ==================================================================================================
"""

from importlib.util import find_spec

from kinfolk.errors import MissingExtraError

if find_spec("torch") is None or find_spec("lightning") is None:
    raise MissingExtraError("kinfolk.methods", "train")

from kinfolk.methods.cacr import cacr
from kinfolk.methods.dcl import dcl
from kinfolk.methods.families import views_of
from kinfolk.methods.groco import groco
from kinfolk.methods.hardcontrastive import hardcontrastive
from kinfolk.methods.hydra import hydra
from kinfolk.methods.mochi import mochi
from kinfolk.methods.moco import moco
from kinfolk.methods.nnclr import nnclr
from kinfolk.methods.pixpro import pixpro
from kinfolk.methods.registry import Entry, find_method, method, methods
from kinfolk.methods.simclr import simclr
from kinfolk.methods.supcon import supcon
from kinfolk.methods.swav import swav

__all__ = [
    "Entry",
    "cacr",
    "dcl",
    "find_method",
    "groco",
    "hardcontrastive",
    "hydra",
    "method",
    "methods",
    "mochi",
    "moco",
    "nnclr",
    "pixpro",
    "simclr",
    "supcon",
    "swav",
    "views_of",
]

"""Learn what belongs together, then link it.

The names below are the public surface. They are loaded when first used, so that ``import kinfolk`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from kinfolk.errors import ConfigurationError, DataError, KinfolkError, MissingExtraError, RunError

if TYPE_CHECKING:
    from kinfolk.data import Records, read_records
    from kinfolk.evaluation import evaluate
    from kinfolk.linking.audit.entry import audit
    from kinfolk.linking.clusters import Clusters
    from kinfolk.linking.dedupe import cluster, dedupe
    from kinfolk.linking.encoder_evaluation import evaluate_encoder
    from kinfolk.linking.links import Links
    from kinfolk.linking.pipeline import link
    from kinfolk.linking.stored import load
    from kinfolk.methods.fit import train
    from kinfolk.methods.model import load_model
    from kinfolk.methods.texts.classify import classify
    from kinfolk.methods.texts.distill import distill
    from kinfolk.methods.vectors import embed
    from kinfolk.search import Index

__version__ = "0.1.0"

__all__ = [
    "Clusters",
    "ConfigurationError",
    "DataError",
    "Index",
    "KinfolkError",
    "Links",
    "MissingExtraError",
    "Records",
    "RunError",
    "__version__",
    "audit",
    "classify",
    "cluster",
    "dedupe",
    "distill",
    "embed",
    "evaluate",
    "evaluate_encoder",
    "link",
    "load",
    "load_model",
    "read_records",
    "train",
]

_HOME = {
    "Clusters": "kinfolk.linking.clusters",
    "Index": "kinfolk.search",
    "Links": "kinfolk.linking.links",
    "Records": "kinfolk.data",
    "audit": "kinfolk.linking.audit.entry",
    "classify": "kinfolk.methods.texts.classify",
    "cluster": "kinfolk.linking.dedupe",
    "dedupe": "kinfolk.linking.dedupe",
    "distill": "kinfolk.methods.texts.distill",
    "embed": "kinfolk.methods.vectors",
    "evaluate": "kinfolk.evaluation",
    "evaluate_encoder": "kinfolk.linking.encoder_evaluation",
    "link": "kinfolk.linking.pipeline",
    "load": "kinfolk.linking.stored",
    "load_model": "kinfolk.methods.model",
    "read_records": "kinfolk.data",
    "train": "kinfolk.methods.fit",
}


def __getattr__(name: str) -> object:
    """Load a public name from the module it lives in (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'kinfolk' has no attribute {name!r}")
    value: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = value  # found directly from now on
    return value


def __dir__() -> list[str]:
    return list(__all__)

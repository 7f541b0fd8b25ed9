"""What the experiments with records have in common: string matching, the first of all references, keys of what is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.sets import ROOT
from kinfolk.encoders.record import RecordEncoder
from kinfolk.encoders.record_inputs import RecordInputs

Texts = list[str]
Parts = list[npt.NDArray[np.float32]]


def key_of(settings: dict[str, Any]) -> str:
    """A short text that changes with the settings, so that nothing kept is taken for what was made by others."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]


def code_of(*folders: str) -> str:
    """A short text that changes with the code in these folders of the package."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in folders for path in (ROOT / "src" / "kinfolk" / folder).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def top1(similarity: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]) -> float:
    """Share of the queries at rows whose best reference is the one of their number; of equals one at random."""
    noise = 1e-9 * np.random.default_rng(0).random(similarity.shape)
    return float(((similarity + noise).argmax(1) == rows).mean())


def by_strings(texts: tuple[Texts, ...], rows: npt.NDArray[np.int64]) -> dict[str, float]:
    asked = [texts[0][row] for row in rows]
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3)).fit([*texts[0], *texts[1]])
    grams = (vectorizer.transform(asked) @ vectorizer.transform(texts[1]).T).toarray()
    return {
        "Levenshtein": top1(cdist(asked, texts[1], scorer=Levenshtein.normalized_similarity).astype(float), rows),
        "n-gram TF-IDF": top1(grams, rows),
    }


def parts_of(encoder: RecordEncoder, inputs: RecordInputs) -> Parts:
    return list(encoder.encode_parts(inputs).transpose(1, 0, 2))


def kept(place: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What an earlier call has kept in the file; else what is made now."""
    if not place.exists():
        made = json.dumps(make(), indent=1)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(made, "utf-8")
    found: dict[str, Any] = json.loads(place.read_text("utf-8"))
    return found


def mean_and_deviation(of: dict[str, list[float]]) -> dict[str, tuple[float, float]]:
    """Of each row over the seeds."""
    return {name: (float(np.mean(v)), float(np.std(v, ddof=1)) if len(v) > 1 else 0.0) for name, v in of.items()}

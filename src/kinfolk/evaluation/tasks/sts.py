"""Semantic textual similarity: pairs of sentences that people have scored.

A table of pairs (sentence1, sentence2, score, often split) or a folder of such tables, one set each. A table with the columns
sentence, paraphrase and swapped (the words of the sentence, in an order that means something else) asks for the surface
probe instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from kinfolk.data import Records
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.spread import unit_rows
from kinfolk.evaluation.sts import evaluate_similarity, length_bias, overlap_bias, surface_accuracy
from kinfolk.evaluation.tasks.outcome import Encode, Figures, Outcome
from kinfolk.evaluation.tasks.reading import (
    column_named,
    filled_texts,
    finite_numbers,
    read_task_table,
    rows_of_split,
    stem_of,
    tables_in,
    two_text_columns,
)

_SURFACE = ("sentence", "paraphrase", "swapped")


@dataclass(frozen=True)
class SimilarityFigures:
    """How well cosines follow the scores of a set.

    Attributes:
        set: its name.
        pairs: how many.
        spearman: rank correlation over all pairs, in [-1, 1].
        length_bias: what a difference in length takes off the similarity, in [-1, 1]; 0 is best, see ``length_bias``.
        overlap_bias: what shared words add to it, in [-1, 1]; 0 is best, see ``overlap_bias``.
        alignment: of pairs with a score above 4, on a scale up to 1 above 0.8, in [0, 4]; None without any.
        uniformity: of all sentences, at most 0.
    """

    set: str
    pairs: int
    spearman: float
    length_bias: float
    overlap_bias: float
    alignment: float | None
    uniformity: float


@dataclass(frozen=True)
class SurfaceFigures:
    """Whether meaning counts for more than words.

    Attributes:
        set: its name.
        sentences: how many.
        surface_accuracy: share to which a paraphrase is nearer than the same words in another order, in [0, 1].
    """

    set: str
    sentences: int
    surface_accuracy: float


def sts_figures(
    name: str, sentences: tuple[Sequence[str], Sequence[str]], scores: npt.NDArray[np.floating], *, encode: Encode
) -> SimilarityFigures:
    """Compare the cosines of pairs with their scores.

    Args:
        name: of the set.
        sentences: the first and the second of each pair.
        scores: what people say, the higher the more alike, (pairs,).
        encode: texts to vectors.

    Raises:
        DataError: fewer than two pairs, or scores that are all the same.
    """
    first, second = (encode(side) for side in sentences)
    found = evaluate_similarity(first, second, scores, same_above=0.8 if scores.max(initial=0) <= 1 else 4.0)
    cosines = (unit_rows(first) * unit_rows(second)).sum(axis=1)
    lengths = ([len(text) for text in sentences[0]], [len(text) for text in sentences[1]])
    return SimilarityFigures(
        set=name,
        pairs=found.pairs,
        spearman=found.spearman,
        length_bias=length_bias(cosines, scores, lengths),
        overlap_bias=overlap_bias(cosines, scores, word_overlap(*sentences)),
        alignment=found.alignment,
        uniformity=found.uniformity,
    )


def word_overlap(first: Sequence[str], second: Sequence[str]) -> npt.NDArray[np.float64]:
    """What two texts share on the surface: 1 - edits / words of the longer one, over words in lower case, in [0, 1], (pairs,).

    Words end at white space; of scripts without spaces it says nothing.
    """
    words = [[text.lower().split() for text in side] for side in (first, second)]
    return np.array([Levenshtein.normalized_similarity(one, other) for one, other in zip(*words, strict=True)])


def evaluate_sts(encode: Encode, data: object, *, columns: Sequence[str] = (), split: str | None = None) -> Outcome:
    """Evaluate an encoder on one set or several.

    Args:
        encode: texts to vectors.
        data: a table, or a folder of tables.
        columns: the two columns with the sentences; none takes sentence1 and sentence2.
        split: of tables with a column ``split``; None takes test where there is one.

    Raises:
        DataError: a table cannot be read or used.
        ConfigurationError: a column or a split that does not exist.
    """
    folder = Path(data) if isinstance(data, str | Path) and Path(data).is_dir() else None
    pairs: list[Figures] = []
    surface: list[Figures] = []
    notes = []
    for source in [data] if folder is None else tables_in(folder):
        whole = read_task_table(source)
        name = stem_of(Path(whole.name))
        if all(column in whole.roles for column in _SURFACE):
            surface.append(_surface(whole, name, encode))
            continue
        records, note = rows_of_split(whole, split)
        notes += [note] if note else []
        score = column_named(records, "score")
        chosen = two_text_columns(records, columns, (score, "split"))
        sentences = (filled_texts(records, chosen[0]), filled_texts(records, chosen[1]))
        scores = finite_numbers(records, score)
        try:
            pairs.append(sts_figures(name, sentences, scores, encode=encode))
        except DataError as error:
            raise DataError(f"{records.name}: {error}") from error
    tables = {"similarity": tuple(pairs), "surface": tuple(surface)}
    return Outcome({table: rows for table, rows in tables.items() if rows}, tuple(notes))


def _surface(records: Records, name: str, encode: Encode) -> SurfaceFigures:
    sentence, paraphrase, swapped = (unit_rows(encode(filled_texts(records, column))) for column in _SURFACE)
    if len(sentence) < 2:
        raise ConfigurationError(f"{records.name}: the surface probe needs two rows or more. Got one.")
    accuracy = surface_accuracy((sentence * paraphrase).sum(axis=1), (sentence * swapped).sum(axis=1))
    return SurfaceFigures(name, len(sentence), accuracy)

"""Finding translations: for each sentence the one of the other language that is nearest must be its own.

A table with two columns of sentences and, where it holds several languages, a column ``lang``.

Source: Artetxe & Schwenk, "Massively multilingual sentence embeddings for zero-shot cross-lingual transfer and beyond", TACL
2019, arXiv 1812.10464, section 4.3 (similarity search, Tatoeba).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kinfolk.errors import DataError
from kinfolk.evaluation.spread import unit_rows
from kinfolk.evaluation.tasks.outcome import Encode, Outcome
from kinfolk.evaluation.tasks.reading import filled_texts, read_task_table, rows_of_split, two_text_columns

_LANGUAGE = "lang"
_CHUNK = 1024  # sentences that are compared with all others at a time


@dataclass(frozen=True)
class TranslationFigures:
    """How often a sentence finds its translation.

    Attributes:
        language: of the pairs; "all" where the table names none.
        pairs: how many.
        forward: share of the first sentences whose nearest second one is theirs (accuracy, recall@1), in [0, 1].
        backward: the same from the second to the first.
    """

    language: str
    pairs: int
    forward: float
    backward: float


def translation_accuracy(
    queries: npt.NDArray[np.floating], candidates: npt.NDArray[np.floating], texts: Sequence[str]
) -> float:
    """Share of queries whose nearest candidate by cosine is their own, in [0, 1].

    A candidate with the same text as a query's own is no rival of it; another one that is as near is a failure.

    Args:
        queries, candidates: (pairs, dim), row i of both is about pair i.
        texts: of the candidates.

    Raises:
        DataError: shapes that do not fit, or vectors that are not finite.
    """
    if queries.shape != candidates.shape or len(texts) != len(candidates):
        raise DataError(
            f"queries and candidates must have one shape (pairs, dim), with a text each. "
            f"Got {queries.shape}, {candidates.shape} and {len(texts)} texts."
        )
    asked, searched = unit_rows(queries), unit_rows(candidates)
    codes = np.unique(np.array(texts, dtype=object), return_inverse=True)[1]
    right = 0
    for start in range(0, len(asked), _CHUNK):
        cosines = asked[start : start + _CHUNK] @ searched.T
        here = np.arange(len(cosines))
        own = cosines[here, start + here]
        rivals = codes[start : start + _CHUNK, None] != codes
        right += int((~(rivals & (cosines >= own[:, None]))).all(axis=1).sum())
    return right / len(asked)


def evaluate_cross_language(
    encode: Encode, data: object, *, columns: Sequence[str] = (), split: str | None = None
) -> Outcome:
    """Evaluate an encoder on pairs of translations, each language by itself.

    Args:
        encode: texts to vectors.
        data: a table.
        columns: the two columns with the sentences; none takes sentence1 and sentence2, or the only two beside lang and split.
        split: of a table with a column ``split``; None takes test where there is one.

    Raises:
        DataError: the table cannot be read or used.
        ConfigurationError: a column or a split that does not exist.
    """
    records, note = rows_of_split(read_task_table(data), split)
    chosen = two_text_columns(records, columns, (_LANGUAGE, "split"))
    first, second = (np.array(filled_texts(records, column), dtype=object) for column in chosen)
    languages = filled_texts(records, _LANGUAGE) if _LANGUAGE in records.roles else ["all"] * len(records)
    vectors, of_second = encode(first.tolist()), encode(second.tolist())
    rows = []
    for language in dict.fromkeys(languages):
        here = np.flatnonzero(np.array(languages, dtype=object) == language)
        rows.append(
            TranslationFigures(
                language=language,
                pairs=len(here),
                forward=translation_accuracy(vectors[here], of_second[here], second[here].tolist()),
                backward=translation_accuracy(of_second[here], vectors[here], first[here].tolist()),
            )
        )
    return Outcome({f"{chosen[0]} → {chosen[1]}": tuple(rows)}, (note,) if note else ())

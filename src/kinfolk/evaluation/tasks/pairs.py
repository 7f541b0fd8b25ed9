"""Pair classification: do two texts, or two records, belong together? The cut is chosen on pairs that are not judged.

Three forms: one table (sentence1, sentence2, label, split) with the splits valid and test; a folder with such tables ``valid`` and
``test``; or a folder with ``left``, ``right`` (id and other columns), ``pairs_valid`` and ``pairs_test`` (left_id, right_id, label).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kinfolk.data import Records
from kinfolk.errors import DataError
from kinfolk.evaluation.pair_classification import evaluate_pairs
from kinfolk.evaluation.spread import unit_rows
from kinfolk.evaluation.tasks.outcome import Encode, Outcome
from kinfolk.evaluation.tasks.reading import (
    binary_labels,
    column_named,
    filled_texts,
    joined_texts,
    read_task_table,
    required_table,
    two_text_columns,
)

_VALID, _TEST = ("valid", "validation", "dev"), ("test",)


@dataclass(frozen=True)
class PairFigures:
    """How well cosines tell pairs that belong together.

    Attributes:
        pairs: of the test.
        true_pairs: how many of them belong together.
        average_precision: in [0, 1]; the share of true pairs is what chance gives.
        f1, precision, recall: at the cut, in [0, 1].
        threshold: the cosine with the highest F1 on the validation pairs.
        validation_pairs: how many these are.
    """

    pairs: int
    true_pairs: int
    average_precision: float
    f1: float
    precision: float
    recall: float
    threshold: float
    validation_pairs: int


@dataclass(frozen=True, eq=False)
class LabeledPairs:
    """Pairs of texts and whether they belong together.

    Attributes:
        first, second: the texts of each pair.
        labels: bool (pairs,).
    """

    first: Sequence[str]
    second: Sequence[str]
    labels: npt.NDArray[np.bool_]


def pair_figures(validation: LabeledPairs, test: LabeledPairs, *, encode: Encode) -> PairFigures:
    """Choose a cut on the validation pairs and judge it on the others.

    Args:
        validation: on which the cut is chosen.
        test: what is judged.
        encode: texts to vectors.

    Raises:
        DataError: no true pair on either side.
    """
    known, asked = (
        (unit_rows(encode(part.first)) * unit_rows(encode(part.second))).sum(axis=1) for part in (validation, test)
    )
    found = evaluate_pairs(asked, test.labels, validation=(known, validation.labels))
    return PairFigures(
        pairs=len(test.labels),
        true_pairs=int(test.labels.sum()),
        average_precision=found.average_precision,
        f1=found.f1,
        precision=found.precision,
        recall=found.recall,
        threshold=found.threshold,
        validation_pairs=len(validation.labels),
    )


def evaluate_pair_classification(encode: Encode, data: object, *, columns: Sequence[str] = ()) -> Outcome:
    """Evaluate an encoder on labeled pairs.

    Args:
        encode: texts to vectors.
        data: a table with splits, or a folder.
        columns: of pairs of texts the two columns with them; of records those whose values together are their text, none
            takes all but the id.

    Raises:
        DataError: a table is missing or cannot be used, or no validation pairs are there.
        ConfigurationError: a column that does not exist.
    """
    if isinstance(data, str | Path) and Path(data).is_dir():
        folder = Path(data)
        validation, test = (
            _pairs_of(
                read_task_table(required_table(folder, *(f"pairs_{name}" for name in names), *names)), folder, columns
            )
            for names in (_VALID, _TEST)
        )
    else:
        whole = read_task_table(data)
        named = np.array(filled_texts(whole, column_named(whole, "split")), dtype=object)
        validation, test = (_pairs_of(_rows_of(whole, named, names), None, columns) for names in (_VALID, _TEST))
    return Outcome({"pairs": (pair_figures(validation, test, encode=encode),)})


def _rows_of(whole: Records, named: npt.NDArray[np.object_], names: tuple[str, ...]) -> Records:
    rows = np.flatnonzero(np.isin(named, names))
    if not len(rows):
        raise DataError(
            f"{whole.name}, column split: pairs of {' or '.join(names)} are needed, as a cut is chosen on one part and judged on "
            f"another. Its splits: {', '.join(sorted(set(named.tolist())))}. Rename a split."
        )
    return whole.take(rows)


def _pairs_of(table: Records, folder: Path | None, columns: Sequence[str]) -> LabeledPairs:
    labels = binary_labels(table, column_named(table, "label"))
    if folder is None or "left_id" not in table.roles:
        first, second = (
            filled_texts(table, name) for name in two_text_columns(table, columns, ("label", "split", "id"))
        )
        return LabeledPairs(first, second, labels)
    sides = []
    for side in ("left", "right"):
        records = read_task_table(required_table(folder, side))
        identity = column_named(records, "id")
        chosen = list(columns) or [name for name in records.table.column_names if name != identity]
        texts = dict(zip(filled_texts(records, identity), joined_texts(records, chosen, ()), strict=True))
        wanted = filled_texts(table, column_named(table, f"{side}_id"))
        lost = [row for row, name in enumerate(wanted) if name not in texts]
        if lost:
            raise DataError(
                f"{table.name}, column {side}_id, row {lost[0] + 1}: {wanted[lost[0]]!r} must be an id of {records.name}, "
                f"and is not. Check that both tables write ids alike."
            )
        sides.append([texts[name] for name in wanted])
    return LabeledPairs(sides[0], sides[1], labels)

"""The result of linking two tables: who is who, how sure, why, and who stayed alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.data import Records, read_table
from kinfolk.data.image_sources import name_image
from kinfolk.errors import ConfigurationError
from kinfolk.evaluation import evaluate_links
from kinfolk.evaluation.interval import Estimate
from kinfolk.linking.adapt import ModelSource
from kinfolk.linking.explanation import Contribution, Explanation
from kinfolk.linking.focus import Focus, focus_on
from kinfolk.linking.result import Result

if TYPE_CHECKING:
    from kinfolk.evaluation import LinkMetrics
    from kinfolk.evaluation.tables import TableLike

_TAKEN = {"many-to-one": "left record", "one-to-many": "right record"}
EVIDENCE, SIMILARITY = "evidence/", "similarity/"


@dataclass(frozen=True)
class Stage:
    """One finished stage of a run: its name, how long it took, and a few words on what it made."""

    name: str
    seconds: float
    detail: str = ""


@dataclass(frozen=True, eq=False)
class Links(Result):
    """Links between two tables.

    Attributes:
        left, right: the two tables.
        scores: every candidate pair: ``left``, ``right`` (row numbers, int32), ``probability`` (float64), ``link`` (bool),
            and for each comparison ``evidence/<label>`` (float32, log-odds; with ``prior`` they sum to the log-odds of
            ``probability``) and ``similarity/<label>`` (float32 in [0, 1], null when a side is missing).
        unlinked: every record without a link: ``side``, ``row``, ``reason``, ``rival`` (best candidate on the other side),
            ``winner`` (the record of the same side that the rival was linked to), ``probability`` (of the best candidate).
        prior: log-odds of a candidate pair before any evidence.
        threshold: the cut on the probability.
        relation: "one-to-one", "many-to-one", "one-to-many" or "many-to-many"; never "auto": it is what that came to.
        estimate: precision, recall and F1 without truth, and the share of the true matches that are candidates.
        stages: what was done and how long it took.
        notes: sentences for the user.
        models: what was trained on the tables (``adapt``); None where nothing was.
    """

    left: Records
    right: Records
    scores: pa.Table
    unlinked: pa.Table
    prior: float
    threshold: float
    relation: str
    estimate: Estimate
    stages: tuple[Stage, ...] = ()
    notes: tuple[str, ...] = ()
    models: ModelSource | None = None

    def __len__(self) -> int:
        return int(pc.sum(self.scores.column("link")).as_py() or 0)

    def __repr__(self) -> str:
        return f"Links({self.left.name} – {self.right.name}, {len(self):,} links, estimated F1 {self.estimate.f1})"

    def to_arrow(self) -> pa.Table:
        """The links: ``left_id``, ``right_id``, ``probability``, most probable first."""
        linked = self.scores.filter(self.scores.column("link")).sort_by([("probability", "descending")])
        return pa.table(
            {
                "left_id": self.left.ids.take(linked.column("left").combine_chunks()),
                "right_id": self.right.ids.take(linked.column("right").combine_chunks()),
                "probability": linked.column("probability"),
            }
        )

    def evaluate(self, truth: TableLike | str | Path) -> LinkMetrics:
        """Compare the links with the true ones.

        Args:
            truth: a file or table with columns ``left_id`` and ``right_id``.
        """
        table = read_table(truth) if isinstance(truth, str | Path) else truth
        return evaluate_links(self.to_arrow(), table)

    def explain(self, left_id: object, right_id: object) -> Explanation:
        """Say what speaks for and against one candidate pair, with the nearest wrong candidate beside it.

        Raises:
            ConfigurationError: an id that does not exist, or a pair that was not a candidate.
        """
        return self.explain_candidate(self.position(left_id, right_id))

    def position(self, left_id: object, right_id: object) -> int:
        """The row of ``scores`` that holds a candidate pair.

        Raises:
            ConfigurationError: an id that does not exist, or a pair that was not a candidate.
        """
        i, j = row_of(self.left, left_id), row_of(self.right, right_id)
        lefts, rights = self.scores.column("left").to_numpy(), self.scores.column("right").to_numpy()
        found = np.flatnonzero((lefts == i) & (rights == j))
        if not len(found):
            raise ConfigurationError(
                f"The pair {left_id!r}, {right_id!r} was not a candidate: their texts are too different to be compared."
            )
        return int(found[0])

    def explain_candidate(self, position: int) -> Explanation:
        """As ``explain``, for the pair in one row of ``scores``: ids may be missing or shared, rows are not.

        Where records may have several partners, a link is no rival of another link.
        """
        lefts, rights = self.scores.column("left").to_numpy(), self.scores.column("right").to_numpy()
        link = self.scores.column("link").to_numpy()
        shares_one = (lefts == lefts[position]) ^ (rights == rights[position])
        return self.explain_beside(position, shares_one & ~(link & link[position]))

    def focus(self, left_id: object, right_id: object) -> Focus | None:
        """Say what the encoder that was trained on the tables looked at in a pair; None where none was trained.

        Raises:
            ConfigurationError: an id that does not exist.
            DataError: the encoder in the run folder cannot be read.
        """
        return self.focus_rows(row_of(self.left, left_id), row_of(self.right, right_id))

    def focus_rows(self, left_row: int, right_row: int) -> Focus | None:
        """As ``focus``, for the records in these rows."""
        if self.models is None:
            return None
        left, right = (side.take(slice(row, row + 1)) for side, row in ((self.left, left_row), (self.right, right_row)))
        return focus_on(self.models(), left, right)

    def explain_beside(self, position: int, rivals: np.ndarray) -> Explanation:
        """As ``explain_candidate``, with the most probable of the given rivals beside the pair.

        Args:
            position: row of ``scores``.
            rivals: which rows of ``scores`` are rivals of the pair, bool (pairs,).
        """
        others = np.flatnonzero(rivals)
        probability = self.scores.column("probability").to_numpy()
        rival = self._explain_row(int(others[np.argmax(probability[others])]), None) if len(others) else None
        return self._explain_row(position, rival)

    def _explain_row(self, position: int, rival: Explanation | None) -> Explanation:
        row = self.scores.slice(position, 1).to_pylist()[0]
        contributions = []
        for column, log_odds in row.items():
            if column.startswith(EVIDENCE):
                label = column.removeprefix(EVIDENCE)
                left_field, _, right_field = label.partition(" = ")
                contributions.append(
                    Contribution(
                        label,
                        _value(self.left, left_field, row["left"]),
                        _value(self.right, right_field or left_field, row["right"]),
                        row.get(SIMILARITY + label),
                        float(log_odds),
                    )
                )
        contributions.sort(key=lambda c: -abs(c.log_odds))
        return Explanation(
            self.left.ids[row["left"]].as_py(),
            self.right.ids[row["right"]].as_py(),
            row["probability"],
            self.prior,
            tuple(contributions),
            row["link"],
            self._reason(row),
            rival,
            row["left"],
            row["right"],
        )

    def _reason(self, row: dict[str, object]) -> str:
        above = row["probability"] >= self.threshold  # type: ignore[operator]
        cut = f"the cut of {self.threshold:.3f}"
        if row["link"] and above:
            return f"Linked: its probability reaches {cut}."
        if row["link"]:
            return f"In one group by the other records in it: its own probability is below {cut}."
        if above and self.relation == "many-to-many":
            return f"Not in one group although its probability reaches {cut}: the groups differ on average."
        if above:
            taken = _TAKEN.get(self.relation, "records")
            return f"Not linked although its probability reaches {cut}: better links took its {taken}."
        return f"Not linked: its probability is below {cut}."


def row_of(records: Records, wanted: object) -> int:
    """The first row with an id.

    Raises:
        ConfigurationError: no record has it.
    """
    try:
        value = pa.scalar(wanted).cast(records.ids.type)
    except (pa.ArrowException, TypeError, ValueError):
        position = -1  # of a kind that no id is
    else:
        position = pc.index(records.ids, value).as_py()
    if position < 0:
        raise ConfigurationError(f"{records.name} has no record with id {wanted!r}.")
    return int(position)


def _value(records: Records, field: str, row: int) -> str:
    if field not in records.roles:
        return ""
    record = records.take(slice(row, row + 1))
    return (
        name_image(record.table.column(field)[0].as_py()) if records.roles[field] == "image" else record.texts(field)[0]
    )

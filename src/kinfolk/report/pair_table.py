"""Candidate pairs as the report needs them, the same for two tables and for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa

from kinfolk.data import Records
from kinfolk.linking.explanation import Explanation
from kinfolk.linking.focus import Focus
from kinfolk.report.gallery import Gallery
from kinfolk.report.score_summary import Bools, Evidence, Floats, Ints, eligible_pairs

EVIDENCE = "evidence/"


@dataclass(frozen=True, eq=False)
class PairTable:
    """Scored pairs of records of ``left`` and ``right`` (which may be one table).

    Attributes:
        left, right: the tables.
        left_rows, right_rows: row numbers, (n,).
        probability: (n,); link: (n,).
        evidence: label -> log-odds, (n,).
        relation: which side may have one partner only.
        threshold: the cut on the probability.
        explain: the evidence for the pair at a position.
        focus: what the encoder that was trained on the tables looked at in the records of two rows, if there is one.
        linked_word: what a pair in the result is called: "linked", or "in one cluster".
        gallery: makes the pictures of the page.
    """

    left: Records
    right: Records
    left_rows: Ints
    right_rows: Ints
    probability: Floats
    link: Bools
    evidence: dict[str, Evidence]
    relation: str
    threshold: float
    explain: Callable[[int], Explanation]
    focus: Callable[[int, int], Focus | None]
    linked_word: str
    gallery: Gallery = field(default_factory=Gallery)

    def __len__(self) -> int:
        return len(self.probability)

    @property
    def labels(self) -> tuple[str, ...]:
        """What was compared."""
        return tuple(self.evidence)

    @property
    def grouped(self) -> bool:
        """Whether clusters decide which pairs are in the result, and not each pair's own probability."""
        return self.linked_word != "linked"

    @cached_property
    def eligible(self) -> Bools:
        """The pairs that are in the result or would be at a lower cut, (n,); see ``eligible_pairs``."""
        return eligible_pairs(self.left_rows, self.right_rows, self.probability, self.link, self.relation)


def pair_table(
    scores: pa.Table,
    left: Records,
    right: Records,
    *,
    relation: str,
    threshold: float,
    explain: Callable[[int], Explanation],
    focus: Callable[[int, int], Focus | None],
    linked_word: str = "linked",
) -> PairTable:
    """Read the columns of a table of scores into arrays."""
    evidence = {
        name.removeprefix(EVIDENCE): np.asarray(scores.column(name).to_numpy())
        for name in scores.column_names
        if name.startswith(EVIDENCE)
    }
    return PairTable(
        left=left,
        right=right,
        left_rows=scores.column("left").to_numpy().astype(np.int64),
        right_rows=scores.column("right").to_numpy().astype(np.int64),
        probability=np.asarray(scores.column("probability").to_numpy(), dtype=np.float64),
        link=scores.column("link").to_numpy().astype(np.bool_),
        evidence=evidence,
        relation=relation,
        threshold=threshold,
        explain=explain,
        focus=focus,
        linked_word=linked_word,
    )

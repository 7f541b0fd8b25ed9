"""An audit from beginning to end: draw, keep what was answered, estimate, recalibrate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.interval import Estimate
from kinfolk.linking.audit.estimate import estimate_from_answers
from kinfolk.linking.audit.implied import with_implied
from kinfolk.linking.audit.recalibrate import Recalibration, recalibrate, regroup, relink
from kinfolk.linking.audit.sample import Sample, draw_sample
from kinfolk.linking.audit.sheet import new_rows, read_sheet, write_sheet
from kinfolk.linking.clusters import Clusters
from kinfolk.linking.links import Links
from kinfolk.linking.stored import load


@dataclass(frozen=True, eq=False)
class Audit:
    """A sample of candidate pairs, the answers there are, and what follows from them.

    Attributes:
        result: the links or clusters that are audited.
        links: their pairs: the candidates, and with clusters those that a group implies.
        file: where the answers are kept.
        sheet: the file's contents: ``pair``, ``match``, ``left_id``, ``right_id`` and the fields of both records.
        sample: strata of all candidate pairs.
        pairs: position among the candidates of each row of the sheet, int64.
        answers: for each row whether the two are the same thing; None while nobody has said.
    """

    result: Links | Clusters
    links: Links
    file: Path
    sheet: pa.Table
    sample: Sample
    pairs: NDArray[np.int64]
    answers: tuple[bool | None, ...]

    @cached_property
    def estimate(self) -> Estimate | None:
        """Precision, recall (of the matches among the candidates) and F1 of the links from the answers alone.

        None while no link, or no other candidate, has been judged.
        """
        return estimate_from_answers(self.sample, *self._judged)

    @cached_property
    def recalibration(self) -> Recalibration:
        """The line through the log-odds that the answers ask for; without answers the identity."""
        asked, answers = self._judged
        return recalibrate(self.links.scores.column("probability").to_numpy()[asked], answers)

    @cached_property
    def relinked(self) -> Links | Clusters:
        """The result by the recalibrated probability and the cut that is best under it, keeping to the answers.

        Clusters keep to them as far as their groups do: a group is judged by all of its pairs.
        """
        if isinstance(self.result, Links):
            return relink(self.result, self.recalibration, *self._judged)
        return regroup(self.result, self.links, self.recalibration, *self._judged)

    @property
    def threshold(self) -> float:
        """The better cut on the probability as stated: what to give ``link`` or ``dedupe`` as ``threshold``."""
        return self.recalibration.stated(self.relinked.threshold)

    def answered(self, row: int, answer: bool | None) -> Audit:
        """The audit with one more answer (or, with None, one less), already saved.

        Args:
            row: row of the sheet, from 0.
            answer: whether the two records are the same thing.
        """
        answers = (*self.answers[:row], answer, *self.answers[row + 1 :])
        cells = self.sheet.column("match").to_pylist()
        cells[row] = "" if answer is None else "yes" if answer else "no"
        place = self.sheet.column_names.index("match")
        sheet = self.sheet.set_column(place, "match", pa.array(cells, pa.string()))
        write_sheet(self.file, sheet)
        return Audit(self.result, self.links, self.file, sheet, self.sample, self.pairs, answers)

    @property
    def _judged(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        known = np.array([answer is not None for answer in self.answers], dtype=np.bool_)
        return self.pairs[known], np.array([a for a in self.answers if a is not None], dtype=np.bool_)


def audit(run: str | Path, n: int = 60, *, seed: int = 0, file: str | Path | None = None) -> Audit:
    """Draw pairs of a finished run to be judged by hand, or go on with those already drawn.

    The first call writes the file. Fill in its column ``match`` and call again: what was answered counts, whatever is
    still empty does not. A larger ``n`` adds rows and keeps all there are.

    Args:
        run: the run folder of ``link``, ``dedupe`` or ``cluster``.
        n: pairs to judge, at least 1.
        seed: of the draw.
        file: where the pairs and answers are kept; None is ``audit.csv`` in the run folder.

    Raises:
        RunError: the folder holds no finished run.
        DataError: the file was filled in in a way that cannot be read, or belongs to another draw.
        ConfigurationError: n or seed is not possible.
    """
    if n < 1 or seed < 0:
        raise ConfigurationError(f"n must be at least 1 and seed at least 0. Got n = {n}, seed = {seed}.")
    result = load(run)
    links = result if isinstance(result, Links) else with_implied(result)
    path = Path(run) / "audit.csv" if file is None else Path(file)
    probability = links.scores.column("probability").to_numpy()
    link = links.scores.column("link").to_numpy()
    if not path.exists():
        sample = draw_sample(probability, link, n, seed=seed)
        sheet = new_rows(links, sample.drawn)
        write_sheet(path, sheet)
        return Audit(result, links, path, sheet, sample, sample.drawn, (None,) * len(sample.drawn))
    sheet, pairs, answers = read_sheet(path, links)
    longest = draw_sample(probability, link, n + 2 * len(pairs), seed=seed)  # rows may have been deleted
    foreign = np.flatnonzero(~np.isin(pairs, longest.drawn))
    if len(foreign):
        raise DataError(
            f"{path}, row {foreign[0] + 1} below the header: pair {pairs[foreign[0]] + 1} was not drawn by this audit. "
            "It may come from another seed or from a run with another cut. Give the same --seed, or another --file."
        )
    wanted = longest.drawn[: max(n, len(pairs))]
    added = wanted[~np.isin(wanted, pairs)]
    if len(added):
        sheet = pa.concat_tables([sheet, new_rows(links, added)], promote_options="permissive")
        write_sheet(path, sheet)
    sample = replace(longest, drawn=wanted)
    return Audit(result, links, path, sheet, sample, np.append(pairs, added), (*answers, *[None] * len(added)))

"""From one table to the match probability of its candidate pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from kinfolk.data import Records
from kinfolk.linking.agreement import Measure, measures_of
from kinfolk.linking.alignment import COMPARED_ROLES, FieldPair
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.compare import compare, prepare_fields, whole_texts
from kinfolk.linking.comparisons.pair_features import pair_features
from kinfolk.linking.grouping import group_records
from kinfolk.linking.labeled_evidence import match_with_labels
from kinfolk.linking.labels import Labels
from kinfolk.linking.match import Evidence
from kinfolk.linking.match_partners import match_partners
from kinfolk.linking.match_within import Agreements, match_within
from kinfolk.linking.meaning import Encoder, encode_tables
from kinfolk.linking.meaning_within import with_meaning
from kinfolk.linking.rivals import Contest
from kinfolk.linking.scores import scores_table
from kinfolk.linking.self_candidates import candidates_within, complete_groups, in_order
from kinfolk.linking.spaces import tfidf_space
from kinfolk.linking.stages import Clock

_LOOSE = -8.0  # mean log-odds down to which a group is worth comparing pair by pair
_COMPLETIONS = 2


def score_within(
    records: Records,
    judged: Labels | None,
    encoder: Encoder | None,
    seed: int,
    folder: Path | None,
    clock: Clock,
) -> pa.Table:
    """Score the candidate pairs of one table, as the ``scores`` of ``Links`` without the decision.

    Args:
        records: the table.
        judged: labeled pairs, smaller row first; None learns from none.
        encoder: finds and compares records by meaning, too; None does without.
        seed: of folds and trees in learning.
        folder: the run folder, which keeps the encoder's vectors; None keeps none.
        clock: told of the stages.
    """
    clock.start("represent")
    # In the order of their texts, so that the order of the rows, by which ties are broken, changes nothing.
    texts = whole_texts(records)
    order = np.argsort(np.array(texts, dtype=object), kind="stable")
    whole = [texts[row] for row in order]
    records, judged = records.take(order), None if judged is None else _reordered(judged, np.argsort(order))
    pairs = [FieldPair(name, name, records.roles[name]) for name in records.fields(*COMPARED_ROLES)]
    fields = prepare_fields(records, records, pairs)
    clock.stop(", ".join(f"{f.pair.label} ({f.pair.role})" for f in fields) or "no field to compare")
    meaning = None
    if encoder is not None:
        clock.start("encode")
        meaning = encode_tables(encoder, records, records, pairs, folder, clock.advance)
        clock.stop(f"{meaning.views[0].left.shape[1]} numbers a text")
    clock.start("candidates")
    candidates = candidates_within(whole, fields, None if meaning is None else meaning.views[0].left)
    if judged is not None:
        candidates = in_order([candidates.left, judged.left], [candidates.right, judged.right], len(records))
    clock.stop(f"{len(candidates):,} pairs")
    clock.start("match")
    space = tfidf_space(whole, whole)
    comparisons = compare(records, records, fields, (whole, whole, space), candidates.left, candidates.right)
    if meaning is not None:
        comparisons = meaning.add_to(comparisons, candidates)
    partners = match_partners(comparisons, candidates, len(records))
    if partners.hold:
        evidence = partners.evidence
        shown = comparisons.shown_values()
        clock.stop("things appear twice at most")
    else:
        measures: Sequence[Measure] = measures_of(records, fields)
        if encoder is not None:
            measures = with_meaning(measures_of(records, fields), records, encoder, folder, clock.advance)
        candidates, agreements, evidence = _match_groups(measures, candidates, len(records))
        shown = {m.label: similarity for m, similarity in zip(measures, agreements.shown, strict=True)}
        clock.stop(f"things appear many times; {len(candidates):,} pairs")
    if judged is not None:
        clock.start("learn")
        contest = Contest(candidates, len(records), len(records), left_once=False, right_once=False)
        features = pair_features(records, records, fields, space, candidates.left, candidates.right)
        if meaning is not None:
            features = meaning.add_to_features(features, candidates)
        known = judged.of(candidates, max(1, len(records)))
        evidence = match_with_labels(features, known, contest, evidence, seed=seed)
        clock.stop(f"{len(judged):,} labels")
    rows = order[candidates.left], order[candidates.right]
    given = Candidates(np.minimum(*rows).astype(np.int32), np.maximum(*rows).astype(np.int32))
    return scores_table(given, evidence, shown)


def _reordered(judged: Labels, place: np.ndarray) -> Labels:
    left, right = place[judged.left].astype(np.int32), place[judged.right].astype(np.int32)
    return Labels(left, right, judged.label, judged.notes).unordered()


def _match_groups(
    measures: Sequence[Measure], candidates: Candidates, num_records: int
) -> tuple[Candidates, Agreements, Evidence]:
    """Match, complete the groups that show, and match again: a group is judged by all its pairs."""
    for _ in range(_COMPLETIONS):
        agreements = Agreements(measures, candidates.left, candidates.right)
        evidence = match_within(agreements, num_records)
        loose = group_records(num_records, candidates, evidence.total, cut=_LOOSE)
        completed = complete_groups(candidates, loose)
        if len(completed) == len(candidates):
            return candidates, agreements, evidence
        candidates = completed
    agreements = Agreements(measures, candidates.left, candidates.right)
    return candidates, agreements, match_within(agreements, num_records)

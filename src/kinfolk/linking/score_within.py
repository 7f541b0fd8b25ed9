"""From one table to the match probability of its candidate pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from kinfolk.data import Records
from kinfolk.linking.adapt import Learner
from kinfolk.linking.agreement import Measure, measures_of
from kinfolk.linking.alignment import COMPARED_ROLES, FieldPair
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.compare import MIN_DISTINCTNESS, compare, prepare_fields, whole_texts
from kinfolk.linking.comparisons.pair_features import pair_features
from kinfolk.linking.grouping import group_records
from kinfolk.linking.labeled_evidence import match_with_labels
from kinfolk.linking.labels import Labels
from kinfolk.linking.match import Evidence
from kinfolk.linking.match_partners import match_partners
from kinfolk.linking.match_within import Agreements, match_within
from kinfolk.linking.meaning import Encoder, encode_tables
from kinfolk.linking.meaning_within import with_meaning
from kinfolk.linking.pictures import Pictures, See, see_pictures
from kinfolk.linking.pictures_within import picture_measures
from kinfolk.linking.rivals import Contest
from kinfolk.linking.scores import scores_table
from kinfolk.linking.self_candidates import candidates_within, complete_between, complete_groups, in_order
from kinfolk.linking.spaces import tfidf_space
from kinfolk.linking.stages import Clock

_LOOSE = -8.0  # mean log-odds down to which a group is worth comparing pair by pair
_COMPLETIONS = 2


def score_within(
    records: Records,
    judged: Labels | None,
    encoder: Encoder | None,
    see: See,
    learn: Learner | None,
    seed: int,
    folder: Path | None,
    clock: Clock,
) -> pa.Table:
    """Score the candidate pairs of one table, as the ``scores`` of ``Links`` without the decision.

    Args:
        records: the table.
        judged: labeled pairs, smaller row first; None learns from none.
        encoder: finds and compares records by meaning, too; None does without.
        see: turns the images of a column into vectors.
        learn: trains an encoder on the records; None does without.
        seed: of folds and trees in learning.
        folder: the run folder, which keeps the encoder's vectors; None keeps none.
        clock: told of the stages.
    """
    pictures = Pictures()
    image_pairs = [FieldPair(name, name, "image") for name in records.fields("image")]
    if image_pairs:
        clock.start("pictures")
        pictures = see_pictures(records, records, image_pairs, see, clock.advance)
        clock.stop(", ".join(records.fields("image")))
    pairs = [FieldPair(name, name, records.roles[name]) for name in records.fields(*COMPARED_ROLES)]
    learned = None
    if learn is not None:
        clock.start("adapt")
        learned = learn.learn(records, records, pairs, image_pairs, judged, clock.advance)
        pictures = learned.see(pictures)
        clock.stop(learned.note)
    notes = [*pictures.notes, *([] if learned is None else [learned.note])]
    clock.start("represent")
    # In the order of their texts and images, so that the order of the rows, by which ties are broken, changes nothing.
    texts = whole_texts(records)
    contents = list(zip(texts, *(field.left.values for field in pictures.fields), strict=True))
    order = np.array(sorted(range(len(records)), key=contents.__getitem__), dtype=np.int64)
    whole = [texts[row] for row in order]
    pictures, learned = pictures.take(order), None if learned is None else learned.take(order)
    records, judged = records.take(order), None if judged is None else _reordered(judged, np.argsort(order))
    fields = prepare_fields(records, records, pairs)
    clock.stop(", ".join(f"{f.pair.label} ({f.pair.role})" for f in fields) or "no field to compare")
    meaning = None
    if encoder is not None:
        clock.start("encode")
        meaning = encode_tables(encoder, records, records, pairs, folder, clock.advance)
        clock.stop(f"{meaning.views[0].left.shape[1]} numbers a text")
    clock.start("candidates")
    seen: list[tuple[Sequence[str], np.ndarray]] = [] if meaning is None else [(whole, meaning.views[0].left)]
    seen += [(f.left.values, f.left.vectors) for f in pictures.fields if f.distinctness > MIN_DISTINCTNESS]
    if learned is not None:
        seen.append(([repr(contents[row]) for row in order], learned.whole.left))
    candidates = candidates_within(whole, fields, seen, advance=clock.advance)
    if judged is not None:
        candidates = in_order([candidates.left, judged.left], [candidates.right, judged.right], len(records))
    clock.stop(f"{len(candidates):,} pairs")
    clock.start("match")
    space = tfidf_space(whole, whole)
    comparisons = compare(records, records, fields, (whole, whole, space), candidates.left, candidates.right)
    if meaning is not None:
        comparisons = meaning.add_to(comparisons, candidates)
    comparisons = pictures.add_to(comparisons, candidates)
    if learned is not None:
        comparisons = learned.add_to(comparisons, candidates)
    partners = match_partners(comparisons, candidates, len(records))
    evidence, shown = partners.evidence, comparisons.shown_values()
    measures: Sequence[Measure] = ()
    if partners.hold:
        clock.stop("things appear twice at most")
    else:
        measures = of_fields = measures_of(records, fields)
        if encoder is not None:
            measures = with_meaning(of_fields, records, encoder, folder, clock.advance)
        measures = [*measures, *picture_measures(pictures)]
        candidates, evidence = _match_groups(measures, candidates, len(records))
        clock.stop(f"things appear many times; {len(candidates):,} pairs")
    if judged is not None:
        clock.start("learn")

        def teach(pairs: Candidates, label_free: Evidence) -> Evidence:
            contest = Contest(pairs, len(records), len(records), left_once=False, right_once=False)
            features = pair_features(records, records, fields, space, pairs.left, pairs.right)
            if meaning is not None:
                features = meaning.add_to_features(features, pairs)
            features = pictures.add_to_features(features, pairs)
            if learned is not None:
                features = learned.add_to_features(features, pairs)
            return match_with_labels(features, judged.of(pairs, max(1, len(records))), contest, label_free, seed=seed)

        if partners.hold:
            evidence = teach(candidates, evidence)
        else:
            candidates, evidence = _learn_groups(teach, measures, candidates, evidence, len(records))
        clock.stop(f"{len(judged):,} labels; {len(candidates):,} pairs")
    if not partners.hold:
        shown = {m.label: m.similarities(candidates.left, candidates.right)[0] for m in measures}
    rows = order[candidates.left], order[candidates.right]
    given = Candidates(np.minimum(*rows).astype(np.int32), np.maximum(*rows).astype(np.int32))
    return scores_table(given, evidence, shown, notes=notes)


def _reordered(judged: Labels, place: np.ndarray) -> Labels:
    left, right = place[judged.left].astype(np.int32), place[judged.right].astype(np.int32)
    return Labels(left, right, judged.label, judged.notes).unordered()


def _match_groups(measures: Sequence[Measure], candidates: Candidates, num_records: int) -> tuple[Candidates, Evidence]:
    """Match, complete the groups that show, and match again: a group is judged by all its pairs."""
    evidence = match_within(Agreements(measures, candidates.left, candidates.right), num_records)
    for _ in range(_COMPLETIONS):
        loose = group_records(num_records, candidates, evidence.total, cut=_LOOSE)
        completed = complete_groups(candidates, loose)
        if len(completed) == len(candidates):
            break
        candidates = completed
        evidence = match_within(Agreements(measures, candidates.left, candidates.right), num_records)
    return candidates, evidence


def _learn_groups(
    learn: Callable[[Candidates, Evidence], Evidence],
    measures: Sequence[Measure],
    candidates: Candidates,
    label_free: Evidence,
    num_records: int,
) -> tuple[Candidates, Evidence]:
    """Learn, complete the groups that show, and learn again: labels show groups that were hardly compared without them.

    Args:
        learn: gives the evidence of pairs with labels, from that without.
        measures: what pairs are compared in without labels.
        candidates: the pairs so far.
        label_free: their evidence without labels.
        num_records: of the table.
    """
    evidence = learn(candidates, label_free)
    for _ in range(_COMPLETIONS):
        groups = group_records(num_records, candidates, evidence.total)
        completed = complete_between(candidates, groups, evidence.total)
        if len(completed) == len(candidates):
            break
        candidates = completed
        label_free = match_within(Agreements(measures, candidates.left, candidates.right), num_records)
        evidence = learn(candidates, label_free)
    return candidates, evidence

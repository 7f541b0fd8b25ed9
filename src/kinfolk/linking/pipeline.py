"""Linking two tables from beginning to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from kinfolk import __version__
from kinfolk.data import Records, read_records
from kinfolk.data.images import OnError, check_on_error
from kinfolk.data.overview import name_roles
from kinfolk.data.record_images import hash_image_files
from kinfolk.data.run import Run
from kinfolk.errors import ConfigurationError
from kinfolk.linking.adapt import Adapt, Learner, check_adapt, learner
from kinfolk.linking.adapt_text import TextLearner, text_learner
from kinfolk.linking.alignment import align_fields, align_images, split_mapping
from kinfolk.linking.candidate_search import find_candidates
from kinfolk.linking.candidates import Candidates, neighbors
from kinfolk.linking.capture import estimate_candidate_recall
from kinfolk.linking.compare import WHOLE_RECORD, compare, prepare_fields, whole_texts
from kinfolk.linking.comparisons.pair_features import pair_features
from kinfolk.linking.condition import PairCondition
from kinfolk.linking.decide import decide, unlinked
from kinfolk.linking.estimate import estimate_links, notes_on
from kinfolk.linking.labeled_evidence import match_with_labels
from kinfolk.linking.labels import Labels, read_labels
from kinfolk.linking.learned import Learned
from kinfolk.linking.likely_pairs import likely_pairs
from kinfolk.linking.links import Links
from kinfolk.linking.meaning import Encoder, Meaning, encode_tables, fingerprint_of, open_encoder
from kinfolk.linking.pictures import Pictures, See, check_not_image, see_pictures, see_pixels
from kinfolk.linking.relation import AUTO, RELATIONS, match_by_relation
from kinfolk.linking.rescore import CALLS, Rescorer, open_rescorer
from kinfolk.linking.rivals import Contest
from kinfolk.linking.scores import notes_of_scores, prior_of_scores, relation_of_scores, scores_table
from kinfolk.linking.search_space import search_space
from kinfolk.linking.spaces import tfidf_space
from kinfolk.linking.stages import Clock, Progress
from kinfolk.linking.stored import contest_of, keep_records, keep_result
from kinfolk.search.cross_encoder import Scorer
from kinfolk.search.filters.of_queries import Filter

_WHOLE_RECORD_K = 10


def link(
    left: object,
    right: object,
    *,
    left_id: str | None = None,
    right_id: str | None = None,
    text: Sequence[str] = (),
    number: Sequence[str] = (),
    date: Sequence[str] = (),
    category: Sequence[str] = (),
    image: Sequence[str] = (),
    ignore: Sequence[str] = (),
    where: Filter | None = None,
    labels: object = None,
    encoder: str | Path | Encoder | None = None,
    adapt: Adapt = False,
    rescore: str | Path | Scorer | None = None,
    rescore_calls: int = CALLS,
    on_error: OnError = "raise",
    relation: str = "auto",
    threshold: float | None = None,
    seed: int = 0,
    run: str | Path | None = None,
    progress: Progress | Callable[[str], None] | None = None,
) -> Links:
    """Find the records of two tables that are the same thing.

    Args:
        left, right: files, queries, data frames, Arrow tables, lists of dicts, or Records.
        left_id, right_id: the id columns; None looks for them.
        text, number, date, category: fields of that role, as "name" or, where the tables differ, "name=title".
        image: columns that hold images, named in the same way: paths of files, from the folder of their table, or bytes.
        ignore: columns of either table to leave out.
        where: a condition that pairs must pass to be candidates, on columns of the right table, with ``mine`` for the left
            record's own: ``"country = mine.country AND year BETWEEN mine.year - 2 AND mine.year + 2"`` (extra ``search``), or as
            ``kinfolk.search.col`` makes it. A comparison with a missing value does not pass. Also columns that are left out of
            the comparison can be named.
        labels: judged pairs, as a file or table with the columns ``left_id``, ``right_id`` and ``label`` (1 the same
            thing, 0 not): they teach the matcher, and are kept to. A few dozen will do.
        encoder: a text encoder that finds and compares records by meaning, beside n-grams: the name or folder of a
            sentence-transformers model, "minilm" for the one that the extra ``offline`` brings, or any object with
            ``encode(texts)`` that returns (n, dim); None uses none.
        adapt: whether an encoder is trained on the records themselves, without labels; it takes minutes (extra ``train``). A text
            encoder that is given by its name or folder learns from the pairs that n-grams and fields alone make likely, and
            finds and compares records as adapted. Where there are images, or no such encoder, one of whole records learns
            which image belongs to which text, and its vectors are compared, too. "reading", where images are crops of what the
            texts say, learns to read first, from texts drawn in fonts of this machine.
        rescore: a slow scorer of pairs for the best candidates, whose score is one more comparison: the folder or name of a
            sentence-transformers CrossEncoder, ``module:function``, or a function that takes two lists of n texts, of left
            and of right records, and returns n numbers, larger for what is more alike; None uses none.
        rescore_calls: pairs of each left record that it is asked for, at most.
        on_error: "raise" stops at the first image that cannot be read; "skip" takes it for missing, with a note.
        relation: "one-to-one", "many-to-one" (a left record has at most one partner), "one-to-many", "many-to-many" (every
            pair at or above the cut is a link) or "auto", which is one-to-one unless the records clearly say otherwise.
        threshold: least probability of a link; None chooses the cut with the highest expected F1.
        seed: of what is random in learning from labels, and in ``adapt``; without both nothing is.
        run: folder that keeps finished stages; the same call goes on where it stopped.
        progress: told of the stages as they begin, advance and end; a plain function is called with their names.

    Raises:
        DataError: a table cannot be read.
        ConfigurationError: an option is not possible.
        RunError: the run folder belongs to another run.
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise ConfigurationError(f"threshold must be in [0, 1]. Got {threshold}.")
    if relation not in RELATIONS:
        raise ConfigurationError(f"relation must be one of {', '.join(RELATIONS)}. Got {relation!r}.")
    check_on_error(on_error)
    check_adapt(adapt)
    clock = Clock(progress)
    clock.start("read")
    roles = {"text": text, "number": number, "date": date, "category": category, "image": image}
    given = {role: split_mapping(entries) for role, entries in roles.items()}
    tables = []
    for side, (source, id_column) in enumerate(((left, left_id), (right, right_id))):
        tables.append(
            read_records(
                source,
                id=id_column,
                text=[pair[side] for pair in given["text"]],
                number=[pair[side] for pair in given["number"]],
                date=[pair[side] for pair in given["date"]],
                category=[pair[side] for pair in given["category"]],
                image=[pair[side] for pair in given["image"]],
            )
        )
    condition = None if where is None else PairCondition(where, tables[0], tables[1])
    tables = [t.with_roles({c: "ignore" for c in ignore if c in t.roles}) for t in tables]
    for column in ignore:
        check_not_image(column, [name for pair in given["image"] for name in pair])
        if not any(column in t.roles for t in tables):
            raise ConfigurationError(f"ignore names '{column}', which is a column of neither table.")
    records_left, records_right = tables
    judged = None if labels is None else read_labels(labels, records_left, records_right)
    opened = open_encoder(encoder)
    rescorer = open_rescorer(rescore, rescore_calls)
    key = {
        "version": __version__,
        "left table": records_left.fingerprint(),
        "right table": records_right.fingerprint(),
        "relation": relation,
        "fields": repr(given),
        "content of the images": "not kept" if run is None else " ".join(map(hash_image_files, tables)),
        "unreadable images": on_error,
        "encoder": fingerprint_of(opened, kept=run is not None),
        "adapt": f"{adapt}, seed {seed}" if adapt else "no",
        "labels": "none" if judged is None else f"{judged.fingerprint()}, seed {seed}",
    }
    if condition is not None:
        key["where"] = condition.text
    if rescorer is not None:
        key["rescore"] = rescorer.fingerprint(kept=run is not None)
    store = Run(Path(run) if run is not None else None, key)
    keep_records(store, left=records_left, right=records_right)
    sizes = f"{len(records_left):,} and {len(records_right):,} records"
    clock.stop(f"{sizes}; {name_roles(records_left, records_right)}")

    learn_text = text_learner(adapt, encoder, opened, folder=store.folder, seed=seed)
    pictured = all(records.fields("image") for records in tables)
    # A text encoder that is given learns from the texts; an encoder of records, from what else there is.
    by_record = adapt if learn_text is None or pictured or adapt == "reading" else False
    learn = learner(by_record, folder=store.folder, on_error=on_error, seed=seed)
    scores = store.load("scores")
    if scores is None:
        see = partial(see_pixels, on_error=on_error)
        scores = _score(
            records_left,
            records_right,
            given,
            condition,
            judged,
            opened,
            see,
            learn,
            learn_text,
            rescorer,
            relation,
            seed,
            store,
            clock,
        )
        store.save("scores", scores)
    relation, reason = relation_of_scores(scores)

    clock.start("decide")
    contest = contest_of(scores, records_left, records_right, relation)
    probability = scores.column("probability").to_numpy()
    decision = decide(probability, contest, threshold)
    scores = scores.append_column("link", pa.array(decision.link))
    left_over = unlinked(probability, decision, contest)
    estimate = estimate_links(scores, decision, contest)
    clock.stop(f"{int(decision.link.sum()):,} links, {relation}")
    links = Links(
        records_left,
        records_right,
        scores,
        left_over,
        prior_of_scores(scores),
        decision.threshold,
        relation,
        estimate,
        tuple(clock.stages),
        (
            *records_left.notes,
            *records_right.notes,
            *(() if judged is None else judged.notes),
            *(() if condition is None else condition.notes(judged)),
            *notes_of_scores(scores),
            *((reason,) if reason else ()),
            *notes_on(estimate, min(len(records_left), len(records_right))),
        ),
        None if learn is None else learn.source,
    )
    store.save("unlinked", links.unlinked)
    store.save("links", links.to_arrow())
    keep_result(store, links)
    return links


def _score(
    left: Records,
    right: Records,
    given: Mapping[str, Sequence[tuple[str, str]]],
    condition: PairCondition | None,
    judged: Labels | None,
    encoder: Encoder | None,
    see: See,
    learn: Learner | None,
    learn_text: TextLearner | None,
    rescorer: Rescorer | None,
    relation: str,
    seed: int,
    store: Run,
    clock: Clock,
) -> pa.Table:
    clock.start("represent")
    texts = whole_texts(left), whole_texts(right)
    whole = tfidf_space(*texts)
    clock.advance(0.2)  # the search of whole records takes most of the stage
    groups = None if condition is None else condition.groups
    near = neighbors(search_space(*texts, whole), _WHOLE_RECORD_K, groups)
    clock.advance(0.8)
    named = [pair for role, pairs in given.items() if role != "image" for pair in pairs]
    pairs = align_fields(left, right, given=named, seeds=near.mutual_best(len(left), len(right)))
    fields = prepare_fields(left, right, pairs)
    image_pairs = align_images(left, right, given=given["image"])
    compared = [f"{pair.label} ({pair.role})" for pair in (*(field.pair for field in fields), *image_pairs)]
    clock.stop(", ".join(compared) or "no field in common: whole records only")
    pictures = Pictures()
    if image_pairs:
        clock.start("pictures")
        pictures = see_pictures(left, right, image_pairs, see, clock.advance)
        clock.stop(f"{pictures.fields[0].left.vectors.shape[1]:,} numbers an image")
    notes = list(pictures.notes)
    views: list[Meaning | Pictures | Learned] = []
    if encoder is not None:
        compared_fields = [field.pair for field in fields]
        encode: Callable[..., Meaning] = partial(encode_tables, encoder)
        if learn_text is not None:
            clock.start("adapt text")
            likely = partial(likely_pairs, left, right, fields, (*texts, whole), near, judged, relation, condition)
            adapted = learn_text.learn(left, right, compared_fields, likely, clock.advance)
            if adapted.encoders:
                encode = adapted.encode_tables
            clock.stop(adapted.note)
            notes.append(adapted.note)
        clock.start("encode")
        meaning = encode(left, right, compared_fields, store.folder, clock.advance)
        clock.stop(f"{meaning.views[0].left.shape[1]} numbers a text")
        views.append(meaning)
    if learn is not None:
        clock.start("adapt")
        learned = learn.learn(left, right, [field.pair for field in fields], image_pairs, judged, clock.advance)
        clock.stop(learned.note)
        pictures = learned.see(pictures)
        notes.append(learned.note)
        views.append(learned)
    views.append(pictures)
    clock.start("candidates")
    found = store.load("candidates")
    if found is None:
        candidates, nearest = find_candidates(
            near, texts, fields, views, judged, max(1, len(right)), clock.advance, condition
        )
        kept = {"left": candidates.left, "right": candidates.right, "nearest": nearest}
        store.save("candidates", pa.table(kept))
    else:
        candidates = Candidates(found.column("left").to_numpy(), found.column("right").to_numpy())
        nearest = found.column("nearest").to_numpy()
    clock.stop(f"{len(candidates):,} pairs")
    clock.start("compare")
    comparisons = compare(left, right, fields, (*texts, whole), candidates.left, candidates.right, clock.advance)
    for view in views:
        comparisons = view.add_to(comparisons, candidates)
    clock.stop(f"{comparisons.values.shape[1]} comparisons a pair")
    free = Contest(candidates, len(left), len(right))
    rescored = None
    if rescorer is not None:
        clock.start("rescore")
        probability = match_by_relation(comparisons, free, relation).evidence.probability
        similarity = comparisons.values[:, comparisons.shown[WHOLE_RECORD]]
        rescored = rescorer.rescore(left, right, candidates, probability, similarity, store.folder, clock.advance)
        comparisons = rescored.add_to(comparisons)
        clock.stop(f"{rescored.calls:,} calls")
    clock.start("match")
    matched = match_by_relation(comparisons, free, relation)
    evidence, contest = matched.evidence, matched.contest
    clock.stop(matched.relation)
    if judged is not None:
        clock.start("learn")
        features = pair_features(left, right, fields, whole, candidates.left, candidates.right)
        for view in views:
            features = view.add_to_features(features, candidates)
        if rescored is not None:
            features = rescored.add_to_features(features)
        evidence = match_with_labels(features, judged.of(candidates, max(1, len(right))), contest, evidence, seed=seed)
        clock.stop(f"{len(judged):,} labels")
    probability = evidence.probability
    winners = contest.winners(probability, np.arange(len(probability)))
    return scores_table(
        candidates,
        evidence,
        comparisons.shown_values(),
        relation=matched.relation,
        reason=matched.reason(left.name, right.name) if relation == AUTO else "",
        candidate_recall=estimate_candidate_recall(nearest[winners], probability[winners]),
        notes=notes,
    )

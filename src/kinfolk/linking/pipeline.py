"""Linking two tables from beginning to end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from kinfolk import __version__
from kinfolk.data import Records, read_records
from kinfolk.data.overview import name_roles
from kinfolk.errors import ConfigurationError
from kinfolk.linking.alignment import align_fields, split_mapping
from kinfolk.linking.candidates import Candidates, Neighbors, neighbors, union
from kinfolk.linking.compare import Field, compare, prepare_fields, whole_texts
from kinfolk.linking.comparisons.pair_features import pair_features
from kinfolk.linking.decide import decide, unlinked
from kinfolk.linking.estimate import estimate_from_probabilities
from kinfolk.linking.labeled_evidence import match_with_labels
from kinfolk.linking.labels import Labels, read_labels
from kinfolk.linking.links import Links
from kinfolk.linking.match import match_without_labels
from kinfolk.linking.meaning import Encoder, Meaning, encode_tables, fingerprint_of, open_encoder
from kinfolk.linking.rivals import ONCE, Contest
from kinfolk.linking.run import Run
from kinfolk.linking.scores import prior_of_scores, scores_table
from kinfolk.linking.search_space import search_space
from kinfolk.linking.spaces import tfidf_space
from kinfolk.linking.stages import Clock, Progress
from kinfolk.linking.stored import contest_of, keep_records, keep_result

_WHOLE_RECORD_K, _FIELD_K = 10, 5
_MIN_DISTINCTNESS = 0.3  # fields with fewer distinct values per record find no candidates of their own


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
    ignore: Sequence[str] = (),
    labels: object = None,
    encoder: str | Path | Encoder | None = None,
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
        ignore: columns of either table to leave out.
        labels: judged pairs, as a file or table with the columns ``left_id``, ``right_id`` and ``label`` (1 the same
            thing, 0 not): they teach the matcher, and are kept to. A few dozen will do.
        encoder: a text encoder that finds and compares records by meaning, beside n-grams: the name or folder of a
            sentence-transformers model, "minilm" for the one that the extra ``offline`` brings, or any object with
            ``encode(texts)`` that returns (n, dim); None uses none.
        relation: "one-to-one", "many-to-one" (a left record has at most one partner), "one-to-many" or "auto", which
            is one-to-one.
        threshold: least probability of a link; None chooses the cut with the highest expected F1.
        seed: of what is random in learning from labels; without labels nothing is.
        run: folder that keeps finished stages; the same call goes on where it stopped.
        progress: told of the stages as they begin, advance and end; a plain function is called with their names.

    Raises:
        DataError: a table cannot be read.
        ConfigurationError: an option is not possible.
        RunError: the run folder belongs to another run.
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise ConfigurationError(f"threshold must be in [0, 1]. Got {threshold}.")
    relation = "one-to-one" if relation == "auto" else relation
    if relation not in ONCE or relation == "many-to-many":
        raise ConfigurationError(f"relation must be auto, one-to-one, many-to-one or one-to-many. Got {relation!r}.")
    clock = Clock(progress)
    clock.start("read")
    roles = {"text": text, "number": number, "date": date, "category": category}
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
            )
        )
    tables = [t.with_roles({c: "ignore" for c in ignore if c in t.roles}) for t in tables]
    for column in ignore:
        if not any(column in t.roles for t in tables):
            raise ConfigurationError(f"ignore names '{column}', which is a column of neither table.")
    records_left, records_right = tables
    judged = None if labels is None else read_labels(labels, records_left, records_right)
    opened = open_encoder(encoder)
    key = {
        "version": __version__,
        "left table": records_left.fingerprint(),
        "right table": records_right.fingerprint(),
        "relation": relation,
        "fields": repr(given),
        "encoder": fingerprint_of(opened, kept=run is not None),
        "labels": "none" if judged is None else f"{judged.fingerprint()}, seed {seed}",
    }
    store = Run(Path(run) if run is not None else None, key)
    keep_records(store, left=records_left, right=records_right)
    sizes = f"{len(records_left):,} and {len(records_right):,} records"
    clock.stop(f"{sizes}; {name_roles(records_left, records_right)}")

    scores = store.load("scores")
    if scores is None:
        pairs = [pair for role in given.values() for pair in role]
        scores = _score(records_left, records_right, pairs, judged, opened, relation, seed, store, clock)
        store.save("scores", scores)
    prior = prior_of_scores(scores)

    clock.start("decide")
    contest = contest_of(scores, records_left, records_right, relation)
    probability = scores.column("probability").to_numpy()
    decision = decide(probability, contest, threshold)
    scores = scores.append_column("link", pa.array(decision.link))
    left_over = unlinked(probability, decision, contest)
    clock.stop(f"{int(decision.link.sum()):,} links")
    links = Links(
        records_left,
        records_right,
        scores,
        left_over,
        prior,
        decision.threshold,
        relation,
        estimate_from_probabilities(probability[decision.standing], decision.link[decision.standing]),
        tuple(clock.stages),
        records_left.notes + records_right.notes + (() if judged is None else judged.notes),
    )
    store.save("unlinked", links.unlinked)
    store.save("links", links.to_arrow())
    keep_result(store, links)
    return links


def _score(
    left: Records,
    right: Records,
    given: Sequence[tuple[str, str]],
    judged: Labels | None,
    encoder: Encoder | None,
    relation: str,
    seed: int,
    store: Run,
    clock: Clock,
) -> pa.Table:
    clock.start("represent")
    texts = whole_texts(left), whole_texts(right)
    whole = tfidf_space(*texts)
    clock.advance(0.2)  # the search of whole records takes most of the stage
    near = neighbors(search_space(*texts, whole), _WHOLE_RECORD_K)
    clock.advance(0.8)
    pairs = align_fields(left, right, given=given, seeds=near.mutual_best(len(left), len(right)))
    fields = prepare_fields(left, right, pairs)
    clock.stop(", ".join(f"{f.pair.label} ({f.pair.role})" for f in fields) or "no field in common: whole records only")
    meaning = None
    if encoder is not None:
        clock.start("encode")
        meaning = encode_tables(encoder, left, right, [field.pair for field in fields], store.folder, clock.advance)
        clock.stop(f"{meaning.views[0].left.shape[1]} numbers a text")
    clock.start("candidates")
    found = store.load("candidates")
    if found is None:
        candidates = _candidates(near, fields, meaning, judged, max(1, len(right)), clock)
        store.save("candidates", pa.table({"left": candidates.left, "right": candidates.right}))
    else:
        candidates = Candidates(found.column("left").to_numpy(), found.column("right").to_numpy())
    clock.stop(f"{len(candidates):,} pairs")
    clock.start("compare")
    comparisons = compare(left, right, fields, (*texts, whole), candidates.left, candidates.right, clock.advance)
    if meaning is not None:
        comparisons = meaning.add_to(comparisons, candidates)
    clock.stop(f"{comparisons.values.shape[1]} comparisons a pair")
    clock.start("match")
    left_once, right_once = ONCE[relation]
    contest = Contest(candidates, len(left), len(right), left_once, right_once)
    evidence = match_without_labels(comparisons, contest)
    clock.stop()
    if judged is not None:
        clock.start("learn")
        features = pair_features(left, right, fields, whole, candidates.left, candidates.right)
        if meaning is not None:
            features = meaning.add_to_features(features, candidates)
        evidence = match_with_labels(features, judged.of(candidates, max(1, len(right))), contest, evidence, seed=seed)
        clock.stop(f"{len(judged):,} labels")
    return scores_table(candidates, evidence, comparisons.shown_values())


def _candidates(
    near: Neighbors,
    fields: tuple[Field, ...],
    meaning: Meaning | None,
    judged: Labels | None,
    num_right: int,
    clock: Clock,
) -> Candidates:
    telling = [f for f in fields if f.pair.role == "text" and f.distinctness > _MIN_DISTINCTNESS]
    lists = [near.pairs(num_right)]
    for done, field in enumerate(telling):
        clock.advance(done / len(telling))
        lists.append(neighbors(search_space(field.left, field.right, field.space), _FIELD_K).pairs(num_right))
    if meaning is not None:
        lists.append(meaning.candidates())
    if judged is not None:
        lists.append(Candidates(judged.left, judged.right))
    return union([c.left for c in lists], [c.right for c in lists], num_right)

"""Grouping one table from beginning to end: which of its records are the same thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from kinfolk import __version__
from kinfolk.data import read_records
from kinfolk.data.images import OnError, check_on_error
from kinfolk.data.overview import name_roles
from kinfolk.data.record_images import hash_image_files
from kinfolk.data.run import Run
from kinfolk.errors import ConfigurationError
from kinfolk.linking.adapt import Adapt, check_adapt, learner
from kinfolk.linking.clustering import cluster_scores
from kinfolk.linking.clusters import Clusters
from kinfolk.linking.grouping import check_grouping
from kinfolk.linking.labels import read_labels
from kinfolk.linking.meaning import Encoder, fingerprint_of, open_encoder
from kinfolk.linking.pictures import check_not_image, see_pixels
from kinfolk.linking.score_within import score_within
from kinfolk.linking.scores import notes_of_scores, prior_of_scores
from kinfolk.linking.stages import Clock, Progress
from kinfolk.linking.stored import keep_records, keep_result


def dedupe(
    table: object,
    *,
    id: str | None = None,
    text: Sequence[str] = (),
    number: Sequence[str] = (),
    date: Sequence[str] = (),
    category: Sequence[str] = (),
    image: Sequence[str] = (),
    ignore: Sequence[str] = (),
    labels: object = None,
    encoder: str | Path | Encoder | None = None,
    adapt: Adapt = False,
    on_error: OnError = "raise",
    threshold: float = 0.5,
    seed: int = 0,
    run: str | Path | None = None,
    progress: Progress | Callable[[str], None] | None = None,
) -> Clusters:
    """Find the records of one table that are the same thing.

    Args:
        table: a file, query, data frame, Arrow table, list of dicts, or Records.
        id: the id column; None looks for one.
        text, number, date, category: columns of that role; the others are inferred.
        image: columns that hold images: paths of files, from the folder of the table, or bytes.
        ignore: columns to leave out.
        labels: judged pairs, as a file or table with the columns ``left_id``, ``right_id`` and ``label`` (1 the same
            thing, 0 not): they teach the matcher.
        encoder: a text encoder that finds and compares records by meaning, beside n-grams: the name or folder of a
            sentence-transformers model, "minilm" for the one that the extra ``offline`` brings, or any object with
            ``encode(texts)`` that returns (n, dim); None uses none.
        adapt: whether an encoder is trained on the records themselves, without labels; see ``link``.
        on_error: "raise" stops at the first image that cannot be read; "skip" takes it for missing, with a note.
        threshold: probability from which records belong together, in [0, 1].
        seed: of what is random in learning from labels; without labels nothing is.
        run: folder that keeps finished stages; the same call goes on where it stopped.
        progress: told of the stages as they begin, advance and end; a plain function is called with their names.

    Raises:
        DataError: the table cannot be read.
        ConfigurationError: an option is not possible.
        RunError: the run folder belongs to another run.
    """
    return cluster(
        table,
        id=id,
        text=text,
        number=number,
        date=date,
        category=category,
        image=image,
        ignore=ignore,
        labels=labels,
        encoder=encoder,
        adapt=adapt,
        on_error=on_error,
        threshold=threshold,
        seed=seed,
        run=run,
        progress=progress,
    )


def cluster(
    table: object,
    *,
    id: str | None = None,
    text: Sequence[str] = (),
    number: Sequence[str] = (),
    date: Sequence[str] = (),
    category: Sequence[str] = (),
    image: Sequence[str] = (),
    ignore: Sequence[str] = (),
    labels: object = None,
    encoder: str | Path | Encoder | None = None,
    adapt: Adapt = False,
    on_error: OnError = "raise",
    one_per: str | None = None,
    grouping: str = "average",
    threshold: float = 0.5,
    seed: int = 0,
    run: str | Path | None = None,
    progress: Progress | Callable[[str], None] | None = None,
) -> Clusters:
    """Group the records of one table, which may come from several sources.

    As ``dedupe``, and:

    Args:
        one_per: column of which a group holds each value once at most: the source a record comes from, when each source
            is free of duplicates. It is not compared.
        grouping: "average" joins groups while their records are alike on average; "components" follows every pair above
            the threshold and splits only groups that are chained together.
    """
    if not 0 <= threshold <= 1:
        raise ConfigurationError(f"threshold must be in [0, 1]. Got {threshold}.")
    check_on_error(on_error)
    check_adapt(adapt)
    way = check_grouping(grouping)
    clock = Clock(progress)
    clock.start("read")
    given = [list(columns) for columns in (text, number, date, category, image, ignore)]
    records = read_records(
        table, id=id, text=given[0], number=given[1], date=given[2], category=given[3], image=given[4]
    )
    for name, column in [("ignore", c) for c in ignore] + ([("one_per", one_per)] if one_per else []):
        check_not_image(column, image)
        if column not in records.roles:
            raise ConfigurationError(
                f"{name} names '{column}', which is no column of {records.name}. It has: {', '.join(records.roles)}."
            )
    records = records.with_roles(dict.fromkeys([*ignore, *([one_per] if one_per else [])], "ignore"))
    judged = None if labels is None else read_labels(labels, records, records).unordered()
    opened = open_encoder(encoder)
    key = {
        "version": __version__,
        "table": records.fingerprint(),
        "fields": repr(given),
        "content of the images": "not kept" if run is None else hash_image_files(records),
        "unreadable images": on_error,
        "encoder": fingerprint_of(opened, kept=run is not None),
        "adapt": f"{adapt}, seed {seed}" if adapt else "no",
        "labels": "none" if judged is None else f"{judged.fingerprint()}, seed {seed}",
    }
    store = Run(Path(run) if run is not None else None, key)
    keep_records(store, records=records)
    clock.stop(f"{len(records):,} records; {name_roles(records)}")

    learn = learner(adapt, folder=store.folder, on_error=on_error, seed=seed)
    scores = store.load("scores")
    if scores is None:
        see = partial(see_pixels, on_error=on_error)
        scores = score_within(records, judged, opened, see, learn, seed, store.folder, clock)
        store.save("scores", scores)
    clock.start("group")
    found = cluster_scores(
        records,
        scores,
        prior_of_scores(scores),
        threshold=threshold,
        grouping=way,
        one_per=one_per,
        notes=records.notes + (() if judged is None else judged.notes) + notes_of_scores(scores),
        models=None if learn is None else learn.source,
    )
    clock.stop(f"{len(found):,} groups")
    found = replace(found, stages=tuple(clock.stages))
    store.save("clusters", found.to_arrow())
    keep_result(store, found)
    return found

"""A finished run read back from its folder: tables, scores and decision, so that it can be looked at after the program ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kinfolk.data import Records, atomic_write
from kinfolk.data.run import Run, read_stage
from kinfolk.errors import RunError
from kinfolk.evaluation.interval import Estimate, Interval
from kinfolk.linking.adapt import kept_models
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.clustering import cluster_scores
from kinfolk.linking.clusters import Clusters
from kinfolk.linking.decide import decide
from kinfolk.linking.grouping import check_grouping
from kinfolk.linking.links import Links, Stage
from kinfolk.linking.rivals import ONCE, Contest
from kinfolk.linking.scores import prior_of_scores

_ABOUT = b"kinfolk records"
_RESULT = "result.json"
_LINKED = ("left.parquet", "right.parquet", "scores.parquet", "unlinked.parquet", _RESULT)
_GROUPED = ("records.parquet", "scores.parquet", _RESULT)


def load(run: str | Path) -> Links | Clusters:
    """Read the result of a finished run.

    Args:
        run: the folder given to ``link``, ``dedupe`` or ``cluster`` as ``run``.

    Returns:
        The links, or the clusters, as they were returned, with the tables as they were then.

    Raises:
        RunError: the folder is not there, holds no finished run, or is damaged.
    """
    folder = Path(run)
    if not folder.is_dir():
        raise RunError(f"There is no run folder {folder}. Give the folder that was given to link or dedupe as --run.")
    grouped = (folder / _GROUPED[0]).exists()
    command, parts, read = ("dedupe", _GROUPED, _load_clusters) if grouped else ("link", _LINKED, _load_links)
    missing = [name for name in parts if not (folder / name).exists()]
    if missing:
        raise RunError(
            f"{folder} holds no finished run of {command}: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} "
            f"missing. Run the same {command} command again; it goes on where it stopped."
        )
    return read(folder)


def _load_links(folder: Path) -> Links:
    with _reading_result(folder, "link") as result:
        threshold, relation = float(result["threshold"]), str(result["relation"])
        estimate = _estimate(result["estimate"])
        stages = tuple(Stage(**stage) for stage in result["stages"])
        notes = tuple(result["notes"])
    left, right = (_load_records(folder / name) for name in _LINKED[:2])
    scores = read_stage(folder / "scores.parquet")
    contest = contest_of(scores, left, right, relation)
    decision = decide(scores.column("probability").to_numpy(), contest, threshold)
    unlinked = read_stage(folder / "unlinked.parquet")
    prior = prior_of_scores(scores)
    scores = scores.append_column("link", pa.array(decision.link))
    models = kept_models(folder)
    return Links(left, right, scores, unlinked, prior, threshold, relation, estimate, stages, notes, models)


def _estimate(stored: dict[str, Any]) -> Estimate:
    intervals = {name: value and Interval(**value) for name, value in stored.items() if name != "source"}
    return Estimate(**intervals, source=stored["source"])


def _load_clusters(folder: Path) -> Clusters:
    with _reading_result(folder, "dedupe") as result:
        threshold, grouping = float(result["threshold"]), check_grouping(result["grouping"])
        one_per = None if result["one_per"] is None else str(result["one_per"])
        stages = tuple(Stage(**stage) for stage in result["stages"])
        notes = tuple(result["notes"])
    scores = read_stage(folder / "scores.parquet")
    return cluster_scores(
        _load_records(folder / _GROUPED[0]),
        scores,
        prior_of_scores(scores),
        threshold=threshold,
        grouping=grouping,
        one_per=one_per,
        stages=stages,
        notes=notes,
        models=kept_models(folder),
    )


@contextmanager
def _reading_result(folder: Path, command: str) -> Iterator[dict[str, Any]]:
    """What ``keep_result`` wrote; whatever is wrong with it while it is looked at becomes one sentence."""
    try:
        yield json.loads((folder / _RESULT).read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"{folder / _RESULT} cannot be read ({error}). Delete it and run the {command} command again."
        ) from error


def keep_records(store: Run, **tables: Records) -> None:
    """Keep tables by name with the roles of their columns; unfinished runs find them there already."""
    if store.folder is None:
        return
    for name, records in tables.items():
        # Relative paths of images are looked for from the folder of the table; one in memory has that of the program.
        folder = Path.cwd() if records.folder is None and records.fields("image") else records.folder
        if _kept_folder(store.folder / f"{name}.parquet") != str(folder):
            about = {
                "roles": dict(records.roles),
                "name": records.name,
                "notes": records.notes,
                "conventions": dict(records.conventions),
                "folder": None if folder is None else str(folder),
                "row_numbers": None if records.row_numbers is None else records.row_numbers.to_pylist(),
            }
            metadata = {**(records.table.schema.metadata or {}), _ABOUT: json.dumps(about).encode()}
            store.save(name, records.table.replace_schema_metadata(metadata))


def _kept_folder(path: Path) -> str:
    """The folder that a kept table says that it is from; "" where none is kept that can be read."""
    import pyarrow.parquet as pq

    try:
        return str(json.loads(pq.read_schema(path).metadata[_ABOUT])["folder"])
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return ""


def keep_result(store: Run, found: Links | Clusters) -> None:
    """Keep what was decided; written last, so that its presence says that the run is finished."""
    if store.folder is None:
        return
    decided: dict[str, object]
    if isinstance(found, Links):
        decided = {"relation": found.relation, "estimate": asdict(found.estimate)}
    else:
        decided = {"grouping": found.grouping, "one_per": found.one_per}
    result = {
        "threshold": found.threshold,
        **decided,
        "stages": [asdict(stage) for stage in found.stages],
        "notes": found.notes,
    }
    with atomic_write(store.folder / _RESULT) as aside:
        aside.write_text(json.dumps(result, indent=1), "utf-8")


def contest_of(scores: pa.Table, left: Records, right: Records, relation: str) -> Contest:
    """Which of the scored pairs exclude each other under a relation."""
    candidates = Candidates(
        scores.column("left").to_numpy().astype(np.int32, copy=False),
        scores.column("right").to_numpy().astype(np.int32, copy=False),
    )
    left_once, right_once = ONCE[relation]
    return Contest(candidates, len(left), len(right), left_once, right_once)


def _load_records(path: Path) -> Records:
    table = read_stage(path)
    metadata = dict(table.schema.metadata or {})
    try:
        about = json.loads(metadata.pop(_ABOUT))
    except (KeyError, ValueError) as error:
        raise RunError(f"{path} was not written by kinfolk. Delete it and run the command again.") from error
    numbers = about["row_numbers"]
    return Records(
        table.replace_schema_metadata(metadata or None),
        about["roles"],
        about["name"],
        tuple(about["notes"]),
        None if numbers is None else pa.array(numbers, pa.int64()),
        about["conventions"],
        None if about["folder"] is None else Path(about["folder"]),
    )

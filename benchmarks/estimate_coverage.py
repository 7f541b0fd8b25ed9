"""How often the intervals that need no truth hold it: precision, recall, F1 and the share of true pairs that are candidates.

Claim: on tables whose truth is known, the 95 % intervals of ``Links.estimate`` hold it on at least four of six
development sets for each figure, and on generated persons unless few of them have a partner.

Protocol: every two-table set, and 18 pairs of registers of 2,000 made-up persons: 5, 30 and 95 % with a partner; few, more
and many errors; all columns, or names, suburb and date of birth only. Seeds 2001 to 2018; the
intervals were developed on the development sets and on persons of other seeds.

Run: ``python -m benchmarks.estimate_coverage`` (minutes). Writes ``benchmarks/results/estimate_coverage.json``.
"""

from __future__ import annotations

import json
from itertools import product

import pyarrow as pa
import pyarrow.compute as pc

import kinfolk
from benchmarks.sets import LINK_SETS, RESULTS, TITLES, read_matches, set_folder
from kinfolk.data.persons import Errors, generate_persons
from kinfolk.evaluation.candidates import pair_completeness

FIGURES = ("precision", "recall", "f1", "candidate_recall")
NUM_PERSONS, FIRST_SEED = 2_000, 2001
OVERLAPS = (0.05, 0.3, 0.95)
ERRORS = {
    "few errors": Errors(),
    "more errors": Errors(typo=0.3, missing=0.15, swapped_names=0.05, moved=0.3, married=0.1),
    "many errors": Errors(typo=0.6, missing=0.3, swapped_names=0.1, moved=0.5, married=0.2),
}
COLUMNS = {"all columns": None, "four columns": ["id", "given_name", "surname", "suburb", "date_of_birth"]}


def beside_truth(links: kinfolk.Links, truth: pa.Table) -> dict[str, object]:
    """Each estimate beside its true value."""
    metrics = links.evaluate(truth)
    pairs = pa.table(
        {
            f"{side}_id": pc.cast(table.ids.take(links.scores[side].combine_chunks()), pa.string())
            for side, table in (("left", links.left), ("right", links.right))
        }
    )
    true = {name: getattr(metrics, name) for name in FIGURES[:3]}
    true["candidate_recall"] = pair_completeness(pairs, truth)
    found: dict[str, object] = {}
    for name in FIGURES:
        said = getattr(links.estimate, name)
        found[name] = {
            "true": round(true[name], 4),
            "estimated": None if said is None else [round(x, 4) for x in (said.value, said.low, said.high)],
            "held": None if said is None else bool(said.low <= true[name] <= said.high),
        }
    return found


def persons(seed: int, overlap: float, errors: str, columns: str) -> dict[str, object]:
    """Links two registers of made-up persons."""
    made = generate_persons(NUM_PERSONS, overlap=overlap, seed=seed, errors=ERRORS[errors])
    kept = COLUMNS[columns] or made.left.column_names
    return beside_truth(kinfolk.link(made.left.select(kept), made.right.select(kept)), made.truth)


def main() -> None:
    results: dict[str, dict[str, object]] = {}
    for name in LINK_SETS:
        left, right = (set_folder(name) / f"{side}.csv.gz" for side in ("left", "right"))
        lefts, rights = zip(*read_matches(name), strict=True)
        results[TITLES[name]] = beside_truth(
            kinfolk.link(left, right), pa.table({"left_id": lefts, "right_id": rights})
        )
        print(TITLES[name], results[TITLES[name]], flush=True)
    for seed, (overlap, errors, columns) in enumerate(product(OVERLAPS, ERRORS, COLUMNS), FIRST_SEED):
        title = f"persons, {overlap:.0%} in both, {errors}, {columns}"
        results[title] = persons(seed, overlap, errors, columns)
        print(title, results[title], flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "estimate_coverage.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Whether the audit's 95 % intervals hold: 60 pairs judged by the truth, again and again, on every developer set.

Claim: on each set the intervals of precision, recall (of the matches among the candidates) and F1 of the program's own
links cover the truth in at least 90 of 100 repetitions, and the values are nearly unbiased (recall on IMDb-DBpedia is .04 too
high on average).

Protocol: one label-free run of ``kinfolk.link`` a set; every repetition draws another sample (another seed), answers it
from the truth, and estimates. "Links after" follows the recalibrated probability with its better cut: once as given,
with the answers kept to (``f1_after``), and once by the cut alone (``f1_after_cut_alone``). The stress runs audit the
same links with stated log-odds that are off by +1.5 and by -1.5. The constants of the sample and of the intervals were
chosen with these sets at hand, on other samples (and on the coverage, not on the width): expect somewhat less on others.

Run: ``python -m benchmarks.audit_coverage`` (all sets, 100 repetitions). Writes ``benchmarks/results/audit_coverage.json``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

import kinfolk
from benchmarks.launch import Outcome
from benchmarks.linking import tables_of
from benchmarks.sets import LINK_SETS, RESULTS, TITLES, read_matches
from kinfolk.linking.audit.estimate import estimate_from_answers
from kinfolk.linking.audit.recalibrate import recalibrate, relink
from kinfolk.linking.audit.sample import draw_sample
from kinfolk.linking.map_logistic import logit, sigmoid

FIGURES = ("precision", "recall", "f1")
SHIFTS = (0.0, 1.5, -1.5)
_FIRST_SEED = 1000  # the audit's constants were chosen on samples with smaller ones


def truth_of(links: kinfolk.Links, set_name: str) -> npt.NDArray[np.bool_]:
    """For each candidate pair whether it is a match."""
    true = set(read_matches(set_name))
    ids = [[str(value) for value in records.ids.to_pylist()] for records in (links.left, links.right)]
    pairs = zip(links.scores["left"].to_pylist(), links.scores["right"].to_pylist(), strict=True)
    return np.array([(ids[0][i], ids[1][j]) in true for i, j in pairs])


def figures_of(link: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Precision, recall among the candidates, and F1."""
    hits, num_links, num_true = int((link & true).sum()), int(link.sum()), int(true.sum())
    return np.array([hits / max(num_links, 1), hits / max(num_true, 1), 2 * hits / max(num_links + num_true, 1)])


def audit_often(links: kinfolk.Links, true: npt.NDArray[np.bool_], shift: float, size: int, repeats: int) -> Outcome:
    """The intervals and the better cut over many samples."""
    probability = sigmoid(logit(links.scores["probability"].to_numpy()) + shift)
    link = links.scores["link"].to_numpy()
    place = links.scores.column_names.index("probability")
    shifted = replace(links, scores=links.scores.set_column(place, "probability", pa.array(probability)))
    truth = figures_of(link, true)
    intervals, after, cut_alone = [], [], []
    for seed in range(_FIRST_SEED, _FIRST_SEED + repeats):
        sample = draw_sample(probability, link, size, seed=seed)
        answers = true[sample.drawn]
        estimate = estimate_from_answers(sample, sample.drawn, answers)
        if estimate is None:
            raise RuntimeError("a full sample must give an estimate")
        intervals.append(
            [[getattr(estimate, f).value, getattr(estimate, f).low, getattr(estimate, f).high] for f in FIGURES]
        )
        fitted = recalibrate(probability[sample.drawn], answers)
        relinked = relink(shifted, fitted, sample.drawn, answers)
        after.append(figures_of(relinked.scores["link"].to_numpy(), true)[2])
        nobody = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
        cut_alone.append(figures_of(relink(shifted, fitted, *nobody).scores["link"].to_numpy(), true)[2])
    value, low, high = np.moveaxis(np.array(intervals), 2, 0)
    covered = (low <= truth + 1e-12) & (truth <= high + 1e-12)

    def by_figure(numbers: npt.NDArray[np.float64]) -> dict[str, float]:
        return {name: round(float(number), 4) for name, number in zip(FIGURES, numbers, strict=True)}

    return {
        "truth": by_figure(truth),
        "covered": by_figure(covered.mean(axis=0)),
        "bias": by_figure((value - truth).mean(axis=0)),
        "standard_error_of_bias": by_figure(value.std(axis=0) / np.sqrt(repeats)),
        "spread": by_figure(value.std(axis=0)),
        "mean_width": by_figure((high - low).mean(axis=0)),
        "f1_before": round(float(truth[2]), 4),
        "f1_after": spread_of(after),
        "f1_after_cut_alone": spread_of(cut_alone),
    }


def spread_of(values: list[float]) -> dict[str, float]:
    """Mean, worst and best."""
    found = {"mean": np.mean(values), "worst": np.min(values), "best": np.max(values)}
    return {name: round(float(number), 4) for name, number in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=LINK_SETS, default=LINK_SETS)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("-n", type=int, default=60, help="pairs judged in each repetition")
    options = parser.parse_args()
    path = RESULTS / "audit_coverage.json"
    found: Outcome = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"sets": {}}
    found |= {"num_judged": options.n, "repeats": options.repeats}
    for name in options.sets:
        links = kinfolk.link(*tables_of(name))
        true = truth_of(links, name)
        outcome = {}
        for shift in SHIFTS:
            one = audit_often(links, true, shift, options.n, options.repeats)
            outcome["as stated" if shift == 0 else f"log-odds {shift:+}"] = one
            print(
                f"{TITLES[name]:<14} {shift:+.1f}  covered {list(one['covered'].values())}  bias "
                f"{list(one['bias'].values())}  width {list(one['mean_width'].values())}  F1 {one['f1_before']:.3f} -> "
                f"{one['f1_after']['mean']:.3f} (cut alone {one['f1_after_cut_alone']['mean']:.3f})",
                flush=True,
            )
        found["sets"][name] = outcome
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

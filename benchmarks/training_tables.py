"""The figures of docs/measured-training.md, made from the committed results and from nothing else.

Run: ``python -m benchmarks.training_tables`` rewrites the parts of the page between their marks.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from benchmarks.sets import RESULTS, ROOT

PAGE = ROOT / "docs" / "measured-training.md"
TITLES = {
    "dcl": "DCL",
    "cacr": "CACR",
    "groco": "GroCo, NNCLR",
    "swav": "SwAV",
    "mochi": "MoCHi",
    "hydra": "Hydra",
    "temperature": "Temperature, hard negatives",
}
MEASURES = {
    "knn": "10-NN",
    "linear": "linear probe",
    "effective_rank": "effective rank",
    "uniformity": "uniformity",
    "tolerance": "tolerance",
    "effective_negatives": "effective negatives",
    "hard_precision": "look-alikes told apart",
}
PEERS = ("plain", "lightly", "metric-learning")


def experiments() -> str:
    """For each experiment a table of its arms and its verdicts."""
    parts = []
    for name, title in TITLES.items():
        path = RESULTS / "training" / f"{name}.json"
        if not path.exists():
            continue
        report = json.loads(path.read_text("utf-8"))
        if "table" not in report:  # not all seeds are done
            continue
        measures = [m for m in MEASURES if any(m in values for values in report["table"].values())]
        lines = [_row(title, [MEASURES[m] for m in measures]), "|" + " --- |" * (len(measures) + 1)]
        lines += [_row(arm, [_figure(values.get(m)) for m in measures]) for arm, values in report["table"].items()]
        below = [arm for arm, beats in report["beats_untrained"].items() if not beats]
        floor = f"Not above the untrained encoder by more than the deviations: {', '.join(below)}." if below else ""
        verdicts = [f"- {sentence}" for sentence in [*report["verdicts"], floor] if sentence]
        parts.append("\n".join([f"### {title}", "", *lines, "", *verdicts]))
    return "\n\n".join([*parts, *pixels()])


def pixels() -> list[str]:
    """The experiment on places within images; nothing where it was not run."""
    path = RESULTS / "training" / "pixpro.json"
    if not path.exists():
        return []
    report = json.loads(path.read_text("utf-8"))
    if "table" not in report:  # not all rows are done
        return []
    lines = ["| PixPro | mean intersection over union |", "| --- | --- |"]
    lines += [_row(arm, [_figure(values)]) for arm, values in report["table"].items()]
    return ["\n".join(["### PixPro", "", *lines, "", *(f"- {sentence}" for sentence in report["verdicts"])])]


def views() -> str:
    """Views a second of one core beside kornia."""
    report = json.loads((RESULTS / "views.json").read_text("utf-8"))
    lines = ["| images | kinfolk | kornia | ratio |", "| --- | --- | --- | --- |"]
    for row in report["sides"]:
        cells = [f"{row[f'{name}_views_per_second']:,} a second" for name in ("kinfolk", "kornia")]
        lines.append(_row(f"{row['side']} × {row['side']}", [*cells, f"{row['ratio']:.1f}"]))
    return "\n".join(lines)


def losses() -> str:
    """Seconds and megabytes of one forward and backward pass beside the peers."""
    report = json.loads((RESULTS / "objectives.json").read_text("utf-8"))
    lines = [_row("", ["batch", "kinfolk", *PEERS, "share of the products"]), "|" + " --- |" * (len(PEERS) + 4)]
    for row in report["rows"]:
        cells = [f"{row['batch']:,}", *(_cost(row.get(name)) for name in ("kinfolk", *PEERS))]
        cells.append(f"{min(1.0, row['matmul_seconds'] / row['kinfolk']['seconds']):.0%}")
        lines.append(_row(row["objective"], cells))
    return "\n".join(lines)


def records() -> str:
    """Drawn firm names by crop and text, and what errors in the text cost."""
    path = RESULTS / "clippings.json"
    if not path.exists():
        return ""
    report = json.loads(path.read_text("utf-8"))
    lines = ["| drawn firm names | top 1 |", "| --- | --- |"]
    lines += [_row(name, [_figure(values)]) for name, values in report["table"].items()]
    rates = [row["rate"] for row in report["seeds"][0]["curve"]["supervised"]]
    lines += [
        "",
        _row("top 1, errors in the text", [f"{rate:.0%}" for rate in rates]),
        "|" + " --- |" * (len(rates) + 1),
    ]
    for title, stage, name in (
        ("Levenshtein", "supervised", "Levenshtein"),
        ("n-gram TF-IDF", "supervised", "n-gram TF-IDF"),
        ("self-supervised, text", "self-supervised", "text"),
        ("self-supervised, pooled", "self-supervised", "pooled"),
        ("supervised, pooled", "supervised", "pooled"),
    ):
        curves = [[row[name] for row in seed["curve"][stage]] for seed in report["seeds"]]
        means, spreads = np.mean(curves, axis=0), np.std(curves, axis=0, ddof=1)
        lines.append(_row(title, [_figure([mean, spread]) for mean, spread in zip(means, spreads, strict=True)]))
    return "\n".join(lines)


def emoji() -> str:
    """Emoji by picture and name: links, groups, and "none"."""
    report = json.loads((RESULTS / "emoji.json").read_text("utf-8"))
    tables = [report[language]["table"] for language in ("de", "en")]
    names = [name for name in tables[0] if not any(word in name for word in ("validation", "weight"))]
    rows = [_row(name, [_figure(table[name]) for table in tables]) for name in names]
    return "\n".join(["| emoji | German | English |", "| --- | --- | --- |", *rows])


def _row(title: str, cells: list[str]) -> str:
    return "| " + " | ".join([title, *cells]) + " |"


def _figure(values: list[float] | None) -> str:
    if values is None:
        return "–"
    digits = 1 if abs(values[0]) >= 10 else 3
    return f"{values[0]:.{digits}f} ± {values[1]:.{digits}f}"


def _cost(cost: dict[str, Any] | None) -> str:
    if cost is None:
        return "–"
    seconds = cost["seconds"]
    time = f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds:.2f} s"
    return f"{time}, {cost['megabytes']:,.0f} MB"


def main() -> None:
    text = PAGE.read_text("utf-8")
    for mark, table in (
        ("losses", losses()),
        ("views", views()),
        ("experiments", experiments()),
        ("records", records()),
        ("emoji", emoji()),
    ):
        start, end = f"<!-- {mark}:start -->", f"<!-- {mark}:end -->"
        before, rest = text.split(start, 1)
        text = f"{before}{start}\n{table}\n{end}{rest.split(end, 1)[1]}"
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()

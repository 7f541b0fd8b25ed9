"""The figures of docs/measured-texts.md, made from the committed results and from nothing else.

Run: ``python -m benchmarks.text_tables`` rewrites the parts of the page between their marks.
"""

from __future__ import annotations

import json
from typing import Any

from benchmarks.sets import RESULTS, ROOT

PAGE = ROOT / "docs" / "measured-texts.md"
STARTS = {"minilm": "two layers of MiniLM", "scratch": "from scratch"}


def domains() -> str:
    """Experts and dense models of three domains: for each start a table, its verdicts, and what held before the training."""
    report = _report("domains")
    means = {"mrr": "MRR", "recall": "Recall@10", "f1": "F1", "auc": "AUC", "ratio": "ratio"}
    parts = []
    for start, title in STARTS.items():
        if start not in report:
            continue
        table = dict(report[start]["table"])
        begun = table.pop("at the start")
        each = {name: f"MRR, {name.removesuffix(': mrr')}" for name in table["start"] if name.endswith(": mrr")}
        parts += [
            *_table(title, means | each, table),
            "",
            f"Before the training the cosines of the mixture were at most {_small(begun['cosines apart'])} from those of the dense "
            f"model. To encode a batch cost {_ratio(begun['cost of encoding'])} times what it costs there; there and back with gradients, "
            f"without the step of the optimizer, {_ratio(begun['cost of training'])} times.",
            "",
            *(f"- {sentence}" for sentence in report[start]["verdicts"]),
            "",
        ]
    return "\n".join(parts).rstrip()


def sentences() -> str:
    """What sentences alone bring: for each start a table of means and of probes, the test sets, and the verdicts."""
    report = _report("sentences")
    probes = {
        "mean": "mean of six",
        "alignment": "alignment",
        "uniformity": "uniformity",
        "length bias": "length bias",
        "surface accuracy": "surface accuracy",
        "swapped distance": "swapped distance",
    }
    sets = {
        "sts2012": "STS12", "sts2013": "STS13", "sts2014": "STS14", "sts2016": "STS16",
        "stsb-en": "STS-B", "sick-r": "SICK-R",
    }  # fmt: skip
    parts = []
    for start, title in {"minilm": "from MiniLM", "scratch": "from scratch"}.items():
        if start in report:
            table = report[start]["table"]
            parts += [*_table(title, probes, table), "", *_table(f"{title}, by set", sets, table), ""]
            parts += [*(f"- {sentence}" for sentence in report[start]["verdicts"]), ""]
    return "\n".join(parts).rstrip()


def cross_language() -> str:
    """Translations found: ten languages by encoders that learned from none of them, and three that were learned from."""
    report = _report("cross_language")
    whole = {name: {of: [value] for of, value in row.items()} for name, row in report["all pairs"].items()}
    languages = [of for of in next(iter(whole.values())) if of != "mean"]
    learned = [of for of in next(iter(report["table"].values())) if of not in ("mean", "seconds")]
    return "\n".join(
        [
            *_table("all pairs", {of: of for of in ["mean", *languages]}, whole),
            "",
            *_table("test pairs", {of: of for of in ["mean", *learned]}, report["table"]),
            "",
            *(f"- {sentence}" for sentence in report["verdicts"]),
        ]
    )


def text_labels() -> str:
    """Classes of news by few labels, with and without an encoder that learned words first."""
    report = _report("text_labels")
    rows = {arm: {of: row[of] for of in ("accuracy", "macro")} for arm, row in report["table"].items()}
    return "\n".join(
        [
            *_table("", {"accuracy": "accuracy", "macro": "macro AP"}, rows),
            "",
            *(f"- {sentence}" for sentence in report["verdicts"]),
        ]
    )


def search_texts() -> str:
    """What crops of documents, and titles with abstracts, bring to search."""
    report = _report("search_texts")
    measures = {
        f"{of} {measure}": f"{title}, {name}"
        for of, title in (("ret-cisi", "CISI"), ("ret-cacm", "CACM"))
        for measure, name in (("ndcg_at_10", "nDCG@10"), ("recall_at_100", "Recall@100"), ("mrr", "MRR"))
    }
    words = {arm: {of: [value] for of, value in row.items()} for arm, row in report["by words"].items()}
    parts = [*_table("words alone", measures, words), ""]
    for start, title in {"minilm": "from MiniLM", "bag": "a bag of subwords from scratch"}.items():
        if start in report:
            parts += [*_table(title, measures, report[start]["table"]), ""]
            parts += [*(f"- {sentence}" for sentence in report[start]["verdicts"]), ""]
    return "\n".join(parts).rstrip()


def _report(name: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    return report


def _table(title: str, measures: dict[str, str], rows: dict[str, dict[str, list[float]]]) -> list[str]:
    lines = [_row(title, list(measures.values())), "|" + " --- |" * (len(measures) + 1)]
    return lines + [_row(arm, [_figure(values[measure]) for measure in measures]) for arm, values in rows.items()]


def _row(title: str, cells: list[str]) -> str:
    return "| " + " | ".join([title, *cells]) + " |"


def _figure(values: list[float]) -> str:
    """A mean and its deviation over the seeds; one number alone where nothing was drawn."""
    return " ± ".join(f"{value:.3f}" for value in values)


def _ratio(values: list[float]) -> str:
    return " ± ".join(f"{value:.2f}" for value in values)


def _small(values: list[float]) -> str:
    return f"{values[0]:.0e}" if values[0] else "0"


def main() -> None:
    text = PAGE.read_text("utf-8")
    tables = {
        "sentences": sentences,
        "domains": domains,
        "cross-language": cross_language,
        "text-labels": text_labels,
        "search-texts": search_texts,
    }
    for mark, of in tables.items():
        table = of() if (RESULTS / f"{mark.replace('-', '_')}.json").exists() else "Not run yet."
        start, end = f"<!-- {mark}:start -->", f"<!-- {mark}:end -->"
        before, rest = text.split(start, 1)
        text = f"{before}{start}\n{table}\n{end}{rest.split(end, 1)[1]}"
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()

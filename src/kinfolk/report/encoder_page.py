"""The report of an evaluation of an encoder: its figures, and what each of them means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kinfolk.data import atomic_write
from kinfolk.evaluation.tasks import EncoderEvaluation
from kinfolk.report.markup import count, escape
from kinfolk.report.page import document
from kinfolk.report.sections import notes_list, section

_MEANINGS: Mapping[str, str] = {
    "spearman": "Rank correlation of cosines and scores over all pairs, from −1 to 1. The higher, the better.",
    "length_bias": "What a difference in length takes off the similarity, beside the score. 0 is best.",
    "overlap_bias": "What shared words add to the similarity, beside the score. 0 is best.",
    "alignment": "Mean squared distance of what belongs together, from 0 to 4. The lower, the nearer.",
    "uniformity": "How evenly the vectors are spread, at most 0. The lower, the more even.",
    "surface_accuracy": "Share of sentences to which a paraphrase is nearer than the same words in another order.",
    "ndcg_at_10": "How good the first 10 documents are, beside the best order there is, from 0 to 1.",
    "recall_at_100": "Share of the relevant documents that are among the first 100.",
    "mrr": "Mean of 1 / rank of the first relevant document.",
    "map": "Mean of the precision at the rank of each relevant document.",
    "forward": "Share of the first sentences whose nearest second one is their own.",
    "backward": "The same, from the second to the first.",
    "average_precision": "Mean precision over the true pairs, at all cuts; chance gives the share of true pairs.",
    "f1": "Of precision and recall at the cut, which was chosen on other pairs.",
    "threshold": "The cosine that is the cut: the best one on the validation pairs.",
    "labels_per_class": "Labels that were learned from; – for all there are.",
    "macro_f1": "Mean F1 of the classes: a rare class counts as much as a frequent one.",
    "macro_f1_deviation": "Standard deviation of it over the draws of these labels.",
    "accuracy": "Share of texts whose class is told.",
    "frequency": "How many texts of the class were learned from.",
    "mean_cosine": "Of two different texts. Near 1, all vectors point one way.",
    "effective_rank": "How many directions the vectors fill.",
}


def write_encoder_report(evaluation: EncoderEvaluation, path: str | Path) -> Path:
    """Write the report of an evaluation; ``EncoderEvaluation.report`` in Python.

    Args:
        evaluation: what to show.
        path: the HTML file to write; an existing one is replaced when the new one is complete.

    Returns:
        The path written.

    Raises:
        DataError: the file cannot be written.
    """
    tables = "".join(_table(name, [asdict(row) for row in rows]) for name, rows in evaluation.tables.items())
    result = (
        '<section id="result" aria-labelledby="title"><div class="headline"><div>'
        f'<h1 id="title">{escape(evaluation.model)}</h1><p class="lead">{escape(evaluation.task)} on '
        f"<em>{escape(evaluation.data)}</em></p></div></div>{tables}{notes_list(evaluation.notes)}</section>"
    )
    shown = {column for rows in evaluation.tables.values() for row in rows for column in asdict(row)}
    glossary = "".join(
        f"<dt>{_words(name)}</dt><dd>{escape(meaning)}</dd>" for name, meaning in _MEANINGS.items() if name in shown
    )
    reading = section("reading", "How to read this page", f'<dl class="glossary">{glossary}</dl>')
    page = document(f"{evaluation.model}, {evaluation.task}", [result, reading])
    path = Path(path)
    with atomic_write(path) as aside:
        aside.write_text(page, encoding="utf-8", errors="replace", newline="\n")
    return path


def _table(name: str, rows: list[dict[str, Any]]) -> str:
    head = "".join(f'<th scope="col">{_words(column)}</th>' for column in rows[0])
    body = "".join(
        f'<tr><th scope="row">{_cell(first)}</th>{"".join(f"<td>{_cell(value)}</td>" for value in others)}</tr>'
        for first, *others in (row.values() for row in rows)
    )
    return (
        f'<div class="panel"><h3>{escape(name)}</h3><table class="numbers"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _words(column: str) -> str:
    return escape(column.replace("_", " "))


def _cell(value: str | float | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return escape(value)
    return count(value) if isinstance(value, int) else f"{value:.4f}"

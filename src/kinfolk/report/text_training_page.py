"""The report of a training on texts: what was trained on what, how the space came about, and what it looks like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kinfolk.data import atomic_write
from kinfolk.data.texts import Texts
from kinfolk.report.geometry_section import MEASURES, Measure, geometry_section, warning_note
from kinfolk.report.history_plot import figure_text
from kinfolk.report.markup import count, counted, escape
from kinfolk.report.page import document
from kinfolk.report.sections import notes_list, section, settings_table
from kinfolk.report.text_map_section import text_map_section
from kinfolk.report.text_neighbors_section import text_neighbors_section
from kinfolk.report.text_summary import text_summary
from kinfolk.report.training_page import short_name, tiles_of_training, training_settings

if TYPE_CHECKING:
    from kinfolk.methods.texts.model import TextModel

_READINGS = {
    "alignment": "Mean squared distance of a text from its positive or, without positives, from itself without a tenth of its "
    "words: the lower, the less such a change moves it.",
}
_MEASURES = (
    *(
        Measure(of.key, of.title, _READINGS.get(of.key, of.reading), of.beside, of.zero)
        for of in MEASURES
        if of.key in ("loss", "alignment", "uniformity", "effective_rank")
    ),
    Measure(
        "reciprocal_rank",
        "Reciprocal rank",
        "How early the positive of a text comes among those of the sample, 1 where it is always the first.",
    ),
)


def write_text_training_report(
    model: TextModel, texts: Texts, path: str | Path, *, before: TextModel | None = None
) -> Path:
    """Write the report of a training on texts; ``TextModel.report`` in Python.

    The same models and texts give the same file.

    Args:
        model: what was trained, with its history.
        texts: as a rule those of the training, with their labels where there are any.
        path: the HTML file to write; an existing one is replaced when the new one is complete.
        before: the model as it was before the training; None leaves out what it shows.

    Returns:
        The path written.

    Raises:
        DataError: the file cannot be written.
    """
    summary = text_summary(model, texts, before=before)
    caption = (
        "Measured after each epoch on a sample of the texts of the training that stays the same; the dashed line is what it was "
        "before the training."
    )
    sections = [
        _headline(model, texts),
        geometry_section(model.history, measures=_MEASURES, caption=caption, before=model.about.get("before", {})),
        text_map_section(summary),
        text_neighbors_section(summary),
        _method_section(model),
    ]
    title = f"{model.about['method']} on {short_name(model.about['data'])}"
    path = Path(path)
    with atomic_write(path) as aside:
        page = document(title, sections, script="text_map.js")
        aside.write_text(page, encoding="utf-8", errors="replace", newline="\n")
    return path


def _headline(model: TextModel, texts: Texts) -> str:
    about = model.about
    labels = f" with {counted(len(texts.label_names), 'label')}" if texts.labels is not None else ""
    epochs = f", for {counted(about['epochs'], 'epoch')}" if "epochs" in about else ""
    return (
        '<section id="result" aria-labelledby="title"><div class="headline"><div><h1 id="title">'
        f'<span class="big">{count(about["texts"])}</span> {"text" if about["texts"] == 1 else "texts"} from '
        f"<em>{escape(short_name(about['data']))}</em></h1>"
        f'<p class="lead">trained the encoder {escape(short_name(about["encoder"]))} with {escape(about["method"])}{labels}'
        f"{epochs}. It turns a text into {counted(about['dim'], 'number')}.</p></div></div>"
        f"{tiles_of_training(model.history, _changes(model), 'texts')}{warning_note(model.history)}"
        f"{notes_list(about['notes'])}</section>"
    )


def _changes(model: TextModel) -> list[tuple[str, str, str]]:
    """Alignment and uniformity now, and what they were."""
    if not model.history:
        return []
    now, before = model.history[-1].measures, model.about.get("before", {})
    tiles = []
    for key, meaning in (
        ("alignment", "squared distance of what belongs together; lower is better, unless uniformity is near 0"),
        ("uniformity", "how evenly the vectors are spread; lower is better"),
    ):
        if key in now:
            was = f"; {figure_text(before[key])} before the training" if key in before else ""
            tiles.append((key.title(), figure_text(now[key]), meaning + was))
    return tiles


def _method_section(model: TextModel) -> str:
    about = model.about
    columns = [(name, str(about[name])) for name in ("column", "positive", "negative") if about.get(name)]
    facts = [
        *columns,
        ("texts", f"{count(about['texts'])}, {count(about.get('held_out', 0))} more held out"),
    ]
    return section("method", "How it was made", settings_table(training_settings(about, facts)))

"""The report of a training: what was trained on what, how the space came about, and what it looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinfolk.data import atomic_write
from kinfolk.data.images import Images
from kinfolk.report.classes_section import classes_section
from kinfolk.report.geometry_section import geometry_section, warning_note
from kinfolk.report.history_plot import figure_text
from kinfolk.report.map_section import map_section
from kinfolk.report.markup import count, counted, escape, middle_cut, percent, seconds_text
from kinfolk.report.neighbors_section import neighbors_section
from kinfolk.report.page import document
from kinfolk.report.sections import notes_list, section, settings_table
from kinfolk.report.thumbnail import thumbnail
from kinfolk.report.training_summary import TrainingSummary, even_choice, training_summary

if TYPE_CHECKING:
    from kinfolk.methods.history import EpochEnd
    from kinfolk.methods.model import Model

_MOSAIC, _SIDE, _NAME = 24, 64, 60


def write_training_report(model: Model, images: Images, path: str | Path) -> Path:
    """Write the report of a training; ``Model.report`` in Python.

    The same model and images give the same file.

    Args:
        model: what was trained, with its history.
        images: of its size, as a rule those of the training, with their labels where there are any.
        path: the HTML file to write; an existing one is replaced when the new one is complete.

    Returns:
        The path written.

    Raises:
        DataError: the file cannot be written.
    """
    summary = training_summary(model, images)
    sections = [
        _headline(model, summary),
        geometry_section(model.history),
        map_section(summary),
        neighbors_section(summary),
        classes_section(model.facts, images),
        _method_section(model),
    ]
    page = document(_title(model.about), [part for part in sections if part is not None], script="training.js")
    path = Path(path)
    with atomic_write(path) as aside:
        aside.write_text(page, encoding="utf-8", errors="replace", newline="\n")
    return path


def _title(about: Mapping[str, Any]) -> str:
    return f"{about['method']} on {short_name(about['data'])}"


def short_name(name: str) -> str:
    """The last part of the name of a file or a folder, shortened in the middle."""
    return middle_cut(Path(name).name or name, _NAME)


def _headline(model: Model, summary: TrainingSummary) -> str:
    about = model.about
    chosen = even_choice(summary.images.labels, len(summary.images), _MOSAIC)
    pictures = "".join(
        f'<img src="{thumbnail(summary.images.pixels[row], side=_SIDE)}" alt="" width="{_SIDE}" height="{_SIDE}">'
        for row in chosen.tolist()
    )
    labels = f" with {counted(len(summary.images.label_names), 'label')}" if summary.images.labels is not None else ""
    return (
        '<section id="result" aria-labelledby="title"><div class="headline"><div><h1 id="title">'
        f'<span class="big">{count(about["images"])}</span> {"image" if about["images"] == 1 else "images"} from '
        f"<em>{escape(short_name(about['data']))}</em></h1>"
        f'<p class="lead">trained a {escape(about["encoder"])} with {escape(about["method"])}{labels}, for '
        f"{counted(about['epochs'], 'epoch')} at {about['size']}\u00a0×\u00a0{about['size']} pixels. It turns an image into "
        f"{counted(about['dim'], 'number')}.</p></div>"
        f'<div class="mosaic" role="img" aria-label="{count(len(chosen))} of the images">{pictures}</div></div>'
        f"{_tiles(model)}{warning_note(model.history)}{notes_list(about['skipped'])}</section>"
    )


def _tiles(model: Model) -> str:
    """The figures of the last epoch."""
    if not model.history:
        return ""
    measures, tiles = model.history[-1].measures, []
    if "knn" in measures:
        meaning = "of the images get their label from their 20 nearest neighbors"
        tiles.append(("Neighbor accuracy", percent(measures["knn"]), meaning))
    if "effective_rank" in measures:
        meaning = "directions are filled by the vectors that the loss sees"
        tiles.append(("Effective rank", figure_text(measures["effective_rank"]), meaning))
    return tiles_of_training(model.history, tiles, "images")


def tiles_of_training(history: Sequence[EpochEnd], tiles: Sequence[tuple[str, str, str]], things: str) -> str:
    """Tiles of figures and, behind them, the loss and the time; nothing without a history.

    Args:
        history: of the training.
        tiles: name, value and meaning of each.
        things: what it learned from, in the plural.
    """
    if not history:
        return ""
    last = history[-1]
    pace = f"{count(last.images_per_second)} {things} a second at the end"
    shown = [
        *tiles,
        ("Loss", figure_text(last.loss), "mean over the last epoch"),
        ("Time", seconds_text(last.seconds), pace),
    ]
    return (
        '<div class="tiles">'
        + "".join(
            f'<div class="tile"><h3>{name}</h3><p class="value">{value}</p><p class="meaning">{meaning}</p></div>'
            for name, value, meaning in shown
        )
        + "</div>"
    )


def _method_section(model: Model) -> str:
    about = model.about
    facts = [
        ("images", f"{count(about['images'])}, {count(len(about['skipped']))} more skipped"),
        ("size", f"{about['size']} × {about['size']} pixels"),
    ]
    return section("method", "How it was made", settings_table(training_settings(about, facts)))


def training_settings(about: Mapping[str, Any], facts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names and values of all that a training was made with.

    Args:
        about: see ``Model``.
        facts: of what it learned from.
    """
    options = ", ".join(f"{name} {value}" for name, value in about["encoder_settings"].items())
    return [
        ("method", about["method"]),
        ("paper", about["paper"]),
        ("data", about["data"]),
        ("labels", about.get("label") or "none asked for"),
        *facts,
        *([("seed", str(about["seed"]))] if "seed" in about else []),
        ("encoder", f"{about['encoder']}{f', {options}' if options else ''}"),
        ("vectors", f"{count(about['dim'])} numbers"),
        *((name.replace("_", " "), str(value)) for name, value in about["settings"].items() if name != "size"),
        *((name.replace("_", " "), str(value)) for name, value in about.get("recipe", {}).items() if value is not None),
        ("kinfolk", about["version"]),
    ]

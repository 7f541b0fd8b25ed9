"""``kinfolk train``: images or texts in, an encoder out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from kinfolk.cli.options import AsJson, ColumnOfImages, MineBy, OnError, Quiet, read_integer, split_pairs
from kinfolk.cli.progress import duration, show_progress
from kinfolk.cli.terminal import errors, results

if TYPE_CHECKING:
    from kinfolk.methods.history import EpochEnd


def train(
    data: Annotated[
        str, typer.Argument(help="A folder of images, a file of lines, or a table with a column of either.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the model.")],
    method: Annotated[str, typer.Option(help="How to train; `kinfolk methods` lists them.")] = "simclr",
    encoder: Annotated[
        str | None, typer.Option(help="The network that is trained; else resnet for images, subwords for texts.")
    ] = None,
    encoder_set: Annotated[
        list[str] | None,
        typer.Option(
            help="A setting of the network, such as depth=8, or layers=3 of a trained text model: NAME=VALUE."
        ),
    ] = None,
    column: ColumnOfImages = None,
    positive: Annotated[str | None, typer.Option(help="Of texts: the column with what belongs to each.")] = None,
    negative: Annotated[
        str | None, typer.Option(help="Of texts: the column with what seems to belong to each, and does not.")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="The column with labels; `folder` takes the names of sub-folders.")
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(help="Of texts: the column whose equals are no negatives of each other, such as a cluster."),
    ] = None,
    corpus: Annotated[
        str | None, typer.Option(help="Of texts: the column with language or domain; a batch is of one.")
    ] = None,
    sampling_coefficient: Annotated[
        float, typer.Option(help="How much the size of a corpus counts: 0 draws all alike, 1 by size.")
    ] = 0.0,
    mine: Annotated[
        MineBy | None,
        typer.Option(help="Of pairs: find a hard negative of each by words, by the trained encoder, or by label."),
    ] = None,
    mine_set: Annotated[
        list[str] | None, typer.Option(help="A setting of that search, such as skip=2 or pool=16: NAME=VALUE.")
    ] = None,
    size: Annotated[int, typer.Option(help="Height and width in pixels at which images are seen.")] = 32,
    epochs: Annotated[int | None, typer.Option(help="Passes over the images.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images of one step.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of the method or of its recipe: NAME=VALUE.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    on_error: Annotated[OnError, typer.Option(help="What happens at an image that cannot be read.")] = OnError.RAISE,
    patience: Annotated[
        int | None, typer.Option(help="Stop after so many epochs without a better probe; needs labels.")
    ] = None,
    tensorboard: Annotated[bool, typer.Option(help="Write logs for TensorBoard, too.")] = False,
    checkpoint_minutes: Annotated[
        float, typer.Option(help="Minutes after which the state is kept within an epoch, too; 0 for its end only.")
    ] = 5.0,
    devices: Annotated[
        int, typer.Option(help="Processes that share the work, one for each GPU where there are some.")
    ] = 1,
    held_out: Annotated[
        int | None, typer.Option(help="Of texts: how many are not learned from; else one in a hundred, 100 at most.")
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no report.html into the model.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train an encoder on your own images or texts; the same command goes on where a killed one stopped."""
    import kinfolk
    from kinfolk.methods.model import REPORT
    from kinfolk.methods.recipe import Recipe
    from kinfolk.methods.registry import find_method

    recipe: dict[str, object] = {"epochs": epochs, "batch_size": batch_size}
    recipe = {name: value for name, value in recipe.items() if value is not None}
    entry = find_method(method)
    of_method, with_report = entry.settings(), not no_report
    settings: dict[str, object] = {}
    for name, value in split_pairs("--set", set_):
        if name in Recipe.__dataclass_fields__ and name not in of_method:
            recipe[name] = value
        else:
            settings[name] = value
    with show_progress(silent=quiet or as_json) as shown:
        shown.begin("read")

        def read(share: float) -> None:
            shown.advance(share)
            if share == 1:
                shown.begin(f"train {method}")

        def tell(end: EpochEnd) -> None:
            shown.advance(end.epoch / end.epochs)
            if not (quiet or as_json):
                errors.print(epoch_line(end), highlight=False, soft_wrap=True)
            if end.epoch == end.epochs and with_report:
                shown.begin("report")

        model = kinfolk.train(
            data,
            method=method,
            output=output,
            encoder=encoder,
            encoder_settings={
                name: read_integer(name, value) for name, value in split_pairs("--encoder-set", encoder_set)
            },
            column=column,
            positive=positive,
            negative=negative,
            label=label,
            group=group,
            corpus=corpus,
            sampling_coefficient=sampling_coefficient,
            mine=None if mine is None else mine.value,
            mining=dict(split_pairs("--mine-set", mine_set)) or None,
            size=size,
            settings=settings,
            recipe=recipe,
            seed=seed,
            on_error=on_error.value,
            patience=patience,
            tensorboard=tensorboard,
            checkpoint_minutes=checkpoint_minutes,
            devices=devices,
            held_out=held_out,
            report=with_report,
            progress=tell,
            reading=read,
        )
    if as_json:
        typer.echo(json.dumps({**model.about, "output": str(output)}))
    elif not quiet:
        for sentence in [*model.about.get("skipped", ()), *model.about.get("notes", ())]:
            results().print(f"Left out: {escape(sentence)}")
        for sentence in pair_lines(model.about):
            results().print(escape(sentence), soft_wrap=True)
        results().print(
            f"[bold]{escape(method)}[/] on {model.about[entry.reads]:,} {entry.reads} → {escape(str(output))}"
        )
        if with_report:
            results().print(f"Report: {escape(str(output / REPORT))}")


def pair_lines(about: Mapping[str, Any]) -> list[str]:
    """What is known of the pairs that were learned from: where negatives are from, and how many positives looked unrelated."""
    lines = []
    mined, far = about.get("mined"), about.get("far_pairs")
    if mined:
        lines.append(
            f"Hard negatives ({mined['by']}): for {mined['items']:,} of {about['texts']:,} items; any text for the others."
        )
    if far:
        lines.append(
            f"Pairs that looked unrelated to the encoder before it was trained: {far['share']:.1%} of {far['pairs']:,} (cosine at most "
            f"{far['threshold']:.2f}, which 1 in 20 random pairs exceeds)."
        )
    return lines


def epoch_line(end: EpochEnd) -> str:
    """One epoch in one line: loss, measures, pace, what is left, and what is wrong."""
    shown = {"knn": "20-NN {:.3f}", "effective_rank": "rank {:.1f}", "uniformity": "uniformity {:.2f}"}
    measures = [form.format(end.measures[name]) for name, form in shown.items() if name in end.measures]
    line = (
        f"  epoch {end.epoch:>3}/{end.epochs}  loss {end.loss:.4f}  {'  '.join(measures)}  "
        f"{end.images_per_second:,.0f} a second, about {duration(end.seconds_left)} left"
    )
    return line if end.warning is None else f"{line}\n  [yellow]{escape(end.warning)}[/]"

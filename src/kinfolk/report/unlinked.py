"""Records that stayed alone, by reason, each with the candidate that came closest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.data import Records
from kinfolk.report.bridge import Part, share_bar
from kinfolk.report.field_value import one_line
from kinfolk.report.gallery import Gallery
from kinfolk.report.markup import MISSING, count, escape, percent, probability
from kinfolk.report.sections import section

# Reason -> class that colors it, and what it means in a sentence.
REASONS = {
    "lost to a better link": ("part-lost", "its best candidate has a better partner"),
    "below the cut": ("part-below", "its best candidate is not probable enough"),
    "no candidate": ("part-none", "nothing on the other side looks like it"),
}
_EXAMPLES = 5


@dataclass(frozen=True)
class Side:
    """One of the two tables: "left" or "right", its records, and those of the other side."""

    key: str
    records: Records
    others: Records


def reason_counts(unlinked: pa.Table, side: str) -> dict[str, int]:
    """How many records of a side stayed alone for each reason, in the order of ``REASONS``; unknown reasons follow."""
    reasons = unlinked.filter(pc.equal(unlinked.column("side"), side)).column("reason")
    return dict.fromkeys(REASONS, 0) | {row["values"]: row["counts"] for row in pc.value_counts(reasons).to_pylist()}


def table_parts(records: Records, counts: dict[str, int]) -> list[Part]:
    """A table cut into its linked records and those without a link by reason."""
    linked = len(records) - sum(counts.values())
    parts = [Part("linked", linked, "part-linked")]
    return parts + [Part(reason, n, REASONS.get(reason, ("part-none", ""))[0]) for reason, n in counts.items()]


def unlinked_section(unlinked: pa.Table, sides: Sequence[Side], gallery: Gallery) -> str:
    """For both tables: a bar, the counts, and examples with their best candidate."""
    blocks = []
    for side in sides:
        counts = reason_counts(unlinked, side.key)
        parts = table_parts(side.records, counts)
        total = max(len(side.records), 1)
        rows = "".join(
            f'<tr><th scope="row"><span class="swatch {p.style}" aria-hidden="true"></span>{escape(p.name)}'
            f'<span class="meaning">{escape(REASONS.get(p.name, ("", ""))[1])}</span></th>'
            f"<td>{count(p.number)}</td><td>{percent(p.number / total)}</td></tr>"
            for p in parts
            if p.number or p.name == "linked"
        )
        bar = share_bar(f"unlinked-{side.key}", f"{side.records.name}: linked and unlinked records", parts)
        examples = "".join(_examples(unlinked, side, reason, gallery) for reason, n in counts.items() if n)
        blocks.append(
            f'<div class="panel"><h3>{escape(side.records.name)}</h3>{bar}<table class="numbers reasons">'
            '<thead class="hidden"><tr>'
            '<th scope="col">reason</th><th scope="col">records</th><th scope="col">share</th></tr></thead>'
            f"<tbody>{rows}</tbody></table>"
            f"{examples}</div>"
        )
    return section("unlinked", "Records without a link", f'<div class="panels">{"".join(blocks)}</div>')


def _examples(unlinked: pa.Table, side: Side, reason: str, gallery: Gallery) -> str:
    here = pc.and_(pc.equal(unlinked.column("side"), side.key), pc.equal(unlinked.column("reason"), reason))
    positions = np.flatnonzero(here.to_numpy())
    # From the closest miss downwards, evenly: the first ones alone would look better than the rest.
    chance = np.asarray(unlinked.column("probability").to_numpy(), dtype=np.float64)[positions]
    order = positions[np.argsort(-np.nan_to_num(chance, nan=0.0), kind="stable")]
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(_EXAMPLES, len(order))).round().astype(np.int64))]
    items = "".join(_example(row, side, gallery) for row in unlinked.take(pa.array(chosen)).to_pylist())
    return (
        f'<details class="stayed"><summary>{escape(reason.capitalize())}: examples</summary><ul>{items}</ul></details>'
    )


def _example(row: dict[str, object], side: Side, gallery: Gallery) -> str:
    record, rival, winner = row["row"], row["rival"], row["winner"]
    own = _record(side.records, record, gallery)
    if rival is None:
        return f"<li>{own}</li>"
    chance = row["probability"]
    shown = probability(float(chance)) if isinstance(chance, float) else "unknown"
    lost = f'<p class="winner">taken by {_record(side.records, winner, gallery)}</p>' if winner is not None else ""
    return (
        f'<li>{own}<p class="best"><span class="chance">{shown}</span> best candidate {_record(side.others, rival, gallery)}'
        f"</p>{lost}</li>"
    )


def _record(records: Records, row: object, gallery: Gallery) -> str:
    if not isinstance(row, int):
        return MISSING
    text = one_line(records, [row])[0]
    identity = records.ids[row].as_py()
    return (
        f'<span class="record"><b>{escape(identity)}</b> <span dir="auto">{escape(text) if text else MISSING}</span>'
        f"{gallery.pictures(records, row)}</span>"
    )

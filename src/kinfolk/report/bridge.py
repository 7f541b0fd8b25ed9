"""The picture of a linkage: two tables as two bars, and a bridge between the parts that found each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kinfolk.report.markup import count, counted, middle_cut, percent
from kinfolk.report.plots import WIDTH
from kinfolk.report.svg import figure, label, rect

_NAME = 20  # characters of a table's name that fit above its bar


@dataclass(frozen=True)
class Part:
    """A part of a table: what it is called, how many records it has, and the class that colors it."""

    name: str
    number: int
    style: str


def bridge_plot(left: str, left_parts: Sequence[Part], right: str, right_parts: Sequence[Part], num_links: int) -> str:
    """Both tables as bars, as tall as they are long; the first part of each (the linked one) is joined by a band.

    Args:
        left, right: names of the tables.
        left_parts, right_parts: linked records first, then those without a link by reason.
        num_links: pairs in the result.
    """
    top, full, bar = 40, 148, 16
    sizes = [sum(p.number for p in parts) for parts in (left_parts, right_parts)]
    scale = full / max(*sizes, 1)
    parts: list[str] = []
    linked_ends = []
    for side, (pieces, size) in enumerate(zip((left_parts, right_parts), sizes, strict=True)):
        x = 0 if side == 0 else WIDTH - bar
        y: float = top
        for piece in pieces:
            height = piece.number * scale
            if piece.number:
                share = percent(piece.number / max(size, 1))
                parts.append(
                    rect(
                        x,
                        y,
                        bar,
                        max(height, 1.5),
                        piece.style,
                        tip=f"{piece.name}: {count(piece.number)} ({share})",
                        data=str(piece.number),
                    )
                )
            y += height
        linked_ends.append(top + pieces[0].number * scale)
        anchor, at = ("start", 0) if side == 0 else ("end", WIDTH)
        parts += [
            label(at, 14, middle_cut((left, right)[side], _NAME), anchor=anchor, style="bridge-name"),
            label(at, 30, counted(size, "record"), anchor=anchor, style="tick"),
        ]
    start, end, middle = bar + 3, WIDTH - bar - 3, WIDTH / 2
    low_left, low_right = (max(y, top + 1.5) for y in linked_ends)
    if num_links:
        band = (
            f"M{start},{top} L{end},{top} L{end},{low_right:.2f} "
            f"C{middle},{low_right:.2f} {middle},{low_left:.2f} {start},{low_left:.2f}Z"
        )
        parts.insert(0, f'<path class="band" d="{band}"/>')
    # Inside the band where it is thick enough, below it where it is not.
    thickness = (low_left + low_right) / 2 - top
    y = top + thickness / 2 + 6 if thickness > 44 else top + thickness + 32
    parts += [
        label(middle, y, count(num_links), style="bridge-number"),
        label(middle, y + 17, "link" if num_links == 1 else "links", style="tick"),
    ]
    description = " ".join(
        f"{name}: " + ", ".join(f"{count(p.number)} {p.name}" for p in pieces) + "."
        for name, pieces in ((left, left_parts), (right, right_parts))
    )
    return figure(
        "bridge", f"{count(num_links)} links between {left} and {right}", description, WIDTH, top + full + 4, parts
    )


def share_bar(name: str, title: str, parts: Sequence[Part]) -> str:
    """One horizontal bar cut into parts whose widths are their shares."""
    total = sum(p.number for p in parts) or 1
    pieces, x = [], 0.0
    for part in parts:
        width = WIDTH * part.number / total
        if part.number:
            tip = f"{part.name}: {count(part.number)} ({percent(part.number / total)})"
            pieces.append(rect(x, 0, max(width, 1.0), 14, part.style, tip=tip, data=str(part.number)))
        x += width
    description = ", ".join(f"{p.name}: {count(p.number)}" for p in parts)
    return figure(name, title, description, WIDTH, 14, pieces)

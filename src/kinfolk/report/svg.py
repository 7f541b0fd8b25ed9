"""The few SVG parts every plot is made of. Colors and fonts come from classes in the page's style sheet."""

from __future__ import annotations

from collections.abc import Iterable

from kinfolk.report.markup import escape


def figure(name: str, title: str, description: str, width: int, height: int, parts: Iterable[str]) -> str:
    """A complete ``<svg>`` with a title and a description for screen readers.

    Args:
        name: unique on the page; makes the ids that tie title and description to the image.
        title: what the plot shows; also its tooltip.
        description: what one reads from it, in a sentence.
        width, height: of the coordinate system; the image itself is as wide as its place.
        parts: SVG elements, already escaped.
    """
    return (
        f'<svg class="plot" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="{name}-title {name}-description">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-description">{escape(description)}</desc>{"".join(parts)}</svg>'
    )


def rect(x: float, y: float, width: float, height: float, style: str, *, tip: str = "", data: str = "") -> str:
    """A rectangle; ``tip`` becomes its tooltip, ``data`` a ``data-count`` attribute that tests and scripts can read."""
    attribute = f' data-count="{escape(data)}"' if data else ""
    inside = f"><title>{escape(tip)}</title></rect>" if tip else "/>"
    return f'<rect class="{style}" x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}"{attribute}{inside}'


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    """A straight line."""
    return f'<line class="{style}" x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}"/>'


def label(x: float, y: float, text: str, *, anchor: str = "middle", style: str = "tick") -> str:
    """Text at a point; ``anchor`` is start, middle or end."""
    return f'<text class="{style}" x="{x:.2f}" y="{y:.2f}" text-anchor="{anchor}">{escape(text)}</text>'


def path(points: Iterable[tuple[float, float]], style: str, *, closed: bool = False) -> str:
    """A polyline through the points."""
    steps = " L".join(f"{x:.2f},{y:.2f}" for x, y in points)
    return f'<path class="{style}" d="M{steps}{"Z" if closed else ""}"/>' if steps else ""


def short_count(number: int) -> str:
    """A count for an axis: 100, 1k, 25k, 1M."""
    for size, suffix in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.3g}{suffix}"
    return str(number)


def picture(title: str, description: str, width: int, height: int, style: str, parts: Iterable[str]) -> str:
    """A complete SVG file of its own, on white, with the style sheet that its classes need.

    Args:
        title, description: as of ``figure``.
        width, height: in pixels.
        style: the rules.
        parts: SVG elements, already escaped.
    """
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title description">'
        f'<title id="title">{escape(title)}</title><desc id="description">{escape(description)}</desc>'
        f'<style>{style}</style><rect width="{width}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )

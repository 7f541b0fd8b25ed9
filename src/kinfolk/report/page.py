"""One self-contained HTML file that shows a result: no network, no fonts or scripts from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from kinfolk.data import atomic_write
from kinfolk.linking.links import Links
from kinfolk.report.clusters_page import clusters_sections, clusters_title
from kinfolk.report.links_page import links_sections, links_title
from kinfolk.report.markup import escape

if TYPE_CHECKING:
    from kinfolk.linking.clusters import Clusters

_NAVIGATION = {
    "result": "Result",
    "scores": "Scores",
    "clusters": "Clusters",
    "examples": "Examples",
    "all": "All links",
    "unlinked": "Without a link",
    "geometry": "Over the epochs",
    "map": "Map",
    "neighbors": "Neighbors",
    "classes": "Classes",
    "method": "How it was made",
    "reading": "How to read",
}


def write_report(result: Links | Clusters, path: str | Path, *, truth: pa.Table | None = None) -> Path:
    """Write the report of a linkage or a deduplication.

    Args:
        result: what to show.
        path: the HTML file to write; an existing one is replaced when the new one is complete.
        truth: true links (``left_id``, ``right_id``; with ``label`` 1/0 these are judged pairs) or true clusters
            (``id``, ``cluster_id``). Adds calibration and true figures beside the estimates.

    Returns:
        The path written.

    Raises:
        DataError: the truth lacks a column, or the file cannot be written.
    """
    if isinstance(result, Links):
        title, sections = links_title(result), links_sections(result, truth)
    else:
        title, sections = clusters_title(result), clusters_sections(result, truth)
    path = Path(path)
    with atomic_write(path) as temporary:
        temporary.write_text(document(title, sections), encoding="utf-8", errors="replace", newline="\n")
    return path


def document(title: str, sections: Sequence[str], *, script: str = "behavior.js") -> str:
    """The whole page around its sections.

    Args:
        title: shown by the browser.
        sections: top to bottom, each with an id of the navigation.
        script: the file of the page's script, beside this one.

    The content security policy names the style and the script by their hashes and allows nothing else, so that text
    from the data could do no harm even if it got past the escaping.
    """
    # Imported here: the version is the package's, and the package imports its parts.
    from kinfolk import __version__

    folder = resources.files("kinfolk.report")
    style = folder.joinpath("style.css").read_text(encoding="utf-8")
    behavior = folder.joinpath(script).read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(behavior)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    present = [
        (key, name) for key, name in _NAVIGATION.items() if any(s.startswith(f'<section id="{key}"') for s in sections)
    ]
    links = "".join(f'<li><a href="#{key}">{name}</a></li>' for key, name in present)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<meta name="generator" content="kinfolk {escape(__version__)}">'
        f"<title>{escape(title)} · kinfolk</title><style>{style}</style></head><body>"
        f'<a class="skip" href="#main">Skip to the result</a>'
        f'<nav aria-label="Sections"><span class="brand" aria-hidden="true">kinfolk</span><ul>{links}</ul></nav>'
        f'<main id="main">{"".join(sections)}</main>'
        f"<footer>Made by kinfolk {escape(__version__)}. This file holds the data shown in it and loads nothing."
        "</footer>"
        f"<script>{behavior}</script></body></html>\n"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"

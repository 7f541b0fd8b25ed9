"""The images of records on the page: small, embedded in it, and together no more than it may hold."""

from __future__ import annotations

import numpy as np

from kinfolk.data import Records
from kinfolk.data.image_decoding import Pixels
from kinfolk.data.image_sources import image_cell
from kinfolk.data.record_images import read_field_images
from kinfolk.errors import MissingExtraError
from kinfolk.report.markup import MISSING, escape
from kinfolk.report.thumbnail import thumbnail

MOST_BYTES = 4_000_000
_SIDE = 192  # pixels
_WHITE = 255
_FULL = '<span class="note">not shown: the page holds as many pictures as it may</span>'


class Gallery:
    """Makes the pictures of one page until it is full.

    Args:
        most_bytes: that all pictures together may take.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._left, self._full = most_bytes, False
        self._made: dict[tuple[int, str, int], str] = {}

    def picture(self, records: Records, field: str, row: int) -> str:
        """The image of a record as HTML: small, or a few words where there is none, or no room for it."""
        key = (id(records), field, row)
        if key not in self._made:
            if self._full:  # and no more large files are decoded
                return MISSING if image_cell(records.table.column(field)[row].as_py()) is None else _FULL
            self._made[key] = _picture(records, field, row)
        html = self._made[key]
        if html.startswith("<img"):
            if len(html) > self._left:
                self._full = True
                return _FULL
            self._left -= len(html)
        return html

    def pictures(self, records: Records, row: int) -> str:
        """All images of a record in a row; empty where it has none."""
        shown = [self.picture(records, field, row) for field in records.fields("image")]
        there = [html for html in shown if html != MISSING]
        return f'<span class="pictures">{"".join(there)}</span>' if there else ""


def _picture(records: Records, field: str, row: int) -> str:
    record = records.take(slice(row, row + 1))
    try:
        images = read_field_images(record, field, size=_SIDE, on_error="skip")
    except MissingExtraError as error:  # a finished run, looked at where Pillow is not installed
        return f'<span class="note">{escape(error)}</span>'
    if images.skipped:
        return '<span class="note">cannot be read</span>'
    if not images.present[0]:
        return MISSING
    name = f"{field} of {record.ids[0].as_py()}"
    return f'<img class="picture" alt="{escape(name)}" src="{thumbnail(_trimmed(images.distinct[0]), side=_SIDE)}">'


def _trimmed(pixels: Pixels) -> Pixels:
    """Without the white that was added to make it square."""
    inked = (pixels != _WHITE).any(axis=0)
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return pixels[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else pixels

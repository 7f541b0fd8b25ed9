"""What the learned encoder looked at in a pair: pictures and words, marked where they bring both records together."""

from __future__ import annotations

import numpy as np

from kinfolk.data.image_decoding import Pixels
from kinfolk.linking.focus import FieldFocus, Focus, PictureFocus, TextFocus
from kinfolk.report.markup import MISSING, escape
from kinfolk.report.thumbnail import thumbnail

_SIDE = 192  # pixels of a picture on the page
_HEAT = np.array([230.0, 120.0, 20.0])  # color of a patch that counts most
_COVER = 0.6  # of the picture by the color, where a patch counts most
_SHADES = 4


def focus_panel(focus: Focus) -> str:
    """The panel, folded; its fields stand in the order of the encoder."""
    without = [
        f"without {field.label} it would be {_cosine(focus.cosine - field.loss)}"
        for field in focus.fields
        if not np.isnan(field.loss)
    ]
    said = "; ".join([f"The cosine of both records is {_cosine(focus.cosine)}", *without])
    rows = "".join(_row(field) for field in focus.fields if field.left is not None or field.right is not None)
    table = (
        '<p class="caption">Darker parts bring the two together: without them the cosine would be lower. Lines that are longer '
        f'than high are folded, as the encoder sees them.</p><table class="seen"><tbody>{rows}</tbody></table>'
        if rows
        else ""
    )
    return (
        '<details class="focus"><summary>What the learned encoder looked at</summary>'
        f'<p class="caption">{escape(said)}.</p>{table}</details>'
    )


def _row(field: FieldFocus) -> str:
    sides = (field.left, field.right)
    most = max((float(np.max(_losses(side), initial=0.0)) for side in sides if side is not None), default=0.0)
    cells = "".join(f"<td>{_side(side, most, field.label)}</td>" for side in sides)
    return f'<tr><th scope="row">{escape(field.label)}</th>{cells}</tr>'


def _losses(side: PictureFocus | TextFocus) -> np.ndarray:
    return side.losses if isinstance(side, PictureFocus) else np.array([loss for _, loss in side.words])


def _side(side: PictureFocus | TextFocus | None, most: float, label: str) -> str:
    if side is None:
        return MISSING
    if isinstance(side, PictureFocus):
        return f'<img class="picture" alt="{escape(label)}, marked" src="{thumbnail(_marked(side, most), side=_SIDE)}">'
    words = [_word(word, loss, most) for word, loss in side.words]
    return f'<span dir="auto">{(" " if side.spaced else "").join(words)}</span>'


def _marked(side: PictureFocus, most: float) -> Pixels:
    """The picture, uint8 (3, size, size), with the color over its patches as far as they count."""
    height, width = side.pixels.shape[1:]
    times = max(1, _SIDE // max(height, width))
    picture = np.broadcast_to(side.pixels, (3, height, width)).repeat(times, 1).repeat(times, 2).astype(np.float64)
    share = np.clip(side.losses / most, 0, 1) if most > 0 else np.zeros_like(side.losses)
    rows, columns = (np.arange(length) * len(share) // length for length in picture.shape[1:])
    cover = _COVER * share[np.ix_(rows, columns)]
    marked: Pixels = (picture * (1 - cover) + _HEAT[:, None, None] * cover).round().astype(np.uint8)
    return marked


def _word(word: str, loss: float, most: float) -> str:
    shade = round(_SHADES * max(loss, 0.0) / most) if most > 0 else 0
    return f'<span class="heat-{shade}" title="{loss:+.3f}">{escape(word)}</span>' if shade else escape(word)


def _cosine(value: float) -> str:
    return f"{value:.2f}".replace("-", "\u2212")

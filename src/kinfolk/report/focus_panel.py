"""What the learned encoder looked at in a pair: pictures and words, marked where they bring both records together."""

from __future__ import annotations

import numpy as np

from kinfolk.data.image_decoding import Pixels
from kinfolk.linking.focus import FieldFocus, Focus, PictureFocus, TextFocus
from kinfolk.report.markup import MISSING, escape
from kinfolk.report.thumbnail import thumbnail

_SIDE = 192  # pixels of a picture on the page
_HEAT = np.array([255.0, 160.0, 50.0])  # what white becomes where a patch counts most; the same orange as of words
_LIFT = 0.3  # of that color in black, so that it shows in dark pictures, too
_SHADES = 4


def focus_panel(focus: Focus, *, names: tuple[str, str]) -> str:
    """The panel, folded; its fields stand in the order of the encoder.

    Args:
        focus: what counts in the pair.
        names: of the two records.
    """
    without = [
        f"without {field.label} it would be {_cosine(focus.cosine - field.loss)}"
        for field in focus.fields
        if not np.isnan(field.loss)
    ]
    near = "How near both records lie in the learned space (their cosine: 1 is the same place, 0 is unrelated)"
    said = "; ".join([f"{near}: {_cosine(focus.cosine)}", *without])
    rows = "".join(_row(field) for field in focus.fields if field.left is not None or field.right is not None)
    heads = "".join(f'<th role="columnheader" scope="col">{escape(name)}</th>' for name in names)
    table = (
        '<p class="caption">Orange marks what brings the two together, from <span class="heat-1">a little</span> to '
        '<span class="heat-4">most</span>: without it they would lie farther apart. Pictures are shown as the encoder sees '
        "them: small, and long lines cut into pieces that stand below each other.</p>"
        '<table class="seen" role="table"><thead role="rowgroup"><tr role="row">'
        '<th role="columnheader" scope="col"><span class="hidden">field</span></th>'
        f'{heads}</tr></thead><tbody role="rowgroup">{rows}</tbody></table>'
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
    cells = "".join(f'<td role="cell">{_side(side, most, field.label)}</td>' for side in sides)
    return f'<tr role="row"><th role="rowheader" scope="row">{escape(field.label)}</th>{cells}</tr>'


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
    """The picture, uint8 (3, size, size), its patches tinted as far as they count, and no more: what is dark stays dark."""
    picture = _enlarged(side.pixels).astype(np.float64)
    share = np.clip(side.losses / most, 0, 1) if most > 0 else np.zeros_like(side.losses)
    rows, columns = (np.arange(length) * len(share) // length for length in picture.shape[1:])
    tint = _HEAT[:, None, None] / 255
    tinted = picture * tint + (255 - picture) * tint * _LIFT
    marked: Pixels = (picture + (tinted - picture) * share[np.ix_(rows, columns)]).round().astype(np.uint8)
    return marked


def _enlarged(pixels: Pixels) -> Pixels:
    """A small picture, three channels, a whole number of times larger, with smooth edges."""
    from PIL import Image

    height, width = pixels.shape[1:]
    times = max(1, _SIDE // max(height, width))
    image = Image.fromarray(np.broadcast_to(pixels, (3, height, width)).transpose(1, 2, 0).copy())
    larger: Pixels = np.asarray(image.resize((width * times, height * times), Image.Resampling.BICUBIC)).transpose(
        2, 0, 1
    )
    return larger


def _word(word: str, loss: float, most: float) -> str:
    shade = round(_SHADES * max(loss, 0.0) / most) if most > 0 else 0
    return f'<span class="heat-{shade}" title="{loss:+.3f}">{escape(word)}</span>' if shade else escape(word)


def _cosine(value: float) -> str:
    return f"{value:.2f}".replace("-", "\u2212")

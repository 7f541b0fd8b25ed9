"""Where two values differ: what contradicts, letters of words that nearly agree, what one side adds, what moved."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from rapidfuzz.distance import Levenshtein

from kinfolk.report.markup import escape

Kind = Literal["same", "moved", "extra", "different"]

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_NEARLY = 0.5  # words at least this similar get their letters marked; below it the whole word is the difference
_MISSPELT = 0.65  # the same for single words of blocks that differ on the whole


@dataclass(frozen=True)
class Span:
    """A run of characters and how it stands to the other value.

    Attributes:
        text: the characters.
        kind: "same" here and there, "moved" to another place, "extra" where the other value has nothing at all,
            "different" where it has something else.
    """

    text: str
    kind: Kind


def difference(left: str, right: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Both values cut into spans: what they share, what only moved, what differs.

    Case and runs of white space are not differences. With an empty side there is nothing to compare: all is "same".

    Args:
        left, right: the values; shorten long ones first, the time grows with the product of their numbers of words.

    Returns:
        The spans of ``left`` and those of ``right``; joined, they give the values back unchanged.
    """
    if not left.strip() or not right.strip() or left == right:
        return _merge([Span(left, "same")]), _merge([Span(right, "same")])
    left_tokens, right_tokens = _TOKEN.findall(left), _TOKEN.findall(right)
    left_keys, right_keys = [_key(t) for t in left_tokens], [_key(t) for t in right_tokens]
    left_spans: list[Span] = []
    right_spans: list[Span] = []
    opcodes = SequenceMatcher(None, left_keys, right_keys, autojunk=False).get_opcodes()
    moved = _moved_words(left_keys, right_keys, opcodes)
    for tag, a, b, c, d in opcodes:
        if tag == "equal":
            left_spans.append(Span("".join(left_tokens[a:b]), "same"))
            right_spans.append(Span("".join(right_tokens[c:d]), "same"))
            continue
        left_block, right_block = "".join(left_tokens[a:b]), "".join(right_tokens[c:d])
        touches_moved = any(key in moved and key.isalnum() for key in left_keys[a:b] + right_keys[c:d])
        similarity = Levenshtein.normalized_similarity(left_block.casefold(), right_block.casefold())
        if tag == "replace" and not touches_moved and similarity >= _NEARLY:
            for spans, part in zip((left_spans, right_spans), _by_letter(left_block, right_block), strict=True):
                spans.extend(part)
        else:
            alone: Kind = (
                "different" if _says_more(left_keys[a:b], moved) and _says_more(right_keys[c:d], moved) else "extra"
            )
            left_near, right_near = _similar_words(left_tokens[a:b], right_tokens[c:d], moved)
            for i, token in enumerate(left_tokens[a:b]):
                left_spans += left_near.get(i) or [Span(token, _kind(_key(token), moved, alone))]
            for i, token in enumerate(right_tokens[c:d]):
                right_spans += right_near.get(i) or [Span(token, _kind(_key(token), moved, alone))]
    return _merge(left_spans), _merge(right_spans)


def marked(spans: Sequence[Span]) -> str:
    """The spans as escaped HTML: contradictions in ``<mark>``, what was added or moved in a quiet ``<span>``."""
    html = {
        "same": "{}",
        "moved": '<span class="moved">{}</span>',
        "extra": '<span class="extra">{}</span>',
        "different": "<mark>{}</mark>",
    }
    return "".join(html[span.kind].format(escape(span.text)) for span in spans)


def _key(token: str) -> str:
    return " " if token.isspace() else token.casefold()


def _kind(key: str, moved: Counter[str], alone: Kind) -> Kind:
    if key.isspace():
        return "same"
    return "moved" if key in moved else alone


def _says_more(keys: Sequence[str], moved: Counter[str]) -> bool:
    """Whether a block holds a word of its own, one that is not elsewhere on the other side."""
    return any(key.isalnum() and key not in moved for key in keys)


def _moved_words(
    left_keys: Sequence[str], right_keys: Sequence[str], opcodes: Sequence[tuple[str, int, int, int, int]]
) -> Counter[str]:
    """What is left over on both sides: the same word in another place."""
    left_over: Counter[str] = Counter()
    right_over: Counter[str] = Counter()
    for tag, a, b, c, d in opcodes:
        if tag != "equal":
            left_over.update(key for key in left_keys[a:b] if not key.isspace())
            right_over.update(key for key in right_keys[c:d] if not key.isspace())
    return left_over & right_over


def _similar_words(
    left_tokens: Sequence[str], right_tokens: Sequence[str], moved: Counter[str]
) -> tuple[dict[int, list[Span]], dict[int, list[Span]]]:
    """Words of a block that are misspellings of each other, letter by letter: position -> spans, for both sides."""
    left_near: dict[int, list[Span]] = {}
    right_near: dict[int, list[Span]] = {}
    right_words = [i for i, t in enumerate(right_tokens) if len(t) > 2 and _key(t) not in moved and not t.isspace()]
    for i, token in enumerate(left_tokens):
        if len(token) < 3 or token.isspace() or _key(token) in moved:
            continue
        free = [j for j in right_words if j not in right_near]
        similarity = [Levenshtein.normalized_similarity(_key(token), _key(right_tokens[j])) for j in free]
        best = max(range(len(free)), key=similarity.__getitem__, default=None)
        if best is not None and similarity[best] >= _MISSPELT:
            left_near[i], right_near[free[best]] = _by_letter(token, right_tokens[free[best]])
    return left_near, right_near


def _by_letter(left: str, right: str) -> tuple[list[Span], list[Span]]:
    left_spans: list[Span] = []
    right_spans: list[Span] = []
    # Lower-casing by letter keeps every position: casefold may change the length of a string.
    lowered = (
        [c.lower() if len(c.lower()) == 1 else c for c in left],
        [c.lower() if len(c.lower()) == 1 else c for c in right],
    )
    for op in Levenshtein.opcodes(*lowered):
        kind: Kind = "same" if op.tag == "equal" else "different"
        left_spans.append(Span(left[op.src_start : op.src_end], kind))
        right_spans.append(Span(right[op.dest_start : op.dest_end], kind))
    return left_spans, right_spans


def _merge(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Neighbours of one kind joined, empty ones dropped; white space between two of one kind joins them."""
    merged: list[Span] = []
    for position, span in enumerate(spans):
        if not span.text:
            continue
        kind = span.kind
        if (
            span.text.isspace()
            and 0 < position < len(spans) - 1
            and spans[position - 1].kind == spans[position + 1].kind
        ):
            kind = spans[position - 1].kind
        if merged and merged[-1].kind == kind:
            merged[-1] = Span(merged[-1].text + span.text, kind)
        else:
            merged.append(Span(span.text, kind))
    return tuple(merged)

"""All links as compact JSON inside the page; the script of the page searches it and draws only the rows in view."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinfolk.data import Records
from kinfolk.report.comparison_words import about_comparison
from kinfolk.report.field_value import names_in, shown_fields
from kinfolk.report.markup import count, counted, printable
from kinfolk.report.pair_table import PairTable
from kinfolk.report.score_summary import Ints

MOST_LINKS = 50_000
MOST_VALUE_BYTES = 9_000_000
_VALUE_LIMITS = (400, 200, 120, 80, 50, 30, 16)
_SAME = 0  # stands in the right column for "as on the left"; a value is a string, so it cannot be mistaken


@dataclass(frozen=True)
class LinksData:
    """The JSON of the list and what to say about it."""

    json: str
    about: str
    num_shown: int


def links_data(pairs: PairTable, *, most_links: int = MOST_LINKS) -> LinksData:
    """Collect the links with their values and evidence.

    With more than ``most_links`` links, half of the places go to the least certain, the others are drawn at random.
    Long values are shortened until all fit into about nine megabytes.

    Args:
        pairs: every candidate.
        most_links: how many links the page may hold.
    """
    links = np.flatnonzero(pairs.link)
    shown = links if len(links) <= most_links else _sample(pairs, links, most_links)
    shown = shown[np.lexsort((pairs.right_rows[shown], pairs.left_rows[shown]))]
    left, right = pairs.left.take(pairs.left_rows[shown]), pairs.right.take(pairs.right_rows[shown])
    aligned = aligned_fields(pairs.left, pairs.right, pairs.labels)
    columns = [
        (label, left.texts(a) if a is not None else None, right.texts(b) if b is not None else None)
        for label, a, b in aligned
    ]
    limit = _value_limit([values for _, *both in columns for values in both if values is not None])
    content = {
        "left": pairs.left.name,
        "right": pairs.right.name,
        "leftIds": _id_texts(left),
        "rightIds": _id_texts(right),
        "probability": [_rounded(_not_certain(p), 5) for p in pairs.probability[shown].tolist()],
        "fields": [_column(label, left_values, right_values, limit) for label, left_values, right_values in columns],
        "evidence": [
            {
                "label": label,
                "about": about_comparison(label, pairs.left, pairs.right),
                "values": [_rounded(v, 1) for v in values[shown].tolist()],
            }
            for label, values in pairs.evidence.items()
        ],
    }
    text = embedded_json(content)
    size = len(text.encode()) / 1e6
    about = f"{counted(len(links), 'link')}; their data take {size:.1f} MB of this file."
    if len(shown) < len(links):
        about = (
            f"{count(len(shown))} of {count(len(links))} links: the {count(most_links // 2)} least certain ones "
            "and a random "
            f"sample of the others; their data take {size:.1f} MB of this file."
        )
    if limit < _VALUE_LIMITS[0]:
        about += f" Values are cut after {limit} characters."
    return LinksData(text, about, len(shown))


def embedded_json(content: object) -> str:
    """JSON that may stand inside a ``<script>`` element: no "<" that could end it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def aligned_fields(left: Records, right: Records, labels: Sequence[str]) -> list[tuple[str, str | None, str | None]]:
    """Which field of the left table stands beside which of the right: label, left field, right field.

    Fields with one name stand together, then those a comparison's label names together; the rest stand alone.
    """
    left_fields, right_fields = shown_fields(left), list(shown_fields(right))
    partner: dict[str, tuple[str, str]] = {name: (name, name) for name in left_fields if name in right_fields}
    for label in labels:
        names = names_in(label)[1:]
        a = next((n for n in names if n in left_fields and n not in partner), None)
        b = next((n for n in names if n in right_fields and n not in {p for _, p in partner.values()}), None)
        if a is not None and b is not None:
            partner[a] = (label, b)
    rows: list[tuple[str, str | None, str | None]] = [
        (partner[name][0], name, partner[name][1]) if name in partner else (name, name, None) for name in left_fields
    ]
    taken = {right_field for _, right_field in partner.values()}
    return rows + [(name, None, name) for name in right_fields if name not in taken]


def _sample(pairs: PairTable, links: Ints, number: int) -> Ints:
    order = links[np.argsort(pairs.probability[links], kind="stable")]
    doubtful, others = order[: number // 2], order[number // 2 :]
    drawn = np.random.default_rng(0).choice(others, number - len(doubtful), replace=False)
    return np.concatenate([doubtful, drawn])


def _value_limit(columns: Sequence[Sequence[str]]) -> int:
    """The most characters a value may have so that all values together keep to the size."""
    shortest_first = sorted(_VALUE_LIMITS)
    lengths = np.array([len(value) for values in columns for value in values], dtype=np.int64)
    bytes_a_character = _bytes_a_character(columns)
    fitting = [n for n in shortest_first if np.minimum(lengths, n).sum() * bytes_a_character <= MOST_VALUE_BYTES]
    return fitting[-1] if fitting else shortest_first[0]


def _bytes_a_character(columns: Sequence[Sequence[str]]) -> float:
    sample = "".join(value[:200] for values in columns for value in values[:: max(1, len(values) // 1000)])
    return len(sample.encode(errors="replace")) / max(len(sample), 1)


def _column(label: str, left: list[str] | None, right: list[str] | None, limit: int) -> dict[str, object]:
    if left is None or right is None:
        only = [_cut(v, limit) for v in (left if left is not None else right or [])]
        return {"label": label, "left" if left is not None else "right": only}
    return {
        "label": label,
        "left": [_cut(a, limit) for a in left],
        "right": [_SAME if a == b else _cut(b, limit) for a, b in zip(left, right, strict=True)],
    }


def _cut(value: str, limit: int) -> str:
    return printable(value if len(value) <= limit else value[:limit] + "…")


def _id_texts(records: Records) -> list[str]:
    return [_cut(str(value), 60) for value in records.ids.to_pylist()]


def _not_certain(probability: float) -> float:
    """Rounding must not turn a probability into certainty."""
    return min(max(probability, 1e-5), 1 - 1e-5) if 0 < probability < 1 else probability


def _rounded(value: float, digits: int) -> float | None:
    return round(value, digits) if np.isfinite(value) else None

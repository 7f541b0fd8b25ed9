"""Documents of three domains, and which of them are cited together: by a third paper, or by a review that includes both.

=====================  ===============================================================================================
computing              CACM: cited together at least once; only 488 of 5,320 pairs are cited together twice
information science    CISI: cited together at least twice
biomedicine            papers that the same one of ten systematic reviews includes; the reviews are its topics
=====================  ===============================================================================================

All papers of one review belong together. So a review alone holds no two papers that do not, and the ten are one domain, in
which papers of one review are no negatives of each other. A text is title and abstract, a title alone where there is no
more; documents of the same text are one. Documents, and not pairs, are divided into those for training, validation and
test, so that no test document is in a pair that is learned from.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from benchmarks.sets import data_folder
from kinfolk.data.pairs import PairRows, pairs_of_co_occurrence, pairs_of_ids
from kinfolk.data.pairs.rows import capped
from kinfolk.data.same_text import same_text
from kinfolk.data.texts import Texts

Rows = npt.NDArray[np.int64]
_SHARES = (0.55, 0.15)  # of the documents, for training and validation; the rest is for test
_ALL = 1 << 20  # pairs of a document


@dataclass(frozen=True, eq=False)
class Domain:
    """Documents, and which of them belong together.

    Attributes:
        texts: each once.
        pairs: documents that are cited together, in both directions.
        topics: of each document, "" where there are none; of one topic none is a negative of another.
    """

    texts: tuple[str, ...]
    pairs: PairRows
    topics: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Part:
    """Documents of all domains that are judged, and which belong together.

    Attributes:
        texts: of the first domain, then of the second, and so on.
        domains: number of the domain of each, int64 (documents,).
        related: 1 where two are cited together, int64 (documents, documents).
    """

    texts: tuple[str, ...]
    domains: Rows
    related: sp.csr_matrix


def _rows(*place: str) -> list[dict[str, str]]:
    with gzip.open(data_folder().joinpath(*place), "rt", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _text(row: dict[str, str]) -> str:
    return ". ".join(part.strip() for part in (row["title"], row["abstract"]) if part.strip())


def _collection(name: str, *, least: int) -> Domain:
    """Documents that are cited together at least so many times."""
    first: dict[str, str] = {}  # the first document of a text stands for all
    texts = {row["doc_id"]: _text(row) for row in _rows(name, "docs.csv.gz")}
    same = {of: first.setdefault(same_text(text), of) for of, text in texts.items() if text}
    links = [
        (same[row["doc_id"]], same[row["other_id"]])
        for row in _rows(name, "links.csv.gz")
        if row["relation"] == "co_citation" and int(row["count"]) >= least
        if row["doc_id"] in same and row["other_id"] in same
    ]
    ids = sorted({of for pair in links for of in pair}, key=int)
    pairs = pairs_of_ids([a for a, _ in links], [b for _, b in links], left_ids=ids, per_anchor=_ALL)
    return Domain(tuple(texts[of] for of in ids), pairs, ("",) * len(ids))


def _reviews() -> Domain:
    """Papers that are included in the same review."""
    papers = [(same_text(_text(row)), row) for row in _rows("reviews-biomedical", "papers.csv.gz")]
    included = [(key, row) for key, row in papers if key and row["included"] == "1"]
    texts, topics = dict[str, str](), dict[str, str]()
    for key, row in included:
        texts.setdefault(key, _text(row))
        topics.setdefault(key, row["topic"])
    pairs = pairs_of_co_occurrence(
        list(texts), [key for key, _ in included], [row["topic"] for _, row in included], per_anchor=_ALL
    )
    return Domain(tuple(texts.values()), pairs, tuple(topics.values()))


_DOMAINS: dict[str, Callable[[], Domain]] = {
    "biomedicine": _reviews,
    "computing": lambda: _collection("ret-cacm", least=1),
    "information science": lambda: _collection("ret-cisi", least=2),
}
NAMES = tuple(_DOMAINS)


@cache
def domain(name: str) -> Domain:
    """The documents of a domain by its name."""
    return _DOMAINS[name]()


def split(name: str, seed: int) -> tuple[Rows, Rows, Rows]:
    """Documents of a domain for training, validation and test, in ascending order."""
    num = len(domain(name).texts)
    order = np.random.default_rng([seed, NAMES.index(name)]).permutation(num)
    ends = np.cumsum([round(share * num) for share in _SHARES])
    learned, validated, tested = (np.sort(rows) for rows in np.split(order, ends))
    return learned, validated, tested


def training_pairs(seed: int, count: int, *, per_anchor: int = 4) -> Texts:
    """As many pairs of each domain, both of whose documents are for training; the domain is label and corpus.

    Args:
        seed: of the split and of the draw.
        count: of pairs of a domain.
        per_anchor: pairs of a document at most.
    """
    columns: tuple[list[str], list[str]] = ([], [])
    topics, numbers = list[str](), list[int]()
    for number, name in enumerate(NAMES):
        of = domain(name)
        learned = np.zeros(len(of.texts), np.bool_)
        learned[split(name, seed)[0]] = True
        both = learned[of.pairs.anchors] & learned[of.pairs.positives]
        some = capped(of.pairs.anchors[both], of.pairs.positives[both], per_anchor=per_anchor, seed=seed)
        drawn = np.random.default_rng([seed, number]).permutation(len(some))[:count]
        assert len(drawn) == count, f"{name} has {len(some)} pairs"
        columns[0].extend(of.texts[row] for row in some.anchors[drawn])
        columns[1].extend(of.texts[row] for row in some.positives[drawn])
        topics.extend(of.topics[row] for row in some.anchors[drawn])
        numbers.extend([number] * count)
    known = {topic: place for place, topic in enumerate(sorted(set(topics) - {""}))}
    labels = np.array(numbers, np.int64)
    return Texts(
        (tuple(columns[0]), tuple(columns[1])),
        np.arange(len(labels)),
        labels,
        NAMES,
        groups=np.array([known.get(topic, -1) for topic in topics], np.int64),
        corpora=labels,
        corpus_names=NAMES,
    )


def judged_part(seed: int, *, test: bool) -> Part:
    """The documents for test, or those for validation, of all domains."""
    texts, domains, blocks = list[str](), list[Rows](), []
    for number, name in enumerate(NAMES):
        of, rows = domain(name), split(name, seed)[2 if test else 1]
        num = len(of.texts)
        table = sp.csr_matrix((np.ones(len(of.pairs), np.int64), (of.pairs.anchors, of.pairs.positives)), (num, num))
        blocks.append(table[rows][:, rows])
        texts += [of.texts[row] for row in rows]
        domains.append(np.full(len(rows), number))
    return Part(tuple(texts), np.concatenate(domains), sp.block_diag(blocks, format="csr"))

"""The files of the study: what is written is read back, and what is cut short or does not fit is refused in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from kinfolk.errors import DataError
from kinfolk.search.study import Cell, Study, Term, read_study, write_study
from kinfolk.search.study.vecs import read_fvecs, read_ivecs, write_fvecs, write_ivecs


def study_of_four() -> Study:
    """Four rows with the attributes of the published files, two queries, and one filter of each kind."""
    vectors = np.eye(4, 3, dtype=np.float32)
    attributes = pa.table(
        {
            "number_of_sub_categories": [1, 2, 2, None],
            "update_date": [10, 20, 30, 40],
            "main_categories": [["cs"], ["cs", "math"], [], None],
        }
    )
    em, r = Term("em", "number_of_sub_categories", 2), Term("r", "update_date", (15, 40))
    emis = Term("emis", "main_categories", "cs")
    listed = np.array([1, 2])
    cells = [
        Cell("none", "no filter", 1.0, "no filter", [(), ()], [np.arange(4), np.arange(4)]),
        Cell("em", "EM", None, "sub-categories", [(em,), (em,)], [listed, listed]),
        Cell("r", "R", None, "dates", [(r,), (Term("r", "update_date", (0, 1.5)),)], [np.array([1, 2, 3]), np.arange(0)]),
        Cell("emis", "EMIS", None, "categories", [(emis,), (emis,)], [np.array([0, 1]), np.array([1, 0])]),
        Cell("r_em-1", "R and EM", 0.01, "both", [(r, em), (r, em)], [listed, listed]),
    ]  # fmt: skip
    return Study(vectors, attributes, np.ones((2, 3), dtype=np.float32), cells, {"seed": 0})


def same_truth(left: Cell, right: Cell) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(left.truth, right.truth, strict=True))


def test_a_study_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    study = study_of_four()
    write_study(study, tmp_path)
    read = read_study(tmp_path)
    assert np.array_equal(read.vectors, study.vectors)
    assert np.array_equal(read.queries, study.queries)
    assert read.attributes.to_pydict() == study.attributes.to_pydict()
    assert read.facts == study.facts
    for before, after in zip(study.cells, read.cells, strict=True):
        assert (after.name, after.row, after.share, after.about) == (
            before.name,
            before.row,
            before.share,
            before.about,
        )
        assert list(after.terms) == list(before.terms)
        assert same_truth(before, after)


def test_files_have_the_names_and_the_bytes_of_the_published_ones(tmp_path: Path) -> None:
    write_study(study_of_four(), tmp_path)
    assert (tmp_path / "database_vectors.fvecs").read_bytes()[:16] == b"\x03\0\0\0\0\0\x80?\0\0\0\0\0\0\0\0"
    assert (tmp_path / "em_query_attributes.jsonl").read_text("utf-8") == '{"label": 2}\n{"label": 2}\n'
    lines = (tmp_path / "r_query_attributes.jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[0]) == {"range_start": 15, "range_end": 40}
    assert (tmp_path / "ground_truth_r.ivecs").read_bytes() == np.array([3, 1, 2, 3, 0], "<i4").tobytes()
    for name in ("query_vectors.fvecs", "emis_query_attributes.jsonl", "ground_truth_emis.ivecs", "ground_truth.ivecs"):
        assert (tmp_path / name).is_file()
    assert (tmp_path / "cells/r_em-1/ground_truth_r_em.ivecs").is_file()


def test_published_files_need_no_more_than_they_have(tmp_path: Path) -> None:
    study = study_of_four()
    write_study(study, tmp_path)
    (tmp_path / "study.json").unlink()
    read = read_study(tmp_path)
    assert [cell.name for cell in read.cells] == ["none", "em", "r", "emis"]
    assert list(read.cells[2].terms) == list(study.cells[2].terms)
    with pytest.raises(DataError, match=r"database_attributes.jsonl line 1: the attribute 'town' is needed"):
        read_study(tmp_path, columns={"em": "town"})


def cut(name: str, size: int) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size]) and None


def text(name: str, value: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(value, "utf-8") and None


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (cut("database_vectors.fvecs", 20), r"database_vectors.fvecs must hold whole vectors of 3 numbers, 16 bytes each"),
        (cut("database_vectors.fvecs", 17), r"database_vectors.fvecs must hold words of 4 bytes. It has 17 bytes"),
        (cut("database_vectors.fvecs", 0), r"database_vectors.fvecs must hold words of 4 bytes. It has 0 bytes"),
        (lambda folder: (folder / "query_vectors.fvecs").unlink(), r"There is no file .*query_vectors.fvecs"),
        (
            lambda folder: write_fvecs(np.ones((2, 5)), folder / "query_vectors.fvecs"),
            r"query_vectors.fvecs must hold vectors of 3 numbers, as database_vectors.fvecs does. Got 5",
        ),
        (cut("ground_truth_em.ivecs", 8), r"List 1 says that it has 2 numbers, and 1 follow: it may be cut short"),
        (cut("ground_truth_em.ivecs", 12), r"ground_truth_em.ivecs must hold a list for each of 2 queries. Got 1"),
        (
            lambda folder: write_ivecs([[0], [4]], folder / "ground_truth_r.ivecs"),
            r"ground_truth_r.ivecs must hold rows from 0 to 3. List 2 has 4 to 4",
        ),
        (cut("r_query_attributes.jsonl", 12), r"r_query_attributes.jsonl line 1: a JSON object is needed, and the line cannot"),
        (text("em_query_attributes.jsonl", '{"label": 1}\n'), r"em_query_attributes.jsonl must have a line for each of 2 queries. Got 1"),
        (text("emis_query_attributes.jsonl", '{"tag": 1}\n'), r'line 1: \{"label": text or number\} is needed. Got \{\'tag\': 1\}'),
        (
            text("r_query_attributes.jsonl", '{"range_start": 1, "range_end": "x"}\n'),
            r'r_query_attributes.jsonl line 1: \{"range_start": number, "range_end": number\} is needed',
        ),
        (text("database_attributes.jsonl", "[]\n"), r"database_attributes.jsonl line 1: a JSON object is needed. Got \[\]"),
        (
            lambda folder: cut("database_attributes.jsonl", (folder / "database_attributes.jsonl").read_bytes().index(b"\n") + 1)(folder),
            r"database_attributes.jsonl must have a line for each of 4 vectors. Got 1",
        ),
        (text("study.json", '{"cells": [{}]}'), r"study.json must list the cells of the study, and cannot be read"),
        (
            text("study.json", '{"cells": [{"name": "../x", "row": "", "share": 1, "about": "", "columns": {}}]}'),
            r"study.json must list cells with filters of the kinds em, r, emis",
        ),
    ],
)  # fmt: skip
def test_what_is_cut_short_or_does_not_fit_is_refused(
    tmp_path: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    write_study(study_of_four(), tmp_path)
    damage(tmp_path)
    with pytest.raises(DataError, match=sentence):
        read_study(tmp_path)


def test_vectors_of_several_lengths_are_refused_with_the_row(tmp_path: Path) -> None:
    words = np.array([2, 0, 0, 1, 0, 0], "<i4")
    (tmp_path / "x.fvecs").write_bytes(words.tobytes())
    with pytest.raises(DataError, match="vectors of one length, 2 as the first. Vector 2 says 1"):
        read_fvecs(tmp_path / "x.fvecs")
    with pytest.raises(DataError, match="takes whole numbers from 0 to 2147483647. List 1 has -1 to -1"):
        write_ivecs([[-1]], tmp_path / "x.ivecs")


def test_lists_may_be_empty_and_of_any_length(tmp_path: Path, rng: np.random.Generator) -> None:
    lists = [rng.integers(0, 2**31 - 1, size) for size in (0, 3, 0, 100)]
    write_ivecs(lists, tmp_path / "x.ivecs")
    assert all(np.array_equal(a, b) for a, b in zip(lists, read_ivecs(tmp_path / "x.ivecs"), strict=True))
    write_ivecs([], tmp_path / "none.ivecs")
    assert read_ivecs(tmp_path / "none.ivecs", num=0) == []

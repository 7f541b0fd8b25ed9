"""Two hundred bad tables: each ends in records, or in one clear sentence; nothing else ever comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import corrupted
from kinfolk.data import Records, describe_roles, read_records
from kinfolk.errors import KinfolkError

CASES = corrupted.corrupted_inputs()


def test_there_are_two_hundred_with_names_of_their_own():
    assert len(CASES) >= 200
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_ends_in_records_or_in_one_sentence(case, tmp_path):
    path = case.write(tmp_path)
    outcome = read_or_refuse(path)
    if isinstance(outcome, KinfolkError):
        assert is_clear(str(outcome), path), str(outcome)
        assert case.outcome in ("error", "either"), str(outcome)
        return
    assert case.outcome in ("records", "either"), f"was read: {outcome!r} {outcome.notes}"
    if case.rows is not None:
        assert len(outcome) == case.rows, outcome.notes
    every_method_works(outcome)


def read_or_refuse(path: Path) -> Records | KinfolkError:
    try:
        return read_records(path)
    except KinfolkError as error:
        return error


def is_clear(message: str, path: Path) -> bool:
    """It names the file, is no longer than a few lines of a terminal, ends like a sentence, and shows no Python."""
    python = ("Traceback", "Error:", "<class", "object at 0x", "Errno")
    return (
        path.name in message
        and len(message) < 400
        and message.endswith((".", "?"))
        and not any(p in message for p in python)
    )


def every_method_works(records: Records) -> None:
    assert describe_roles(records).num_rows == records.table.num_columns
    assert len(records.ids) == len(records)
    assert all(isinstance(note, str) and len(note) < 400 for note in records.notes)
    for field, role in records.roles.items():
        texts = records.texts(field)
        assert len(texts) == len(records)
        assert all(isinstance(text, str) for text in texts)
        for values in (records.numbers(field), records.dates(field)) if role != "image" else ():
            assert values.dtype == np.float64
            assert values.shape == (len(records),)
            assert not np.isinf(values).any()
    backwards = records.take(np.arange(len(records))[::-1])
    assert backwards.take(np.arange(len(records))[::-1]).fingerprint() == records.fingerprint()

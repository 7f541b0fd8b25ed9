"""The made-up persons: the truth holds, errors are as frequent as asked, the same seed gives the same tables."""

import numpy as np
import pytest

from kinfolk.data.persons import COLUMNS, Errors, generate_persons
from kinfolk.errors import ConfigurationError

CLEAN = Errors(typo=0, missing=0, swapped_names=0, moved=0, married=0)


def by_id(table):
    return {row["id"]: row for row in table.to_pylist()}


def differing(persons):
    """For each column, the share of true pairs whose filled values differ."""
    left, right = by_id(persons.left), by_id(persons.right)
    shares = {}
    for column in COLUMNS:
        values = [(left[t["left_id"]][column], right[t["right_id"]][column]) for t in persons.truth.to_pylist()]
        filled = [a != b for a, b in values if a is not None and b is not None]
        shares[column] = float(np.mean(filled))
    return shares


def test_without_errors_every_true_pair_agrees_everywhere_and_no_other_pair_does():
    persons = generate_persons(800, overlap=0.5, seed=3, errors=CLEAN)
    assert set(differing(persons).values()) == {0.0}
    left = {row["soc_sec_id"]: row["id"] for row in persons.left.to_pylist()}
    right = {row["soc_sec_id"]: row["id"] for row in persons.right.to_pylist()}
    same_person = {(left[number], right[number]) for number in left.keys() & right.keys()}
    assert same_person == {(row["left_id"], row["right_id"]) for row in persons.truth.to_pylist()}


@pytest.mark.parametrize(("overlap", "num_true"), [(0.0, 0), (0.25, 50), (1.0, 200)])
def test_overlap_is_the_share_of_each_register_that_is_in_the_other(overlap, num_true):
    persons = generate_persons(200, overlap=overlap, seed=1)
    assert (persons.left.num_rows, persons.right.num_rows, persons.truth.num_rows) == (200, 200, num_true)
    assert len(set(persons.left["id"].to_pylist())) == len(set(persons.right["id"].to_pylist())) == 200


def test_same_seed_same_tables_other_seed_other_tables():
    first, again, other = (generate_persons(300, seed=seed) for seed in (5, 5, 6))
    assert all(a.equals(b) for a, b in zip(first, again, strict=True))
    assert not first.left.equals(other.left)


def test_errors_are_as_frequent_as_asked():
    only_missing = generate_persons(4_000, seed=2, errors=Errors(0, 0.1, 0, 0, 0))
    for column in COLUMNS:
        for table in (only_missing.left, only_missing.right):
            assert table[column].null_count / 4_000 == pytest.approx(0.1, abs=0.025)

    moved = differing(generate_persons(4_000, overlap=1, seed=2, errors=Errors(0, 0, 0, 0.3, 0)))
    assert moved["phone"] == pytest.approx(0.3, abs=0.03)
    assert moved["given_name"] == moved["surname"] == moved["date_of_birth"] == 0.0

    # A letter replaced by itself, or two equal ones transposed, changes nothing: a little less than asked differs.
    typos = differing(generate_persons(4_000, overlap=1, seed=2, errors=Errors(0.3, 0, 0, 0, 0)))
    assert all(0.2 < share <= 0.33 for share in typos.values())


def test_swapped_names_change_places():
    persons = generate_persons(500, overlap=1, seed=4, errors=Errors(0, 0, 1, 0, 0))
    left, right = by_id(persons.left), by_id(persons.right)
    for row in persons.truth.to_pylist():
        a, b = left[row["left_id"]], right[row["right_id"]]
        assert (a["given_name"], a["surname"]) == (b["surname"], b["given_name"])


def test_names_are_steeply_distributed_and_households_share_an_address():
    persons = generate_persons(20_000, overlap=0, seed=0, errors=CLEAN, household=0.5)
    _, counts = np.unique(persons.left["surname"].to_numpy(zero_copy_only=False), return_counts=True)
    assert counts.max() > 0.01 * 20_000  # the commonest surname
    assert np.median(counts) <= 3
    phones = persons.left["phone"].to_pylist()
    assert len(set(phones)) / len(phones) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: generate_persons(0), "num must be at least 1. Got 0."),
        (lambda: generate_persons(5, overlap=1.5), "overlap must be a share in [0, 1]. Got 1.5."),
        (lambda: generate_persons(5, household=-1), "household must be a share in [0, 1]. Got -1."),
        (lambda: Errors(typo=2), "Errors.typo must be a probability in [0, 1]. Got 2."),
    ],
)
def test_a_number_out_of_range_is_named(call, message):
    with pytest.raises(ConfigurationError) as caught:
        call()
    assert str(caught.value) == message

"""The n-grams by which neighbors are searched: as long as the tables are large, so that a search costs each record the same.

What a search costs a record is the number of records of the other table its n-grams touch. N-grams of three characters
touch a share of the table, so that the cost of all searches grows with its square; leaving out the common ones helps,
but in large tables leaves too little to go by. Longer n-grams are rarer: the larger the tables, the longer they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinfolk.linking.candidates import POSTINGS_PER_RECORD
from kinfolk.linking.spaces import Space, tfidf_space

_LONGEST = 6  # a wrong character spoils as many n-grams of a word as they have characters
_SAMPLE = 10_000  # records of a table by which the cost of longer n-grams is estimated before they are made


def search_space(left: Sequence[str], right: Sequence[str], trigrams: Space) -> Space:
    """The space with the shortest n-grams, of 3 to 6 characters, that touch at most 10,000 records for each on average.

    Args:
        left, right: normalized texts of the two tables.
        trigrams: their space of 3-grams, which is returned where it will do.
    """
    if trigrams.left.shape[0] == 0 or postings_per_record(trigrams) <= POSTINGS_PER_RECORD:
        return trigrams
    every_left, every_right = (-(-len(texts) // _SAMPLE) for texts in (left, right))
    sample_left, sample_right = left[::every_left], right[::every_right]
    # Touched are the pairs of records that share an n-gram: of each table's sample, so many times more in all.
    times = every_left * every_right * min(len(sample_left), len(sample_right)) / min(len(left), len(right))
    for size in range(4, _LONGEST):
        if times * postings_per_record(tfidf_space(sample_left, sample_right, size)) <= POSTINGS_PER_RECORD:
            return tfidf_space(left, right, size)
    return tfidf_space(left, right, _LONGEST)


def postings_per_record(space: Space) -> float:
    """How many records of the larger table a record of the smaller one touches on average, once for each shared n-gram."""
    in_left, in_right = (
        np.bincount(m.indices, minlength=m.shape[1]).astype(np.float64) for m in (space.left, space.right)
    )
    num_records = max(1, min(space.left.shape[0], space.right.shape[0]))
    return float(in_left @ in_right / num_records)

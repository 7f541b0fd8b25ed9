"""Which rows belong together: pairs to learn from, out of what a table knows.

===================  ==============================================================================================
one record           ``pairs_of_fields``: what two of its columns say
one group            ``pairs_of_groups``: the same label · ``pairs_of_clusters``: a result of ``kinfolk dedupe``
neighbors            ``pairs_near_in_time``
a third table        ``pairs_of_co_occurrence``: cited, bought or named together
someone's judgment   ``pairs_of_ids``
===================  ==============================================================================================

Each gives ``PairRows``, numbers of rows; ``texts_of_pairs`` makes texts of them that ``kinfolk.train`` takes. Pairs are
capped for each anchor, so that their number, and the memory, grow with the rows and not with the squares of groups.
"""

from kinfolk.data.pairs.co_occurrence import pairs_of_co_occurrence
from kinfolk.data.pairs.fields import pairs_of_fields
from kinfolk.data.pairs.given import pairs_of_ids
from kinfolk.data.pairs.groups import pairs_of_clusters, pairs_of_groups
from kinfolk.data.pairs.near_in_time import pairs_near_in_time
from kinfolk.data.pairs.rows import PairRows, texts_of_pairs

__all__ = [
    "PairRows",
    "pairs_near_in_time",
    "pairs_of_clusters",
    "pairs_of_co_occurrence",
    "pairs_of_fields",
    "pairs_of_groups",
    "pairs_of_ids",
    "texts_of_pairs",
]

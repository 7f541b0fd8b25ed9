"""The report of a linkage of two tables."""

from __future__ import annotations

import pyarrow as pa

from kinfolk.data import Records
from kinfolk.linking.links import Links
from kinfolk.report.bridge import bridge_plot
from kinfolk.report.comparison_words import names_of_compared
from kinfolk.report.links_list import links_data
from kinfolk.report.markup import count, counted, escape, percent, probability, signed
from kinfolk.report.next_steps import audit_step, doubtful_step, missed_step, next_steps
from kinfolk.report.pair_table import PairTable, pair_table
from kinfolk.report.plots import count_groups, count_plot
from kinfolk.report.score_summary import candidate_counts
from kinfolk.report.sections import (
    examples_section,
    figures,
    list_section,
    notes_list,
    panel,
    reading_section,
    scores_section,
    section,
    settings_table,
    share_sentence,
    stages_table,
)
from kinfolk.report.truth import Judgement, judge
from kinfolk.report.unlinked import Side, reason_counts, table_parts, unlinked_section

_RELATIONS = {
    "one-to-one": "a record has one partner at most",
    "many-to-one": "a record of the left table has one partner at most, one of the right table may have several",
    "one-to-many": "a record of the right table has one partner at most, one of the left table may have several",
    "many-to-many": "a record may have several partners",
}


def links_title(links: Links) -> str:
    """The title of the page, also shown by the browser."""
    return f"{links.left.name} ↔ {links.right.name}"


def pairs_of(links: Links) -> PairTable:
    """The candidate pairs of a result."""
    return pair_table(
        links.scores,
        links.left,
        links.right,
        relation=links.relation,
        threshold=links.threshold,
        explain=links.explain_candidate,
        focus=links.focus_rows,
    )


def links_sections(links: Links, truth: pa.Table | None) -> list[str]:
    """The sections of the page, top to bottom."""
    pairs = pairs_of(links)
    judgement = judge(pairs, links.to_arrow(), truth) if truth is not None else None
    sides = (Side("left", links.left, links.right), Side("right", links.right, links.left))
    return [
        _headline(links, pairs, figures(pairs, links.estimate, judgement)),
        scores_section(pairs, links.estimate, judgement),
        examples_section(pairs),
        list_section(links_data(pairs), "All links"),
        unlinked_section(links.unlinked, sides, pairs.gallery),
        _method_section(links, pairs, judgement),
        reading_section(),
    ]


def _headline(links: Links, pairs: PairTable, estimate: str) -> str:
    num_links = int(pairs.link.sum())
    left_counts, right_counts = (reason_counts(links.unlinked, side) for side in ("left", "right"))
    left_linked = len(links.left) - sum(left_counts.values())
    right_linked = len(links.right) - sum(right_counts.values())
    bridge = bridge_plot(
        links.left.name,
        table_parts(links.left, left_counts),
        links.right.name,
        table_parts(links.right, right_counts),
        num_links,
    )
    alone = [
        f"{counted(sum(counts.values()), 'record')} of {escape(records.name)}"
        for records, counts in ((links.left, left_counts), (links.right, right_counts))
        if any(counts.values())
    ]
    steps = next_steps(
        (
            doubtful_step(pairs),
            missed_step(pairs),
            f'{" and ".join(alone)} stayed alone: <a href="#unlinked">see why</a>.' if alone else "",
            audit_step(pairs, links.estimate),
        )
    )
    notes = notes_list([*links.notes, *links.left.notes, *links.right.notes])
    return (
        '<section id="result" aria-labelledby="title"><div class="headline linkage"><div><h1 id="title">'
        f'<span class="big">{count(num_links)}</span> '
        f"{'link' if num_links == 1 else 'links'} between <em>{escape(links.left.name)}</em> and "
        f"<em>{escape(links.right.name)}</em></h1>"
        f'<p class="lead">{share_sentence(left_linked, links.left)} and '
        f"{share_sentence(right_linked, links.right)} found a partner. "
        f"A pair is linked from a probability of {probability(links.threshold)} on; the relation "
        f"is {escape(links.relation)}: "
        f'{_RELATIONS.get(links.relation, "as chosen")}.</p></div><div class="bridge">{bridge}</div>'
        f"</div>{estimate}{steps}{notes}</section>"
    )


def _method_section(links: Links, pairs: PairTable, judgement: Judgement | None) -> str:
    all_pairs = len(links.left) * len(links.right)
    saved = f" of {count(all_pairs)} possible ({percent(len(pairs) / all_pairs)})" if all_pairs else ""
    plots = [
        panel(
            f"Candidates for each record of {records.name}",
            count_plot(
                count_groups(candidate_counts(rows, len(records)).tolist()),
                name=f"candidates-{side}",
                things="records",
                title=f"Candidates for each record of {records.name}",
                axis_title="candidates",
            ),
            "A record without candidates cannot be linked.",
        )
        for side, records, rows in (("left", links.left, pairs.left_rows), ("right", links.right, pairs.right_rows))
    ]
    settings = [
        ("candidate pairs", f"{count(len(pairs))}{saved}"),
        ("blocking recall", _blocking_recall(links, judgement)),
        ("relation", links.relation),
        ("cut", probability(links.threshold)),
        ("log-odds at the start", signed(links.prior)),
        ("compared", names_of_compared(pairs.labels)),
        *((f"columns of {records.name}", describe_columns(records)) for records in (links.left, links.right)),
    ]
    return section(
        "method",
        "How it was made",
        f'<div class="panels">{"".join(plots)}</div>',
        stages_table(links.stages),
        settings_table(settings),
    )


def _blocking_recall(links: Links, judgement: Judgement | None) -> str:
    """The share of the true matches that are candidates, in words."""
    kept = links.estimate.candidate_recall
    true = judgement.candidate_recall if judgement else None
    words = (
        "cannot be estimated: that takes at least two searches that find likely matches"
        if kept is None
        else f"{kept}, estimated; matches that have nothing in common are not counted"
    )
    return words if true is None else f"{words}; true value {true:.3f}"


def describe_columns(records: Records) -> str:
    """The columns of a table with their roles, and its size."""
    columns = ", ".join(f"{name} ({role})" for name, role in records.roles.items())
    return f"{columns}; {counted(len(records), 'record')}"

"""The report of a deduplication: one table, its clusters, and the pairs that hold them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kinfolk.data import Records
from kinfolk.report.bridge import Part, share_bar
from kinfolk.report.cluster_summary import ClusterSummary, cluster_summary
from kinfolk.report.comparison_words import names_of_compared
from kinfolk.report.field_value import shown_fields
from kinfolk.report.gallery import Gallery
from kinfolk.report.links_list import links_data
from kinfolk.report.links_page import describe_columns
from kinfolk.report.markup import MISSING, count, counted, escape, percent, probability, shorten
from kinfolk.report.next_steps import SURE, audit_step, doubtful_step, missed_step, next_steps
from kinfolk.report.pair_table import PairTable, pair_table
from kinfolk.report.plots import count_groups, count_plot
from kinfolk.report.score_summary import candidate_counts
from kinfolk.report.sections import (
    card,
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
from kinfolk.report.truth import judge

if TYPE_CHECKING:
    from kinfolk.linking.clusters import Clusters

_BIGGEST, _DOUBTFUL, _MEMBERS, _CELL = 5, 5, 10, 200


def clusters_title(clusters: Clusters) -> str:
    """The title of the page, also shown by the browser."""
    return f"Duplicates in {clusters.records.name}"


def clusters_sections(clusters: Clusters, truth: pa.Table | None) -> list[str]:
    """The sections of the page, top to bottom."""
    records = clusters.records
    # A record may have any number of duplicates, so no pair can lose to another one.
    pairs = pair_table(
        clusters.scores,
        records,
        records,
        relation="many-to-many",
        threshold=clusters.threshold,
        explain=clusters.explain_candidate,
        focus=clusters.focus_rows,
        linked_word="in one cluster",
    )
    judgement = judge(pairs, clusters.to_arrow(), truth) if truth is not None else None
    summary = cluster_summary(np.asarray(clusters.labels, dtype=np.int64), pairs)
    return [
        _headline(clusters, summary, pairs, figures(pairs, clusters.estimate, judgement)),
        scores_section(pairs, clusters.estimate, judgement),
        _clusters_section(records, summary, pairs),
        examples_section(pairs),
        list_section(links_data(pairs), "All pairs in one cluster"),
        _method_section(clusters, pairs),
        reading_section(),
    ]


def _headline(clusters: Clusters, summary: ClusterSummary, pairs: PairTable, estimate: str) -> str:
    records, sizes = clusters.records, summary.sizes
    together = int(sizes[sizes > 1].sum())
    several = int((sizes > 1).sum())
    surplus = len(records) - len(sizes)
    bar = share_bar(
        "records",
        f"{records.name}: what the clusters are made of",
        [
            Part("kept as the first of a cluster", several, "part-linked"),
            Part("duplicates of another record", surplus, "part-below"),
            Part("alone", len(sizes) - several, "part-none"),
        ],
    )
    weak = sum(chance < SURE for _, chance in summary.weakest.values())
    hang = "cluster hangs" if weak == 1 else "clusters hang"
    steps = next_steps(
        (
            f'<a href="#weak">{count(weak)} {hang}</a> by a pair with a probability below {SURE}: without that pair, '
            "each would fall in two."
            if weak
            else "",
            doubtful_step(pairs),
            missed_step(pairs),
            audit_step(pairs, clusters.estimate),
        )
    )
    notes = notes_list([*clusters.notes, *records.notes])
    return (
        '<section id="result" aria-labelledby="title"><div class="headline"><div><h1 id="title">'
        f'<span class="big">{count(len(sizes))}</span> '
        f"{'thing' if len(sizes) == 1 else 'things'} behind the {counted(len(records), 'record')} of "
        f"<em>{escape(records.name)}</em></h1>"
        f'<p class="lead">{share_sentence(together, records)} are in {counted(several, "cluster")} of '
        "two or more; "
        f"{counted(surplus, 'record')} would go if each cluster kept one. Pairs count as the same from a "
        "probability of "
        f'{probability(clusters.threshold)} on.</p></div><div class="bridge">{bar}<p class="legend">'
        '<span><i class="swatch part-linked"></i>first of a cluster</span><span><i class="swatch part-below">'
        "</i>duplicates</span>"
        f'<span><i class="swatch part-none"></i>alone</span></p></div></div>{estimate}{steps}{notes}</section>'
    )


def _clusters_section(records: Records, summary: ClusterSummary, pairs: PairTable) -> str:
    groups = [(size, n) for size, n in count_groups(np.bincount(summary.sizes).tolist()) if n]
    plot = panel(
        "Cluster sizes",
        count_plot(groups, name="sizes", things="clusters", title="Cluster sizes", axis_title="records in a cluster"),
        "A few very large clusters often mean that different things were chained together.",
    )
    biggest = "".join(_cluster_block(records, summary, c, pairs.gallery) for c in summary.biggest(_BIGGEST))
    doubtful = "".join(
        _cluster_block(records, summary, c, pairs.gallery) + card(pairs, pair)
        for c, pair in summary.doubtful(_DOUBTFUL)
    )
    parts = [f'<div class="panels">{plot}</div>']
    if biggest:
        parts.append(f'<div class="group"><h3>Biggest clusters</h3>{biggest}</div>')
    if doubtful:
        parts.append(
            '<div class="group" id="weak"><h3>Doubtful clusters</h3><p class="caption">Each hangs together by one weak pair, '
            "shown below it: "
            f"without it the cluster would fall in two.</p>{doubtful}</div>"
        )
    return section("clusters", "Clusters", *parts)


def _cluster_block(records: Records, summary: ClusterSummary, cluster: int, gallery: Gallery) -> str:
    rows = summary.members(cluster)
    shown = records.take(rows[:_MEMBERS])
    texts = {field: shown.texts(field) for field in shown_fields(shown)}
    columns = {field: values for field, values in texts.items() if any(v.strip() for v in values)}
    cells = {field: [_cell(value) for value in values] for field, values in columns.items()}
    cells |= {
        field: [f"<td>{gallery.picture(records, field, row)}</td>" for row in rows[:_MEMBERS].tolist()]
        for field in records.fields("image")
    }
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("id", *cells))
    body = "".join(
        f'<tr><th scope="row">{escape(identity)}</th>{"".join(values[i] for values in cells.values())}</tr>'
        for i, identity in enumerate(shown.ids.to_pylist())
    )
    weakest = summary.weakest_probability(cluster)
    held = f", held together by at least {probability(weakest)}" if weakest is not None else ""
    more = f'<p class="caption">and {counted(len(rows) - _MEMBERS, "more record")}</p>' if len(rows) > _MEMBERS else ""
    return (
        f'<div class="cluster"><h4>{counted(len(rows), "record")}{held}</h4>'
        '<div class="scroll" tabindex="0" role="region" '
        f'aria-label="Members of a cluster of {len(rows)}"><table class="members"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{more}</div>"
    )


def _cell(value: str) -> str:
    text, rest = shorten(value, _CELL)
    more = "…" if rest else ""
    return (
        f'<td dir="auto" title="{escape(text)}{more}">{escape(text)}{more}</td>'
        if value.strip()
        else f"<td>{MISSING}</td>"
    )


def _method_section(clusters: Clusters, pairs: PairTable) -> str:
    records = clusters.records
    all_pairs = len(records) * (len(records) - 1) // 2
    saved = f" of {count(all_pairs)} possible ({percent(len(pairs) / all_pairs)})" if all_pairs else ""
    both = np.concatenate([pairs.left_rows, pairs.right_rows])
    plot = panel(
        "Candidates for each record",
        count_plot(
            count_groups(candidate_counts(both, len(records)).tolist()),
            name="candidates",
            things="records",
            title="Candidates for each record",
            axis_title="candidates",
        ),
        "A record without candidates stays alone.",
    )
    settings = [
        ("candidate pairs", f"{count(len(pairs))}{saved}"),
        ("cut", probability(clusters.threshold)),
        ("compared", names_of_compared(pairs.labels)),
        (f"columns of {records.name}", describe_columns(records)),
    ]
    return section(
        "method",
        "How it was made",
        f'<div class="panels">{plot}</div>',
        stages_table(clusters.stages),
        settings_table(settings),
    )

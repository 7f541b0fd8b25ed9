"""The sections both reports share: figures, scores, examples, the list of links, how it was made, how to read it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinfolk.data import Records
from kinfolk.evaluation import reliability
from kinfolk.evaluation.interval import Estimate, Interval
from kinfolk.linking.estimate import CAVEAT
from kinfolk.linking.links import Stage
from kinfolk.report.curves import curve_plot, interval_mark, reliability_plot
from kinfolk.report.examples import choose_examples
from kinfolk.report.links_list import LinksData
from kinfolk.report.markup import count, counted, escape, percent, probability, range_text, seconds_text, share_text
from kinfolk.report.pair_card import CardContext, pair_card
from kinfolk.report.pair_table import PairTable
from kinfolk.report.plots import score_plot
from kinfolk.report.score_summary import (
    CutCurve,
    evidence_spread,
    expected_curve,
    probability_bands,
    score_histogram,
)
from kinfolk.report.truth import Judgement
from kinfolk.report.waterfall import evidence_plot

_OTHER_CUTS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


def section(key: str, title: str, *parts: str) -> str:
    """A section of the page with its heading."""
    return (
        f'<section id="{key}" aria-labelledby="{key}-heading"><h2 id="{key}-heading">{escape(title)}'
        f"</h2>{''.join(parts)}</section>"
    )


def panel(title: str, plot: str, note: str) -> str:
    """A plot with its heading above and what to see in it below."""
    return f'<figure class="panel"><h3>{escape(title)}</h3>{plot}<figcaption>{note}</figcaption></figure>'


def figures(pairs: PairTable, estimate: Estimate, truth: Judgement | None) -> str:
    """Precision, recall, F1 and the number of matches with their intervals, and where they come from."""
    source = (
        f"Estimated by the model from its own probabilities. {CAVEAT} Nobody has looked at a pair yet: an audit makes "
        "these figures firm."
        if estimate.source == "model"
        else "Estimated from pairs that a person has judged."
    )
    matches, kept = estimate.num_matches, estimate.candidate_recall
    found = "of the matches among the candidates were found" if kept is None else "of the true matches were found"
    named = "the pairs in one cluster" if pairs.grouped else "the links"
    tiles = [
        _tile("Precision", f"of {named} are right", estimate.precision, truth.precision if truth else None)
        if pairs.link.any()
        else f'<div class="tile"><h3>Precision</h3><p class="value">–</p><p class="meaning">no pair is '
        f"{pairs.linked_word}</p></div>",
        _tile("Recall", found, estimate.recall, truth.recall if truth else None),
        _tile("F1", "both in one figure", estimate.f1, truth.f1 if truth else None),
        *([] if kept is None else [_blocking_tile(kept, truth)]),
        f'<div class="tile"><h3>True matches</h3><p class="value">{count(matches.value)}</p>'
        '<p class="meaning">pairs, estimated to exist</p>'
        f'<p class="between">95\u00a0%: {count(matches.low)}–{count(matches.high)}</p></div>',
    ]
    return f'<div class="tiles">{"".join(tiles)}</div><p class="source source-{estimate.source}">{source}</p>'


def _blocking_tile(kept: Interval, truth: Judgement | None) -> str:
    true = truth.candidate_recall if truth else None
    return _tile("Blocking recall", "of the true matches are candidates", kept, true)


def _tile(name: str, meaning: str, value: Interval, true: float | None) -> str:
    against = f'<p class="true">true value <b>{true:.3f}</b></p>' if true is not None else ""
    mark = interval_mark(value, name=f"tile-{name.lower().replace(' ', '-')}", title=f"{name} with its 95 % interval")
    return (
        f'<div class="tile"><h3>{name}</h3><p class="value">{share_text(value.value)}</p>'
        f'<p class="meaning">{meaning}</p>{mark}<p class="between">95\u00a0%: {range_text(value)}</p>{against}</div>'
    )


def notes_list(notes: Sequence[str]) -> str:
    """What the user should know, folded when long; nothing if there is nothing."""
    unique = list(dict.fromkeys(notes))
    if not unique:
        return ""
    items = "".join(f"<li>{escape(note)}</li>" for note in unique)
    opened = " open" if len(unique) <= 5 else ""
    return f'<details class="notes"{opened}><summary>{counted(len(unique), "note")}</summary><ul>{items}</ul></details>'


def scores_section(pairs: PairTable, estimate: Estimate, truth: Judgement | None) -> str:
    """Distribution of the scores, precision against recall, other cuts, evidence, bands or calibration."""
    if not len(pairs):
        return section(
            "scores",
            "Scores",
            '<p class="empty">There is not a single candidate pair, so there is nothing to score.</p>',
        )
    histogram = score_histogram(pairs.probability, pairs.link)
    curve = expected_curve(pairs.probability[pairs.eligible], estimate.num_matches.value)
    spreads = [evidence_spread(label, values, pairs.link) for label, values in pairs.evidence.items() if np.any(values)]
    panels = [
        panel(
            "Candidate pairs by probability",
            score_plot(histogram, pairs.threshold),
            "Two hills far apart, with a valley at the cut, mean an easy problem. "
            + (
                "A cluster is decided by all its pairs together, so single ones lie on the other side of the cut."
                if pairs.grouped
                else "Pairs right of the cut that were not linked lost to a better link."
            ),
        ),
        panel(
            "Expected precision and recall",
            curve_plot(curve, estimate),
            "Lowering the cut moves along the line to the right: more matches found, more of the links wrong."
            + (
                " The line takes each pair by itself; clusters take them together, so this result lies beside it."
                if pairs.grouped
                else ""
            ),
        ),
    ]
    if spreads:
        panels.append(
            panel(
                "What each comparison says",
                evidence_plot(spreads),
                'Median and middle 90 % of the evidence for <span class="key-link">links</span> and for '
                '<span class="key-other">other candidates</span>. The farther apart, the more the comparison decides.',
            )
        )
    panels.append(_calibration_panel(pairs, truth) if truth is not None else _bands_panel(pairs))
    return section("scores", "Scores", f'<div class="panels">{"".join(panels)}</div>', _cuts_table(curve, pairs))


def _bands_panel(pairs: PairTable) -> str:
    rows = "".join(
        f'<tr><th scope="row">{band.low:g} – {band.high:g}</th><td>{count(band.num_pairs)}</td>'
        f"<td>{count(band.num_linked)}</td><td>{count(band.expected_matches)}</td></tr>"
        for band in reversed(probability_bands(pairs.probability, pairs.link))
    )
    table = (
        '<table class="numbers"><thead><tr><th scope="col">probability</th><th scope="col">pairs</th>'
        f'<th scope="col">{escape(pairs.linked_word)}</th><th scope="col">expected matches</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
    return panel(
        "Expected matches by probability",
        table,
        "Of a hundred pairs with probability 0.9, ninety should be matches: the last column adds the probabilities up.",
    )


def _calibration_panel(pairs: PairTable, truth: Judgement) -> str:
    known = truth.judged & np.isfinite(pairs.probability)
    if not known.any():
        return panel("Calibration", "", "None of the judged pairs is among the candidates.")
    table = reliability(pairs.probability[known], truth.correct[known])
    return panel(
        "Calibration",
        reliability_plot(table),
        f"Probability given against the share that is true, for {counted(int(known.sum()), 'judged pair')}; "
        "on the diagonal the promises are kept.",
    )


def _cuts_table(curve: CutCurve, pairs: PairTable) -> str:
    """What other cuts would give."""
    threshold = pairs.threshold
    others = (cut for cut in _OTHER_CUTS if probability(cut) != probability(threshold))
    cuts = sorted((*others, threshold), reverse=True)
    rows = []
    for cut in cuts:
        point = curve.at(cut)
        cells = ["0", "–", "–", "–"]
        if point is not None:
            shares = (curve.precision[point], curve.recall[point], curve.f1[point])
            cells = [count(int(curve.num_links[point])), *(f"{share:.3f}" for share in shares)]
        chosen = ' class="chosen-row" aria-current="true"' if cut == threshold else ""
        name = probability(cut) + ('<span class="hidden"> (chosen)</span>' if cut == threshold else "")
        rows.append(f'<tr{chosen}><th scope="row">{name}</th>{"".join(f"<td>{c}</td>" for c in cells)}</tr>')
    return (
        '<div class="panel"><h3>Another cut</h3><table class="numbers"><thead><tr><th scope="col">cut</th>'
        '<th scope="col">links</th><th scope="col">precision</th><th scope="col">recall</th><th scope="col">F1</th>'
        "</tr></thead>"
        f'<tbody>{"".join(rows)}</tbody></table><p class="caption">What the probabilities promise at other cuts'
        f"{', pair by pair and before clusters are formed' if pairs.grouped else ''}; the one in bold was taken. "
        "For another one, run again with <code>--threshold</code>.</p></div>"
    )


def card(pairs: PairTable, pair: int) -> str:
    """The card of the pair at a position."""
    rows = int(pairs.left_rows[pair]), int(pairs.right_rows[pair])
    context = CardContext(pairs.left, pairs.right, *rows, pairs.linked_word, pairs.gallery, pairs.focus(*rows))
    return pair_card(pairs.explain(pair), context)


def examples_section(pairs: PairTable) -> str:
    """Cards of pairs by confidence."""
    groups = choose_examples(pairs)
    if not groups:
        return section("examples", "Examples", '<p class="empty">There are no candidate pairs to show.</p>')
    parts = []
    for group in groups:
        cards = "".join(card(pairs, p) for p in group.pairs)
        parts.append(
            f'<div class="group" id="{group.key}"><h3>{escape(group.title)}</h3>'
            f'<p class="caption">{escape(group.about)}</p>{cards}</div>'
        )
    lead = (
        '<p class="caption">The number beside a field is its evidence in log-odds: +1 makes a match 2.7 times likelier, '
        "+3 about 20 times; with a minus sign, less likely. The bars add the numbers up, from top to bottom. "
        '<a href="#reading">How to read this page</a> says more.</p>'
    )
    return section("examples", "Examples", lead, *parts)


def list_section(data: LinksData, title: str) -> str:
    """The searchable list; its rows are drawn by the page's script from the JSON beside it."""
    if not data.num_shown:
        return section("all", title, '<p class="empty">There are none.</p>')
    return section(
        "all",
        title,
        f'<p class="caption">{escape(data.about)}</p>'
        '<noscript><p class="empty">The list needs JavaScript, which this browser has switched off. Everything '
        "else on the "
        "page works without it.</p></noscript>"
        '<div id="browser" hidden><form class="controls" role="search">'
        '<label>Search <input id="search" type="search" autocomplete="off" spellcheck="false" placeholder="words '
        'or ids"></label>'
        '<label>Probability <select id="band"><option value="0 2">all</option><option value="0 0.5">below 0.5</option>'
        '<option value="0.5 0.9">0.5 to 0.9</option><option value="0.9 0.99">0.9 to 0.99</option>'
        '<option value="0.99 2">0.99 and above</option></select></label>'
        '<label>Order <select id="order"><option value="table">as in the table</option>'
        '<option value="doubtful">least certain first</option><option value="certain">most certain first</option>'
        "</select></label>"
        '</form><p id="found" role="status"></p>'
        f'<div id="list" role="listbox" tabindex="0" aria-label="{escape(title)}">'
        '<div id="rows" role="presentation"></div></div>'
        '<dialog id="pair-dialog" aria-labelledby="dialog-title"></dialog></div>'
        f'<script type="application/json" id="links-data">{data.json}</script>',
    )


def stages_table(stages: Sequence[Stage]) -> str:
    """What was done and how long it took."""
    if not stages:
        return ""
    total = sum(stage.seconds for stage in stages)
    longest = max(stage.seconds for stage in stages) or 1.0
    rows = "".join(
        f'<tr><th scope="row">{escape(s.name)}</th><td>{seconds_text(s.seconds)}</td>'
        '<td class="stage-bar" aria-hidden="true">'
        f'<svg width="100%" height="10"><rect class="bar-plain" width="{100 * s.seconds / longest:.1f}%" '
        'height="10"/></svg></td>'
        f'<td class="detail">{escape(s.detail)}</td></tr>'
        for s in stages
    )
    return (
        f'<div class="panel"><h3>Stages, {seconds_text(total)} in all</h3><table class="numbers stages">'
        '<thead class="hidden"><tr>'
        '<th scope="col">stage</th><th scope="col">time</th><th scope="col">share</th><th scope="col">result</th>'
        "</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def settings_table(settings: Sequence[tuple[str, str]]) -> str:
    """Names and values of what was set or chosen."""
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in settings)
    return f'<div class="panel"><h3>Settings</h3><dl class="settings">{rows}</dl></div>'


def reading_section() -> str:
    """How to read the page, in short."""
    return section(
        "reading",
        "How to read this page",
        '<dl class="glossary">'
        "<dt>Probability</dt><dd>How likely it is that both records are the same thing, given all evidence.</dd>"
        "<dt>Log-odds</dt><dd>The scale on which evidence adds up. Even odds are 0; +1 makes a match 2.7 times "
        "likelier, "
        "+3 about 20 times, −3 about 20 times less likely. Each card starts at the odds of a candidate nobody has "
        "looked at, "
        "goes one step a field, and ends at the pair's probability. A step counts beside all others: where the whole "
        "record already speaks for a match, a field that agrees adds little, or even takes some back.</dd>"
        "<dt>Cut</dt><dd>Pairs with at least this probability may be linked; where a record may have one partner "
        "only, the best wins.</dd>"
        "<dt>Marks</dt><dd><mark>Marked</mark> letters and words contradict the other side, "
        '<span class="extra">pale</span> ones have '
        'nothing to stand against, <span class="moved">underlined</span> ones are on the other side in another place. '
        "Case and spaces are not counted as differences.</dd>"
        "<dt>Interval</dt><dd>Where the true figure lies in 95 of 100 cases, as far as the model's probabilities are right.</dd></dl>",
    )


def share_sentence(part: int, records: Records) -> str:
    """Part of a table in words: 4,985 of 5,000 records of register A (99.7 %)."""
    whole = len(records)
    share = f" ({percent(part / whole)})" if whole else ""
    return f"{count(part)} of {counted(whole, 'record')} of {escape(records.name)}{share}"

"""The tables of the README and of docs/measured.md, made from the committed results and from nothing else.

The README has kinfolk's figures alone. In the other, rows are tools and columns are sets; each cell is the one-to-one
F1 at the tool's own cut and, in brackets, at the best cut chosen with the truth; for a tool that draws labels at
random, the mean over the draws there are. A tool that compares one string a record was run on whole records and on its
main column; the table shows the reading with the better F1 at its own cut.

Run: ``python -m benchmarks.tables`` rewrites the parts of both pages between their two marks.
"""

from __future__ import annotations

import json
from statistics import mean

from benchmarks.launch import Outcome
from benchmarks.sets import LINK_SETS, RESULTS, ROOT, TITLES

ABOUT = {
    "er-abt-buy": "products, 1,076 × 1,076",
    "er-amazon-google": "software, 1,354 × 3,039",
    "er-dblp-acm": "bibliography, 2,616 × 2,294",
    "er-restaurants": "OAEI 2010, 339 × 2,256",
    "febrl4": "persons, 5,000 × 5,000",
    "er-imdb-dbpedia": "films, 27,615 × 23,182",
}
START, END = "<!-- linking-table:start -->", "<!-- linking-table:end -->"
PEERS = {
    "RapidFuzz token sort": ("rapidfuzz", "rapidfuzz-main"),
    "recordlinkage ECM": ("recordlinkage",),
    "Splink": ("splink",),
    "dedupe, 100 labels": ("dedupe",),
    "LinkTransformer, MiniLM": ("linktransformer", "linktransformer-main"),
    "character TF-IDF": ("tfidf", "tfidf-main"),
}


def load_peers(set_name: str) -> dict[str, Outcome]:
    """For each tool its result on a set, the better of its readings; tools that were not run are left out."""
    found: dict[str, Outcome] = {}
    for title, names in PEERS.items():
        outcomes = [outcome for name in names if (outcome := load_peer(set_name, name)) is not None]
        if outcomes:
            found[title] = max(outcomes, key=lambda outcome: outcome["own_cut"]["f1"] if outcome["finished"] else -1)
    return found


def load_peer(set_name: str, name: str) -> Outcome | None:
    """One tool on one set; where it drew labels several times, the means of its F1 over the draws."""
    folder = RESULTS / "peers"
    paths = [folder / f"{set_name}__{name}.json", *sorted(folder.glob(f"{set_name}__{name}__seed*.json"))]
    draws: list[Outcome] = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
    finished = [draw for draw in draws if draw["finished"]]
    if not finished:
        return draws[0] if draws else None
    means = {cut: {"f1": mean(draw[cut]["f1"] for draw in finished)} for cut in ("own_cut", "best_cut")}
    return {**finished[0], **means, "num_draws": len(finished)}


def own_table(results: dict[str, Outcome]) -> str:
    """Precision, recall and F1 of kinfolk on each set, in Markdown."""
    lines = ["| | precision | recall | F1 |", "| --- | --- | --- | --- |"]
    for name in (name for name in LINK_SETS if name in results):
        own = results[name]["own_cut"]
        lines.append(
            _row(f"{TITLES[name]}, {ABOUT[name]}", [f"{own[figure]:.3f}" for figure in ("precision", "recall", "f1")])
        )
    return "\n".join(lines)


def peers_table(results: dict[str, Outcome]) -> str:
    """F1 of all tools on each set, and what kinfolk costs, in Markdown."""
    sets = [name for name in LINK_SETS if name in results]
    peers = {name: load_peers(name) for name in sets}
    lines = [_row("", [TITLES[name] for name in sets]), "|" + " --- |" * (len(sets) + 1)]
    lines += [_row(title, [_cell(peers[name].get(title)) for name in sets]) for title in PEERS]
    lines.append(_row("**kinfolk**, no labels", [f"**{_cell(results[name])}**" for name in sets]))
    for num in sorted({num for name in sets for num in results[name].get("labels", {})}, key=int):
        cells = [results[name].get("labels", {}).get(num) for name in sets]
        shown = [f"{found['f1_mean']:.3f} ± {found['f1_spread']:.3f}" if found else "–" for found in cells]
        lines.append(_row(f"**kinfolk**, {int(num):,} labels", shown))
    lines.append(_row("kinfolk's CPU time", [f"{results[name]['seconds_cpu']:.1f} s" for name in sets]))
    lines.append(_row("… in times of TF-IDF's", [f"{results[name]['times_tfidf']:.1f}" for name in sets]))
    return "\n".join(lines)


def _row(title: str, cells: list[str]) -> str:
    return "| " + " | ".join([title, *cells]) + " |"


def _cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return "–"
    if not outcome.get("finished", True):
        return "did not finish" if outcome["reason"].startswith("did not finish") else "failed"
    return f"{outcome['own_cut']['f1']:.3f} ({outcome['best_cut']['f1']:.3f})"


def update_pages(results: dict[str, Outcome]) -> None:
    """Puts the tables between the two marks of their pages.

    Raises:
        ValueError: the marks are not there.
    """
    for path, table in (
        (ROOT / "README.md", own_table(results)),
        (ROOT / "docs" / "measured.md", peers_table(results)),
    ):
        text = path.read_text(encoding="utf-8")
        if START not in text or END not in text:
            raise ValueError(f"{path.name} must hold {START} and {END}, with the table between them.")
        before, rest = text.split(START, 1)
        path.write_text(f"{before}{START}\n{table}\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")


if __name__ == "__main__":
    update_pages(json.loads((RESULTS / "linking.json").read_text(encoding="utf-8")))

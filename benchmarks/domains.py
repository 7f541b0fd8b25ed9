"""A mixture of experts for three domains, beside one dense model for all and one for each.

Claims: one model with an expert a domain is as good as a model for each domain, and better than one dense model on all; it is the
domains that do it, for experts whose documents are shuffled gain nothing. It begins at the dense model and costs what that costs.

Protocol: documents of computing, information science and biomedicine that are cited together, see ``benchmarks.co_cited``; a seed
draws the documents for training, validation and test, the pairs and the batches. Starts: the first and the last of the six layers of
all-MiniLM-L6-v2; a transformer of two layers from scratch. Texts are cut after 24 tokens, a title and the beginning of a sentence. All
arms learn from the same pairs, as many of each domain, by one recipe that stands here and was not searched for, in batches of one domain
each; domains are drawn alike, as ``moe`` does unless told otherwise. The loss is one, too: cosines at temperature 0.05.

Arms: "dense", one model on all pairs; "one a domain", three models, each on a third of the steps, judged on its domain alone;
"experts"; "experts, shuffled", where a document goes through an expert that its text draws at random, in training as in the test. "Domain
unknown" and "wrong domain" are the trained experts, where each test document goes through their mean, and through another domain's.

Judged, for each domain, among the test documents of all: how early a document comes that is cited with the one that is asked about (MRR),
and the share of those documents among the first ten (Recall@10; in biomedicine about 40 belong to each, and it cannot be more than .25 or
so); cosines of pairs that are cited together beside as many of the same domain that are not: F1 at the cut that is best on the validation
documents, AUC, and the ratio of the mean cosines. Nothing else is chosen.

Run: ``python -m benchmarks.domains [--seeds 3] [--starts minilm scratch]``, with the extras ``train`` and ``offline``. Finished runs are
kept. Writes ``benchmarks/results/domains.json`` and ``.svg``.
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from benchmarks.co_cited import NAMES, Part, judged_part, training_pairs
from benchmarks.plot import bars
from benchmarks.retrieval import code_of, kept, key_of, mean_and_deviation
from benchmarks.sets import RESULTS, WORK
from benchmarks.training import Claim, verdict
from kinfolk.data.texts import Texts
from kinfolk.encoders.mixture_tower import MixtureTower
from kinfolk.encoders.st_folder import save_sentence_transformer
from kinfolk.encoders.subwords import SubwordTransformer
from kinfolk.encoders.text_by_name import TextTower, text_tower_for
from kinfolk.evaluation.pair_classification import evaluate_pairs
from kinfolk.evaluation.ranking import rank_documents, ranked_rows, recall_at, reciprocal_rank_at
from kinfolk.methods.fit import train
from kinfolk.methods.registry import method
from kinfolk.methods.texts import fit as texts_fit
from kinfolk.methods.texts.method import TextBatch
from kinfolk.methods.texts.model import TextModel
from kinfolk.methods.texts.moe import ExpertsOfDomains
from kinfolk.objectives import MultipleNegativesRanking

TOKENS = 24
STEP = {"batch_size": 16, "optimizer": "adamw", "weight_decay": 0.0, "clip_norm": 1.0, "precision": "bfloat16"}
STARTS: dict[str, Any] = {
    "minilm": {
        "encoder": ("minilm", {"max_tokens": TOKENS, "layers": 2}),
        "recipe": {**STEP, "epochs": 1, "warmup_epochs": 0.1, "learning_rate": 1e-4},
    },
    "scratch": {
        "encoder": ("subwords", {"max_tokens": TOKENS, "width": 128, "depth": 2, "heads": 4}),
        "recipe": {**STEP, "epochs": 4, "warmup_epochs": 0.4, "learning_rate": 1e-3},
    },
}
PAIRS = 480  # of each domain: 90 steps an epoch
MOST = 2_000  # pairs of a domain whose cosines are judged
SETTINGS = {
    "code": code_of("methods/texts", "objectives", "encoders", "evaluation", "data/pairs"),
    "starts": STARTS,
    "pairs": PAIRS,
}
CLAIMS = (
    *(
        Claim(f"{sentence} ({measure})", better, worse, measure)
        for sentence, better, worse in (
            ("Experts are better than one dense model", "experts", "dense"),
            ("Experts are better than one model a domain", "experts", "one a domain"),
            ("One model a domain is better than one dense model", "one a domain", "dense"),
            ("Experts are better than shuffled ones", "experts", "experts, shuffled"),
        )
        for measure in ("mrr", "recall", "f1")
    ),
    *(
        Claim(f"{name} is better than the start", name, "start", "mrr")
        for name in ("dense", "one a domain", "experts", "experts, shuffled")
    ),
    Claim("The own expert is better than another's", "experts", "experts, wrong domain", "mrr"),
)
MEASURES = ("mrr", "recall", "f1", "auc", "ratio")
PATH = RESULTS / "domains.json"
texts_fit._SAMPLE = 64  # what is measured beside a training is not used here, and would cost more than the training

Vectors = npt.NDArray[np.float32]
Encode = Callable[[Part], Vectors]


def drawn_expert(text: str, seed: int) -> int:
    """The expert that a text draws, whatever its domain."""
    return zlib.crc32(f"{seed} {text}".encode()) % len(NAMES)


class ShuffledExperts(ExpertsOfDomains):
    """Experts of which each text draws one: also the two of a pair draw apart.

    Args:
        encoder: see ``ExpertsOfDomains``.
        seed: of the draw.
    """

    def __init__(self, encoder: TextTower, seed: int) -> None:
        super().__init__(
            encoder, MultipleNegativesRanking(0.05), routing="domain", k=1, layers="all", specified=0.0, balance=0.0,
            mixed=False, shared=True, like="",
        )  # fmt: skip
        self.draw_seed = seed

    def experts_of(self, batch: TextBatch, columns: Sequence[Sequence[str]]) -> Tensor:
        del batch
        return torch.tensor([drawn_expert(text, self.draw_seed) for column in columns for text in column])


@method("moeshuffled", paper="control of MoE, arXiv 2401.15713", labels=True, reads="texts", texts=2)
def moe_shuffled(encoder: TextTower, *, draw_seed: int = 0) -> ShuffledExperts:
    """Experts that know no domain."""
    return ShuffledExperts(encoder, draw_seed)


def figures(vectors: Vectors, part: Part, validation: tuple[Vectors, Part], number: int, seed: int) -> dict[str, float]:
    """Measures of one domain."""
    asked = np.flatnonzero((part.domains == number) & (np.diff(part.related.indptr) > 0))
    scores = vectors[asked] @ vectors.T
    scores[np.arange(len(asked)), asked] = -np.inf  # a document does not find itself
    ranked = ranked_rows(rank_documents(scores, k=len(vectors)), part.related[asked])
    judged = [cosines(of, at, number, seed) for of, at in ((vectors, part), validation)]
    (found, truth), cut_on = judged
    return {
        "mrr": float(reciprocal_rank_at(ranked).mean()),
        "recall": float(recall_at(ranked, 10).mean()),
        "f1": evaluate_pairs(found, truth, validation=cut_on).f1,
        "auc": float(roc_auc_score(truth, found)),
        "ratio": float(found[truth].mean() / found[~truth].mean()),
    }


def cosines(
    vectors: Vectors, part: Part, number: int, seed: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Cosines of pairs of a domain, and whether they are cited together: half of them are."""
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(part.domains == number)
    together = part.related[rows][:, rows].toarray() > 0
    sides = [np.argwhere(np.triu(table, 1)) for table in (together, ~together)]
    count = min(MOST, len(sides[0]))
    chosen = rows[np.concatenate([side[rng.permutation(len(side))[:count]] for side in sides])]
    found = (vectors[chosen[:, 0]] * vectors[chosen[:, 1]]).sum(1).astype(np.float64)
    return found, np.arange(2 * count) < count


def judge(encode: Encode | list[Encode], seed: int) -> dict[str, float]:
    """Measures of each domain and their means.

    Args:
        encode: the documents of a part to vectors; or one for each domain, which is judged on that.
        seed: of the split.
    """
    part, other = judged_part(seed, test=True), judged_part(seed, test=False)
    encoders = encode if isinstance(encode, list) else [encode]
    made = [(of(part), of(other)) for of in encoders]
    rows = {}
    for number, name in enumerate(NAMES):
        vectors, of_other = made[number % len(made)]
        rows[name] = figures(vectors, part, (of_other, other), number, seed)
    means = {measure: float(np.mean([row[measure] for row in rows.values()])) for measure in MEASURES}
    return means | {f"{name}: {measure}": value for name, row in rows.items() for measure, value in row.items()}


def at_the_start(dense: SubwordTransformer, seed: int) -> dict[str, float]:
    """How far the cosines of an untrained mixture are from those of the dense model, and what both cost.

    Seconds of the processor for batches of 32 test documents of all domains, one after the other and in turn; median of the ratios.
    """
    part = judged_part(seed, test=True)
    mixture = MixtureTower.of_dense(dense, NAMES).eval()
    order = np.random.default_rng(seed).permutation(len(part.texts))[: 32 * 20].reshape(-1, 32)
    features: dict[str, list[Tensor]] = {"dense": [], "mixture": []}
    ratios: dict[str, list[float]] = {"encoding": [], "training": []}
    for turn, rows in enumerate(order):
        tokens = dense.tokens([part.texts[row] for row in rows])
        experts = torch.from_numpy(part.domains[rows])
        runs: dict[str, Callable[[], Tensor]] = {
            "dense": partial(dense, tokens),
            "mixture": partial(mixture, tokens, experts),
        }
        for what, of in ratios.items():
            seconds = {}
            for name in list(runs)[:: 1 if turn % 2 else -1]:
                began = time.process_time()
                with torch.set_grad_enabled(what == "training"):
                    made = runs[name]()
                    if what == "training":
                        made.sum().backward()
                seconds[name] = time.process_time() - began
                if what == "encoding":
                    features[name].append(made)
            of.append(seconds["mixture"] / seconds["dense"])
    cosine = [torch.nn.functional.normalize(torch.cat(of), dim=1) for of in features.values()]
    apart = float((cosine[0] @ cosine[0].T - cosine[1] @ cosine[1].T).abs().max())
    return {"cosines apart": apart} | {f"cost of {what}": float(np.median(of)) for what, of in ratios.items()}


def begin(folder: Path, start: str, seed: int) -> SubwordTransformer:
    """The encoder that all arms begin at, also in the folder."""
    texts = training_pairs(seed, PAIRS)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        tower = text_tower_for([*texts.columns[0], *texts.columns[1]], *STARTS[start]["encoder"])
    assert isinstance(tower, SubwordTransformer)
    save_sentence_transformer(tower.eval(), folder)
    return tower


def one_run(start: str, seed: int) -> dict[str, Any]:
    """Measures of the start and of all arms."""
    folder = WORK / "domains" / f"{start}-{seed}-{key_of(SETTINGS)}"
    texts = training_pairs(seed, PAIRS)
    dense = begin(folder / "start", start, seed)
    rows: dict[str, Any] = {"at the start": at_the_start(dense, seed)}

    def fit(name: str, by: str, data: Texts, **settings: object) -> TextModel:
        model = train(
            data, method=by, output=folder / name, encoder=str(folder / "start"), encoder_settings={"max_tokens": TOKENS},
            settings=settings, recipe=STARTS[start]["recipe"], seed=seed, held_out=0,
        )  # fmt: skip
        assert isinstance(model, TextModel)
        return model

    def keep(name: str, encode: Encode | list[Encode], began: float | None = None) -> None:
        cost = {} if began is None else {"seconds": time.process_time() - began}
        rows[name] = cost | judge(encode, seed)
        print(start, seed, name, cost, {key: round(rows[name][key], 3) for key in MEASURES}, flush=True)

    keep("start", lambda part: TextModel(dense, {}).encode(part.texts))
    began = time.process_time()
    of_all = fit("dense", "simcse", texts, head=False)
    keep("dense", lambda part: of_all.encode(part.texts), began)
    began = time.process_time()
    each: list[Encode] = []
    for number, name in enumerate(NAMES):
        own = replace(
            texts.take(np.flatnonzero(texts.labels == number)), corpora=np.zeros(PAIRS, np.int64), corpus_names=(name,)
        )
        model = fit(f"dense-{number}", "simcse", own, head=False)
        each.append(partial(lambda model, part: model.encode(part.texts), model))
    keep("one a domain", each, began)
    by_label = replace(texts, corpora=None, corpus_names=())  # of itself moe makes its batches of one domain
    began = time.process_time()
    mixture = fit("experts", "moe", by_label)
    keep("experts", lambda part: mixture.encode(part.texts, domains=[NAMES[of] for of in part.domains]), began)
    keep("experts, domain unknown", lambda part: mixture.encode(part.texts))
    others = (*NAMES[1:], NAMES[0])
    keep(
        "experts, wrong domain",
        lambda part: mixture.encode(part.texts, domains=[others[of] for of in part.domains]),
    )
    began = time.process_time()
    shuffled = fit("shuffled", "moeshuffled", by_label, draw_seed=seed)
    keep(
        "experts, shuffled",
        lambda part: shuffled.encode(part.texts, domains=[NAMES[drawn_expert(text, seed)] for text in part.texts]),
        began,
    )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--starts", nargs="+", default=list(STARTS), choices=list(STARTS))
    arguments = parser.parse_args()
    seeds = range(arguments.seeds)
    report: dict[str, Any] = {"settings": SETTINGS}
    shown = []
    for start in arguments.starts:
        runs = [
            kept(WORK / "domains" / f"{start}-{seed}-{key_of(SETTINGS)}.json", partial(one_run, start, seed))
            for seed in seeds
        ]
        table = {
            arm: mean_and_deviation({name: [run[arm][name] for run in runs] for name in runs[0][arm]})
            for arm in runs[0]
        }
        by_seed = {f"{arm} / {seed}": run[arm] for seed, run in zip(seeds, runs, strict=True) for arm in run}
        verdicts = [verdict(claim, by_seed, seeds) for claim in CLAIMS]
        report[start] = {"table": table, "verdicts": verdicts, "runs": runs}
        shown += [(f"{start}: {arm}", *of["mrr"]) for arm, of in table.items() if "mrr" in of]
        for arm, of in table.items():
            print(f"{start:8} {arm:24}", *(f"{name} {mean:.3f} +- {spread:.3f}" for name, (mean, spread) in of.items()))
        print(*verdicts, sep="\n  ")
    PATH.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    PATH.with_suffix(".svg").write_text(bars(shown, "MRR, mean of three domains"), encoding="utf-8")


if __name__ == "__main__":
    main()

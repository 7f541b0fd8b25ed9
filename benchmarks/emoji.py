"""CLIPPINGS on emoji: one thing, drawn by several vendors and named in several languages.

Claim: pooled vectors link a picture by Twitter with its short name (English, as Slack has it) to a picture by Google with its CLDR
name in another language better than picture or name alone, better than raw pixels, and better than MiniLM on the names; they
group the pictures of all vendors; and say "none" where there is nothing to find.

Protocol: emoji that all four vendors draw and CLDR names. Their split is one of its own: the test emoji of the data set were looked at
when an earlier recipe was measured and the validation emoji chose it, so 300 of the others are the test emoji here, drawn at
random; of all that are left, 250 are for validation and the rest for training. Queries are the Twitter records of the test emoji,
references the Google records of all. The picture is read by EfficientNet-Lite0, trained on photographs, which stays as it is;
"untrained" is where training begins: its features, whitened on the records of both tables. Without labels: ``pretrain`` on these
records, names learning to meet pictures that stay as they are; in German they are read by random weights, and contrasted with
themselves, misread, too; in English MiniLM learns at the rate of a trained tower. With labels: ``finetune`` from there on the records of
the training emoji, with their pictures by Apple and Facebook, which have no name; both towers stay as they are, and what is made of
their features learns. Of its epochs, the start included, the one is kept in which a record by Twitter or Google finds the other one
best, for training emoji that are held out. The weight of the picture is chosen on the validation emoji; "even" is without this choice.
Groups: the records of the test emoji by all four vendors, cut and weight from those of the validation emoji, single linkage. None: of
the references of a fifth of the test emoji there are none; the threshold is chosen on the validation emoji, of which a fifth has none,
too. The recipe was chosen on the validation emoji in German, seed 0.

Run: ``python -m benchmarks.emoji [--seeds 0 1 2] [--languages de en]``, with the extras ``train`` and ``offline``. Finished runs
are kept. Writes ``benchmarks/results/emoji.json`` and ``.svg``.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import torch
from torch import Tensor, nn

from benchmarks.plot import bars
from benchmarks.retrieval import by_strings, code_of, kept, key_of, mean_and_deviation, parts_of, top1
from benchmarks.sets import RESULTS, WORK
from kinfolk.data.image_decoding import Pixels, decode_image
from kinfolk.data.public import get_dataset
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.encoders.pooling import pool
from kinfolk.encoders.record import RecordEncoder, Towers
from kinfolk.encoders.record_inputs import RecordInputs, image_field, text_field
from kinfolk.encoders.whitened_start import whiten_projections
from kinfolk.evaluation.clusters import compare_labels
from kinfolk.evaluation.no_match import none_threshold
from kinfolk.linking.fusion_weight import WEIGHTS, choose_weight, choose_weight_and_cut
from kinfolk.linking.meaning import open_encoder
from kinfolk.linking.tree import linkage_tree
from kinfolk.methods.clippings.finetune import finetune
from kinfolk.methods.clippings.model import RecordModel
from kinfolk.methods.clippings.pretrain import pretrain
from kinfolk.methods.clippings.stage import seeded, specs_of
from kinfolk.methods.history import EpochEnd

VENDORS = ("twitter", "google", "apple", "facebook")  # the first two have names
SOURCES = (0, 1, -1, -1)  # the last two are learned from, and not asked for
SIZE, MISSING = 64, 0.2
SPLIT_SEED, TEST, VALID = 16, 300, 250
TOWERS = Towers(dim=256, image="efficientnet")
OWN = {"epochs": 4, "batch_size": 128, "learning_rate": 1e-3}
OWN_MINILM = {**OWN, "epochs": 2, "learning_rate": 3e-4, "tower_learning_rate": 2e-5, "precision": "bfloat16"}
LABELED = {"epochs": 8, "batch_size": 240, "learning_rate": 3e-4, "weight_decay": 1e-3}
CONTRAST = {"de": 1.0, "en": 0.0}  # weight of the contrast of a name with itself, misread
SETTINGS = {
    "code": code_of("methods/clippings", "views", "encoders"),
    "size": SIZE,
    "missing": MISSING,
    "split": (SPLIT_SEED, TEST, VALID),
    "own": OWN,
    "own with MiniLM": OWN_MINILM,
    "labeled": LABELED,
    "contrast with itself": CONTRAST,
    "towers": repr(TOWERS),
}
PATH = RESULTS / "emoji.json"

Rows = npt.NDArray[np.int64]


class Emoji:
    """Pictures and names of the emoji that all vendors draw and that have a name in the language.

    Attributes:
        split: of each emoji.
        pixels: of each vendor, uint8 (emoji, 3, SIZE, SIZE).
        names: of the first two vendors; the others have none.
    """

    def __init__(self, language: str) -> None:
        folder = get_dataset("emoji", vendors=sorted(VENDORS), languages=[language]).folder
        pictures = {v: {row["id"]: row for row in _rows(folder / f"{v}.parquet")} for v in VENDORS}
        named = {row["id"]: row for row in _rows(folder / f"names-{language}.parquet")}
        ids = sorted(set.intersection(set(named), *(set(table) for table in pictures.values())))
        self.split = fresh_split(np.array([named[i]["split"] for i in ids]))
        self.pixels: dict[str, Pixels] = {
            v: np.stack([decode_image(table[i]["image"], i, size=SIZE) for i in ids]) for v, table in pictures.items()
        }
        short = [pictures["twitter"][i]["short_name"].replace("_", " ").replace("-", " ") for i in ids]
        nothing = [""] * len(ids)
        self.names = {
            "twitter": short,
            "google": [named[i]["name"] for i in ids],
            "apple": nothing,
            "facebook": nothing,
        }

    def rows(self, split: str) -> Rows:
        return np.flatnonzero(self.split == split)

    def records(self, vendors: tuple[str, ...], rows: Rows | None = None) -> RecordInputs:
        """Records of some emoji, one vendor below the other."""
        chosen = np.arange(len(self.split)) if rows is None else rows
        pixels = np.concatenate([self.pixels[vendor][chosen] for vendor in vendors])
        return RecordInputs(
            (
                image_field("picture", pixels),
                text_field("name", [self.names[v][row] for v in vendors for row in chosen]),
            )
        )


class Seen:
    """What a tower that stays as it is makes of pictures or texts, each of them once.

    Args:
        tower: locked; its ``forward`` is replaced, in copies, too.
    """

    def __init__(self, tower: nn.Module) -> None:
        self._make, self._made = tower.forward, dict[bytes, Tensor]()
        tower.forward = self

    def __call__(self, values: Tensor) -> Tensor:
        keys = [value.tobytes().rstrip(b"\0") for value in values.numpy()]  # texts however wide their batch is
        new = [at for at, key in enumerate(keys) if key not in self._made]
        if new:
            with torch.no_grad():
                self._made.update(zip([keys[at] for at in new], self._make(values[new]), strict=True))
        return torch.stack([self._made[key] for key in keys])

    def __deepcopy__(self, memo: dict[int, Any]) -> Seen:
        return self


@cache
def picture_tower() -> nn.Module:
    """The network of the pictures, which all runs share."""
    tower = image_encoder(TOWERS.image).eval()
    Seen(tower)
    return tower


def beginning(emoji: Emoji, towers: Towers, seed: int) -> RecordModel:
    """Where training begins: trained towers as they come, whitened; others random."""
    both = emoji.records(VENDORS[:2])
    with seeded(seed):
        encoder = RecordEncoder(specs_of(both), towers)
    encoder.towers["image"] = picture_tower()
    whiten_projections(encoder, both, towers.trained)
    return RecordModel(encoder, {"stages": []})


@cache
def emoji_of(language: str) -> Emoji:
    return Emoji(language)


def fresh_split(first: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    """Another split of the emoji, whose test emoji nobody has looked at or chosen by."""
    rng = np.random.default_rng(SPLIT_SEED)
    test = rng.permutation(np.flatnonzero(first == "train"))[:TEST]
    valid = rng.permutation(np.setdiff1d(np.arange(len(first)), test))[:VALID]
    split = np.full(len(first), "train")
    split[test], split[valid] = "test", "valid"
    return split


def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


@cache
def baselines(language: str) -> dict[str, float]:
    """Raw pixels, with and without their mean, and names by strings and by MiniLM."""
    emoji = emoji_of(language)
    test = emoji.rows("test")

    def found(queries: npt.NDArray[Any], references: npt.NDArray[Any]) -> float:
        units = [v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-9) for v in (queries, references)]
        return top1((units[0][test] @ units[1].T).astype(float), test)

    flat = [emoji.pixels[v].reshape(len(emoji.split), -1) / 255.0 for v in VENDORS[:2]]
    centered = [pixels - pixels.mean(axis=1, keepdims=True) for pixels in flat]
    minilm = open_encoder("minilm")
    assert minilm is not None
    meanings = [np.asarray(minilm.encode(emoji.names[v])) for v in VENDORS[:2]]
    strings = by_strings((emoji.names["twitter"], emoji.names["google"]), test)
    return {
        "raw pixels": found(*flat),
        "raw pixels, centered": found(*centered),
        **strings,
        "MiniLM, names": found(*meanings),
    }


def judge(encoder: RecordEncoder, emoji: Emoji, seed: int) -> dict[str, Any]:
    """Links, groups and "none"; "even" weighs picture and name alike, "pooled" by the weight that is best on the validation emoji."""
    parts = {vendor: parts_of(encoder, emoji.records((vendor,))) for vendor in VENDORS}
    query, reference = parts["twitter"], parts["google"]
    valid, test, every = emoji.rows("valid"), emoji.rows("test"), np.arange(len(emoji.split))
    asked = (query[0][valid], query[1][valid])
    weight = choose_weight(asked, (reference[0], reference[1]), valid, every).weight
    weights = {"image": 1.0, "text": 0.0, "even": 0.5, "pooled": weight}
    row: dict[str, Any] = {"weight": weight}
    for name, share in weights.items():
        sides = [pool(side, [share, 1 - share]) for side in (query, reference)]
        row[name] = top1((sides[0][test] @ sides[1].T).astype(float), test)
        row[f"validation, {name}"] = top1((sides[0][valid] @ sides[1].T).astype(float), valid)
        row[f"{name}, none F1"] = none_f1(sides[0] @ sides[1].T, valid, test, seed)
    row["groups"] = groups(parts, valid, test)
    return row


def none_f1(cosines: npt.NDArray[np.float32], valid: Rows, test: Rows, seed: int) -> float:
    """F1 of the answer "none" on the test emoji, a fifth of which have no reference; the threshold is of the validation emoji."""
    rng = np.random.default_rng(seed)
    gone = np.concatenate([rng.permutation(rows)[: round(MISSING * len(rows))] for rows in (valid, test)])
    left = cosines.copy()
    left[:, gone] = -np.inf
    best, near = left.argmax(1), left.max(1)
    right, matched = best == np.arange(len(left)), ~np.isin(np.arange(len(left)), gone)
    chosen = none_threshold(near[valid], right[valid], matched[valid])
    said, none = near[test] < chosen.threshold, ~matched[test]
    return float(2 * (said & none).sum() / max(1, said.sum() + none.sum()))


def groups(parts: dict[str, list[npt.NDArray[np.float32]]], valid: Rows, test: Rows) -> dict[str, float]:
    """Agreement of the groups of the test records with the emoji; cut and weight from the validation records."""
    found: dict[str, float] = {}
    sides = [[np.concatenate([parts[v][part][rows] for v in VENDORS]) for part in (0, 1)] for rows in (valid, test)]
    labels = [np.tile(rows, len(VENDORS)) for rows in (valid, test)]
    for name, weights in (("image", (1.0,)), ("pooled", WEIGHTS)):
        chosen = choose_weight_and_cut(sides[0][0], sides[0][1], labels[0], weights=weights)
        tree = linkage_tree(pool(sides[1], [chosen.weight, 1 - chosen.weight]))
        agreement = compare_labels(tree.labels(chosen.cut.cut), labels[1])
        found |= {name: agreement.adjusted_rand, f"{name}, pair F1": agreement.pairwise_f1}
    return found


def setting_of(language: str) -> tuple[Towers, dict[str, Any]]:
    """Towers and the recipe without labels: MiniLM was trained on English; other languages are read by characters."""
    return (replace(TOWERS, text="minilm"), OWN_MINILM) if language == "en" else (TOWERS, OWN)


def one_run(language: str, seed: int) -> dict[str, Any]:
    emoji, (towers, own_recipe) = emoji_of(language), setting_of(language)
    row: dict[str, Any] = {"baselines": baselines(language)}
    began = time.process_time()

    def tell(end: EpochEnd) -> None:
        measures = {name: round(value, 3) for name, value in end.measures.items()}
        print(
            f"  {end.epoch} of {end.epochs}, loss {end.loss:.3f} {measures} {time.process_time() - began:.0f} s",
            flush=True,
        )

    def tell_validation(stage: str) -> None:  # whoever chooses by what is printed has not seen the test emoji
        print(
            language, seed, stage, {key: value for key, value in row[stage].items() if "validation" in key}, flush=True
        )

    folder = WORK / "emoji" / f"{language}-{seed}-{key_of(SETTINGS)}"
    start = beginning(emoji, towers, seed)
    row["untrained"] = judge(start.encoder, emoji, seed)
    common: dict[str, Any] = {"views": "none", "seed": seed, "progress": tell}
    own = pretrain(
        emoji.records(VENDORS[:2]),
        output=folder / "own",
        start=start,
        own=CONTRAST.get(language, CONTRAST["de"]),
        locked=("image",),
        recipe=own_recipe,
        **common,
    )
    Seen(own.encoder.towers["text"].eval())
    row["self-supervised"] = judge(own.encoder, emoji, seed)
    tell_validation("self-supervised")
    train = emoji.rows("train")
    best = finetune(
        emoji.records(VENDORS, train),
        np.tile(train, len(VENDORS)),
        output=folder / "labeled",
        start=own,
        per_class=4,
        locked=("image", "text"),
        text_noise=0.0,
        sources=np.repeat(SOURCES, len(train)),
        recipe=LABELED,
        **common,
    )
    row["supervised"] = judge(best.encoder, emoji, seed)
    row["seconds"] = time.process_time() - began
    tell_validation("supervised")
    return row


def table_of(runs: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """Mean and deviation over the seeds."""
    of: dict[str, list[float]] = {}
    for run in runs:
        for name, value in run["baselines"].items():
            of.setdefault(name, []).append(value)
        for stage in ("untrained", "self-supervised", "supervised"):
            for name, value in run[stage].items():
                if isinstance(value, dict):
                    for measure, score in value.items():
                        of.setdefault(f"{stage}, groups, {measure}", []).append(score)
                else:
                    of.setdefault(f"{stage}, {name}", []).append(value)
    return mean_and_deviation(of)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--languages", nargs="+", default=["de", "en"])
    arguments = parser.parse_args()
    report: dict[str, Any] = {"settings": SETTINGS}
    for language in arguments.languages:
        runs = []
        for seed in arguments.seeds:
            place = WORK / "emoji" / f"{language}-{seed}-{key_of(SETTINGS)}.json"
            runs.append(kept(place, partial(one_run, language, seed)))
        report[language] = {"table": table_of(runs), "runs": runs}
    PATH.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    shown = [
        (f"{language}: {name}", *values)
        for language in arguments.languages
        for name, values in report[language]["table"].items()
        if not any(word in name for word in ("groups", "none", "weight", "validation"))
    ]
    PATH.with_suffix(".svg").write_text(bars(shown, "Top 1 of the test emoji among all"), encoding="utf-8")
    for language in arguments.languages:
        for name, (mean, spread) in report[language]["table"].items():
            print(f"  {language} {name:44} {mean:.3f} +- {spread:.3f}")


if __name__ == "__main__":
    main()

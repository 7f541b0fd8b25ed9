"""A training of SwAV on a folder of 2,000 pictures, killed at random moments and run again: are the weights the same?

Claim: ``kinfolk train FOLDER --method swav`` works on a plain folder of pictures, names the files that are no pictures and
leaves them out or refuses them as the user chose, and after ``kill -9`` the same command ends with the weights of an
undisturbed training, bit for bit.

Protocol: 2,000 pictures of CIFAR-10 as PNG and JPEG in sub-folders, and among them an empty file, a file of text named
``.png`` and a JPEG cut in half. With ``--on-error raise`` the command must end with 2 and name one of them; with ``skip`` it
must name all three. One undisturbed training gives the weights and the time it takes; in each trial the command is killed
with its children at ``--kills`` random moments of that time, each time started again, and left to finish at last.

Run: ``python -m benchmarks.resume_training``, with the extra ``train``. Writes ``benchmarks/results/resume_training.json``;
ends with 1 if any weights differed.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
from PIL import Image

from benchmarks.resume import finish, kill_after
from benchmarks.sets import RESULTS, WORK, data_folder

COUNT = 2_000
BROKEN = {"empty.png": b"", "letter.png": b"Dear Sir or Madam,\n", "half.jpg": b""}


def write_pictures(folder: Path) -> None:
    """2,000 pictures in ten sub-folders, every second one a JPEG, and three files that are no pictures."""
    table = pq.read_table(data_folder() / "img-cifar10" / "images.parquet").slice(0, COUNT)
    binary = next(field.name for field in table.schema if "binary" in str(field.type))
    shutil.rmtree(folder, ignore_errors=True)
    for number, encoded in enumerate(table.column(binary).to_pylist()):
        place = folder / f"box {number % 10}"
        place.mkdir(parents=True, exist_ok=True)
        picture = Image.open(io.BytesIO(encoded)).convert("RGB")
        picture.save(place / f"{number:05}.{'jpg' if number % 2 else 'png'}")
    whole = (folder / "box 1" / "00001.jpg").read_bytes()
    for name, content in {**BROKEN, "half.jpg": whole[: len(whole) // 2]}.items():
        (folder / "box 3" / name).write_bytes(content)


def start(pictures: Path, model: Path, epochs: int, on_error: str = "skip") -> subprocess.Popen[bytes]:
    """The command, in a process group of its own so that it can be killed with its children."""
    command = [sys.executable, "-m", "kinfolk", "train", str(pictures), "-o", str(model), "--method", "swav", "--json"]
    options = ["--epochs", str(epochs), "--batch-size", "64", "--encoder-set", "depth=8", "--on-error", on_error]
    return subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def weights(model: Path) -> str:
    return hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()


def refused(pictures: Path, model: Path) -> str:
    """What the command says where broken files are not to be skipped.

    Raises:
        RuntimeError: it took them.
    """
    process = start(pictures, model, 1, on_error="raise")
    _, errors = process.communicate()
    message = errors.decode()
    if process.returncode != 2 or not any(name in message for name in BROKEN) or "Traceback" in message:
        raise RuntimeError(f"Broken pictures were not refused by name: {process.returncode}, {message}")
    return message.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--kills", type=int, default=2, help="kills in each trial")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    work = WORK / "resume_training"
    pictures = work / "pictures"
    write_pictures(pictures)
    shutil.rmtree(work / "undisturbed", ignore_errors=True)
    message = refused(pictures, work / "refused")
    print(message)

    began = time.perf_counter()
    process = start(pictures, work / "undisturbed", options.epochs)
    about = json.loads(process.communicate()[0])
    seconds = time.perf_counter() - began
    expected = weights(work / "undisturbed")
    unnamed = [name for name in BROKEN if not any(name in sentence for sentence in about["skipped"])]
    print(f"undisturbed: {seconds:.0f} s, {about['images']:,} pictures, skipped: {about['skipped']}", flush=True)

    moments = random.Random(options.seed)
    trials = []
    for number in range(options.trials):
        model = work / "trial"
        shutil.rmtree(model, ignore_errors=True)
        kills = []
        for _ in range(options.kills):
            moment = moments.uniform(0.0, seconds)
            killed = kill_after(start(pictures, model, options.epochs), moment)
            history = model / "training" / "history.jsonl"
            epochs = len(history.read_text("utf-8").splitlines()) if history.exists() else 0
            kills.append({"after_seconds": round(moment, 1), "killed": killed, "epochs_done": epochs})
        finish(start(pictures, model, options.epochs))
        trials.append({"kills": kills, "equal": weights(model) == expected})
        print(f"trial {number + 1}: {kills}: {'same weights' if trials[-1]['equal'] else 'DIFFERENT'}", flush=True)

    num_same = sum(bool(trial["equal"]) for trial in trials)
    found = {
        "pictures": about["images"],
        "skipped": about["skipped"],
        "refused": message.replace(str(work), "…"),
        "epochs": options.epochs,
        "seconds_undisturbed": round(seconds, 1),
        "num_trials": len(trials),
        "num_same": num_same,
        "trials": trials,
    }
    (RESULTS / "resume_training.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{num_same} of {len(trials)} trials ended with the weights of the undisturbed training")
    sys.exit(0 if num_same == len(trials) and not unnamed else 1)


if __name__ == "__main__":
    main()

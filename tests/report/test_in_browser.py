"""The page in a real browser: its script runs under its own policy, the list fills, the search finds."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinfolk
from kinfolk.data.images import Images
from kinfolk.report import write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs chromium or google-chrome on the path")

# Appended to a copy of the page; its hash joins the policy. It reports into an element that the dumped page contains.
PROBE = """
addEventListener("load", () => setTimeout(() => {
  const list = document.getElementById("list");
  const tell = { found: document.getElementById("found")?.textContent ?? "", rows: document.querySelectorAll(".row").length };
  document.querySelector(".item image")?.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
  tell.lens = document.querySelector(".lens text")?.textContent ?? "";
  document.querySelector(".spot")?.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
  tell.pointed = document.querySelector(".pointed")?.textContent ?? "";
  const inside = ".scroll, nav, .hidden, #list, .skip, svg";
  const width = document.documentElement.clientWidth;
  const wide = (e) => e.getBoundingClientRect().right > width + 1 && !e.closest(inside);
  tell.tooWide = [...document.querySelectorAll("main *")].filter(wide).map((e) => e.className || e.tagName).slice(0, 5);
  list?.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
  setTimeout(() => {
    tell.last = [...document.querySelectorAll(".row")].at(-1)?.textContent ?? "";
    tell.active = document.querySelector("[aria-selected=true]")?.getAttribute("aria-posinset") ?? "";
    list?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    const dialog = document.getElementById("pair-dialog");
    tell.dialog = dialog?.open ? dialog.textContent : "";
    const made = document.createElement("pre");
    made.id = "probe";
    made.textContent = JSON.stringify(tell);
    document.body.append(made);
  }, 300);
}, 300));
"""


@dataclass(frozen=True)
class Seen:
    """What the probe told, and what the browser complained of."""

    told: dict[str, Any]
    complaints: list[str]


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., Seen]:
    def run(result: Any, *, search: str = "", width: int = 1280) -> Seen:
        written = result if isinstance(result, Path) else write_report(result, tmp_path / "report.html")
        source = written.read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(PROBE.encode()).digest()).decode()
        assert source.count("script-src '") == 1
        source = source.replace("script-src '", f"script-src 'sha256-{digest}' '")
        page = tmp_path / "probed.html"
        page.write_text(source.replace("</body>", f"<script>{PROBE}</script></body>"), encoding="utf-8")
        assert BROWSER is not None
        switches = (
            "headless no-sandbox disable-gpu disable-quic no-first-run disable-sync disable-background-networking "
            "disable-component-update disable-dev-shm-usage enable-logging=stderr virtual-time-budget=10000 dump-dom"
        )
        command = [BROWSER, *(f"--{switch}" for switch in switches.split()), f"--window-size={width},900"]
        command += [f"--user-data-dir={tmp_path / 'profile'}", page.as_uri() + (f"#search={search}" if search else "")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        told = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.S)
        assert told is not None, done.stderr[-2000:]
        complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return Seen(json.loads(unescape(told[1])), complaints)

    return run


def test_the_list_fills_and_opens_a_pair_by_keyboard(restaurants: Any, look: Callable[..., Seen]) -> None:
    seen = look(restaurants)
    assert seen.complaints == []
    assert seen.told["found"] == "3 of 3 shown"
    assert seen.told["rows"] == 3
    assert seen.told["active"] == "3"
    assert "Probability 0.73" in seen.told["dialog"]
    assert "La Piazza" in seen.told["dialog"]
    assert "+1.5" in seen.told["dialog"]


def test_the_search_ignores_case_and_accents(restaurants: Any, look: Callable[..., Seen]) -> None:
    seen = look(restaurants, search="MULLER%20cafe")
    assert seen.complaints == []
    assert seen.told["found"] == "1 of 3 shown"
    assert "Café Müller" in seen.told["dialog"]


def test_a_link_must_hold_every_word_of_the_search(restaurants: Any, look: Callable[..., Seen]) -> None:
    seen = look(restaurants, search="golden%20basel")
    assert seen.told["found"] == "0 of 3 shown"
    assert seen.told["dialog"] == ""


def test_fifty_thousand_links_draw_only_the_rows_in_view(many_links: Any, look: Callable[..., Seen]) -> None:
    seen = look(many_links)
    assert seen.complaints == []
    assert seen.told["found"] == "50,000 of 50,000 shown"
    assert 5 < seen.told["rows"] < 60
    assert "L49999" in seen.told["last"]
    assert seen.told["active"] == "50000"


@pytest.mark.parametrize("width", [500, 1280])
def test_nothing_is_wider_than_the_window(restaurants: Any, names: Any, look: Callable[..., Seen], width: int) -> None:
    for result in (restaurants, names):
        assert look(result, width=width).told["tooWide"] == []


@pytest.mark.parametrize("width", [500, 1280])
def test_long_names_and_long_words_stay_inside_the_window(kit: Any, look: Callable[..., Seen], width: int) -> None:
    word = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch" * 3
    column = {"the_name_of_the_person_or_institution_as_written_in_the_source": [word, "محمد عبد الله 👩‍👩‍👧"]}
    left, right = (kit.records(f"a_long_name_of_an_exported_table_{word}.csv", id=[word, "2"], **column) for _ in "ab")
    evidence = {next(iter(column)): [4.0, 3.0], "whole record": [1.0, 0.5]}
    links = kit.links(left, right, kit.scores([0, 1], [0, 1], [True, True], evidence), kit.unlinked([]))
    seen = look(links, width=width)
    assert seen.told["tooWide"] == []
    assert "all words of both records taken together" in seen.told["dialog"]


def test_without_links_the_page_has_no_empty_list(kit: Any, look: Callable[..., Seen]) -> None:
    left, right = (kit.records(name, id=["1"], name=[name]) for name in ("a", "b"))
    unlinked = kit.unlinked([(side, 0, "no candidate", None, None, None) for side in ("left", "right")])
    seen = look(kit.links(left, right, kit.scores([], [], [], {"name": []}), unlinked))
    assert seen.complaints == []
    assert (seen.told["found"], seen.told["rows"]) == ("", 0)


def test_clusters_have_their_list_too(names: Any, look: Callable[..., Seen]) -> None:
    seen = look(names)
    assert seen.complaints == []
    assert seen.told["found"] == "4 of 4 shown"


@pytest.mark.parametrize("width", [500, 1280])
def test_a_picture_of_the_map_is_shown_large_under_the_pointer(
    rng: np.random.Generator, tmp_path: Path, look: Callable[..., Seen], width: int
) -> None:
    pixels, name = rng.integers(0, 256, (12, 3, 16, 16)).astype(np.uint8), "a<b>" + 80 * "x"
    images = Images(
        pixels, (name,) * 12, np.arange(12) % 2, ("one", "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch")
    )
    options = {"encoder_settings": {"depth": 8, "width": 8}, "recipe": {"epochs": 1, "batch_size": 12}, "size": 16}
    kinfolk.train(images, method="hydra", output=tmp_path / "model", report=True, **options)
    seen = look(tmp_path / "model" / "report.html", width=width)
    assert seen.complaints == []
    assert seen.told["tooWide"] == []
    assert re.fullmatch(r"(one|Llanfairp).{5,15}…x{17}", seen.told["lens"])


@pytest.mark.parametrize("width", [500, 1280])
def test_the_text_of_a_dot_is_shown_under_the_pointer(tmp_path: Path, look: Callable[..., Seen], width: int) -> None:
    pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")
    texts = [f"<b>{name}</b> & sons {80 * 'x'}" for name in ("smith", "jones", "booth", "clark", "baker")]
    kinfolk.train(
        texts, method="simcse", output=tmp_path / "model", recipe={"epochs": 1, "batch_size": 4}, report=True,
        encoder_settings={"width": 8, "depth": 1, "heads": 2},
    )  # fmt: skip
    seen = look(tmp_path / "model" / "report.html", width=width)
    assert seen.complaints == []
    assert seen.told["tooWide"] == []
    assert seen.told["pointed"] in texts

"""The pictures of a search study: fields name the fastest, and how far the next of another package is behind."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from kinfolk.report.search_study import curves, winner_map

SVG = "{http://www.w3.org/2000/svg}"


def point(recall: float, cpu: float) -> dict[str, float]:
    return {"effort": 1, "recall": recall, "queries": 10, "turns": 1, "qps": 1 / cpu, "cpu": cpu}


def results() -> dict[str, Any]:
    """Two cells: in one the fast engine misses the recall, in the other none reaches it."""
    slow, fast, sibling = [point(1.0, 0.004)], [point(0.6, 0.001), point(0.9, 0.002)], [point(0.97, 0.003)]
    everywhere = {
        mode: {"slow": slow, "fast": fast, "other-a": sibling, "other-b": [point(0.99, 0.001)]}
        for mode in ("one", "batch", "shared")
    }
    measured = {name: {mode: everywhere[mode][name] for mode in everywhere} for name in everywhere["one"]}
    return {
        "about": {"recall": 0.95},
        "builds": {name: {} for name in measured},
        "cells": {
            "em-1": {"row": "EM", "share": 0.01, "passing": 0.01, "lift": 1.0, "about": ""},
            "r-10": {"row": "R", "share": 0.1, "passing": 0.1, "lift": 1.0, "about": ""},
        },
        "measured": {"em-1": measured, "r-10": {"fast": measured["fast"]}},
    }


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(picture).iter(f"{SVG}text")]


def test_a_field_names_the_fastest_and_how_far_the_next_package_is_behind() -> None:
    said = texts(winner_map(results()))
    assert said.count("other-b") == 3  # a field for each way that queries come
    assert said.count("4.0 ×") == 3  # a thousand queries a second against 250: other-a is of the same package
    assert said.count("none") == 3
    assert {"EM", "R", "1 %", "10 %"} <= set(said)


def test_every_point_of_a_curve_is_drawn_in_its_cell() -> None:
    picture = ET.fromstring(curves(results()))
    assert len(list(picture.iter(f"{SVG}circle"))) == 5 + 2
    assert {"em-1, 1 % pass", "r-10, 10 % pass", "slow", "fast"} <= set(texts(ET.tostring(picture, "unicode")))

"""The model card, written by itself from what is known of a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def model_card(about: Mapping[str, Any]) -> str:
    """A page in Markdown: method, data, settings, measures, how to use it, what to cite.

    Args:
        about: see ``Model``.
    """
    recipe = [f"| {name} | {value} |" for name, value in about["recipe"].items() if value is not None]
    settings = [f"| {name} | {value} |" for name, value in about["settings"].items()]
    measures = [f"| {name.replace('_', ' ')} | {value:.4g} |" for name, value in about["measures"].items()]
    return "\n".join(
        [
            f"# Image encoder trained with {about['method']}",
            "",
            f"A {about['encoder']} that makes vectors of {about['dim']} numbers from images of {about['size']} x "
            f"{about['size']} pixels, trained by kinfolk {about['version']} on {about['images']:,} images "
            f"({about['data']}), seed {about['seed']}.",
            "",
            "```python",
            "import kinfolk",
            "",
            'vectors = kinfolk.embed("images/", model="this/folder")',
            "```",
            "",
            "## Measures",
            "",
            "On a sample of the training images after the last epoch: they tell whether the space is healthy, not how good",
            "it is for a task.",
            "",
            "| | |",
            "| --- | --- |",
            *measures,
            "",
            "## Training",
            "",
            "| | |",
            "| --- | --- |",
            *settings,
            *recipe,
            "",
            "## To cite",
            "",
            about["paper"],
            "",
        ]
    )

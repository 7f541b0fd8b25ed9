"""What one step of CLIPPINGS sees, and how its fields are changed before they are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from kinfolk.encoders.record_inputs import FieldInput, RecordInputs
from kinfolk.errors import ConfigurationError
from kinfolk.methods.families import views_of
from kinfolk.views import ViewRecipe, draw_views
from kinfolk.views.text_noise import alphabet_of, misread


@dataclass(frozen=True, eq=False)
class RecordBatch:
    """Records of one step.

    Attributes:
        inputs: their fields.
        rows: of the data set, int64 (records,).
        labels: int64 (records,); None where there are none.
    """

    inputs: RecordInputs
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64] | None = None


class Corruption:
    """Changes records as scanners, typists and gaps do, so that what is learned does not hang on one detail.

    Args:
        inputs: the records of the training; wrong characters are drawn from theirs.
        views: of pictures, see ``views_of``; "none" leaves them as they are.
        text_noise: share of the characters that are misread, in [0, 1].
        drop: share of the fields that are taken away, in [0, 1); the last field of a record is never.
    """

    def __init__(self, inputs: RecordInputs, *, views: str, text_noise: float, drop: float) -> None:
        if not 0 <= drop < 1:
            raise ConfigurationError(f"drop must be in [0, 1). Got {drop}.")
        self._alphabets = {
            field.name: alphabet_of(field.values) for field in inputs.fields if isinstance(field.values, tuple)
        }
        self._recipes = dict[str, Sequence[ViewRecipe]]()
        if views != "none":
            for field in inputs.fields:
                if field.kind == "image" and not isinstance(field.values, tuple):
                    self._recipes[field.name] = views_of(views, field.values.shape[-1])[:1]
        misread((), text_noise, alphabet="", rng=np.random.default_rng(0))  # refuses a rate that is none
        self._text_noise, self._drop = text_noise, drop

    def __call__(self, inputs: RecordInputs, generator: torch.Generator) -> RecordInputs:
        """The records, changed; the same state of the generator gives the same changes."""
        rng = np.random.default_rng(int(torch.randint(1 << 62, (1,), generator=generator)))
        fields = [self._changed(field, generator, rng) for field in inputs.fields]
        if self._drop:
            keep = drop_fields(inputs.present, self._drop, rng)
            fields = [replace(field, present=keep[:, at]) for at, field in enumerate(fields)]
        return RecordInputs(tuple(fields))

    def _changed(self, field: FieldInput, generator: torch.Generator, rng: np.random.Generator) -> FieldInput:
        if isinstance(field.values, tuple):
            texts = misread(field.values, self._text_noise, alphabet=self._alphabets[field.name], rng=rng)
            return replace(field, values=texts)
        if field.name in self._recipes:
            (view,) = draw_views(torch.from_numpy(field.values), self._recipes[field.name], generator=generator)
            pixels = view.images if view.images.dtype == torch.uint8 else (view.images * 255).round().to(torch.uint8)
            return replace(field, values=pixels.numpy())
        return field


def drop_fields(present: npt.NDArray[np.bool_], share: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which fields are left when a share of them is taken away, bool (records, fields); one of a record always stays."""
    left = present & (rng.random(present.shape) >= share)
    emptied = present.any(axis=1) & ~left.any(axis=1)
    one = np.where(present, rng.random(present.shape), -1).argmax(axis=1)
    left[emptied, one[emptied]] = True
    return left

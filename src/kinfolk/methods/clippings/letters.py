"""Reading: letters named at their places, then the letters of strings against what they say.

The contrast of crop and text alone learns letters slowly: what it says of one is said of the whole string. Of a drawn string
the place of each letter is known, so the features there have to name it, and those of places between and beside the letters
have to say that there is none; where a view moves the page, the places move with it. Then the letters seen in a crop are brought
together with its text. This moves the vectors of letters and texts, and not what is seen, so that most strings need not be drawn:
it is known which letters would be seen in them.

A project definition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.encoders.record import RecordEncoder
from kinfolk.encoders.record_inputs import RecordInputs
from kinfolk.encoders.writing import WritingNet
from kinfolk.errors import ConfigurationError
from kinfolk.methods.clippings.field_contrast import contrast_fields, groups_of
from kinfolk.methods.trainable import Trainable
from kinfolk.objectives import CLIP
from kinfolk.views import ViewRecipe, draw_views

_LETTERS = 0.7  # share of the training
_APART = 0.55  # ems from the middle of every letter, from which a place shows none
_BLANKS = 6  # places without a letter, of a string in a step
_AWAY = 0.25  # of a cell: how far from the middle of a letter it is named, at most, since cells lie anywhere


@dataclass(frozen=True, eq=False)
class LetteredBatch:
    """Strings of one step: some that are drawn, and more that are only imagined.

    Attributes:
        crops: of those that are drawn, uint8 (drawn, channels, height, width).
        records: the fields of all strings, those that are drawn first; what their crops are does not matter.
        seen: letters as a reader would see them in the crops of the others, float32 (imagined, letters).
        string: at each place of a letter, the number of its string, int64 (places,).
        letters: at each place, the number of its letter, -1 where it may be parted and is not asked for, int64 (places,).
        places: x and y of each in shares of the crop, float32 (places, 2).
        ems: size of the letters of each drawn string in shares of the crop, float32 (drawn,).
    """

    crops: npt.NDArray[np.uint8]
    records: RecordInputs
    seen: npt.NDArray[np.float32]
    string: npt.NDArray[np.int64]
    letters: npt.NDArray[np.int64]
    places: npt.NDArray[np.float32]
    ems: npt.NDArray[np.float32]


class Reading(Trainable):
    """Places name their letters, then letters find their texts.

    Args:
        encoder: what is trained.
        image: the number of the field of crops.
        view: how a crop is changed before it is seen.

    Raises:
        ConfigurationError: its network for images names no letters.
    """

    def __init__(self, encoder: RecordEncoder, image: int, view: ViewRecipe) -> None:
        super().__init__()
        tower = encoder.towers["image"]
        if not isinstance(tower, WritingNet) or tower.naming is None:
            raise ConfigurationError('Only an encoder for images that names letters learns to read: "writing".')
        self.encoder, self.image, self.view, self.tower, self.naming = encoder, image, view, tower, tower.naming
        self.objective = CLIP(0.07)
        self._done = 0.0

    def before_step(self, done: float) -> None:
        """Remember how far the training is."""
        self._done = done

    def loss(self, batch: LetteredBatch, generator: torch.Generator) -> Tensor:
        """Mean error of naming what is at places; later, the contrast of the fields of the strings."""
        (view,) = draw_views(torch.from_numpy(batch.crops), (self.view,), generator=generator)
        device = self.encoder.raw_weights.device
        if self._done < _LETTERS:
            features = self.tower.feature_map(view.images.to(device))
            strings, places, letters = self._asked(batch, view.boxes, features.shape[2:], generator)
            named = self.naming(at_places(features, strings.to(device), places.to(device)))
            return F.cross_entropy(named, letters.to(device))
        with torch.no_grad():
            seen = torch.cat([self.tower(view.images.to(device)), torch.from_numpy(batch.seen).to(device)])
        parts, present = self.encoder(batch.records, features={self.image: seen})
        groups = groups_of(batch.records)
        groups[:, self.image] = np.arange(len(groups))  # each crop is another
        contrast = contrast_fields(self.objective, parts, present, torch.from_numpy(groups).to(device))
        return parts.sum() * 0 if contrast is None else contrast

    def after_step(self) -> None:
        """Hold the scale within bounds."""
        self.objective.clamp()

    def transfer_batch_to_device(
        self, batch: LetteredBatch, device: torch.device, dataloader_idx: int
    ) -> LetteredBatch:
        """The batch as it is: each part is taken where it belongs."""
        del device, dataloader_idx
        return batch

    def _asked(
        self, batch: LetteredBatch, boxes: Tensor, cells: torch.Size, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Where is asked what is there: the string, x and y in the view, and 0 for none or 1 + the number of the letter."""
        string = torch.from_numpy(batch.string)
        places = in_view(torch.from_numpy(batch.places), boxes[string])
        ems = torch.from_numpy(batch.ems)[:, None] / (boxes[:, 2:] - boxes[:, :2])
        blank, where = blank_cells(places, string, ems, cells, generator)
        away = (2 * torch.rand(places.shape, generator=generator) - 1) * _AWAY / torch.tensor([cells[1], cells[0]])
        letters = torch.from_numpy(batch.letters)
        seen = ((places > 0) & (places < 1)).all(dim=1) & (letters >= 0)
        letters = torch.cat([1 + letters[seen], torch.zeros(len(blank), dtype=torch.int64)])
        return torch.cat([string[seen], blank]), torch.cat([(places + away)[seen], where]), letters


def in_view(places: Tensor, boxes: Tensor) -> Tensor:
    """Where places of a crop lie in the view of a box, in shares of the view, (places, 2).

    Args:
        places: x and y in shares of the crop.
        boxes: left, top, right, bottom of the view in shares of the crop, (places, 4).
    """
    return (places - boxes[:, :2]) / (boxes[:, 2:] - boxes[:, :2])


def blank_cells(
    places: Tensor, strings: Tensor, ems: Tensor, cells: torch.Size, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Some cells of each string that show no letter.

    Args:
        places: of letters, x and y in shares of the view, (places, 2).
        strings: the string of each, int64 (places,).
        ems: width and height of an em of each string in shares of its view, (strings, 2).
        cells: rows and columns.
        generator: where random numbers come from.

    Returns:
        The string of each cell, int64 (cells,), and x and y of its middle, (cells, 2).
    """
    rows, columns = cells
    y, x = torch.meshgrid((torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns, indexing="ij")
    middles = torch.stack([x.flatten(), y.flatten()], dim=1)
    distance = ((middles[None] - places[:, None]) / ems[strings][:, None]).norm(dim=2)
    nearest = torch.full((len(ems), len(middles)), torch.inf)
    nearest = nearest.scatter_reduce(0, strings[:, None].expand_as(distance), distance, "amin")
    score = torch.rand(nearest.shape, generator=generator) * (nearest > _APART)
    chosen = score.topk(min(_BLANKS, len(middles)), dim=1)
    string, at = (chosen.values > 0).nonzero(as_tuple=True)
    return string, middles[chosen.indices[string, at]]


def at_places(features: Tensor, rows: Tensor, places: Tensor) -> Tensor:
    """Features between the centers of the nearest four cells, (places, dim); beyond the outermost centers those of the edge.

    Args:
        features: maps (images, dim, height, width).
        rows: the image of each place, int64 (places,).
        places: x and y of each in shares of the image, (places, 2).
    """
    height, width = features.shape[2:]
    last = torch.tensor([width - 1, height - 1], device=places.device)
    cells = (places * (last + 1) - 0.5).clamp(min=torch.zeros_like(last), max=last)
    first = cells.floor().long()
    second = torch.minimum(first + 1, last)
    share = (cells - first).unsqueeze(-1)
    by_cell = features.float().permute(0, 2, 3, 1)
    top = by_cell[rows, first[:, 1], first[:, 0]].lerp(by_cell[rows, first[:, 1], second[:, 0]], share[:, 0])
    bottom = by_cell[rows, second[:, 1], first[:, 0]].lerp(by_cell[rows, second[:, 1], second[:, 0]], share[:, 0])
    return top.lerp(bottom, share[:, 1])

"""What a method that learns from texts is: a loss on the texts of a batch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kinfolk.data.texts import Texts
from kinfolk.encoders.text_by_name import TextTower
from kinfolk.methods.trainable import Trainable
from kinfolk.objectives import TextLabelMatch


@dataclass(frozen=True)
class TextBatch:
    """Items of one step.

    Attributes:
        columns: the text of each item, and where they are given a positive and a hard negative of it.
        rows: of the texts of the training, int64 (items,).
        labels: int64 (items,), -1 where an item has none; or None where the data have none.
        of_group: int64 (items,), one number for items of which none is a negative of another; None where each is one of all others.
    """

    columns: tuple[tuple[str, ...], ...]
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64] | None = None
    of_group: npt.NDArray[np.int64] | None = None

    @property
    def groups(self) -> npt.NDArray[np.int64]:
        """One number for items of which none is a negative of another, int64 (items,)."""
        return self.rows if self.of_group is None else self.of_group

    @property
    def texts(self) -> tuple[str, ...]:
        """The first text of each item."""
        return self.columns[0]


class TextMethod(Trainable):
    """One way to train a text tower.

    Args:
        encoder: what is trained.

    Attributes:
        match: tells whether a label belongs to a text, and is kept with the encoder; None where nothing of it is learned.
    """

    def __init__(self, encoder: TextTower) -> None:
        super().__init__()
        self.encoder = encoder
        self.match: TextLabelMatch | None = None

    @abstractmethod
    def loss(self, batch: TextBatch, generator: torch.Generator) -> Tensor:
        """The loss on a batch, a scalar."""

    def begin_from(self, folder: Path) -> None:
        """Take what a saved model holds beside the tower, where a method learns more than a tower; before ``prepare``.

        Args:
            folder: of the model whose tower is trained further.

        Raises:
            DataError: it is broken.
        """

    def corpora(self, texts: Texts) -> tuple[npt.NDArray[np.int64] | None, tuple[str, ...]]:
        """The corpus of each text, int64 (items,), and their names: a batch is of one corpus. None mixes all.

        Args:
            texts: of the training.

        Raises:
            ConfigurationError: corpora that do not fit the method.
        """
        return texts.corpora, texts.corpus_names

    def prepare(self, texts: Texts) -> None:
        """What a method has to know of all texts before it learns from some of them.

        Args:
            texts: of the training, in the rows of which batches speak.
        """

    def pairs(self, batch: TextBatch, generator: torch.Generator) -> tuple[Tensor, Tensor] | None:
        """Features of what a batch makes positives of each other, (items, dim) each, by the tower as it is now.

        Where the data have pairs these are their texts; a method that makes other texts of a text gives two of them.

        Returns:
            None where a text is its own positive.
        """
        del generator
        if len(batch.columns) == 1:
            return None
        return self.features(batch.columns[0]), self.features(batch.columns[1])

    def features(self, texts: Sequence[str]) -> Tensor:
        """Features of texts by the tower as it is now, with gradients, (texts, dim)."""
        features: Tensor = self.encoder(self.encoder.tokens(texts).to(self.device))
        return features

    def transfer_batch_to_device(self, batch: TextBatch, device: torch.device, dataloader_idx: int) -> TextBatch:
        """The batch as it is: texts become tensors where they are needed."""
        del device, dataloader_idx
        return batch

"""What an encoder that was trained on the tables adds to linking: candidates, one more comparison, and eyes for images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinfolk.linking.candidates import Candidates
from kinfolk.linking.compare import LEARNED, Comparisons
from kinfolk.linking.comparisons.pair_features import PairFeatures
from kinfolk.linking.meaning import Vectors
from kinfolk.linking.pictures import PictureField, Pictures


@dataclass(frozen=True)
class Learned:
    """Records as the encoder sees them that was trained on them.

    Attributes:
        whole: pooled vectors of the records.
        images: vectors of each column of images, by its label.
        note: what the training brought, in one sentence.
    """

    whole: Vectors
    images: dict[str, Vectors]
    note: str

    def see(self, pictures: Pictures) -> Pictures:
        """The columns of images with learned vectors in place of pixels."""
        fields = [
            PictureField(
                field.pair,
                replace(field.left, vectors=self.images[field.pair.label].left),
                replace(field.right, vectors=self.images[field.pair.label].right),
            )
            for field in pictures.fields
        ]
        return replace(pictures, fields=tuple(fields))

    def searched(self) -> list[Vectors]:
        """The vectors whose neighbors are candidates: the pooled ones."""
        return [self.whole]

    def add_to(self, comparisons: Comparisons, pairs: Candidates) -> Comparisons:
        """The comparisons with the cosine of the pooled vectors."""
        return comparisons.with_vectors(LEARNED, [self.whole.cosines(pairs.left, pairs.right)])

    def add_to_features(self, features: PairFeatures, pairs: Candidates) -> PairFeatures:
        """What a matcher learns from, with the cosine of the pooled vectors."""
        return features.with_columns(LEARNED, {f"{LEARNED}: record": self.whole.cosines(pairs.left, pairs.right)})

    def take(self, rows: np.ndarray) -> Learned:
        """Those of some records of one table that is compared with itself, in this order."""
        images = {label: of.take(rows) for label, of in self.images.items()}
        return Learned(self.whole.take(rows), images, self.note)

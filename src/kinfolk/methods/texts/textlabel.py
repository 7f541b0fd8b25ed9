"""Text against label: a text and the name of its label are told to belong together, and it and other labels not to.

A label is what its words are, so the names of labels that no training has shown can be asked about. Where no labels are
given, words of the text stand for labels (pseudo-labels), in the same network: it then tells which words suit a text. With
both, both are learned at once. To learn from words first and from labels afterwards, train on the saved model further.

Source: Rethmeier & Augenstein, "Data-efficient pretraining via contrastive self-supervision" (CLESS), 2020,
arXiv 2010.01061; one of the forms in their "A primer on contrastive pretraining in language processing", ACM Computing
Surveys 2023, arXiv 2102.12982. Text encoder and recipe are those of this project. False labels come from all labels of the
training and not of the batch alone, so that a batch with one label still teaches something.
"""

from __future__ import annotations

from pathlib import Path
from string import punctuation

import torch
from torch import Tensor

from kinfolk.data.texts import Texts
from kinfolk.encoders.text_by_name import TextTower
from kinfolk.errors import ConfigurationError
from kinfolk.methods.recipe import Recipe
from kinfolk.methods.registry import method
from kinfolk.methods.texts.label_vectors import label_vectors, word_embeddings
from kinfolk.methods.texts.method import TextBatch, TextMethod
from kinfolk.methods.texts.model import read_match
from kinfolk.objectives import LabelDraw, TextLabelMatch, draw_labels
from kinfolk.objectives._inputs import check_count
from kinfolk.views.propensity import surface_words


class TextsAndLabels(TextMethod):
    """A tower, a matcher, and the labels and words that each text is asked about.

    Args:
        encoder: what is trained; it needs embeddings of words.
        words: of a text that stand for labels, at most; 0 learns from labels alone.
        negatives: false labels or words of a text, at most.
    """

    def __init__(self, encoder: TextTower, *, words: int, negatives: int) -> None:
        super().__init__(encoder)
        word_embeddings(encoder)  # refuses a tower that has none
        self.words = check_count("words", words, least=0)
        self.negatives = check_count("negatives", negatives)
        self.match: TextLabelMatch = TextLabelMatch(encoder.dim)
        self._names: tuple[str, ...] = ()

    def begin_from(self, folder: Path) -> None:
        """Go on with the matcher of a saved model, where it has one."""
        self.match = read_match(folder, self.encoder.dim) or self.match

    def prepare(self, texts: Texts) -> None:
        """Take the names of the labels.

        Raises:
            ConfigurationError: there is nothing to learn from.
        """
        unlabeled = len(texts) if texts.labels is None else int((texts.labels < 0).sum())
        if not self.words and unlabeled:
            raise ConfigurationError(
                f"With words=0 each text needs a label to learn from. {unlabeled:,} of {len(texts):,} have none. Say which "
                "column holds labels (label), leave these texts out, or let words of a text stand for labels."
            )
        if texts.labels is not None and len(texts.label_names) < 2:
            raise ConfigurationError(
                f"Labels tell something where there are two or more. Got {len(texts.label_names)}. Check the column (label)."
            )
        if texts.labels is not None:
            self._names = texts.label_names
            with torch.no_grad():
                label_vectors(self.encoder, self._names)  # refuses a name that has no word

    def loss(self, batch: TextBatch, generator: torch.Generator) -> Tensor:
        """How badly words and labels are told from those of other texts, added up."""
        features = self.features(batch.texts)
        losses = []
        if self.words:
            losses.append(self._of_words(features, batch, generator))
        labels = None if batch.labels is None or not self._names else torch.from_numpy(batch.labels)
        if labels is not None and bool((labels >= 0).any()):
            losses.append(self._of_labels(features, labels, generator))
        return torch.stack(losses).sum()

    def _of_words(self, features: Tensor, batch: TextBatch, generator: torch.Generator) -> Tensor:
        of_texts = [{word.strip(punctuation) for word in surface_words(text)} for text in batch.texts]
        words = sorted({word for of in of_texts for word in of})
        has_token = (self.encoder.pieces(words, most=1) >= 0).any(1).tolist()
        words = [word for word, known in zip(words, has_token, strict=True) if known]
        number = {word: at for at, word in enumerate(words)}
        own = [[number[word] for word in of if word in number] for of in of_texts]
        drawn = draw_labels(own, positives=self.words, negatives=self.negatives, generator=generator)
        return self._loss(features, label_vectors(self.encoder, words), drawn)

    def _of_labels(self, features: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        labeled = labels >= 0
        own = [[label] for label in labels[labeled].tolist()]
        # One more text has every label, so that all labels can be drawn as false ones.
        drawn = draw_labels([*own, range(len(self._names))], positives=1, negatives=self.negatives, generator=generator)
        drawn = LabelDraw(drawn.labels[:-1], drawn.is_true[:-1])
        return self._loss(features[labeled.to(features.device)], label_vectors(self.encoder, self._names), drawn)

    def _loss(self, features: Tensor, vectors: Tensor, drawn: LabelDraw) -> Tensor:
        asked = vectors[drawn.labels.clamp_min(0).to(vectors.device)]
        value: Tensor = self.match(
            features, asked, drawn.is_true.to(vectors.device), mask=drawn.mask.to(vectors.device)
        )
        return value


@method(
    "textlabel",
    paper="Rethmeier & Augenstein, CLESS, 2020, arXiv 2010.01061",
    recipe=Recipe(epochs=20, batch_size=32, optimizer="adamw", learning_rate=3e-4, weight_decay=0.01, clip_norm=1.0),
    reads="texts",
)
def textlabel(encoder: TextTower, *, words: int = 20, negatives: int = 60) -> TextsAndLabels:
    """A text and the name of its label together, or without labels its words, other labels and words apart.

    Args:
        encoder: what is trained; over subwords.
        words: of a text that stand for labels, at most, at least 0; 0 learns from labels alone.
        negatives: false labels, and false words, of a text at most, at least 1.
    """
    return TextsAndLabels(encoder, words=words, negatives=negatives)

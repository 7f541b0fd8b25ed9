"""Text against label: a matcher says of a text and the words of a label whether they belong together.

The label is a vector, the mean of its word embeddings, and so a label never seen can be asked about. For text i with its
c_i labels, true ones (I = 1) and false ones (I = 0)::

    p_l = sigma( M([l ; t]) ),     M: linear, ReLU, linear
    L_i = -1/c_i sum_l  I_l log p_l + (1 - I_l) log(1 - p_l),     L = mean_i L_i

False labels are true labels of other texts of the batch. Words of the text may stand for labels (pseudo-labels): the same
network then learns without labels, and tells afterwards which names of labels fit a text.

Source: Rethmeier & Augenstein, "Data-efficient pretraining via contrastive self-supervision" (CLESS), 2020,
arXiv 2010.01061; one of the forms in their "A primer on contrastive pretraining in language processing", arXiv 2102.12982.
The width of the hidden layer is not given there; as wide as a text is a project definition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import as_computed, check_count, full_precision

_AT_ONCE = 1 << 24  # numbers in the hidden layer while all labels are asked about
_ABSENT = -1  # in a table of numbers


class TextLabelMatch(nn.Module):
    """The matcher and its loss.

    It is no registered objective: it takes a table of labels for each text, and the length of embeddings matters to it.

    Args:
        dim: length of the vectors of texts and of labels.
        hidden_dim: width of the hidden layer; None takes ``dim``.

    Attributes:
        first, last: the two layers of M; the columns of ``first`` are those of the label, then those of the text.
    """

    def __init__(self, dim: int, *, hidden_dim: int | None = None) -> None:
        super().__init__()
        self.dim = check_count("dim", dim)
        width = check_count("hidden_dim", dim if hidden_dim is None else hidden_dim)
        self.first, self.last = nn.Linear(2 * dim, width), nn.Linear(width, 1)

    def forward(self, texts: Tensor, labels: Tensor, is_true: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Mean loss over texts, each the mean over its labels.

        Args:
            texts: (texts, dim).
            labels: those asked about, (texts, labels, dim).
            is_true: I, bool or 0 and 1 (texts, labels).
            mask: which of them are asked about, likewise; None takes all. A text without any is left out.

        Raises:
            ConfigurationError: shapes that do not fit, or no label at all.
        """
        if labels.ndim != 3:
            raise ConfigurationError(f"labels must be of shape (texts, labels, dim). Got {tuple(labels.shape)}.")
        there = torch.ones_like(is_true, dtype=torch.bool) if mask is None else mask > 0
        if is_true.shape != labels.shape[:2] or there.shape != is_true.shape:
            raise ConfigurationError(
                f"is_true and mask must be of shape {tuple(labels.shape[:2])}, one for each label. "
                f"Got {tuple(is_true.shape)} and {tuple(there.shape)}."
            )
        counts = there.sum(1)
        if not bool(counts.any()):
            raise ConfigurationError("At least one text needs a label. Got none.")
        logits = self.logits(texts, labels)
        each = F.binary_cross_entropy_with_logits(logits, is_true.to(logits.dtype), reduction="none")
        of_texts = each.where(there, 0.0).sum(1) / counts.clamp_min(1)
        return of_texts.sum() / counts.count_nonzero()

    def logits(self, texts: Tensor, labels: Tensor) -> Tensor:
        """M for texts and labels, (texts, labels).

        Args:
            texts: (texts, dim).
            labels: (texts, labels, dim); or (labels, dim), the same for all texts.

        Raises:
            ConfigurationError: shapes that do not fit.
        """
        own = labels.ndim == 3
        right = texts.ndim == 2 and texts.shape[1] == labels.shape[-1] == self.dim
        if not right or labels.ndim not in (2, 3) or (own and len(labels) != len(texts)):
            raise ConfigurationError(
                f"texts must be of shape (texts, {self.dim}) and labels (texts, labels, {self.dim}) or "
                f"(labels, {self.dim}). Got {tuple(texts.shape)} and {tuple(labels.shape)}."
            )
        with full_precision(texts):
            # W [l ; t] is a product for the label and one for the text: each is made once, however many pairs there are.
            of_label, of_text = self.first.weight.split(self.dim, dim=1)
            from_label = F.linear(as_computed(labels), of_label)
            from_text = F.linear(as_computed(texts), of_text, self.first.bias)
            logits: Tensor = self.last(F.relu(from_label + from_text.unsqueeze(1)))
        return logits.squeeze(-1)


@torch.no_grad()
def label_probabilities(match: TextLabelMatch, texts: Tensor, labels: Tensor) -> Tensor:
    """Probability that each label belongs to each text, (texts, labels), in [0, 1].

    Args:
        match: that has learned.
        texts: (texts, dim).
        labels: (labels, dim); they need not have been seen in training.

    Raises:
        ConfigurationError: shapes that do not fit.
    """
    at_once = max(1, _AT_ONCE // max(1, len(labels) * match.first.out_features))
    return torch.cat([match.logits(part, labels).sigmoid() for part in texts.split(at_once)])


def zero_shot(
    match: TextLabelMatch, texts: Tensor, names: Sequence[str], *, embed: Callable[[Sequence[str]], Tensor]
) -> Tensor:
    """Probability that the label of each name belongs to each text, (texts, names), for any names.

    Args:
        match: that has learned.
        texts: (texts, dim).
        names: of labels, at least one, none of them blank.
        embed: names to vectors (names, dim), such as ``lambda names: bag(bag.tokens(names))``.

    Raises:
        ConfigurationError: no name, or a blank one.
    """
    blank = [number for number, name in enumerate(names) if not name.strip()]
    if blank or not names:
        what = f"a blank one at position {blank[0]}" if blank else "none"
        raise ConfigurationError(f"names must be the names of labels, at least one, none blank. Got {what}.")
    with torch.no_grad():
        return label_probabilities(match, texts, embed(names))


def label_embeddings(words: Tensor, tokens: Tensor) -> Tensor:
    """Vector of each label, the mean of the embeddings of its words, (labels, dim).

    Args:
        words: embeddings of the vocabulary that texts and labels share, (vocabulary, dim).
        tokens: words of each label, integer (labels, length), -1 where a label has ended or a word is not known.

    Raises:
        ConfigurationError: a label without any known word.
    """
    there = tokens >= 0
    empty = (~there.any(1)).nonzero().flatten().tolist()
    if empty:
        raise ConfigurationError(
            f"Each label needs a word of the vocabulary. Label {empty[0]} of {len(tokens)} has none. "
            "Name it in other words, or use a vocabulary of subwords."
        )
    weight = there.to(words.dtype).unsqueeze(-1)
    return (words[tokens.clamp_min(0)] * weight).sum(1) / weight.sum(1)


@dataclass(frozen=True)
class LabelDraw:
    """Labels that the texts of a batch are asked about.

    Attributes:
        labels: numbers, int64 (texts, labels), -1 where a text has fewer.
        is_true: whether the label is the text's, bool (texts, labels).
    """

    labels: Tensor
    is_true: Tensor

    @property
    def mask(self) -> Tensor:
        """Whether there is a label, bool (texts, labels)."""
        return self.labels != _ABSENT


def draw_labels(
    own: Sequence[Sequence[int]],
    *,
    positives: int | None = None,
    negatives: int | None = None,
    generator: torch.Generator | None = None,
) -> LabelDraw:
    """Draw true and false labels for each text of a batch: labels, or words that stand for labels.

    False ones are labels of other texts that are not among the text's own, also not among those that are not drawn. No
    label is drawn twice for a text. A text gets what there is where there are fewer.

    Args:
        own: numbers of the labels (or words) of each text, at least 0; a text may have none.
        positives: true labels of a text at most, at least 1; None takes all.
        negatives: false labels of a text at most, at least 1; None takes all.
        generator: of random numbers, on the CPU; None takes torch's own.

    Raises:
        ConfigurationError: no text has a label that another has not, so that there is nothing false.
    """
    for name, count in (("positives", positives), ("negatives", negatives)):
        if count is not None:
            check_count(name, count)
    sets = [torch.tensor(sorted(set(labels)), dtype=torch.int64) for labels in own]
    pool = torch.cat(sets).unique() if sets else torch.empty(0, dtype=torch.int64)
    if len(pool) and int(pool[0]) < 0:
        raise ConfigurationError(f"Labels must be numbers of at least 0. Got {int(pool[0])}.")
    true = [_draw(labels, positives, generator) for labels in sets]
    false = [_draw(pool[~torch.isin(pool, labels)], negatives, generator) for labels in sets]
    if not any(map(len, false)):
        raise ConfigurationError(
            f"A text needs labels that are not its own, from other texts of the batch. Among {len(own)} texts none has "
            "one. Use a larger batch."
        )
    width = max(len(t) + len(f) for t, f in zip(true, false, strict=True))
    labels, is_true = torch.full((len(own), width), _ABSENT), torch.zeros(len(own), width, dtype=torch.bool)
    for row, (t, f) in enumerate(zip(true, false, strict=True)):
        labels[row, : len(t) + len(f)] = torch.cat([t, f])
        is_true[row, : len(t)] = True
    return LabelDraw(labels, is_true)


def _draw(labels: Tensor, count: int | None, generator: torch.Generator | None) -> Tensor:
    if count is None or count >= len(labels):
        return labels
    return labels[torch.randperm(len(labels), generator=generator)[:count]]

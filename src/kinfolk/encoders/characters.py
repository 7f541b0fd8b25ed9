"""A small transformer over characters, of any script, that is trained from scratch.

Subword tokenizers break on names, on scripts they have not seen and on what a scanner misread. Here a text is its
characters. Each is found in two tables by two hashes, and so is each pair of neighbors: the sum of the four is its token.
No vocabulary is learned, so a character that training has not shown still has a vector of its own, and two texts that
share it are alike. A transformer refines the tokens, and the text is the mean over them.

Hashing without a vocabulary: Clark, Garrette, Turc & Wieting, "CANINE", TACL 2022, arXiv 2103.06874, section 3.1.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kinfolk.encoders.text_pooling import pool_tokens
from kinfolk.errors import ConfigurationError

_MULTIPLIERS = (2_654_435_761, 2_246_822_519)  # odd, with bits well mixed (Knuth; xxHash)
_PAIR = 1_000_003
_HASHES = 2


class CharacterTransformer(nn.Module):
    """Texts to features.

    Args:
        width: of the tokens, a multiple of ``heads``.
        depth: blocks of attention, at least 0; with none a text is a bag of characters and pairs.
        heads: of attention.
        max_characters: after which a text is cut, at least 1.
        buckets: of each table, at least 2; fewer take less memory, and more characters meet.

    Attributes:
        dim: width of the features.

    Raises:
        ConfigurationError: an option that is not possible.
    """

    def __init__(
        self, *, width: int = 128, depth: int = 2, heads: int = 4, max_characters: int = 64, buckets: int = 8192
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("width", width, 1), ("depth", depth, 0), ("heads", heads, 1), ("max_characters", max_characters, 1),
            ("buckets", buckets, 2),
        ):  # fmt: skip
            if value < least:
                raise ConfigurationError(f"{name} must be at least {least}. Got {value}.")
        if width % heads:
            raise ConfigurationError(f"width must be a multiple of heads. Got {width} and {heads}.")
        self.dim, self.max_characters, self.buckets = width, max_characters, buckets
        self.tables = nn.ModuleList(nn.Embedding(buckets, width) for _ in range(2 * _HASHES))
        self.position = nn.Parameter(0.02 * torch.randn(max_characters, width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Hashes of the characters of texts, int64 (texts, length, 4), -1 where a text has ended.

        Compatible forms of a character are one, and so are upper and lower case.
        """
        return self.wrap(self.pieces(texts, most=self.max_characters))

    def pieces(self, texts: Sequence[str], *, most: int) -> Tensor:
        """Characters of texts, int64 (texts, length), -1 where a text has ended, to cut views from.

        Args:
            texts: any number.
            most: characters after which a text is cut.
        """
        plain = [unicodedata.normalize("NFKC", text).casefold()[:most] for text in texts]
        points = np.full((len(plain), max(1, max(map(len, plain), default=1))), -1, dtype=np.int64)
        for row, text in zip(points, plain, strict=True):
            row[: len(text)] = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        return torch.from_numpy(points)

    def wrap(self, pieces: Tensor) -> Tensor:
        """Tokens of views that were cut from ``pieces``, cut to what the tower takes."""
        cut = pieces[:, : self.max_characters].numpy()
        points = np.concatenate([cut, np.full((len(cut), 1), -1)], axis=1)  # so that the last has a neighbor
        here, following = points[:, :-1], points[:, 1:] + 1  # 0 for the end
        both = here * _PAIR + following
        hashed = [self._bucket(values, by) for values in (here, both) for by in _MULTIPLIERS]
        return torch.from_numpy(np.where(here[..., None] < 0, -1, np.stack(hashed, axis=-1)))

    def forward(self, tokens: Tensor) -> Tensor:
        """Features of texts, (texts, dim), zeros for an empty one.

        Args:
            tokens: see there.
        """
        there = tokens[..., 0] >= 0
        embedded = (
            sum(table(tokens[..., at].clamp_min(0)) for at, table in enumerate(self.tables)) / len(self.tables) ** 0.5
        )
        hidden: Tensor = embedded + self.position[: tokens.shape[1]]
        absent = ~there
        absent = absent & there.any(dim=1, keepdim=True)  # attention over nothing is not a number
        for block in self.blocks:
            hidden = block(hidden, src_key_padding_mask=absent)
        return pool_tokens([self.norm(hidden)], there)

    def _bucket(self, values: npt.NDArray[np.int64], by: int) -> npt.NDArray[np.int64]:
        mixed = values.astype(np.uint64) * np.uint64(by)
        mixed ^= mixed >> np.uint64(29)
        return (mixed % np.uint64(self.buckets)).astype(np.int64)

"""One vector of a text from those of its tokens."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from kinfolk.errors import ConfigurationError


def pool_tokens(hidden: Tensor, there: Tensor, *, by: Literal["mean", "first"] = "mean") -> Tensor:
    """The vectors of texts, (texts, dim).

    Args:
        hidden: of each token, (texts, length, dim).
        there: which tokens a text has, bool or integer (texts, length); special tokens count, what fills a row up does not.
        by: "mean" of the tokens that are there, zeros for a text without any; "first" takes the first token.

    Raises:
        ConfigurationError: ``by`` is neither.
    """
    if by == "first":
        return hidden[:, 0]
    if by != "mean":
        raise ConfigurationError(f"Tokens are pooled by 'mean' or 'first'. Got {by!r}.")
    present = there.bool().unsqueeze(-1)
    # What stands at the other places may be anything, also not a number.
    return hidden.masked_fill(~present, 0).sum(1) / present.sum(1).clamp_min(1).to(hidden.dtype)

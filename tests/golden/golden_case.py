"""One golden vector: its arrays, its hyperparameters, its tolerance."""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kinfolk.encoders.text_pooling import pool_tokens

VECTORS = Path(__file__).parent / "vectors"

_HALF = (torch.float16, torch.bfloat16)
# Relative and absolute tolerance where a file states none: of doubles, and of singles with and without a JSON beside.
_DOUBLE, _SINGLE, _PLAIN_SINGLE = (1e-6, 1e-8), (1e-4, 1e-5), (1e-4, 1e-6)
# What the README of the vectors states for files that have no JSON, by the beginning of their names.
_STATED = {"whitenedcse__sgw": (1e-3, 1e-4)}


class TokenMean(nn.Module):
    """The mean over the tokens of a text of tanh(W e), e the embedding of a token."""

    def __init__(self, embeddings: Tensor, weight: Tensor) -> None:
        super().__init__()
        self.E, self.W = nn.Parameter(embeddings), nn.Parameter(weight)

    def forward(self, tokens: Tensor, there: Tensor) -> Tensor:
        return pool_tokens([torch.tanh(self.E[tokens] @ self.W.T)], there)


class Case:
    """A file of arrays, with the one-line JSON beside it where there is one; or a JSON file alone.

    Args:
        path: the .npz file, or the .json file where there is none: its leaves are arrays, named by the way to them.
        precision: what singles and doubles are computed in. In float64 a file of singles differs by its own rounding alone.
    """

    def __init__(self, path: Path, precision: torch.dtype = torch.float64) -> None:
        self.path = path
        self.name = path.stem
        self.family = path.stem.split("__")[0]
        if path.suffix == ".json":
            self.arrays = dict(_leaves(self.facts))
        else:
            with np.load(path, allow_pickle=False) as file:
                self.arrays = {name: file[name] for name in file.files}
        self.precision = self._input_dtype or precision

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    @cached_property
    def facts(self) -> dict[str, object]:
        beside = self.path.with_suffix(".json")
        return json.loads(beside.read_text("utf-8")) if beside.exists() else {}

    def hyper(self, name: str, default: object = None) -> object:
        """A hyperparameter, from the JSON beside the arrays or from a scalar among them."""
        given = self.facts.get("hyper", {})
        found = given.get(name, self.arrays[name].item() if name in self else default)
        assert found is not None, f"{self.name} has no hyperparameter {name!r}"
        return found

    def tensor(self, name: str) -> Tensor:
        """An input that gets no gradient."""
        values = torch.from_numpy(np.array(self.arrays[name]))
        return values.to(self.precision) if values.is_floating_point() else values

    def leaf(self, name: str) -> Tensor:
        """An input that gets a gradient."""
        return self.tensor(name).requires_grad_()

    def linear(self, name: str) -> nn.Linear:
        """A linear encoder without bias, of the weights (dim, inputs) of that name."""
        weight = self.tensor(name)
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
        layer.load_state_dict({"weight": weight})
        return layer

    def text(self, name: str) -> str:
        return str(self.arrays[name])

    def token_mean(self, embeddings: str, weight: str) -> TokenMean:
        """The small text encoder of a file, with the embeddings (tokens, dim) and weights of those names."""
        return TokenMean(self.tensor(embeddings), self.tensor(weight))

    def network(self, prefix: str) -> nn.Module:
        """The small encoder of a file: linear, tanh, linear, with the weights and biases ``prefix``0 to ``prefix``3."""
        weights = [self.tensor(f"{prefix}{n}") for n in range(4)]
        layers = nn.Sequential(
            nn.Linear(*reversed(weights[0].shape)), nn.Tanh(), nn.Linear(*reversed(weights[2].shape))
        ).to(weights[0].dtype)
        with torch.no_grad():
            for parameter, value in zip(layers.parameters(), weights, strict=True):
                parameter.copy_(value)
        return layers

    @staticmethod
    def gradient(value: Tensor, of: Tensor) -> Tensor:
        """The gradient, of a value that may be asked for others, too; zeros where nothing depends on it."""
        (found,) = torch.autograd.grad(value, of, retain_graph=True, allow_unused=True)
        return torch.zeros_like(of) if found is None else found

    def tolerance(self, name: str) -> tuple[float, float]:
        """Relative and absolute tolerance of one output: what the file states for its type, or the README of the vectors."""
        if "n_draws" in self:  # random draws: 3 % of a mean, 0.02 of a probability
            return (0.03, 0) if name.endswith(("_mean", "_std")) else (0, 0.02)
        if self.family == "contriever" and "temperature" in self:
            # Logits are in the tens, and steps of training add up: singles differ in the fifth digit of a gradient.
            return (1e-4, 1e-5 if self.precision == torch.float64 else 3e-5)
        if self.precision in _HALF:
            return (1e-3, 1e-5) if name.startswith("loss") else (1e-3, 2e-2)
        for beginning, of_files in _STATED.items():
            if self.name.startswith(beginning):
                return of_files
        double = self.precision == torch.float64 and not self._holds(np.float32)
        of_double, _, of_single = str(self.facts.get("tolerance", "")).partition("float64")
        stated = of_double if double else of_single or of_double
        default = _DOUBLE if double else _SINGLE if self.facts or self.precision == torch.float32 else _PLAIN_SINGLE
        relative, absolute = (re.search(rf"{kind} ([\d.e-]+)", stated) for kind in ("rtol", "atol"))
        return float(relative[1]) if relative else default[0], float(absolute[1]) if absolute else default[1]

    @property
    def _input_dtype(self) -> torch.dtype | None:
        """What inputs are to be cast to, where a file is about that: half precision, or what is named beside."""
        named = str(self.facts.get("hyper", {}).get("input_dtype", "")).removeprefix("torch.")
        return getattr(torch, named) if named else torch.float16 if self._holds(np.float16) else None

    def _holds(self, dtype: type[np.floating]) -> bool:
        return any(array.ndim and array.dtype == dtype for array in self.arrays.values())

    @property
    def has_no_pair(self) -> bool:
        """Whether nothing can be learned from it: a single item, or losses that are all a limit, 0 or infinite."""
        hyper = self.facts.get("hyper", {})
        sizes = [hyper.get("N"), hyper.get("B")] if hyper else [len(a) for a in self.arrays.values() if a.ndim == 2]
        losses = [a for name, a in self.arrays.items() if name.startswith("loss") and a.ndim == 0]
        return 1 in sizes or (bool(losses) and all(float(loss) == 0 or not np.isfinite(loss) for loss in losses))


def _leaves(value: object, name: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """The values at the ends of a JSON tree: a list of objects branches, any other list is one array."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _leaves(below, f"{name}.{key}" if name else key)
    elif isinstance(value, list) and value and all(isinstance(below, dict) for below in value):
        for number, below in enumerate(value):
            yield from _leaves(below, f"{name}.{number}")
    else:
        array = np.asarray(value)
        yield name, array.astype(object) if array.dtype.kind == "U" else array

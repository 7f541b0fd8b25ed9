"""One golden vector: its arrays, its hyperparameters, its tolerance."""

import json
import re
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

_DOUBLE = {"loss": (1e-6, 1e-9), "grad": (1e-6, 1e-8)}  # (relative, absolute)
_SINGLE = (1e-4, 1e-5)


class Case:
    """A file of arrays, with the one-line JSON beside it where there is one.

    Args:
        path: the .npz file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem
        self.family = path.stem.split("__")[0]
        with np.load(path, allow_pickle=False) as file:
            self.arrays = {name: file[name] for name in file.files}

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
        return torch.from_numpy(np.array(self.arrays[name]))

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
        """Relative and absolute tolerance of one output, by the conventions of the vectors."""
        said = str(self.facts.get("tolerance", ""))
        if self.arrays[name].dtype == np.float64 and self._inputs_are_double:
            found = re.search(r"atol ([\d.e-]+) (?:in )?float64", said)
            relative, absolute = _DOUBLE["grad" if "grad" in name else "loss"]
            return relative, max(absolute, float(found[1])) if found else absolute
        if any(array.dtype == np.float16 for array in self.arrays.values()):
            return (1e-3, 2e-2) if "grad" in name else (1e-3, 0.0)
        return _SINGLE

    @cached_property
    def _inputs_are_double(self) -> bool:
        floats = [a for a in self.arrays.values() if a.dtype.kind == "f" and a.ndim]
        return all(a.dtype == np.float64 for a in floats)

    @property
    def has_no_pair(self) -> bool:
        """Whether the expected loss is a limit that says that nothing can be learned: 0, infinite, or nothing."""
        losses = [a for name, a in self.arrays.items() if name.startswith("loss") and a.ndim == 0]
        return bool(losses) and all(float(loss) == 0 or not np.isfinite(loss) for loss in losses)

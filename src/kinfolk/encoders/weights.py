"""The weights of a network: in a file, and as a name that changes when they do."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import nn

from kinfolk.data.atomic import atomic_write


def weights_fingerprint(network: nn.Module, description: str) -> str:
    """A name of 32 hexadecimal digits that changes when a weight, or what is said of the network, changes.

    Args:
        network: its weights count bit by bit, in any precision and on any device.
        description: what decides on the vectors beside the weights, such as the architecture.
    """
    digest = hashlib.blake2b(description.encode(), digest_size=16)
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def save_weights(network: nn.Module, path: Path) -> None:
    """Write the weights as safetensors, wholly or not at all.

    Args:
        network: any.
        path: of the file.

    Raises:
        DataError: the place cannot be written to.
    """
    from safetensors.torch import save

    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    with atomic_write(path) as aside:
        aside.write_bytes(save(weights))  # its own writer says of a full disk what no one can read

"""One encoder over several processes: each embeds a part of the batch, and all of them go on with the whole.

Every process draws the views of the whole batch and computes its whole loss, so that methods, objectives and queues are
what they are in one process; what costs most, the encoder, is divided. Gradients are averaged before each step: those of
the encoder are then those of the whole batch, as ``gather_rows`` explains, and all others are the same everywhere.
"""

from __future__ import annotations

from typing import Any

import lightning.pytorch as lightning
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from kinfolk.encoders.image import ImageEncoder
from kinfolk.errors import ConfigurationError
from kinfolk.objectives import gather_rows


class SplitEncoder(ImageEncoder):
    """An encoder that embeds, in training, the images that fall to its process, and takes the others' from the others.

    Args:
        network: what is split; its batch normalization is changed in place to that of the whole batch.
    """

    def __init__(self, network: ImageEncoder) -> None:
        super().__init__(dim=network.dim, channels=network.channels)
        normalize_whole_batches(network)
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Features of each image, (images, dim)."""
        features: Tensor = self.network(self._share(images))
        return self._whole(features)

    def feature_map(self, images: Tensor) -> Tensor:
        """Features of each place, (images, dim, rows, columns)."""
        return self._whole(self.network.feature_map(self._share(images)))

    def _share(self, images: Tensor) -> Tensor:
        if not self.training:
            return images
        processes = dist.get_world_size()
        if len(images) % processes:
            raise ConfigurationError(
                f"Images must divide evenly over the {processes} processes. Got {len(images)}. Use another batch_size."
            )
        return images.chunk(processes)[dist.get_rank()]

    def _whole(self, features: Tensor) -> Tensor:
        return gather_rows(_exact(features)) if self.training else features


class WholeBatchNorm(_BatchNorm):
    """Batch normalization by the statistics of the whole batch, on any device; torch's own runs on GPUs only.

    In training each process holds equally many rows, and all of them call it together.
    """

    def forward(self, rows: Tensor) -> Tensor:
        """Rows (items, features, ...), normalized."""
        if not self.training:
            return super().forward(rows)
        others, shape = [0, *range(2, rows.ndim)], [1, -1, *[1] * (rows.ndim - 2)]
        exact = _exact(rows)
        num = rows.numel() // rows.shape[1] * dist.get_world_size()
        mean = sum_over_processes(exact.sum(others)) / num
        centered = exact - mean.view(shape)
        variance = sum_over_processes(centered.square().sum(others)) / num
        self._remember(mean.detach(), variance.detach() * num / (num - 1))
        normalized = centered * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            normalized = normalized * self.weight.view(shape) + self.bias.view(shape)
        return normalized.to(rows.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)

    def _check_input_dim(self, input: Tensor) -> None:
        """Rows of any shape will do."""


def normalize_whole_batches(network: nn.Module) -> None:
    """Replace the batch normalization within a network by one that sees the whole batch, with the same parameters.

    Raises:
        ConfigurationError: there is a kind that does more than torch's own, so that it cannot be replaced.
    """
    for name, module in network.named_children():
        if type(module) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d):
            assert isinstance(module, _BatchNorm)
            whole = WholeBatchNorm(
                module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats
            )
            whole.load_state_dict(module.state_dict())
            setattr(network, name, whole)
        elif isinstance(module, _BatchNorm):
            raise ConfigurationError(
                f"The encoder normalizes batches with {type(module).__name__}, which cannot be done over several "
                "processes. Train with devices=1, or another encoder."
            )
        else:
            normalize_whole_batches(module)


def _exact(values: Tensor) -> Tensor:
    """In full precision, for what comes from several processes is summed."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def sum_over_processes(values: Tensor) -> Tensor:
    """The sum of what all processes hold, with gradients."""
    summed: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
    return summed


def _all_reduced(values: Tensor) -> Tensor:
    summed = values.clone()
    dist.all_reduce(summed)
    return summed


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        del ctx
        return _all_reduced(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        del ctx
        return _all_reduced(gradient)  # each process's share has a part in the sum that every process holds


class InStep(lightning.Callback):
    """Keeps the processes in step: one gradient, and one decision to stop, that of the first process."""

    def on_before_optimizer_step(self, trainer: Any, module: lightning.LightningModule, optimizer: Any) -> None:
        """Take the mean of the gradients of all processes, before they are clipped."""
        del trainer, optimizer
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        together = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(together)
        together /= dist.get_world_size()
        for gradient, mean in zip(gradients, together.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Stop at once where the first process does."""
        self._agree(trainer, module)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Stop where the first process stops."""
        self._agree(trainer, module)

    def _agree(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        stop = torch.tensor(int(trainer.should_stop), device=module.device)
        dist.broadcast(stop, 0)
        trainer.should_stop = bool(stop)

"""What golden vectors say of random crops: measured on as many draws as they were."""

import numpy as np

from kinfolk.views import delete_tokens, random_crop


def crop_statistics(length: int, ratio: tuple[float, float], num_draws: int) -> dict[str, np.ndarray | float]:
    """Distributions of two independent crops of a chunk, and of the share of it that deletion keeps."""
    rng = np.random.default_rng(0)
    chunks = np.tile(np.arange(length), (num_draws, 1))
    inside = []
    for _ in range(2):
        crops = random_crop(chunks, ratio=ratio, least=0, rng=rng)
        kept = np.zeros((num_draws, length + 1), dtype=bool)  # the last column takes what fills the rows up
        np.put_along_axis(kept, crops, True, axis=1)
        inside.append(kept[:, :length])
    lengths = inside[0].sum(axis=1)
    shared, covered = (inside[0] & inside[1]).sum(axis=1), (inside[0] | inside[1]).sum(axis=1)
    share_kept = (delete_tokens(chunks, rate=0.1, rng=rng) >= 0).sum(axis=1) / length
    return {
        "length_hist": np.bincount(lengths, minlength=length + 1) / num_draws,
        "length_mean": lengths.mean(),
        "length_std": lengths.std(),
        "coverage": inside[0].mean(axis=0),
        "prob_overlap": (shared > 0).mean(),
        "iou_mean": (shared / np.maximum(covered, 1)).mean(),
        "delete_keep_mean": share_kept.mean(),
        "delete_keep_std": share_kept.std(),
    }

"""Logistic regression that starts from what is known: independent normal priors on every weight.

With three labeled matches an ordinary fit invents a cut; with a prior that says "the score is about right" it moves
the cut only as far as the labels force it to.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fit_map_logistic(
    design: NDArray[np.float64],
    labels: NDArray[np.int8] | NDArray[np.float64],
    mean: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Give the most probable weights of a logistic regression.

    Args:
        design: one row a pair, a column of ones for the intercept, shape (n, num_weights). No rows give the prior mean.
        labels: 0 or 1, or probabilities between, shape (n,).
        mean, spread: mean and standard deviation of the normal prior of each weight, shape (num_weights,).

    Returns:
        The weights, shape (num_weights,).
    """
    from scipy.optimize import minimize

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = design @ weights
        distance = (weights - mean) / spread
        error = sigmoid(logits) - labels
        value = (np.logaddexp(0.0, logits) - labels * logits).sum() + 0.5 * (distance**2).sum()
        return float(value), design.T @ error + distance / spread

    return np.asarray(minimize(loss, mean, jac=True, method="L-BFGS-B").x, dtype=np.float64)


def sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of log-odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -700.0, 700.0))))


def logit(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds of a probability, which is kept 1e-9 away from 0 and 1."""
    inside = np.clip(probability, 1e-9, 1.0 - 1e-9)
    return np.asarray(np.log(inside) - np.log1p(-inside))

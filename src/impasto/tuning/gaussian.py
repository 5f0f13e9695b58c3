"""Preferences as a Gaussian process over settings, where BoTorch is installed: the one module that knows it.

Bradley and Terry's model knows of a candidate only how it was chosen. A Gaussian process takes candidates with like
settings for alike (Chu & Ghahramani 2005), so that an answer tells of those that were not shown too, and more of them
can be asked about. Choices follow the same logistic law, so scores are in the same logits.
"""

import functools
import importlib.util
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float64]

SPREAD = 1.5
"""Standard deviation of scores before any answer, logits: what good and bad drafts of one pair differ by."""
LENGTH = 1.0
"""Distance of settings over which scores change; two candidates drawn at random are about the root of two apart."""
SHARED = 0.9
"""How far two candidates with the same settings are alike: the rest is a picture's own."""
DIGITS = 6
"""Decimals that are kept: the solver begins at random, and its results agree in these."""


@functools.cache
def available() -> bool:
    """Return whether BoTorch is installed; it is not imported, which takes seconds."""
    return importlib.util.find_spec("botorch") is not None


def posterior(wins: Array, features: Sequence[Sequence[float]]) -> tuple[Array, Array]:
    """Return the mean (K,), summing to 0, and the covariance (K, K) of scores in logits, given the choices.

    `wins` (K, K) holds how often each candidate was chosen over each other one, at least once in all; a tie, half a
    choice each way, tells nothing. `features` (K, D): numbers that say how the candidates were made.
    """
    with warnings.catch_warnings():
        # It would like points scaled otherwise.
        warnings.simplefilter("ignore")
        from botorch.models.likelihoods.pairwise import PairwiseLogitLikelihood
        from botorch.models.pairwise_gp import PairwiseGP
        from gpytorch.kernels import RBFKernel, ScaleKernel

        points = _points(features)
        chosen = [[one, other] for one, other in np.argwhere(wins >= 1) for _ in range(int(wins[one, other]))]
        kernel = ScaleKernel(RBFKernel())
        kernel.base_kernel.lengthscale, kernel.outputscale = LENGTH, SPREAD**2
        model: Any = PairwiseGP(
            points, torch.tensor(chosen), PairwiseLogitLikelihood(), kernel.double(), jitter=1e-6, xtol=1e-10
        )
        model.eval()
        with torch.no_grad():
            believed = model.posterior(points).distribution
    mean = believed.mean - believed.mean.mean()
    return mean.numpy().round(DIGITS), believed.covariance_matrix.numpy().round(DIGITS)


def _points(features: Sequence[Sequence[float]]) -> torch.Tensor:
    """Return where candidates lie: features with a variance of one in all, and a coordinate of each one's own."""
    given = torch.tensor(features, dtype=torch.float64).view(len(features), -1)
    spread = given.std(0, correction=0)
    varying = spread > 1e-9
    scaled = (given[:, varying] - given[:, varying].mean(0)) / spread[varying]
    own = LENGTH * math.sqrt(-math.log(SHARED)) * torch.eye(len(given), dtype=torch.float64)
    return torch.cat([scaled / max(1, int(varying.sum())) ** 0.5, own], 1)

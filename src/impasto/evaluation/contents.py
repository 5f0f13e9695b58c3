"""How much of the content a result keeps: features, self-similarity, affinities of places, edges."""

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.evaluation.case import Case
from impasto.evaluation.metric import Measured
from impasto.losses.statistics import TINY

FEATURE_LAYERS = ("relu4_1", "relu5_1")
"""Layers of content fidelity (Wang et al. 2021)."""


def cosine(one: Tensor, other: Tensor) -> float:
    """Return the cosine of the angle between two tensors of one shape, as vectors; 1 where both are zero."""
    a, b = one.double().flatten(), other.double().flatten()
    lengths = float(a.norm() * b.norm())
    if lengths < TINY:
        return 1.0 if float((a - b).abs().max()) < TINY else 0.0
    return float(a @ b) / lengths


def content_features(case: Case) -> Measured:
    """Mean over two deep layers of the cosine between the features of result and content."""
    if case.content is None:
        return Measured(None)
    ours, theirs = (case.first.of(panel, FEATURE_LAYERS) for panel in (case.result, case.content))
    values = [cosine(ours[layer], theirs[layer]) for layer in FEATURE_LAYERS]
    found = None
    if case.maps:
        size = tuple(ours[FEATURE_LAYERS[0]].shape[2:])
        apart = [1 - F.cosine_similarity(ours[layer], theirs[layer], dim=1, eps=TINY) for layer in FEATURE_LAYERS]
        found = torch.stack([F.interpolate(each[None], size, mode="bilinear")[0, 0] for each in apart]).mean(0)
    return Measured(sum(values) / len(values), found)

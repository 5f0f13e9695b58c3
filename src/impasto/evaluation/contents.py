"""How much of the content a result keeps: features, self-similarity, affinities of places, edges."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.evaluation import affinity, luma
from impasto.evaluation.case import Case, lightness_of
from impasto.evaluation.metric import Measured
from impasto.evaluation.panel import Panel
from impasto.evaluation.reductions import spaced
from impasto.losses.neighbors import subsampled
from impasto.losses.self_similarity import relative_distances
from impasto.losses.statistics import TINY

FEATURE_LAYERS = ("relu4_1", "relu5_1")
"""Layers of content fidelity (Wang et al. 2021)."""
AFFINITY_LAYER = "relu3_1"
"""The layer of affinities (that of CFSD, Chung et al. 2024)."""
AFFINITY_ROWS = 4096
"""Places whose affinities are compared, evenly spaced where a picture has more: all of them up to 256 px."""
KEPT_BYTES = 32 << 20
"""Of a content's directions that are kept for the next result: all up to 1000 px with petite, 700 with VGG-19."""
SHARPNESS = 10.0
"""What cosines are multiplied by before the softmax: the same place weighs e^10 times what an orthogonal one does, so
that a row is about the hundreds of places that look the same, among some ten thousand."""
POSITIONS = 1024
"""Positions whose distances from one another are compared (Kolkin et al. 2019, section 2.5)."""
GRID = spaced(POSITIONS)
"""The grid of them."""


def cosine(one: Tensor, other: Tensor) -> float:
    """Return the cosine of the angle between two tensors of one shape, as vectors; 1 where both are zero."""
    a, b = one.double().flatten(), other.double().flatten()
    lengths = float(a.norm() * b.norm())
    if lengths < TINY:
        return 1.0 if float((a - b).abs().max()) < TINY else 0.0
    return max(-1.0, min(1.0, float(a @ b) / lengths))


def content_features(case: Case) -> Measured:
    """Return the mean over two deep layers of the cosine between the features of result and content."""
    content = needed(case.content)
    ours, theirs = (
        {layer: case.first.fact(panel, "features", layer, lambda features: features) for layer in FEATURE_LAYERS}
        for panel in (case.result, content)
    )
    values = [cosine(ours[layer], theirs[layer]) for layer in FEATURE_LAYERS]
    distance_map = None
    if case.maps:
        apart = [1 - F.cosine_similarity(ours[layer], theirs[layer], dim=1, eps=TINY) for layer in FEATURE_LAYERS]
        distance_map = together([distance[0] for distance in apart])
    return Measured(sum(values) / len(values), distance_map)


def self_similarity(case: Case) -> Measured:
    """Return the mean over two deep layers of the difference between the distances of places from one another."""
    content = needed(case.content)
    layers = case.second.layers[-2:]
    values, maps = [], []
    for layer in layers:
        ours, theirs = (
            case.second.fact(panel, "distances", layer, _distances, GRID) for panel in (case.result, content)
        )
        apart = (ours[0] - theirs[0]).abs().sum(0)
        values.append(float(apart.mean()))
        maps.append(apart.view(ours[1]))
    return Measured(sum(values) / len(values), together(maps) if case.maps else None)


def structure_divergence(case: Case) -> Measured:
    """Return the mean over places of KL(P‖Q).

    P and Q are the content's and the result's affinities of a place with all others.
    """
    content = needed(case.content)
    own, (height, width) = _directions(case.first.of(case.result, AFFINITY_LAYER))
    if own.nbytes > KEPT_BYTES:
        target, _ = _directions(case.first.of(content, AFFINITY_LAYER))
    else:
        target, _ = case.first.fact(content, "directions", AFFINITY_LAYER, _directions)
    step = max(1, math.ceil((height * width / AFFINITY_ROWS) ** 0.5))
    rows = subsampled(torch.arange(height * width).view(height, width), step)
    apart = affinity.divergences(target, own, rows.flatten()).clamp_min(0).view(rows.shape)
    return Measured(float(apart.double().mean()), apart if case.maps else None)


def edges(case: Case) -> Measured:
    """Return the mean structural similarity of the magnitudes of the slopes of lightness."""
    content = needed(case.content)
    ours, theirs = (edges_of(panel) for panel in (case.result, content))
    rows = list(luma.bands(ours, luma.SSIM_SIDE - 1))
    total, maps = 0.0, []
    for part in rows:
        # Of a picture that is one band, what belongs to the content alone is kept.
        known = _edge_windows(content) if len(rows) == 1 else luma.Windows.of(theirs[:, :, part])
        alike = luma.Windows.of(ours[:, :, part]).ssim_map(known)
        total += float(alike.mean()) * alike.shape[2]
        maps += [(1 - alike[0, 0]).clamp_min(0).float()] if case.maps else []
    return Measured(total / (ours.shape[2] - luma.SSIM_SIDE + 1), torch.cat(maps) if maps else None)


def edges_of(panel: Panel) -> Tensor:
    """Return the magnitudes of the slopes of a panel's lightness, (1, 1, H, W)."""
    slopes: Tensor = panel.fact("edges", lambda: luma.slopes(lightness_of(panel)))
    return slopes


def _edge_windows(panel: Panel) -> luma.Windows:
    windows: luma.Windows = panel.fact("edge windows", lambda: luma.Windows.of(edges_of(panel)))
    return windows


def together(maps: list[Tensor]) -> Tensor:
    """Return the mean of maps (h, w) of several sizes, in that of the first."""
    size = (maps[0].shape[0], maps[0].shape[1])
    return torch.stack([F.interpolate(values[None, None], size, mode="bilinear")[0, 0] for values in maps]).mean(0)


def needed(panel: Panel | None) -> Panel:
    """Return the content. Raises `ValueError` without one: metrics that need it are not asked then."""
    if panel is None:
        raise ValueError("a metric that compares with the content was asked for without one")
    return panel


def _distances(features: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """Return how places of thinned features (1, C, h, w) differ, and the sides of their grid."""
    return relative_distances(features.flatten(2)[0].T.double()), (features.shape[2], features.shape[3])


def _directions(features: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """Return features (1, C, h, w) without their mean, of length √`SHARPNESS` each, as (M, C); and the map's sides."""
    flat = features.flatten(2)[0].T
    directions = flat - flat.mean(0)
    for part in torch.split(directions, 1 << 14):
        part.copy_(F.normalize(part, dim=1, eps=TINY) * SHARPNESS**0.5)
    return directions, (features.shape[2], features.shape[3])

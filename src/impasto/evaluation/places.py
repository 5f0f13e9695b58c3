"""Faults at known places: seams along the edges of tiles, and the boundaries of regions."""

import math

import torch
from torch import Tensor

from impasto import guides
from impasto.evaluation.case import Case, Sight
from impasto.evaluation.contents import edges_of
from impasto.evaluation.metric import Measured
from impasto.evaluation.noise import EPSILON
from impasto.evaluation.panel import Panel
from impasto.evaluation.reductions import ENERGY

BESIDE = 8
"""Pixels on both sides of a tile's edge that steps across it are compared with."""
BAND = 4
"""Pixels on both sides of a region's boundary, at the size that features are taken at."""
FINE_STRIDE = 2
"""Pixels per neuron of the layer whose energy is compared along boundaries: deeper ones see both sides everywhere."""


def seams(case: Case) -> Measured:
    """Return the mean step across edges of tiles, over that between pixels beside them.

    It is 1 where edges are like the rest.
    """
    height, width = case.pixels.shape[2:]
    tile = case.tile or 0
    if tile < 2 * BESIDE:
        return Measured(None, note=f"tiles of {tile} px are too small to tell an edge from what is beside it")
    if tile >= max(height, width):
        return Measured(None, note=f"a picture of {width}x{height} px has no edges between tiles of {tile} px")
    at_edges, beside = 0.0, 0.0
    count = 0
    shown = torch.zeros(height, width)
    for axis, side in ((3, width), (2, height)):
        steps = case.pixels.diff(dim=axis).abs().mean(1)[0]
        if axis == 2:
            steps = steps.T  # (across the edge last)
        for edge in range(tile, side - 1, tile):
            near = [edge - 1 + off for off in range(-BESIDE, BESIDE + 1) if abs(off) > 1]
            near = [number for number in near if 0 <= number < steps.shape[1]]
            usual = steps[:, near].mean(1)
            at_edges += float(steps[:, edge - 1].double().mean())
            beside += float(usual.double().mean())
            count += 1
            over = (steps[:, edge - 1] - usual).clamp_min(0)
            for line in (edge - 1, edge):
                target = shown[:, line] if axis == 3 else shown[line]
                target.copy_(torch.maximum(target, over))
    if not count:
        return Measured(None, note=f"a picture of {width}x{height} px has no edges between tiles of {tile} px")
    value = (at_edges / count + EPSILON) / (beside / count + EPSILON)
    return Measured(value, shown if case.maps else None)


def region_boundary(case: Case) -> Measured:
    """Return how the energy of slopes and of features along boundaries differs from that inside, against the content's.

    Mean of two |log2 (band / inside of the result) - log2 (band / inside of the content)|.
    """
    if case.regions is None or case.content is None:
        return Measured(None)
    maps = guides.fit(case.regions.content, case.result.size)
    band = guides.boundary(maps, BAND)
    if not 0 < float(band.mean()) < 1:
        return Measured(None, note="the masks have no boundary, or nothing beside it")
    (layer,) = fine(case.second)
    values = [
        abs(math.log2(_ratio(_slopes(case.result), band) / _ratio(_slopes(case.content), band))),
        abs(
            math.log2(
                _ratio(_energy(case, case.result, layer), band) / _ratio(_energy(case, case.content, layer), band)
            )
        ),
    ]
    return Measured(sum(values) / 2)


def fine(sight: Sight) -> list[str]:
    """Return the layer whose energy is compared along boundaries: the deepest of those that see little beyond."""
    layers = [layer for layer in sight.layers if sight.encoder.stride(layer) <= FINE_STRIDE]
    return (layers or list(sight.layers))[-1:]


def _slopes(panel: Panel) -> Tensor:
    return edges_of(panel)[0, 0] + EPSILON


def _energy(case: Case, panel: Panel, layer: str) -> Tensor:
    energy: Tensor = panel.read(case.second.encoder, layer, ENERGY)[0, 0]
    return energy + float(energy.mean()) * EPSILON + EPSILON


def _ratio(values: Tensor, band: Tensor) -> float:
    """Return the mean of values (h, w) in the band (H, W) over that beside it."""
    weights = guides.fit(torch.stack([band, 1 - band]), (values.shape[0], values.shape[1])).double()
    inside, outside = ((weights[number] * values).sum() / weights[number].sum() for number in (0, 1))
    return float(inside / outside)

"""Faces: how far their landmarks moved, and how unlike eyes and mouth became, without knowing whose they are."""

import re

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.evaluation.case import Case
from impasto.evaluation.contents import needed
from impasto.evaluation.metric import Measured
from impasto.losses.statistics import TINY

LAYERS = ("relu3_1", "relu4_1")
"""Layers that eyes and mouths are compared at: 24 and 68 pixels of receptive field, an eye and its surroundings."""
FIND_LAYER = "relu3_1"
"""The layer that landmarks are found again in."""
REACH = 0.2
"""How far a landmark is looked for, in distances between the eyes."""
WINDOW = 5
"""Neurons a side of what is compared at a landmark: 20 pixels."""
SIXTY_EIGHT = {"eye": range(36, 48), "mouth": range(48, 68)}
"""Numbers of the points without names of ibug's 68."""


def face_shift(case: Case) -> Measured:
    """Return the mean distance of the result's landmarks from the content's, in distances between the eyes."""
    content = needed(case.content)
    here = case.landmarks["content"]
    sides = torch.tensor([content.size[1], content.size[0]], dtype=torch.float64)
    unit = _between_eyes(here * sides, case.names)
    note = ""
    if "result" in case.landmarks:
        there = case.landmarks["result"]
    else:
        there = _locate(case, here, unit)
        note = f"the landmarks were looked for in features of {case.first.encoder.name}, not given"
    away = ((there - here) * sides).norm(dim=1)
    return Measured(float(away.mean()) / unit, note=note)


def face_features(case: Case) -> Measured:
    """Return the mean over eyes and mouth of 1 - cos of features.

    Each picture's means and deviations are taken off its own features first.
    """
    content = needed(case.content)
    chosen = _eyes_and_mouth(case.names, len(case.landmarks["content"]))
    if not chosen:
        return Measured(None, note="no landmark is named eye... or mouth..., and there are not 68 of them")
    here = case.landmarks["content"][chosen]
    there = case.landmarks.get("result", case.landmarks["content"])[chosen]
    total = []
    for layer in LAYERS:
        ours, theirs = (_plain(case.first.of(panel, layer)) for panel in (case.result, content))
        total.append(1 - F.cosine_similarity(_at(ours, there), _at(theirs, here), dim=1, eps=TINY))
    return Measured(float(torch.stack(total).double().mean()))


def _eyes_and_mouth(names: tuple[str, ...], count: int) -> list[int]:
    if names:
        return [number for number, name in enumerate(names) if re.match(r"eye(?!brow)|mouth", name)]
    return [*SIXTY_EIGHT["eye"], *SIXTY_EIGHT["mouth"]] if count == 68 else []


def _between_eyes(points: Tensor, names: tuple[str, ...]) -> float:
    """Return the pixels between the eyes of points (n, 2); where none are named, 0.4 of the points' own extent."""
    left, right = ([n for n, name in enumerate(names) if name.startswith(f"eye_{side}")] for side in ("left", "right"))
    if not names and len(points) == 68:
        left, right = list(range(36, 42)), list(range(42, 48))
    if left and right:
        return float((points[left].mean(0) - points[right].mean(0)).norm())
    return 0.4 * float((points.amax(0) - points.amin(0)).norm())


def _plain(features: Tensor) -> Tensor:
    """Take means and deviations of the channels off features (1, C, h, w): those are the style's."""
    deviation, mean = torch.std_mean(features, (2, 3), keepdim=True, correction=0)
    return (features - mean) / (deviation + TINY)


def _at(features: Tensor, points: Tensor) -> Tensor:
    """Return features (n, C) at points (n, 2), x and y in fractions of the sides."""
    where = (2 * points - 1).to(features)[None, None]
    return F.grid_sample(features, where, "bilinear", "border", align_corners=False)[0, :, 0].T


def _locate(case: Case, points: Tensor, unit: float) -> Tensor:
    """Return where in the result (n, 2) what is at the content's landmarks is most similar."""
    content = needed(case.content)
    ours, theirs = (_plain(case.first.of(panel, FIND_LAYER)) for panel in (case.result, content))
    stride = case.first.encoder.stride(FIND_LAYER)
    reach = max(1, round(REACH * unit / stride))
    step = torch.tensor([stride / content.size[1], stride / content.size[0]], dtype=torch.float64)
    near = _offsets(WINDOW // 2)
    wanted = _windows(theirs, points[:, None] + near * step)
    best = torch.full((len(points),), -2.0, dtype=wanted.dtype)
    moved = torch.zeros_like(points)
    # From the middle outwards, so that of places that are equally alike the nearest is taken.
    for offset in sorted(_offsets(reach).tolist(), key=lambda at: (at[0] ** 2 + at[1] ** 2, at)):
        shift = torch.tensor(offset, dtype=torch.float64) * step
        alike = F.cosine_similarity(_windows(ours, points[:, None] + near * step + shift), wanted, dim=1, eps=TINY)
        better = alike > best + 1e-6
        best = torch.where(better, alike, best)
        moved[better] = shift
    return points + moved


def _offsets(reach: int) -> Tensor:
    axis = torch.arange(-reach, reach + 1, dtype=torch.float64)
    return torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1).flatten(0, 1)


def _windows(features: Tensor, points: Tensor) -> Tensor:
    """Return the features around points (n, k, 2) as vectors (n, k·C)."""
    count, around = points.shape[:2]
    return _at(features, points.flatten(0, 1)).view(count, around, -1).flatten(1)

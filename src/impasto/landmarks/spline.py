"""Thin-plate splines: the smoothest map of the plane that takes some points to others (Bookstein 1989)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import UsageError

ANCHORS = 4
"""Spans between anchors along each side of a picture."""
BEYOND = 0.25
"""Of the sides, how far outside of the picture its anchors lie: what is inside is free to move with the face."""


class ThinPlate:
    """A spline from points `there` (n, 2) to points `here` (n, 2), three at least and not on one line.

    Exact at the points, and an affine map where that takes all of them. Raises `UsageError` where there is no such map.
    """

    def __init__(self, there: Tensor, here: Tensor) -> None:
        self._from, target = there.double(), here.double()
        count = len(self._from)
        if count < 3 or spread(self._from) < 1e-6 or len(torch.unique(self._from, dim=0)) < count:
            raise UsageError("landmarks on one line, or two at one place, say nothing of a face; move them apart")
        plane = torch.cat([torch.ones(count, 1, dtype=torch.float64), self._from], 1)
        system = torch.zeros(count + 3, count + 3, dtype=torch.float64)
        system[:count, :count] = _bend(torch.cdist(self._from, self._from))
        system[:count, count:], system[count:, :count] = plane, plane.T
        wanted = torch.cat([target, torch.zeros(3, 2, dtype=torch.float64)])
        self._bends, self._plane = torch.linalg.solve(system, wanted).split([count, 3])

    def __call__(self, points: Tensor) -> Tensor:
        """Return where `points` (..., 2) go, in float64."""
        flat = points.double().reshape(-1, 2)
        moved: Tensor = self._plane[0] + flat @ self._plane[1:] + _bend(torch.cdist(flat, self._from)) @ self._bends
        return moved.reshape(points.shape)


def spread(points: Tensor) -> float:
    """Return the ratio of the narrow to the wide extent of points (n, 2); 0 where they lie on a line."""
    extents = torch.linalg.svdvals(points.double() - points.double().mean(0))
    return float(extents[-1] / extents[0]) if float(extents[0]) > 0 else 0.0


def similarity(there: Tensor, here: Tensor) -> Tensor:
    """Return the (3, 2) map [1, x, y] -> [x, y], of a turn, one scale and a shift, that fits best in least squares."""
    middle, target = there.double().mean(0), here.double().mean(0)
    one, other = there.double() - middle, here.double() - target
    # As complex numbers: the factor of least squares is Σ ā b / Σ |a|².
    power = one.square().sum()
    real = (one * other).sum() / power
    turned = (one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]).sum() / power
    matrix = torch.stack([torch.stack([real, turned]), torch.stack([-turned, real])])
    return torch.cat([(target - middle @ matrix)[None], matrix])


def anchored(there: Tensor, here: Tensor, size: tuple[float, float]) -> ThinPlate:
    """Return the spline from landmarks `there` of a picture of `size` (height, width) to landmarks `here`, in pixels.

    Anchors around the picture go where the best similarity takes them, so that the background follows the face without
    bending.
    """
    height, width = size
    along = torch.linspace(-BEYOND, 1 + BEYOND, ANCHORS + 1, dtype=torch.float64)
    low, high = torch.full_like(along, -BEYOND), torch.full_like(along, 1 + BEYOND)
    ring = [(along, low), (along, high), (low[1:-1], along[1:-1]), (high[1:-1], along[1:-1])]
    anchors = torch.cat([torch.stack(pair, 1) for pair in ring]) * torch.tensor([width, height], dtype=torch.float64)
    moved = similarity(there, here)
    return ThinPlate(torch.cat([there.double(), anchors]), torch.cat([here.double(), moved[0] + anchors @ moved[1:]]))


def sample(planes: Tensor, at: Tensor) -> Tensor:
    """Return `planes` (1, C, h, w) at places `at` (H, W, 2), in their pixels with 0 at the border: (1, C, H, W).

    Beyond the border they go on mirrored.
    """
    height, width = planes.shape[2:]
    places = at / at.new_tensor([width, height]) * 2 - 1
    return F.grid_sample(planes, places[None].to(planes), "bilinear", "reflection", align_corners=False)


def _bend(distance: Tensor) -> Tensor:
    """Return r² ln r, and 0 at 0."""
    return torch.xlogy(distance.square(), distance)

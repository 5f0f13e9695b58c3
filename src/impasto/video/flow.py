"""Where each pixel of a frame was in another: optical flow, what it cannot tell, and pictures moved along it.

A flow (2, H, W) from one frame to another says for each pixel of the one how many pixels right and down the same thing
is in the other. Flow is OpenCV's DIS (Kroeger et al. 2016), estimated both ways; what is occluded and where motion ends
is found as Ruder et al. 2016 do (section 4, after Sundaram et al. 2010).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import ResourceError
from impasto.video.film import INSTALL

DISAGREEMENT = (0.01, 0.5)
"""Ruder et al. 2016, eq. 5: flows there and back may miss one another by this part of their squared lengths, and by
these squared pixels more."""
BOUNDARY = (0.01, 0.002)
"""The same, eq. 6: the squared gradient of a flow is that of a motion's edge beyond this part of its squared length,
and this more."""
CAMERA_POINTS = 4096
"""Pixels that the motion of the camera is fitted to: it has six numbers."""
CAMERA_ROUNDS = 8
"""In which what moves by itself is left out more and more."""
SMALLEST = 32
"""Pixels of the short side that DIS needs: smaller pictures are enlarged for it."""
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Motion:
    """What leads from a frame back to an earlier one, `reference`."""

    backward: Tensor
    """(2, H, W): from each pixel of the frame to the same thing in the reference."""
    reliable: Tensor
    """(1, 1, H, W): 1 where the reference shows the same thing, 0 where it is hidden or where motion ends."""

    def warp(self, picture: Tensor) -> Tensor:
        """Return what the reference's `picture` (1, C, H, W) is where the frame has it."""
        return warp(picture, self.backward)


class Flow:
    """Estimates flow between frames; it keeps what DIS needs from one pair to the next."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """That finding flow has taken."""
        self._dis = cv2().DISOpticalFlow.create(cv2().DISOPTICAL_FLOW_PRESET_MEDIUM)

    def between(self, one: Tensor, other: Tensor) -> Tensor:
        """Return the flow (2, H, W) from the frame `one` (1, 3, H, W) to the frame `other`, both sRGB in [0, 1]."""
        began = time.monotonic()
        height, width = one.shape[2:]
        scale = max(1, -(-SMALLEST // min(height, width)))
        first, second = (_gray(frame, scale) for frame in (one, other))
        moves = torch.from_numpy(self._dis.calc(first, second, None)).permute(2, 0, 1)
        if scale > 1:
            moves = F.interpolate(moves[None], size=(height, width), mode="area")[0] / scale
        self.seconds += time.monotonic() - began
        return moves.contiguous()

    def motion(self, frame: Tensor, reference: Tensor) -> Motion:
        """Return what leads from `frame` back to `reference`, both (1, 3, H, W)."""
        backward, forward = self.between(frame, reference), self.between(reference, frame)
        began = time.monotonic()
        reliable = reliability(backward, forward)
        self.seconds += time.monotonic() - began
        return Motion(backward, reliable)


def reliability(backward: Tensor, forward: Tensor) -> Tensor:
    """Return (1, 1, H, W): 1 where the flow `backward` of a frame leads to the same thing in the reference, else 0.

    `forward` is the reference's own flow to the frame. Unreliable is what the two disagree on (the thing is hidden in
    the reference), what lies beyond the reference's border, and the edge of a motion.
    """
    there = warp(forward[None], backward, mode="bilinear")[0]
    disagreement = (there + backward).square().sum(0)
    lengths = there.square().sum(0) + backward.square().sum(0)
    hidden = disagreement >= DISAGREEMENT[0] * lengths + DISAGREEMENT[1]
    return (inside(backward) & ~hidden & ~boundary(backward)).float()[None, None]


def boundary(flow: Tensor) -> Tensor:
    """Return (H, W) where a flow (2, H, W) changes faster than one motion does."""
    down = (flow[:, 2:] - flow[:, :-2]) / 2
    right = (flow[:, :, 2:] - flow[:, :, :-2]) / 2
    square = F.pad(down.square().sum(0), (0, 0, 1, 1)) + F.pad(right.square().sum(0), (1, 1, 0, 0))
    return square > BOUNDARY[0] * flow.square().sum(0) + BOUNDARY[1]


def warp(picture: Tensor, flow: Tensor, *, mode: str = "bicubic") -> Tensor:
    """Return `picture` (1, C, H, W) as seen from where `flow` (2, H, W) begins: each pixel from where its flow leads.

    Bicubic, since a picture that is carried from frame to frame would blur otherwise. Beyond the border its last pixels
    are repeated.
    """
    height, width = flow.shape[1:]
    x = torch.arange(width, dtype=flow.dtype) + flow[0]
    y = torch.arange(height, dtype=flow.dtype)[:, None] + flow[1]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)
    return F.grid_sample(picture, grid[None].to(picture), mode=mode, padding_mode="border", align_corners=False)


def of_camera(motion: Motion) -> Motion:
    """Return the motion of most of a picture: an affine one, as a camera that turns, nears or shakes makes.

    Flow beside a thing that moves goes with the thing, while what it is of stays with the rest. Least squares, in which
    what is off counts less (Cauchy's weights, of a pixel's scale), beginning with the median.
    """
    flow = motion.backward
    height, width = flow.shape[1:]
    step = max(1, round((height * width / CAMERA_POINTS) ** 0.5))
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    plane = torch.stack([torch.ones_like(x), x, y], -1)
    points, moves = plane[::step, ::step].reshape(-1, 3), flow[:, ::step, ::step].reshape(2, -1).T
    fitted = torch.zeros(3, 2)
    fitted[0] = moves.median(0).values
    for _ in range(CAMERA_ROUNDS):
        weights = 1 / (1 + (moves - points @ fitted).square().sum(1, keepdim=True))
        normal = points.T @ (weights * points) + 1e-6 * torch.eye(3)
        fitted = torch.linalg.solve(normal, points.T @ (weights * moves))
    return Motion((plane @ fitted).permute(2, 0, 1).contiguous(), torch.zeros_like(motion.reliable))


def compose(first: Tensor, second: Tensor) -> Tensor:
    """Return the flow from a frame to a third, of that to a second and of the second's to the third, (2, H, W) each.

    A picture that is moved along a composed flow is sampled once, and stays sharp however many frames are between.
    """
    return first + warp(second[None], first, mode="bilinear")[0]


def composed(steps: Sequence[Motion]) -> list[Motion]:
    """Return what leads from each frame to where the first of `steps` leads."""
    motions: list[Motion] = []
    for step in steps:
        if motions:
            seen = warp(motions[-1].reliable, step.backward, mode="bilinear")
            motions.append(Motion(compose(step.backward, motions[-1].backward), step.reliable * seen))
        else:
            motions.append(step)
    return motions


def inside(flow: Tensor) -> Tensor:
    """Return (H, W) where a flow (2, H, W) leads into the picture."""
    height, width = flow.shape[1:]
    x = torch.arange(width, dtype=flow.dtype) + flow[0]
    y = torch.arange(height, dtype=flow.dtype)[:, None] + flow[1]
    return (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)


def _gray(frame: Tensor, scale: int) -> Any:
    weights = torch.tensor(_LUMA, dtype=frame.dtype).view(1, 3, 1, 1)
    luma = (frame.cpu() * weights).sum(1, keepdim=True)
    if scale > 1:
        luma = F.interpolate(luma, scale_factor=scale, mode="bilinear", align_corners=False)
    return luma[0, 0].clamp(0, 1).mul(255).round().byte().contiguous().numpy()


def cv2() -> Any:
    """Return OpenCV. Raises `ResourceError` where it is not installed."""
    try:
        import cv2 as library
    except ImportError:
        raise ResourceError(f"flow needs OpenCV, which is not installed; {INSTALL} brings it") from None
    return library

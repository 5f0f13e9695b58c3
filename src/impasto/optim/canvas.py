"""What the optimisation starts from, and how it moves to the next size."""

import torch
from torch import Tensor

from impasto import images

NOISE = 20 / 255
"""Half width of the uniform noise of a random start, as in Zhao's code, which the CS229 report builds on."""


def start(kind: str, content: Tensor, styles: list[Tensor], *, blend: float, seed: int) -> Tensor:
    """Give the first canvas, (1, 3, H, W) like `content`, for one of the starts of a recipe.

    `noise` is uniform around ImageNet's mean colour; `blend` mixes it into the content with share `blend`; `style`
    is Gaussian noise with the mean colour and colour covariance of the styles. A start from a file is a `content`
    start with the file as content.
    """
    if kind in ("content", "file"):
        return content.clone()
    random = torch.Generator().manual_seed(seed)
    if kind == "style":
        colours = torch.cat([style.flatten(2)[0] for style in styles], dim=1).double()
        values, vectors = torch.linalg.eigh(torch.cov(colours))
        root = vectors * values.clamp_min(0).sqrt() @ vectors.T
        noise = torch.randn(3, content[0, 0].numel(), generator=random, dtype=torch.float64)
        painted: Tensor = root @ noise + colours.mean(1, keepdim=True)
        return painted.reshape(content.shape).to(content.dtype).clamp(0, 1)
    mean = torch.tensor([123.68, 116.779, 103.939], dtype=content.dtype).div_(255).reshape(1, 3, 1, 1)
    noise = mean + NOISE * (2 * torch.rand(content.shape, generator=random, dtype=content.dtype) - 1)
    return noise if kind == "noise" else torch.lerp(content, noise, blend)


def enlarge(canvas: Tensor, content: Tensor, *, detail: bool) -> Tensor:
    """Take `canvas` to the size of `content` (1, 3, H, W), the next level.

    With `detail`, what the smaller canvas could not hold comes from the content: edges and faces then start sharp
    instead of being found again from a blur (Kolkin et al. 2019, section 2.5, do so in their Laplacian pyramid).
    """
    size = (content.shape[-2], content.shape[-1])
    grown = images.resize(canvas.clamp(0, 1), size)
    if not detail:
        return grown
    small = images.resize(content, (canvas.shape[-2], canvas.shape[-1]))
    return grown + (content - images.resize(small, size))

"""What the optimisation starts from, how it moves to the next size, and what is evaluated of it."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import images
from impasto.optim.laplacian import Packing

NOISE = 20 / 255
"""Half width of the uniform noise of a random start, as in Zhao's code, which the CS229 report builds on."""
AROUND = 9
"""Side in pixels of the square in which pixels are alike, or not."""
GRAIN = 1 / 255
"""Standard deviation in that square of what has grain of its own, as photographs of skies and walls have."""


def init_canvas(
    kind: str, content: Tensor, styles: list[Tensor], *, blend: float, seed: int, noise: float = 0.0
) -> Tensor:
    """Return the first canvas, (1, 3, H, W) like `content`, for one of the values of a recipe's `init`.

    `content` has uniform noise of up to `noise` of 255 levels where it is even: without any, forms begin where alone an
    even area tells its places apart, at the border. `noise` is uniform around ImageNet's mean colour; `blend` mixes it
    into the content by the fraction `blend`; `style` is Gaussian noise with the mean colour and colour covariance of
    the styles. `file` is the content as it is. `details` are what half the size cannot hold of the content, over the
    mean colour of the styles (Kolkin et al. 2019, section 2.5).
    """
    if kind == "details":
        colors = torch.stack([style.mean((2, 3), keepdim=True) for style in styles]).mean(0)
        half = [max(1, side // 2) for side in content.shape[2:]]
        return content - resize(resize(content, (half[0], half[1])), (content.shape[2], content.shape[3])) + colors
    if kind == "file" or (kind == "content" and not noise):
        return content.clone()
    random = torch.Generator().manual_seed(seed)
    if kind == "content":
        return _uniform(content, noise / 255, random).mul_(evenness(content)).add_(content).clamp_(0, 1)
    if kind == "style":
        colors = torch.cat([style.flatten(2)[0] for style in styles], dim=1).double()
        values, vectors = torch.linalg.eigh(torch.cov(colors))
        root = vectors * values.clamp_min(0).sqrt() @ vectors.T
        grain = torch.randn(3, content[0, 0].numel(), generator=random, dtype=torch.float64)
        painted: Tensor = root @ grain + colors.mean(1, keepdim=True)
        return painted.reshape(content.shape).to(content.dtype).clamp(0, 1)
    mean = torch.tensor([123.68, 116.779, 103.939], dtype=content.dtype).div_(255).reshape(1, 3, 1, 1)
    # In place, here and below: a picture may be a good part of the memory there is.
    start = _uniform(content, NOISE, random).add_(mean)
    return start if kind == "noise" else torch.lerp(content, start, blend, out=start)


def evenness(content: Tensor) -> Tensor:
    """Return how even pixels (1, 3, H, W) are (1, 1, H, W): 1 where all around are alike, 0 from `GRAIN` on."""
    # One channel, of which unlike colours are hardly ever alike: a picture may be a good part of the memory there is.
    mixed = 0.5 * content[:, :1] + 0.3 * content[:, 1:2] + 0.2 * content[:, 2:]
    mixed -= mixed[..., :1, :1].clone()
    variance = _around(mixed.square()).sub_(_around(mixed).square_())
    return variance.clamp_min_(0).sqrt_().div_(GRAIN).clamp_max_(1).neg_().add_(1)


def _around(pixels: Tensor) -> Tensor:
    """Return the mean of the square around each pixel, of what the picture has of it."""
    return F.avg_pool2d(pixels, AROUND, stride=1, padding=AROUND // 2, count_include_pad=False)


def _uniform(like: Tensor, width: float, random: torch.Generator) -> Tensor:
    """Return uniform noise in [-width, width]."""
    return torch.rand(like.shape, generator=random, dtype=like.dtype).mul_(2).sub_(1).mul_(width)


def enlarge(canvas: Tensor, content: Tensor, *, detail: bool, wrap: bool = False) -> Tensor:
    """Take `canvas` to the size of `content` (1, C, H, W), the next level.

    With `detail`, what the smaller canvas could not hold comes from the content: edges and faces then start sharp
    instead of being found again from a blur (Kolkin et al. 2019, section 2.5, do so in their Laplacian pyramid).
    """
    size = (content.shape[-2], content.shape[-1])
    grown = resize(canvas.clamp(0, 1), size, wrap=wrap)
    if not detail:
        return grown
    small = resize(content, (canvas.shape[-2], canvas.shape[-1]), wrap=wrap)
    coarse = resize(small, size, wrap=wrap)
    if coarse.data_ptr() == content.data_ptr():  # nothing was resized
        return grown
    return coarse.neg_().add_(content).add_(grown)


def resize(pixels: Tensor, size: tuple[int, int], *, wrap: bool = False) -> Tensor:
    """Resample (1, C, h, w) in [0, 1] to `size`; with `wrap`, as a picture that repeats without seams."""
    before = (pixels.shape[-2], pixels.shape[-1])
    if not wrap or before == size:
        return images.resize(pixels, size)
    # Whole periods on every side keep the grid of the samples where it is.
    tiled = images.resize(F.pad(pixels, (before[1], before[1], before[0], before[0]), mode="circular"), _thrice(size))
    return tiled[..., size[0] : 2 * size[0], size[1] : 2 * size[1]]


def _thrice(size: tuple[int, int]) -> tuple[int, int]:
    return 3 * size[0], 3 * size[1]


@dataclass(frozen=True)
class View:
    """From the canvas, which the solver moves, to the picture that is evaluated. Linear in the canvas."""

    gray: bool = False
    """The canvas has one channel, and all three of the picture are alike."""
    kept: Tensor | None = None
    """(1, 1, H, W) in [0, 1]: how much of each pixel stays that of `photo` (1, 3, H, W)."""
    photo: Tensor | None = None
    packing: Packing | None = None
    """The canvas is a Laplacian pyramid, packed."""

    @property
    def plain(self) -> bool:
        """Return whether the canvas is the picture."""
        return not self.gray and self.kept is None and self.packing is None

    def __call__(self, canvas: Tensor) -> Tensor:
        """Return the picture (1, 3, H, W)."""
        pixels = self.pixels(canvas)
        image = pixels.expand(-1, 3, -1, -1) if self.gray else pixels
        if self.kept is None or self.photo is None:
            return image
        return image + self.kept * (self.photo - image)

    def canvas(self, pixels: Tensor) -> Tensor:
        """Return the canvas of `pixels` (1, C, H, W): one channel where it is grey, else three."""
        return pixels if self.packing is None else self.packing.pack(pixels)

    def pixels(self, canvas: Tensor) -> Tensor:
        """Return the pixels (1, C, H, W) of a canvas, before anything is kept or put beside them."""
        return canvas if self.packing is None else self.packing.unpack(canvas)

"""wct with the 16x encoders and decoders of Collaborative Distillation beside ours, on the same pairs.

`python benchmarks/rival_wct.py PAIRS --networks FILE --vgg19 FILE --size 448`

PAIRS is a text file, a photograph and a painting on each line. Wang et al. 2020 compressed VGG-19 and its decoders for
wct sixteen times; FILE holds all ten networks. Both go through the same whitening and colouring, at five layers from
deep to shallow, and are measured with VGG-19: how far the painting's Gram matrices are from the style's, over how far
the photograph's were (0 is there, 1 not begun), and how far relu4_2 is from the photograph's, over its own norm. Then
seconds at that size, on what this machine is faster with for ours, and float32 for theirs.
"""

import statistics
import time
from pathlib import Path

import harness
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from impasto import Picture, Recipe, begin, encoders, images, load
from impasto.encoders import Encoder
from impasto.losses import statistic
from impasto.nets.transforms import wct
from impasto.recipe import STYLE_LAYERS

CONVOLUTIONS = ("11", "12", "21", "22", "31", "32", "33", "34", "41", "42", "43", "44", "51")
POOLED = ("21", "31", "41", "51")
"""What follows a pooling; a decoder enlarges after the convolution of that name."""


class Distilled:
    """Five encoders and decoders, all convolutions 3x3 with reflection and ReLU, pooling by maximum."""

    def __init__(self, path: Path) -> None:
        self._tensors = load_file(path)

    def encode(self, image: Tensor, level: int) -> Tensor:
        """Return the features (1, C, h, w) of `image` (1, 3, H, W), sRGB in [0, 1], at relu`level`_1."""
        x = F.conv2d(image, *self._of(f"encoder{level}.conv0"))
        for name in CONVOLUTIONS[: CONVOLUTIONS.index(f"{level}1") + 1]:
            if name in POOLED:
                x = F.max_pool2d(x, 2)
            x = self._convolve(x, f"encoder{level}.conv{name}")
        return x

    def decode(self, features: Tensor, level: int) -> Tensor:
        """Return the picture of features."""
        x = features
        for name in reversed(CONVOLUTIONS[: CONVOLUTIONS.index(f"{level}1") + 1]):
            x = self._convolve(x, f"decoder{level}.conv{name}")
            if name in POOLED:
                x = F.interpolate(x, scale_factor=2.0)
        return x

    @torch.no_grad()
    def paint(self, photo: Picture, style: Picture, size: int) -> Tensor:
        """Paint at five levels; the style is encoded from its own picture each time."""
        image = _sixteen(images.resize(photo.pixels, images.fit_size(photo.size, size)))
        painting = _sixteen(images.resize(style.pixels, images.fit_size(style.size, size)))
        for level in (5, 4, 3, 2, 1):
            features = wct(self.encode(image, level).double(), self.encode(painting, level).double())
            image = self.decode(features.float(), level).clamp(0, 1)
        return image

    def _of(self, name: str) -> tuple[Tensor, Tensor]:
        return self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"]

    def _convolve(self, x: Tensor, name: str) -> Tensor:
        return F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), *self._of(name)))


class Errors:
    """How far a painting is from its style and its photograph, in the features of VGG-19."""

    def __init__(self, encoder: Encoder, photo: Tensor, style: Tensor) -> None:
        self._encoder, self._gram = encoder, statistic("gram", lift=None, seed=0)
        self._wanted, self._before = self._grams(style), self._grams(photo)
        self._content = self._deep(photo)

    @torch.no_grad()
    def __call__(self, painted: Tensor) -> tuple[float, float]:
        """Return what is left of the way to the style, mean over layers, and the error of the content."""
        found = self._grams(painted)
        left = [float((found[k] - self._wanted[k]).norm() / (self._before[k] - self._wanted[k]).norm()) for k in found]
        deep = self._deep(painted)
        return statistics.mean(left), float((deep - self._content).norm() / self._content.norm())

    @torch.no_grad()
    def _grams(self, image: Tensor) -> dict[str, Tensor]:
        features = self._encoder(image, STYLE_LAYERS)
        return {layer: self._gram.finish(self._gram.measure(found)) for layer, found in features.items()}

    @torch.no_grad()
    def _deep(self, image: Tensor) -> Tensor:
        return self._encoder(image, ["relu4_2"])["relu4_2"]


def ours(method: str, photo: Picture, style: Picture, size: int) -> tuple[Tensor, float]:
    """Paint with a method of ours; return the picture and its seconds after loading."""
    painting = begin(photo, style, Recipe.parse({"method": method, "size": size}))
    for _ in painting:
        pass
    result = painting.result()
    return result.picture.pixels, result.timings["total"]


def _sixteen(image: Tensor) -> Tensor:
    """Cut the sides to multiples of 16, which the networks give back."""
    height, width = (side // 16 * 16 for side in image.shape[-2:])
    return image[..., :height, :width]


def main() -> None:
    """Print a table."""
    parser = harness.parser(__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--networks", type=Path, required=True, help="the 16x networks")
    parser.add_argument("--vgg19", type=Path, required=True)
    parser.add_argument("--size", type=int, default=448)
    options = parser.parse_args()
    rival, vgg = Distilled(options.networks), encoders.from_file(options.vgg19)
    pairs = harness.pairs(options.pairs)
    found: dict[str, list[tuple[float, float, float]]] = {"wct": [], "wct, 16x": [], "adain": [], "linear": []}
    for content, painting in pairs:
        photo, style = load(content), load(painting)
        size = images.fit_size(photo.size, options.size)
        errors = Errors(
            vgg,
            images.resize(photo.pixels, size),
            images.resize(style.pixels, images.fit_size(style.size, options.size)),
        )
        for name, rows in found.items():
            if "16x" in name:
                began = time.perf_counter()
                painted = rival.paint(photo, style, options.size)
                seconds = time.perf_counter() - began
            else:
                painted, seconds = ours(name, photo, style, options.size)
            rows.append((*errors(images.resize(painted, size)), seconds))
    heading = f"{len(pairs)} pairs, {options.size} px: median (lowest-highest)"
    harness.heading(heading, threads=torch.get_num_threads())
    table = harness.Table("", "style left", "content error", "seconds")
    for name, rows in found.items():
        table.row(name, *(harness.spread([row[at] for row in rows]) for at in range(3)))


if __name__ == "__main__":
    main()

"""Hypercolumns: what all layers say of single positions of a picture, and which positions are looked at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isqrt

import torch
import torch.nn.functional as F
from torch import Tensor

CANDIDATES = 128**2
"""About so many positions lie on the grid that is drawn from (Kolkin et al. 2019, the authors' code)."""
POSITIONS = 1024
"""Of them are looked at in an evaluation (ibid., section 2.5)."""
SAMPLES = 5000
"""Of the paintings, for each region (the authors' code: 1000 in each of five copies)."""
LEAST = 128
"""Positions of a region, however small, while there are no more than eight regions."""
MIDDLE = 0.5
"""Grey that colours are taken from: hues then are directions."""


@dataclass(frozen=True)
class Hypercolumns:
    """Takes the features of several layers at positions of a picture (Hariharan et al. 2015).

    `factors` scale the features of each layer, and `strides` are its pixels per neuron. Between neurons, features are
    interpolated bilinearly. The last three values are the colour, less mid grey.
    """

    factors: Mapping[str, float]
    strides: Mapping[str, int]

    def __call__(self, image: Tensor, features: Mapping[str, Tensor], at: Tensor) -> Tensor:
        """Give (n, D) of `image` (1, 3, H, W) with `features` (1, C, h, w), `at` (n, 2) rows and columns of pixels."""
        at = at.to(image.device)
        found = []
        for layer, factor in self.factors.items():
            maps, stride = features[layer], self.strides[layer]
            # grid_sample wants x before y, -1 and 1 at the borders. Odd sides lose their last row as in the encoder.
            area = maps.new_tensor([stride * maps.shape[3], stride * maps.shape[2]])
            where = (2 * at.flip(1).to(maps) + 1) / area - 1
            taken = F.grid_sample(maps, where[None, None], "bilinear", "border", align_corners=False)
            found.append(taken[0, :, 0].T * factor)
        found.append(image[0, :, at[:, 0], at[:, 1]].T - MIDDLE)
        return torch.cat(found, 1)


@dataclass(frozen=True)
class Positions:
    """Draws positions of a picture, others for each evaluation and the same for the same `key` and evaluation.

    `labels` (H, W) say which region each pixel belongs to. Regions get positions by area, and none less than `LEAST`
    where it has as many; of more than eight, all get that much less.
    """

    labels: Tensor
    key: tuple[int, ...]

    def __call__(self, evaluation: int) -> tuple[Tensor, Tensor]:
        """Return (n, 2) rows and columns, and the labels (n,)."""
        random = generator(*self.key, evaluation)
        height, width = self.labels.shape
        step = max(1, isqrt(height * width // CANDIDATES))
        down, right = torch.randint(step, (2,), generator=random).tolist()
        grid = self.labels[down::step, right::step]
        at, labels = [], []
        for label, place in regions(grid, random):
            count = max(round(POSITIONS * len(place) / grid.numel()), min(LEAST, POSITIONS // len(torch.unique(grid))))
            chosen = place[:count]
            at.append(
                torch.stack([down + step * (chosen // grid.shape[1]), right + step * (chosen % grid.shape[1])], 1)
            )
            labels.append(torch.full((len(chosen),), label))
        return torch.cat(at), torch.cat(labels)


def regions(labels: Tensor, random: torch.Generator) -> Iterator[tuple[int, Tensor]]:
    """Return each of the `labels`, from low to high, with the flat numbers of its places in random order."""
    flat = labels.flatten()
    for label in torch.unique(flat).tolist():
        place = (flat == label).nonzero()[:, 0]
        yield label, place[torch.randperm(len(place), generator=random)]


def generator(*key: int) -> torch.Generator:
    """Return random numbers that depend on all of `key` and on nothing else."""
    seed = 0
    for part in key:
        # Odd constants of 64 bits, so that neighbouring keys do not end in neighbouring seeds.
        seed = ((seed ^ part) * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**63
    return torch.Generator().manual_seed(seed)

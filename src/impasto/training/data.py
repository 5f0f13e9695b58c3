"""Streams of training crops from folders and tar files of pictures, the same for the same seed and step."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import images
from impasto.errors import ImageError, InputError
from impasto.events import notice
from impasto.training import sources


class PictureStream:
    """Batches of augmented square crops; batch `n` depends on the seed and on `n` alone, so a run can resume.

    `sources` are tar files or folders of pictures. Crops are cut at a random scale and place, flipped, and
    some are roughened with noise or mixed with another: an encoder is asked about unfinished paintings too.
    Without `rough` they stay as they are, for networks that learn what a good picture looks like.

    A picture is read when it has its turn. One that cannot be read is left out from then on, and another takes the
    turn; a notice names the first, the tenth, the hundredth and so on.

    Raises `InputError` when a source is missing or holds no picture, or none can be read.
    """

    def __init__(
        self, data: Sequence[Path], *, crop: int = 224, batch: int = 4, seed: int = 0, rough: bool = True
    ) -> None:
        self.crop, self.batch, self.seed, self.rough = crop, batch, seed, rough
        self._pictures = [picture for source in data for picture in sources.pictures(source)]
        self._unreadable: set[int] = set()

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self._pictures)

    def __call__(self, step: int) -> Tensor:
        """Return batch `step`: (B, 3, crop, crop), sRGB in [0, 1]."""
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        crops = torch.cat([self._crop(random) for _ in range(self.batch)])
        return _roughen(crops, random) if self.rough else crops

    def _crop(self, random: torch.Generator) -> Tensor:
        pixels = self._drawn(random)
        height, width = pixels.shape[-2:]
        short = min(height, width)
        side = _integer(random, min(short, max(8, int(0.55 * short))), short + 1)
        top, left = _integer(random, 0, height - side + 1), _integer(random, 0, width - side + 1)
        cut = pixels[..., top : top + side, left : left + side]
        if _chance(random, 0.5):
            cut = cut.flip(-1)
        if _chance(random, 0.15):
            cut = cut.transpose(-1, -2)
        return F.interpolate(cut, (self.crop, self.crop), mode="bilinear", antialias=True).clamp(0, 1)

    def _drawn(self, random: torch.Generator) -> Tensor:
        """Draw a picture that can be read; the same from the same state, whatever was found unreadable before."""
        count = len(self._pictures)
        for _ in range(20):
            index = _integer(random, 0, count)
            pixels = self._load(index)
            if pixels is not None:
                return pixels
        # Hardly any can be read: take the next that can.
        for further in range(1, count):
            pixels = self._load((index + further) % count)
            if pixels is not None:
                return pixels
        raise InputError(f"all {count} training pictures could not be read; name other folders or tar files")

    def _load(self, index: int) -> Tensor | None:
        if index in self._unreadable:
            return None
        picture = self._pictures[index]
        try:
            return images.load(picture.read(), max_pixels=sources.MAX_PIXELS).pixels
        except ImageError as error:
            self._unreadable.add(index)
            number = len(self._unreadable)
            if number == 10 ** (len(str(number)) - 1):
                more = f"; {number} by now" if number > 1 else ""
                notice(f"{picture.name}: left out of the training ({str(error).removeprefix('bytes: ')}){more}")
            return None


def _roughen(crops: Tensor, random: torch.Generator) -> Tensor:
    rough = []
    for index, crop in enumerate(crops):
        if _chance(random, 0.2):
            gain = 0.7 + 0.6 * torch.rand(3, 1, 1, generator=random)
            crop = crop * gain + 0.1 * torch.randn(3, 1, 1, generator=random)
        if _chance(random, 0.1):
            crop = torch.lerp(crop, crops[index - 1], 0.2 + 0.6 * float(torch.rand((), generator=random)))
        if _chance(random, 0.25):
            strength = 0.25 * float(torch.rand((), generator=random)) ** 2
            crop = crop + strength * torch.randn(crop.shape, generator=random)
        rough.append(crop)
    return torch.stack(rough).clamp(0, 1)


def _integer(random: torch.Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high, (), generator=random))


def _chance(random: torch.Generator, probability: float) -> bool:
    return bool(torch.rand((), generator=random) < probability)

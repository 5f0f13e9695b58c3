"""Streams of training crops from folders and tar files of pictures, the same for the same seed and step."""

import tarfile
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import images
from impasto.errors import ImageError, InputError
from impasto.events import notice

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp"})


class PictureStream:
    """Batches of augmented square crops; batch `n` depends on the seed and on `n` alone, so a run can resume.

    `sources` are tar files or folders of pictures. Crops are cut at a random scale and place, flipped, and
    some are roughened with noise or mixed with another: an encoder is asked about unfinished paintings too.
    Without `rough` they stay as they are, for networks that learn what a good picture looks like.

    Raises `InputError` when a source is missing or holds no picture.
    """

    def __init__(
        self, sources: Sequence[Path], *, crop: int = 224, batch: int = 4, seed: int = 0, rough: bool = True
    ) -> None:
        self.crop, self.batch, self.seed, self.rough = crop, batch, seed, rough
        self._pictures: list[tuple[str, bytes]] = []
        for source in sources:
            found = _read(source)
            if not found:
                raise InputError(f"{source}: holds no picture ({', '.join(sorted(SUFFIXES))})")
            self._pictures += found

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self._pictures)

    def __call__(self, step: int) -> Tensor:
        """Return batch `step`: (B, 3, crop, crop), sRGB in [0, 1]."""
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        crops = torch.cat([self._crop(random) for _ in range(self.batch)])
        return _roughen(crops, random) if self.rough else crops

    def _crop(self, random: torch.Generator) -> Tensor:
        for _ in range(20):
            name, data = self._pictures[_integer(random, 0, len(self._pictures))]
            try:
                pixels = images.load(data).pixels
            except ImageError as error:
                notice(f"{name}: left out of the training ({error})")
                continue
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
        raise InputError("twenty training pictures in a row could not be read")


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


def _read(source: Path) -> list[tuple[str, bytes]]:
    try:
        if source.is_dir():
            files = sorted(path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES)
            return [(path.name, path.read_bytes()) for path in files]
        with tarfile.open(source) as archive:
            found = []
            for member in archive:
                if member.isfile() and Path(member.name).suffix.lower() in SUFFIXES:
                    stream = archive.extractfile(member)
                    if stream is not None:
                        found.append((Path(member.name).name, stream.read()))
            return found
    except (OSError, tarfile.TarError) as error:
        raise InputError(f"{source}: cannot be read as a folder or tar file of pictures ({error})") from None


def _integer(random: torch.Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high, (), generator=random))


def _chance(random: torch.Generator, probability: float) -> bool:
    return bool(torch.rand((), generator=random) < probability)

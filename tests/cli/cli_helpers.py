"""What the tests of the command line share: small pictures, and what a command left behind."""

import json
from dataclasses import dataclass

import numpy as np
from PIL import Image

SMALL = ("--size", "48", "--iterations", "2", "--encoder", "petite", "--precision", "float32")


@dataclass(frozen=True)
class Outcome:
    status: int
    raw: bytes
    err: str

    @property
    def out(self):
        return self.raw.decode()

    @property
    def json(self):
        return json.loads(self.raw)

    @property
    def error(self):
        """The error's line, which must be the only one of its kind and free of tracebacks."""
        lines = [line for line in self.err.splitlines() if line.startswith("impasto: error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0].removeprefix("impasto: error: ")


def draw(path, seed=0, size=(40, 52), mode="RGB"):
    random = np.random.default_rng(seed)
    channels = len(mode)
    coarse = random.integers(0, 256, (5, 6, channels), dtype=np.uint8)
    Image.fromarray(coarse, mode if channels == 4 else None).resize(size[::-1], Image.Resampling.BICUBIC).save(path)
    return path


def look(path):
    """Return format, (width, height) and mode of a picture file, having closed it."""
    with Image.open(path) as picture:
        picture.load()
        return picture.format, picture.size, picture.mode


def pixels(path, size=None):
    """Return a picture file's pixels as signed numbers, resized to `size` = (width, height)."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
        return np.asarray(picture.resize(size, Image.Resampling.BICUBIC) if size else picture, dtype=np.int16)

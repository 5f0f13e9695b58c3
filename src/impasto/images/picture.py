"""`Picture`: what the rest of impasto means by a picture."""

import io
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from impasto.errors import ImageError, UsageError

_CHUNK = 1 << 20
"""Pixels that are converted at a time."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture: upright, sRGB, with its alpha beside it.

    Raises `ImageError` when the tensors do not have the shapes and dtype given below.
    """

    pixels: Tensor = field(repr=False)
    """(1, 3, H, W) float32, sRGB in [0, 1], not multiplied by alpha."""
    alpha: Tensor | None = field(default=None, repr=False)
    """(1, 1, H, W) float32 in [0, 1], 1 is opaque; None where the source has no alpha channel."""
    name: str = "picture"
    """For messages: the file's base name, never a path."""
    sha256: str = ""
    """Hex digest of the file's bytes, or of the pixels' bytes where there was no file."""
    truncated: bool = False
    """The file was cut off or damaged, and read all the same because the user allowed it."""

    def __post_init__(self) -> None:
        shape = tuple(self.pixels.shape)
        if len(shape) != 4 or shape[:2] != (1, 3) or 0 in shape or self.pixels.dtype != torch.float32:
            raise ImageError(
                f"{self.name}: a picture needs float32 pixels of shape (1, 3, H, W), not {self.pixels.dtype} "
                f"{shape}; impasto.images.load converts other kinds"
            )
        if self.alpha is not None and (
            tuple(self.alpha.shape) != (1, 1, *shape[2:]) or self.alpha.dtype != torch.float32
        ):
            raise ImageError(
                f"{self.name}: alpha must be float32 of shape {(1, 1, *shape[2:])}, "
                f"not {self.alpha.dtype} {tuple(self.alpha.shape)}"
            )

    @property
    def size(self) -> tuple[int, int]:
        """Return (height, width) in pixels."""
        return self.pixels.shape[2], self.pixels.shape[3]

    @cached_property
    def opaque(self) -> bool:
        """Return whether no pixel is transparent."""
        return self.alpha is None or bool((self.alpha >= 1).all())

    def to_numpy(self, bits: int = 8) -> npt.NDArray[Any]:
        """Return (H, W, 3), or (H, W, 4) with alpha, as uint8 or uint16: clamped, rounded to nearest.

        Raises `ImageError` when a pixel is NaN or infinite, `UsageError` for other than 8 or 16 bits.
        """
        check_bits(bits)
        planes = [self.pixels[0]] if self.alpha is None else [self.pixels[0], self.alpha[0]]
        height, width = self.size
        highest, kind = (255, np.uint8) if bits == 8 else (65535, np.uint16)
        samples = np.empty((height, width, 3 + (self.alpha is not None)), kind)
        step = max(1, _CHUNK // width)
        # Some rows at a time: whole pictures of floats on the way would need several times the room of the result.
        for top in range(0, height, step):
            rows = torch.cat([plane[:, top : top + step].detach().cpu() for plane in planes])
            if not bool(torch.isfinite(rows).all()):
                raise ImageError(f"{self.name}: has NaN or infinite pixels; nothing sensible can be written")
            levels = rows.clamp_(0, 1).mul_(highest).round_().permute(1, 2, 0).contiguous()
            samples[top : top + step] = levels.numpy().astype(kind)
        return samples

    def to_pil(self, bits: int = 8) -> Image.Image:
        """Return a Pillow picture, RGB or RGBA.

        Raises `UsageError` for 16 bits: Pillow has no such colour mode (`images.encode` writes 16 bits itself).
        """
        if bits != 8:
            raise UsageError(f"bits={bits}: Pillow pictures have 8; use images.encode or images.save for 16")
        return Image.fromarray(self.to_numpy())

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.to_pil().save(stream, "PNG")
        return stream.getvalue()


def check_bits(bits: int) -> None:
    """Raise `UsageError` unless `bits`, per channel, is 8 or 16."""
    if bits not in (8, 16):
        raise UsageError(f"bits={bits!r}: must be 8 or 16")

"""What a painting may use of the machine, as options spell it."""

import re
from typing import Literal

from impasto.errors import UsageError

UNITS = {"": 1, "b": 1}
UNITS |= {f"{letter}{kind}": base**power for power, letter in enumerate("kmgt", 1) for kind, base in (
    ("b", 1000), ("ib", 1024), ("", 1024))}  # fmt: skip


def parse_bytes(text: str | None) -> int | None:
    """Read `4GiB`, `4G` (the same), `500MB` (of 1000 kB) or a number of bytes.

    Raises `UsageError` for anything else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([a-z]{0,3})", text.strip().lower())
    size_bytes = round(float(match[1]) * UNITS[match[2]]) if match is not None and match[2] in UNITS else 0
    if size_bytes < 1:
        raise UsageError(f"--memory {text[:40]}: is no amount of memory; give one like 4GiB, 500MB or 2000000000")
    return size_bytes


def parse_tile(text: str) -> int | Literal["auto", "off"]:
    """Read `auto`, `off` or a number of pixels.

    Raises `UsageError` for anything else.
    """
    if text == "auto":
        return "auto"
    if text == "off":
        return "off"
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 6 and int(text) >= 1):
        raise UsageError(f"--tile {text[:40]}: give auto, off, or the side of a tile in pixels, for example 1024")
    return int(text)


def load_torch(threads: int | None) -> None:
    """Load torch, which takes a second, and let it compute with so many threads; None: as many as it likes."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)

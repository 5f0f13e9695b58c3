"""The sample photographs and paintings that come with impasto, and what is to be known of them without Pillow."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent
KINDS = {"photo": "photos", "style": "styles"}


def folder(package: Path = PACKAGE) -> Path | None:
    """Find the samples: in the installed package, or beside the source of one that is developed."""
    for place in (package / "samples", package.parent.parent / "assets"):
        if all((place / name).is_dir() for name in KINDS.values()):
            return place
    return None


@cache
def files() -> dict[str, Path]:
    """Return the samples by id, such as `photo-cat`."""
    place = folder()
    if place is None:
        return {}
    return {
        f"{kind}-{path.stem}": path for kind, name in KINDS.items() for path in sorted((place / name).glob("*.jpg"))
    }


@cache
def measured() -> dict[str, dict[str, Any]]:
    """Return width, height and sha256 of the samples by id: from the heads of the files, so that the page waits for
    nothing that is slow to start."""
    facts = {}
    for key, path in files().items():
        data = path.read_bytes()
        width, height = jpeg_size(data)
        facts[key] = {"width": width, "height": height, "sha256": hashlib.sha256(data).hexdigest()}
    return facts


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) of a JPEG, from its first start-of-frame segment (ITU-T T.81, B.2.2).

    Raises `ValueError` where there is none.
    """
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        kind, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        # C4, C8 and CC are tables and an extension among the frames' numbers.
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        at += 2 + length
    raise ValueError("no frame begins")

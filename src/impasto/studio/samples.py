"""The sample photographs and paintings that come with impasto."""

from functools import cache
from pathlib import Path

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

"""Pictures that other programs painted, joined to the pairs of a benchmark by their names."""

from collections.abc import Iterable
from pathlib import Path

from impasto.errors import ImageError, UsageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif", ".heic", ".heif")
"""Of files that are taken for pictures."""
BETWEEN = ("_", "-", "+", "__", "--", "_stylized_", "_stylised_", "_x_", "_to_", "_in_")
"""What may stand between the names of photograph and painting."""


def pictures_in(folder: Path) -> list[Path]:
    """Return the files of a folder that are pictures by their suffix, sorted; hidden ones are not.

    Raises `ImageError` where there is none.
    """
    try:
        pictures = [
            path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        ]
    except OSError as error:
        raise ImageError(f"{folder}: cannot be read ({error.strerror or error}); name a folder of pictures") from None
    if not pictures:
        raise ImageError(f"{folder}: has no pictures ({', '.join(SUFFIXES)})")
    return sorted(pictures)


def split_added(texts: Iterable[str]) -> dict[str, Path]:
    """Take `NAME=DIR` apart. Raises `UsageError` for what has no name, or one that is there twice."""
    folders: dict[str, Path] = {}
    for text in texts:
        name, equals, rest = text.partition("=")
        if not equals or not name or not rest:
            raise UsageError(f"--add {text}: give a name and a folder: --add theirs=DIR")
        if name in folders:
            raise UsageError(f"--add {name}: is there twice; name each folder once")
        folders[name] = Path(rest)
    return folders


def find(folder: Path, content: str, style: str) -> Path | None:
    """Return the picture of a pair in another program's folder; None where there is none.

    Its name is that of the photograph and that of the painting with one of `BETWEEN` between them, in whatever case; or
    the folder has one of them as a folder, and that has the other as a picture.
    """
    names = {f"{content}{between}{style}".casefold() for between in BETWEEN}
    for path in _listed(folder):
        if path.stem.casefold() in names:
            return path
    for outer, inner in ((content, style), (style, content)):
        for path in _listed(folder / outer):
            if path.stem.casefold() == inner.casefold():
                return path
    return None


def _listed(folder: Path) -> list[Path]:
    try:
        return pictures_in(folder)
    except ImageError:
        return []

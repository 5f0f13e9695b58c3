"""A batch that is killed again and again, in processes of its own: `python batch_killing.py FOLDER [SHARDS]`."""

import sys
from pathlib import Path
from typing import Any

import impasto

SETTINGS: dict[str, Any] = {
    "method": "gatys",
    "size": 64,
    "levels": 1,
    "iterations": 3,
    "encoder": "petite",
    "precision": "float32",
}


def jobs(folder: Path) -> list[dict[str, object]]:
    """Every photograph in `in`, in two styles."""
    styles = sorted((folder / "styles").iterdir())
    return [
        {"content": photo, "styles": [style], "output": f"{photo.stem}_{style.stem}.png"}
        for photo in sorted((folder / "in").iterdir())
        for style in styles
    ]


def main(folder: Path, shards: int | None = None) -> None:
    """Paint what is not there yet, and say what was painted."""
    options: dict[str, Any] = {"workers": 2, "threads": 1, "resume": True, "shards": shards}
    for done in impasto.batch(jobs(folder), folder / "out", **options, **SETTINGS):
        print(done.index, done.state, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))

"""Paint the pictures of docs/gallery.md by the commands on it: `python scripts/gallery_pictures.py [NAME ...]`."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "gallery.md"
FOLDER = ROOT / "docs" / "figures" / "gallery"
PICTURE = re.compile(r"!\[[^\]]*\]\(figures/gallery/([\w.]+)\)\n\n```sh\n(impasto [^\n]*)\n```")


def pictures(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each picture of the page with the words of its command."""
    for name, command in PICTURE.findall(text):
        yield name, shlex.split(command)


if __name__ == "__main__":
    wanted = set(sys.argv[1:])
    FOLDER.mkdir(exist_ok=True)
    for name, words in pictures(PAGE.read_text("utf-8")):
        if not wanted or name in wanted:
            words[words.index("-o") + 1] = str(FOLDER / name)
            subprocess.run([sys.executable, "-m", *words, "--force", "--quality", "85"], cwd=ROOT, check=True)

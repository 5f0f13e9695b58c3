"""The sheet of docs/evaluation.md: what each method of a benchmark made of some pairs, painted pictures alone.

python scripts/evaluation_pictures.py report/results.json docs/figures/evaluation.jpg cat_munch_scream
"""

import argparse
import json
from pathlib import Path

from impasto import images
from impasto.images import Tile, contact_sheet, save


def main() -> None:
    """Draw a row for each pair, and a column for each method that painted them all."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("results", type=Path, help="results.json of a benchmark")
    options.add_argument("sheet", type=Path, help="where the sheet goes")
    options.add_argument("pairs", nargs="+", metavar="PHOTOGRAPH_PAINTING")
    given = options.parse_args()
    files: dict[str, dict[str, Path]] = {}
    for picture in json.loads(given.results.read_text())["pictures"]:
        pair = f"{picture['content']}_{picture['style']}"
        files.setdefault(picture["method"], {})[pair] = given.results.parent / picture["file"]
    methods = [method for method, painted in files.items() if set(given.pairs) <= painted.keys()]
    rows = [[Tile(images.load(files[method][pair])) for method in methods] for pair in given.pairs]
    names = [pair.replace("_", " ") for pair in given.pairs]
    save(contact_sheet(rows, height=150, columns=methods, names=names), given.sheet, force=True, quality=85)


if __name__ == "__main__":
    main()

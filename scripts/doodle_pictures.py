"""Paint the picture of docs/patches.md: `python scripts/doodle_pictures.py --shared ../shared`.

Three doodles with their paintings (Champandard's examples), painted by every method that optimises. Pictures are kept
under --work and painted only once; the sheet goes to docs/figures/doodles.jpg.
"""

import argparse
from pathlib import Path

from impasto import Picture, load, stylize
from impasto.images import Tile, contact_sheet, save

ROOT = Path(__file__).resolve().parent.parent
SIDE = 384
DOODLES = {"coastline_monet": "Monet", "landscape_renoir": "Renoir", "seth_gogh": "Van Gogh"}
BY = ("doodle", "mrf", "gatys")


def paint(folder: Path, method: str, work: Path) -> Tile:
    """Paint the doodle of a folder, or take it from `work`."""
    path = work / f"{folder.name}-{method}.png"
    if not path.exists():
        result = stylize(
            None,
            folder / "style.jpg",
            method=method,
            size=SIDE,
            content_mask=folder / "content_mask.png",
            style_masks=folder / "style_mask.png",
        )
        result.save(path)
        print(f"{path}: {result.timings['total']:.1f} s")
    return Tile(load(path))


def sheet(shared: Path, work: Path) -> Picture:
    """Mask, style with its mask, and what is painted; a row for each doodle."""
    rows = []
    for name in DOODLES:
        folder = shared / "images" / "masks" / f"doodle_{name}"
        inputs = [Tile(load(folder / part)) for part in ("style.jpg", "style_mask.png", "content_mask.png")]
        rows.append([*inputs, *(paint(folder, method, work) for method in BY)])
    columns = ["painting", "its mask", "doodle", *(f"by {method}" for method in BY)]
    return contact_sheet(rows, height=230, columns=columns, names=list(DOODLES.values()))


def main() -> None:
    """Paint and lay out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--work", type=Path, default=Path("out/doodles"))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures" / "doodles.jpg")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    found = sheet(options.shared, options.work)
    save(found, options.out, quality=86, force=True)
    print(f"{options.out}: {found.size[1]}x{found.size[0]}")


if __name__ == "__main__":
    main()

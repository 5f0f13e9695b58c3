"""Paint docs/figures/portraits.jpg: `python scripts/portrait_pictures.py --shared ../shared`.

Three heads by gatys and by portrait, at the same settings. The first is the pair of Figure 4 of the CS229 report, as
scripts/cs229_pictures.py cuts it. Paintings are kept under --work and painted only once.
"""

import argparse
import json
from pathlib import Path

from impasto import Picture, load, stylize
from impasto.images import Tile, contact_sheet, save

ROOT = Path(__file__).resolve().parent.parent
LANDMARKS = ROOT / "assets" / "landmarks"
SIDE = 448
PAIRS = {
    "portrait_man": "van_gogh_self_1889",
    "kodim04_woman_redhat": "van_gogh_self_strawhat",
    "astronaut": "matisse_woman_hat",
}
CUTS = {"portrait_man": (0.05, 0.0, 0.64, 0.76), "astronaut": (0.16, 0.0, 0.76, 0.68)}
"""(left, top, right, bottom) of what is painted, in fractions; a portrait, not a room with a man in it."""


def photograph(shared: Path, name: str) -> tuple[Picture, dict[str, object]]:
    """Return a photograph, cut, with its landmarks."""
    own = ROOT / "assets" / "photos" / f"{name}.jpg"
    picture = load(own if own.exists() else shared / "images" / "content" / f"{name}.jpg")
    said = json.loads((LANDMARKS / f"{name}.json").read_text("utf-8"))
    left, top, right, bottom = CUTS.get(name, (0.0, 0.0, 1.0, 1.0))
    height, width = picture.size
    rows, columns = slice(int(top * height), int(bottom * height)), slice(int(left * width), int(right * width))
    cut = Picture(picture.pixels[..., rows, columns], name=name)
    said["points"] = [[(x - left) / (right - left), (y - top) / (bottom - top)] for x, y in said["points"]]
    return cut, said


def row(shared: Path, work: Path, name: str, style: str) -> list[Tile]:
    """Paint one head twice."""
    photo, points = photograph(shared, name)
    painting = shared / "images" / "style" / f"{style}.jpg"
    tiles = [Tile(photo, label="photograph"), Tile(load(painting), label=style.replace("_", " "))]
    for method in ("gatys", "portrait"):
        path = work / f"{method}-{name}-{style}.png"
        if not path.exists():
            own = method == "portrait"
            result = stylize(
                photo,
                painting,
                method=method,
                size=SIDE,
                encoder="petite",
                content_landmarks=points if own else None,
                style_landmarks=LANDMARKS / f"{style}.json" if own else None,
            )
            result.save(path)
            print(f"{path}: {result.timings['total']:.1f} s")
        tiles.append(Tile(load(path), label=method))
    return tiles


def main() -> None:
    """Paint the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--work", type=Path, default=Path("out/portraits"))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures" / "portraits.jpg")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    sheet = contact_sheet([row(options.shared, options.work, *pair) for pair in PAIRS.items()], height=360)
    save(sheet, options.out, quality=86, force=True)
    print(f"{options.out}: {sheet.size[1]}x{sheet.size[0]}")


if __name__ == "__main__":
    main()

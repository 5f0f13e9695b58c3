"""Frame after frame: a window pans over a photograph, painted by a method that takes a fraction of a second."""

import sys
from pathlib import Path

import impasto
from impasto.images import resize, save

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def main(out: Path, size: int = 256, frames: int = 8) -> list[impasto.Picture]:
    """Paint `frames` windows of a photograph; networks are loaded, and the style is measured, once."""
    wide = resize(impasto.load(ASSETS / "photos" / "coffee.jpg").pixels, (size, size * 3 // 2))[0]
    windows = [wide[:, :, 4 * number : 4 * number + size] for number in range(frames)]
    recipe = impasto.Recipe.parse({"method": "linear", "size": size})
    painting = impasto.begin(windows[0], ASSETS / "styles" / "watercolour.jpg", recipe)
    painted = list(painting.frames(windows))
    out.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(painted):
        save(picture, out / f"{number:03d}.png", force=True)
    return painted


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "frames"))

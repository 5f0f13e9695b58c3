"""Regions: found in both pictures, each painted with its own part of the painting; one region stays a photograph."""

import sys
from pathlib import Path

import impasto
from impasto import encoders
from impasto.masks import automatic

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def main(out: Path, size: int = 512, iterations: int = 200) -> impasto.Result:
    """Find two regions that photograph and painting share, and paint all but the largest."""
    photo = impasto.load(ASSETS / "photos" / "rocket.jpg")
    painting = impasto.load(ASSETS / "styles" / "watercolour.jpg")
    encoder = encoders.create("petite")
    regions = automatic.automatic(photo, [painting], encoder, count=2)
    recipe = impasto.Recipe.parse({"size": size, "iterations": iterations, "keep": [regions.names[0]]})
    stylizer = impasto.Stylizer(photo, painting, recipe, encoder=encoder, regions=regions)
    for _ in stylizer:
        pass
    result = stylizer.result()
    result.save(out, force=True)
    return result


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "rocket_regions.png"))

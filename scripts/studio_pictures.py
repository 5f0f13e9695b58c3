"""Paint the small pictures of the studio's choice of methods: `python scripts/studio_pictures.py [METHOD ...]`.

One photograph and one painting of ours, by every method; a method that learnt a style paints that of its network, and
`texture_net` the texture alone. They go to `src/impasto/studio/static/methods/NAME.jpg`.
"""

import sys
from pathlib import Path

from impasto import Recipe, begin, load
from impasto.images import Picture, resize, save
from impasto.recipe.catalogue import METHODS
from impasto.recipe.shipped_networks import shipped

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "src" / "impasto" / "studio" / "static" / "methods"
STYLE = "swirls"
SIDE = 320
"""Long side that is painted: strokes of the usual 512 pixels would be lost in a picture as small as what is shown."""
STEPS = 80
"""Steps of methods that optimise: what more of them bring cannot be seen in so small a picture."""
SHOWN = (120, 180)
"""(height, width) of what is shown, twice the pixels that it has on the page, for sharp screens."""


def paint(name: str) -> Picture:
    """Paint the photograph by a method, and cut out the middle."""
    method = METHODS[name]
    photo = None if name == "texture_net" else load(ROOT / "assets" / "photos" / "cat.jpg")
    styles = [load(ROOT / "assets" / "styles" / f"{STYLE}.jpg")] if method.styles else []
    steps = {"iterations": STEPS} if method.optimizes else {}
    recipe = Recipe.parse({"method": name, "size": SIDE, **steps})
    if "network" in method.settings:
        recipe = recipe.replace(network=STYLE if STYLE in shipped(name) else next(iter(shipped(name))))
    painting = begin(photo, styles, recipe)
    for _ in painting:
        pass
    pixels = painting.result().picture.pixels
    height, width = pixels.shape[-2:]
    scale = max(SHOWN[0] / height, SHOWN[1] / width)
    pixels = resize(pixels, (max(SHOWN[0], round(height * scale)), max(SHOWN[1], round(width * scale))))
    top, left = (pixels.shape[-2] - SHOWN[0]) // 2, (pixels.shape[-1] - SHOWN[1]) // 2
    return Picture(pixels[..., top : top + SHOWN[0], left : left + SHOWN[1]], name=name)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or METHODS:
        save(paint(name), FOLDER / f"{name}.jpg", quality=82, force=True)
        print(name, (FOLDER / f"{name}.jpg").stat().st_size)

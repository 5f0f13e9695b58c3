"""The same, in two styles at once, from pictures that are already in memory."""

import sys
from pathlib import Path

from PIL import Image

import impasto

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def main(out: Path, size: int = 512, iterations: int = 200) -> impasto.Result:
    """Blend the targets of two paintings, seven parts to three; PIL images, arrays and tensors all do."""
    photo = Image.open(ASSETS / "photos" / "cat.jpg")
    paintings = [Image.open(ASSETS / "styles" / f"{name}.jpg") for name in ("woodblock", "stained_glass")]
    result = impasto.stylize(
        photo, paintings, encoder="petite", size=size, iterations=iterations, style_weights=(0.7, 0.3)
    )
    result.save(out, force=True)
    return result


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "cat_two_styles.png"))

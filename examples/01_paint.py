"""Paint a photograph in the style of a painting: `python examples/01_paint.py OUT`."""

import sys
from pathlib import Path

import impasto

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def main(out: Path, size: int = 512, iterations: int = 200) -> impasto.Result:
    """Paint with the encoder that ships in the package, and save the picture with its recipe inside."""
    result = impasto.stylize(
        ASSETS / "photos" / "cat.jpg",
        ASSETS / "styles" / "palette_knife.jpg",
        encoder="petite",
        size=size,
        iterations=iterations,
    )
    result.save(out, force=True)
    return result


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "cat_palette_knife.png"))

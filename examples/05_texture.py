"""No photograph at all: a texture of one painting, which repeats without seams."""

import sys
from pathlib import Path

import impasto

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def main(out: Path, size: int = 256, iterations: int = 200) -> impasto.Result:
    """Return None for the photograph; sides of a tile come in steps of 16 pixels."""
    style = ASSETS / "styles" / "stained_glass.jpg"
    result = impasto.stylize(
        None, style, preset="texture", tileable=True, encoder="petite", size=size, iterations=iterations
    )
    result.save(out, force=True)
    return result


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "tile.png"))

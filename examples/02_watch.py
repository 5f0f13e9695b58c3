"""The same, watching: print the losses, and stop when they hardly fall any more."""

import sys
from pathlib import Path

import impasto

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def main(out: Path, size: int = 512, iterations: int = 200) -> impasto.Result:
    """Iterate over `Progress`; leaving the loop early keeps the picture so far."""
    recipe = impasto.Recipe.parse({"size": size, "iterations": iterations})
    stylizer = impasto.Stylizer(
        ASSETS / "photos" / "cat.jpg", ASSETS / "styles" / "palette_knife.jpg", recipe, encoder="petite"
    )
    before = float("inf")
    for progress in stylizer:
        if progress.step % 10 == 0:
            print(f"{progress.size[1]}x{progress.size[0]} step {progress.step}/{progress.steps}: {progress.losses}")
            if progress.level == progress.levels - 1 and progress.loss > 0.995 * before:
                break
            before = progress.loss
    result = stylizer.result()
    result.save(out, force=True)
    return result


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "cat_watched.png"))

"""Paint small pictures half way, and keep their inputs, recipes, checkpoints and results as test data.

    python scripts/make_compat_data.py tests/data/COMMIT

Run at a commit whose files later versions have to read; tests/test_compatibility.py goes on with what it left.
"""

import sys
from pathlib import Path
from typing import Any

import torch
from hash_methods import OTHER, PHOTO, STYLE

import impasto
from impasto.images import Picture, save

PLAIN = {"encoder": "petite", "precision": "float32", "size": 32, "iterations": 6, "levels": 1}
CASES: dict[str, dict[str, Any]] = {
    "gatys": {"method": "gatys", "solver": "adam", "normalisation": "gatys", "global_share": 0.25},
    "gatys-lbfgs": {"method": "gatys", "history": 2, "layer_shares": "relu1_1=1:0", "region_share": "equal"},
    "mrf": {"method": "mrf", "history": 1, "patch_every": 4},
    "nnst": {"method": "nnst", "content_share": 0.5, "neighbour_layers": "relu1_1,relu3_1", "finishing_steps": 0},
    "strotss": {"method": "strotss"},
}


def main() -> None:
    """Write the files."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, pixels in (("photo", PHOTO), ("style", STYLE), ("other", OTHER)):
        save(Picture(pixels[None], name=name), folder / f"{name}.png", force=True)
    torch.set_num_threads(1)
    for name, settings in CASES.items():
        recipe = impasto.Recipe.parse({**PLAIN, **settings})
        styles = [folder / "style.png", folder / "other.png"] if "layer_shares" in settings else [folder / "style.png"]
        painting = impasto.begin(folder / "photo.png", styles, recipe)
        for progress in painting:
            if progress.total_step == 3:
                painting.checkpoint().save(folder / f"{name}.checkpoint")
        painting.result().save(folder / f"{name}.png", force=True)


if __name__ == "__main__":
    main()

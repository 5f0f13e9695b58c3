"""What a start by a network buys the optimisation: `python benchmarks/refine.py PAIRS --size 384`.

PAIRS is a text file: a photograph and a painting on each line, relative to it. The default objective is minimised from
the photograph, as `gatys` does with 50 (draft) and 200 (standard) steps over the pyramid, and from what a feed-forward
method paints, with so many steps at full size (`refine`). All losses are of the result as it would be saved, over that
of `gatys` with 200 steps; seconds count networks, targets and steps, over those of `gatys` with 50. With `--network
NAME` the pairs are painted by johnson too, whose style the painting of each pair then has to be.
"""

import time
from functools import partial
from pathlib import Path
from typing import Any

import harness
import torch
from quality import final_loss

from impasto import Recipe, Stylizer, begin
from impasto.painting.refined import RefinedPainting

GATYS = (50, 200)


def paint(content: Path, style: Path, out: Path, settings: dict[str, Any]) -> dict[str, float]:
    """Paint one pair; return loss and seconds."""
    recipe = Recipe.parse(settings)
    began = time.monotonic()
    painting = begin(content, [style], recipe)
    for _ in painting:
        pass
    result = painting.result()
    seconds = time.monotonic() - began
    result.save(out, force=True)
    if isinstance(painting, RefinedPainting):
        return {"loss": final_loss(painting.second), "seconds": seconds}
    if isinstance(painting, Stylizer):
        return {"loss": final_loss(painting), "seconds": seconds}
    # The objective is that of `gatys`, which paints nothing here.
    gatys = Stylizer(content, [style], Recipe.parse({"size": recipe.size, "levels": 1, "init": "file"}), init_image=out)
    return {"loss": final_loss(gatys), "seconds": seconds}


def main() -> None:
    """Print a table."""
    parser = harness.parser(__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--methods", nargs="*", default=["wct", "adain", "linear"])
    parser.add_argument("--network", help="of johnson")
    parser.add_argument("--refine", type=int, nargs="*", default=[0, 10, 20, 40])
    parser.add_argument("--work", type=Path, default=Path("out/refine"))
    options = parser.parse_args()
    pairs = harness.pairs(options.pairs)
    ways: dict[str, dict[str, Any]] = {f"gatys, {steps} steps": {"iterations": steps} for steps in GATYS}
    methods = [*options.methods, *(["johnson"] if options.network else [])]
    for method in methods:
        for steps in options.refine:
            settings = {"method": method, "refine": steps}
            if method == "johnson":
                settings["network"] = options.network
            ways[f"{method}, refine {steps}"] = settings
    measured: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for content, style in pairs:
        for way, settings in ways.items():
            name = f"{options.size}-{content.stem}-{style.stem}-{way.replace(', ', '-').replace(' ', '_')}"
            paint_pair = partial(
                paint, content, style, options.work / f"{name}.png", {"size": options.size, **settings}
            )
            measured[way].append(harness.remembered(options.work / f"{name}.json", paint_pair))
    harness.heading(f"{len(pairs)} pairs, {options.size} px, petite", threads=torch.get_num_threads())
    draft, standard = (measured[f"gatys, {steps} steps"] for steps in GATYS)
    table = harness.Table("way", "loss over gatys with 200", "seconds over gatys with 50")
    for way, figures in measured.items():
        losses, seconds = harness.ratios(figures, standard, "loss"), harness.ratios(figures, draft, "seconds")
        table.row(way, harness.spread(losses), harness.spread(seconds))


if __name__ == "__main__":
    main()

"""What a start by a network buys the optimisation: `python benchmarks/refine.py PAIRS --size 384`.

PAIRS is a text file: a photograph and a painting on each line, relative to it. The default objective is minimised from
the photograph, as `gatys` does with 50 (draft) and 200 (standard) steps over the pyramid, and from what a method paints
in one go, with so many steps at full size (`refine`). All losses are of the result as it would be saved, over that of
`gatys` with 200 steps; seconds count networks, targets and steps, over those of `gatys` with 50. With `--network NAME`
the pairs are painted by johnson too, whose style the painting of each pair then has to be.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from quality import judged

from impasto import Recipe, Stylizer, begin
from impasto.painting.refined import RefinedPainting

GATYS = (50, 200)


def paint(content: Path, style: Path, out: Path, settings: dict[str, Any]) -> dict[str, float]:
    """Paint one pair; give loss and seconds."""
    recipe = Recipe.parse(settings)
    began = time.monotonic()
    painting = begin(content, [style], recipe)
    for _ in painting:
        pass
    result = painting.result()
    seconds = time.monotonic() - began
    result.save(out, force=True)
    if isinstance(painting, RefinedPainting):
        return {"loss": judged(painting.second), "seconds": seconds}
    if isinstance(painting, Stylizer):
        return {"loss": judged(painting), "seconds": seconds}
    # Judged as `gatys` would judge it, which paints nothing here.
    judge = Stylizer(content, [style], Recipe.parse({"size": recipe.size, "levels": 1, "init": "file"}), init_image=out)
    return {"loss": judged(judge), "seconds": seconds}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--methods", nargs="*", default=["wct", "adain", "linear"])
    parser.add_argument("--network", help="of johnson")
    parser.add_argument("--refine", type=int, nargs="*", default=[0, 10, 20, 40])
    parser.add_argument("--work", type=Path, default=Path("out/refine"))
    options = parser.parse_args()
    lines = [line.split() for line in options.pairs.read_text("utf-8").splitlines() if line.strip()]
    pairs = [(options.pairs.parent / content, options.pairs.parent / style) for content, style in lines]
    options.work.mkdir(parents=True, exist_ok=True)
    ways: dict[str, dict[str, Any]] = {f"gatys, {steps} steps": {"iterations": steps} for steps in GATYS}
    methods = [*options.methods, *(["johnson"] if options.network else [])]
    for method in methods:
        for steps in options.refine:
            settings = {"method": method, "refine": steps}
            if method == "johnson":
                settings["network"] = options.network
            ways[f"{method}, refine {steps}"] = settings
    found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for content, style in pairs:
        for way, settings in ways.items():
            name = f"{options.size}-{content.stem}-{style.stem}-{way.replace(', ', '-').replace(' ', '_')}"
            kept = options.work / f"{name}.json"
            if not kept.exists():
                record = paint(content, style, options.work / f"{name}.png", {"size": options.size, **settings})
                kept.write_text(json.dumps(record))
            found[way].append(json.loads(kept.read_text()))
    print(f"{len(pairs)} pairs, {options.size} px, petite, {torch.get_num_threads()} threads\n")
    draft, standard = (found[f"gatys, {steps} steps"] for steps in GATYS)
    print("| way | loss over gatys with 200 | seconds over gatys with 50 |\n|---|---|---|")
    for way, rows in found.items():
        losses = [row["loss"] / other["loss"] for row, other in zip(rows, standard, strict=True)]
        seconds = [row["seconds"] / other["seconds"] for row, other in zip(rows, draft, strict=True)]
        cells = (f"{statistics.median(v):.2f} ({min(v):.2f}-{max(v):.2f})" for v in (losses, seconds))
        print(f"| {way} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()

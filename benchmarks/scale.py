"""How time and memory grow with the picture: `python benchmarks/scale.py`.

Seconds per step and the peak memory of a painting from 0.25 to 64 megapixels, beside what was predicted for them. Every
case is a process of its own; cases are interleaved over the rounds. The peak is that of the whole path: encoder, steps,
and saving a PNG. With a limit (--memory), what is larger is painted in tiles.

`per pixel` is the time of a step per pixel over that of the row above (1 is linear growth); `estimated` and `predicted`
are what the planner says over what was measured.
"""

import argparse
import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SIDES = (512, 1024, 2048, 4096, 8192)
PHOTO = 2048
"""Longest side of the photograph: print sizes are larger than what cameras give."""


def child(case: dict[str, Any], steps: int) -> None:
    """Run one case and print its figures as JSON."""
    import torch

    from impasto import Recipe, Stylizer, load
    from impasto.images import Picture, crop_to_aspect, resize

    side = case["side"]
    photo = load(ROOT / "assets" / "photos" / "astronaut.jpg").pixels
    small = (min(side, PHOTO), min(side, PHOTO))
    content = Picture(resize(crop_to_aspect(photo, small), small))
    style = load(ROOT / "assets" / "styles" / "swirls.jpg")
    encoder = case["encoder"] if case["encoder"] == "petite" else Path(case["encoder"])
    # More steps are planned than taken: the history is then laid out, and predicted, in full.
    recipe = Recipe.parse({"size": side, "levels": 1, "iterations": 40, "precision": case["precision"]})
    memory = None if case["memory"] is None else int(case["memory"] * 2**30)
    began = time.perf_counter()
    stylizer = Stylizer(content, style, recipe, encoder=encoder, memory=memory, tile=case["tile"])
    predicted = stylizer.memory_bytes
    times = []
    for progress in stylizer:
        times.append(time.perf_counter())
        if progress.total_step > steps:
            break
    del progress
    with tempfile.TemporaryDirectory() as folder:
        stylizer.result().save(Path(folder) / "out.png")
    plan = stylizer.plans[-1]
    figures = {
        "step_s": statistics.median(later - earlier for earlier, later in itertools.pairwise(times)),
        "first_s": times[0] - began,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "predicted_mib": predicted / 2**20,
        "tiles": len(plan.grid.tiles),
        "overhead": plan.grid.overhead,
        "file": plan.keeping.file,
        "threads": torch.get_num_threads(),
    }
    figures["estimated_step_s"] = stylizer.seconds() / (recipe.iterations + 1)
    print(json.dumps(figures))


def main() -> None:
    """Run all cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="petite", help="petite, or a file of weights")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--sides", nargs="+", type=int, default=list(SIDES))
    parser.add_argument("--memory", type=float, help="GiB that a painting may use; all that is free if not given")
    parser.add_argument("--tile", default="auto", help="auto, off or pixels")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1, help="steps that are timed, after a first one")
    parser.add_argument("--work", type=Path, default=Path("out/scale"))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(json.loads(options.child), options.steps)
        return
    tile = int(options.tile) if options.tile.isdigit() else options.tile
    shared = {"encoder": options.encoder, "precision": options.precision, "memory": options.memory, "tile": tile}
    cases = [{"side": side, **shared} for side in options.sides]
    found: list[list[dict[str, float]]] = [[] for _ in cases]
    options.work.mkdir(parents=True, exist_ok=True)
    for turn in range(options.rounds):
        for case, figures in zip(cases, found, strict=True):
            told = "-".join(str(value) for value in case.values()).replace("/", "_")
            kept = options.work / f"{told}-{options.steps}-{turn}.json"
            if not kept.exists():
                command = [sys.executable, __file__, "--child", json.dumps(case), "--steps", str(options.steps)]
                kept.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            figures.append(json.loads(kept.read_text()))
    describe = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(describe, capture_output=True, text=True, cwd=ROOT, check=False).stdout.strip()
    print(f"commit {commit or 'unknown'}; {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"{found[0][0]['threads']:.0f} threads; {Path(options.encoder).stem}, {options.precision}; ", end="")
    limit = "no limit" if options.memory is None else f"{options.memory:g} GiB"
    print(f"{limit}; {options.rounds} rounds: median (lowest-highest)\n")
    print(
        "| megapixels | tiles | encoded | history | s per step | estimated | per pixel | peak MiB | predicted |", end=""
    )
    print(" peak over the last |\n|---|---|---|---|---|---|---|---|---|---|")
    before: dict[str, float] | None = None
    for case, figures in zip(cases, found, strict=True):
        middle = {key: statistics.median(one[key] for one in figures) for key in figures[0]}
        middle["pixel_s"] = middle["step_s"] / case["side"] ** 2
        cells = [f"{case['side'] ** 2 / 1e6:.2f}", f"{middle['tiles']:.0f}", f"{middle['overhead']:.2f}"]
        cells.append("file" if middle["file"] else "memory")
        cells.append(spread([one["step_s"] for one in figures], 2))
        cells.append(f"{middle['estimated_step_s'] / middle['step_s']:.2f}")
        cells.append("" if before is None else f"{middle['pixel_s'] / before['pixel_s']:.2f}")
        cells.append(spread([one["peak_mib"] for one in figures], 0))
        cells.append(f"{middle['predicted_mib'] / middle['peak_mib']:.2f}")
        cells.append("" if before is None else f"{middle['peak_mib'] / before['peak_mib']:.2f}")
        print("| " + " | ".join(cells) + " |")
        before = middle


def spread(values: list[float], digits: int) -> str:
    """Return the median, and the lowest and highest."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


if __name__ == "__main__":
    main()

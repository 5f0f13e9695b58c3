"""Seconds per step and per picture, and peak memory, of painting: `python benchmarks/paint.py`.

Every case runs in a process of its own, so that peak memory is the case's and nothing is warm but the disk. Cases
are interleaved over the rounds: a machine that slows down slows all of them. Steps are timed inside the process;
the first two are left out, because they pay for oneDNN's preparation.
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
import time
from pathlib import Path

ASSETS = Path(__file__).resolve().parent.parent / "assets"
SIZES = {"256": (192, 256), "512": (384, 512), "600x800": (600, 800)}


def child(case: dict[str, str], steps: int, whole: bool) -> None:
    """Run one case and print its figures as JSON."""
    import torch

    from impasto import Recipe, Stylizer, load
    from impasto.images import Picture, crop_to_aspect, resize

    size = SIZES[case["size"]]
    photo = load(ASSETS / "photos" / "astronaut.jpg")
    content = Picture(resize(crop_to_aspect(photo.pixels, size), size))
    style = load(ASSETS / "styles" / "swirls.jpg")
    encoder = case["encoder"] if case["encoder"] == "petite" else Path(case["weights"])
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    recipe = Recipe.parse({"size": max(size), "levels": 1, "iterations": steps, "precision": case["precision"]})
    times = []
    for _ in Stylizer(content, style, recipe, encoder=encoder):
        times.append(time.perf_counter())
    taken = [later - earlier for earlier, later in itertools.pairwise(times)][1:]
    figures = {
        "step_s": statistics.median(taken),
        "setup_s": times[0] - began,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "base_mib": base / 1024,
        "threads": torch.get_num_threads(),
    }
    if whole:
        began = time.perf_counter()
        recipe = Recipe.parse({"size": max(size), "precision": case["precision"]})
        for _ in Stylizer(content, style, recipe, encoder=encoder):
            pass
        figures["picture_s"] = time.perf_counter() - began
    print(json.dumps(figures))


def main() -> None:
    """Run all cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vgg19", type=Path, help="a file of VGG-19 weights; without it only petite is measured")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8, help="solver steps that are timed in each run")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--precisions", nargs="+", choices=("float32", "bfloat16"), default=["float32", "bfloat16"])
    parser.add_argument("--whole", action="store_true", help="also paint whole pictures with the default recipe")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(json.loads(options.child), options.steps, options.whole)
        return
    cases = [
        {"encoder": encoder, "size": size, "precision": precision, "weights": str(options.vgg19)}
        for size in options.sizes
        for encoder in ("petite", *(["vgg19"] if options.vgg19 else []))
        for precision in options.precisions
    ]
    found: list[list[dict[str, float]]] = [[] for _ in cases]
    for _ in range(options.rounds):
        for case, figures in zip(cases, found, strict=True):
            command = [sys.executable, __file__, "--child", json.dumps(case), "--steps", str(options.steps)]
            command += ["--whole"] if options.whole else []
            figures.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ASSETS, check=False
    ).stdout.strip()
    print(f"commit {commit or 'unknown'}; {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"{found[0][0]['threads']} threads; {options.rounds} rounds: median (lowest-highest)\n")
    print("| size | encoder | precision | s per step | s per picture | set-up s | peak MiB |")
    print("|---|---|---|---|---|---|---|")
    for case, figures in zip(cases, found, strict=True):
        cells = [case["size"], case["encoder"], case["precision"]]
        for key, digits in (("step_s", 3), ("picture_s", 1), ("setup_s", 2), ("peak_mib", 0)):
            values = [figure[key] for figure in figures if key in figure]
            if not values:
                cells.append("")
                continue
            low, middle, high = min(values), statistics.median(values), max(values)
            cells.append(f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})")
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()

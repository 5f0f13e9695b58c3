"""Seconds per step and per picture, and peak memory, of painting: `python benchmarks/paint.py`.

Every case runs in a process of its own, so that peak memory is the case's and nothing is warm but the disk. Cases
are interleaved over the rounds: a machine that slows down slows all of them. Steps are timed inside the process;
the first two are left out, because they pay for oneDNN's preparation.
"""

import itertools
import statistics
import time
from pathlib import Path

import harness

SIZES = {"256": (192, 256), "512": (384, 512), "600x800": (600, 800)}


def child(case: harness.Case) -> harness.Figures:
    """Measure one case."""
    import torch

    from impasto import Recipe, Stylizer, load
    from impasto.images import Picture, crop_to_aspect, resize

    size = SIZES[case["size"]]
    photo = load(harness.PHOTO)
    content = Picture(resize(crop_to_aspect(photo.pixels, size), size))
    style = load(harness.STYLE)
    encoder = case["encoder"] if case["encoder"] == "petite" else Path(case["weights"])
    base_mib = harness.peak_mib()
    began = time.perf_counter()
    recipe = Recipe.parse({"size": max(size), "levels": 1, "iterations": case["steps"], "precision": case["precision"]})
    times = []
    for _ in Stylizer(content, style, recipe, encoder=encoder):
        times.append(time.perf_counter())
    taken = [later - earlier for earlier, later in itertools.pairwise(times)][1:]
    figures = {
        "step_s": statistics.median(taken),
        "setup_s": times[0] - began,
        "peak_mib": harness.peak_mib(),
        "base_mib": base_mib,
        "threads": torch.get_num_threads(),
    }
    if case["whole"]:
        began = time.perf_counter()
        recipe = Recipe.parse({"size": max(size), "precision": case["precision"]})
        for _ in Stylizer(content, style, recipe, encoder=encoder):
            pass
        figures["picture_s"] = time.perf_counter() - began
    return figures


def main() -> None:
    """Run all cases and print a table."""
    parser = harness.parser(__doc__)
    parser.add_argument("--vgg19", type=Path, help="a file of VGG-19 weights; without it only petite is measured")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8, help="solver steps that are timed in each run")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--precisions", nargs="+", choices=("float32", "bfloat16"), default=["float32", "bfloat16"])
    parser.add_argument("--whole", action="store_true", help="also paint whole pictures with the default recipe")
    options = harness.parse(parser, child)
    shared = {"weights": str(options.vgg19), "steps": options.steps, "whole": options.whole}
    cases = [
        {"encoder": encoder, "size": size, "precision": precision, **shared}
        for size in options.sizes
        for encoder in ("petite", *(["vgg19"] if options.vgg19 else []))
        for precision in options.precisions
    ]
    measured = harness.rounds(__file__, cases, options.rounds)
    harness.heading(f"{options.rounds} rounds: median (lowest-highest)", threads=measured[0][0]["threads"])
    table = harness.Table("size", "encoder", "precision", "s per step", "s per picture", "set-up s", "peak MiB")
    for case, figures in zip(cases, measured, strict=True):
        cells = [case["size"], case["encoder"], case["precision"]]
        for key, digits in (("step_s", 3), ("picture_s", 1), ("setup_s", 2), ("peak_mib", 0)):
            values = [one[key] for one in figures if key in one]
            cells.append(harness.spread(values, digits) if values else "")
        table.row(*cells)


if __name__ == "__main__":
    main()

"""How time and memory grow with the picture: `python benchmarks/scale.py`.

Seconds per step and the peak memory of a painting from 0.25 to 64 megapixels, beside what was predicted for them. Every
case is a process of its own; cases are interleaved over the rounds. The peak is that of the whole path: encoder, steps,
and saving a PNG. With a limit (--memory), what is larger is painted in tiles.

`per pixel` is the time of a step per pixel over that of the row above (1 is linear growth); `estimated` and `predicted`
are what the planner says over what was measured.
"""

import itertools
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import harness

SIDES = (512, 1024, 2048, 4096, 8192)
PHOTO = 2048
"""Longest side of the photograph: print sizes are larger than what cameras give."""


def child(case: harness.Case) -> harness.Figures:
    """Measure one case."""
    import torch

    from impasto import Recipe, Stylizer, allocator, load
    from impasto.images import Picture, crop_to_aspect, resize

    allocator.prepare()  # as the command line does
    side = case["side"]
    photo = load(harness.PHOTO).pixels
    small = (min(side, PHOTO), min(side, PHOTO))
    content = Picture(resize(crop_to_aspect(photo, small), small))
    style = load(harness.STYLE)
    encoder = case["encoder"] if case["encoder"] == "petite" else Path(case["encoder"])
    # More steps are planned than taken: the history is then laid out, and predicted, in full.
    recipe = Recipe.parse(
        {"size": side, "levels": 1, "iterations": 40, "finishing_steps": 0, "precision": case["precision"]}
    )
    memory = None if case["memory"] is None else int(case["memory"] * 2**30)
    began = time.perf_counter()
    stylizer = Stylizer(content, style, recipe, encoder=encoder, memory=memory, tile=case["tile"])
    predicted = stylizer.memory_bytes
    times = []
    for progress in stylizer:
        times.append(time.perf_counter())
        if progress.total_step > case["steps"]:
            break
    del progress
    with tempfile.TemporaryDirectory() as folder:
        stylizer.result().save(Path(folder) / "out.png")
    plan = stylizer.plans[-1]
    return {
        "step_s": statistics.median(later - earlier for earlier, later in itertools.pairwise(times)),
        "first_s": times[0] - began,
        "peak_mib": harness.peak_mib(),
        "predicted_mib": predicted / 2**20,
        "tiles": len(plan.grid.tiles),
        "overhead": plan.grid.overhead,
        "file": plan.storage.file,
        "threads": torch.get_num_threads(),
        "estimated_step_s": stylizer.seconds() / (recipe.steps + 1),
    }


def main() -> None:
    """Run all cases and print a table."""
    parser = harness.parser(__doc__)
    parser.add_argument("--encoder", default="petite", help="petite, or a file of weights")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--sides", nargs="+", type=int, default=list(SIDES))
    parser.add_argument("--memory", type=float, help="GiB that a painting may use; all that is free if not given")
    parser.add_argument("--tile", default="auto", help="auto, off or pixels")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1, help="steps that are timed, after a first one")
    parser.add_argument("--work", type=Path, default=Path("out/scale"))
    options = harness.parse(parser, child)
    tile = int(options.tile) if options.tile.isdigit() else options.tile
    shared = {"encoder": options.encoder, "precision": options.precision, "memory": options.memory, "tile": tile}
    cases = [{"side": side, **shared, "steps": options.steps} for side in options.sides]
    measured: list[list[harness.Figures]] = [[] for _ in cases]
    for turn in range(options.rounds):
        for case, figures in zip(cases, measured, strict=True):
            name = "-".join(str(value) for value in case.values()).replace("/", "_")
            path = options.work / f"{name}-{turn}.json"
            figures.append(harness.remembered(path, partial(harness.run, __file__, case)))
    limit = "no limit" if options.memory is None else f"{options.memory:g} GiB"
    harness.heading(
        f"{Path(options.encoder).stem}, {options.precision}; {limit}",
        f"{options.rounds} rounds: median (lowest-highest)",
        threads=measured[0][0]["threads"],
    )
    table = harness.Table(
        "megapixels",
        "tiles",
        "encoded",
        "history",
        "s per step",
        "estimated",
        "per pixel",
        "peak MiB",
        "predicted",
        "peak over the last",
    )
    before: dict[str, float] | None = None
    for case, figures in zip(cases, measured, strict=True):
        middle = {key: harness.median(figures, key) for key in figures[0]}
        middle["pixel_s"] = middle["step_s"] / case["side"] ** 2
        table.row(
            f"{case['side'] ** 2 / 1e6:.2f}",
            f"{middle['tiles']:.0f}",
            f"{middle['overhead']:.2f}",
            "file" if middle["file"] else "memory",
            harness.spread([one["step_s"] for one in figures], 2),
            f"{middle['estimated_step_s'] / middle['step_s']:.2f}",
            "" if before is None else f"{middle['pixel_s'] / before['pixel_s']:.2f}",
            harness.spread([one["peak_mib"] for one in figures], 0),
            f"{middle['predicted_mib'] / middle['peak_mib']:.2f}",
            "" if before is None else f"{middle['peak_mib'] / before['peak_mib']:.2f}",
        )
        before = middle


if __name__ == "__main__":
    main()

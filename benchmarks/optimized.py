"""What whole paintings take by the methods that optimise: `python benchmarks/optimized.py --sizes 512 1024`.

The astronaut in `swirls`, by default settings: seconds of the painting after loading, over those of `gatys` in the same
round, and the peak of the process with what the planner expected. `portrait` has the astronaut as painting too, whose
landmarks are there; `doodle` has no masks. Every case is a process of its own; cases take turns over the rounds.
"""

from typing import Any

import harness


def child(case: harness.Case) -> harness.Figures:
    """Measure one case."""
    import torch

    import impasto

    photo, painting = harness.PHOTO, harness.STYLE
    inputs: dict[str, Any] = {}
    if case["method"] == "portrait":
        painting, landmarks = photo, harness.ROOT / "assets" / "landmarks" / "astronaut.json"
        inputs = {"content_landmarks": landmarks, "style_landmarks": landmarks}
    stylizer = impasto.Stylizer(photo, painting, impasto.Recipe.parse(case), **inputs)
    expected = stylizer.seconds()
    for _ in stylizer:
        pass
    return {
        "seconds": stylizer.result().timings["total"],
        "expected_s": expected,
        "peak_mib": harness.peak_mib(),
        "expected_mib": stylizer.memory_bytes / 2**20,
        "threads": torch.get_num_threads(),
    }


def main() -> None:
    """Run all cases and print a table."""
    parser = harness.parser(__doc__)
    names = ("gatys", "portrait", "mrf", "doodle", "nnst", "strotss")
    parser.add_argument("--methods", nargs="+", choices=names, default=list(names), help="gatys is always first")
    parser.add_argument("--sizes", nargs="+", type=int, default=[512])
    parser.add_argument("--rounds", type=int, default=3)
    options = harness.parse(parser, child)
    methods = ["gatys", *(method for method in options.methods if method != "gatys")]
    cases = [{"method": method, "size": size} for size in options.sizes for method in methods]
    measured = harness.rounds(__file__, cases, options.rounds)
    harness.heading("median (lowest-highest)", threads=measured[0][0]["threads"])
    table = harness.Table("method", "size", "seconds", "over gatys", "expected", "peak MiB", "expected")
    for number, (case, figures) in enumerate(zip(cases, measured, strict=True)):
        gatys = measured[number - number % len(methods)]
        middle = {key: harness.median(figures, key) for key in figures[0]}
        table.row(
            case["method"],
            case["size"],
            harness.spread([one["seconds"] for one in figures], 0),
            harness.spread(harness.ratios(figures, gatys, "seconds"), 1),
            f"{middle['expected_s'] / middle['seconds']:.2f}",
            f"{middle['peak_mib']:.0f}",
            f"{middle['expected_mib'] / middle['peak_mib']:.2f}",
        )


if __name__ == "__main__":
    main()

"""How fast the feed-forward methods are: `python benchmarks/forward.py --sizes 256 512 1024`.

Seconds for a square picture with its style at the same size, after the networks are loaded: the painting that a person
waits for; and seconds for each further frame of a stream, whose style is measured once. Then the peak of the process.
Every case is a process of its own; cases take turns over the rounds. `--largest 8192 --memory 4` paints one large
picture within so many GiB instead.
"""

import statistics
import time
from typing import Any

import harness

LARGEST = 2048
"""Side of the photograph and the painting at the most: prints are larger than what they are made from."""
METHODS = ("wct", "adain", "linear", "avatar", "johnson", "texture_net")


def child(case: harness.Case) -> harness.Figures:
    """Measure one case."""
    import torch

    import impasto
    from impasto.images import crop_to_aspect, resize
    from impasto.recipe.catalogue import METHODS as KNOWN
    from impasto.recipe.shipped_networks import shipped

    side, method = case["size"], case["method"]
    pictures = []
    for path in (harness.PHOTO, harness.STYLE):
        square = crop_to_aspect(impasto.load(path).pixels, (1, 1))
        pictures.append(resize(square, (min(side, LARGEST), min(side, LARGEST))))
    photo, style = pictures
    settings = {"method": method, "size": side, "precision": case["precision"]}
    if not KNOWN[method].styles:
        settings["network"] = next(iter(shipped(method)))
    memory = None if case["memory"] is None else int(case["memory"] * 2**30)

    def begin() -> Any:
        styles = [style] if KNOWN[method].styles else []
        return impasto.begin(photo, styles, impasto.Recipe.parse(settings), memory=memory)

    once, frames = [], []
    for _ in range(case["repeats"]):
        painting = begin()
        began = time.perf_counter()
        for _ in painting:
            pass
        painting.result()
        once.append(time.perf_counter() - began)
    for _ in range(case["repeats"] if not case["memory"] else 0):
        began = time.perf_counter()
        next(painting.frames([photo]))
        frames.append(time.perf_counter() - began)
    return {
        # The first warms kernels and memory up, which loading is a part of.
        "once_s": statistics.median(once[1:] or once),
        "frame_s": statistics.median(frames[1:] or frames or once),
        "peak_mib": harness.peak_mib(),
        "predicted_mib": painting.memory_bytes / 2**20,
        "tiles": 0 if painting.tile is None else painting.tile,
        "threads": torch.get_num_threads(),
    }


def main() -> None:
    """Run all cases and print a table."""
    parser = harness.parser(__doc__)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--sizes", nargs="+", type=int, default=[256, 512, 1024])
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=4, help="paintings in a process, the first not counted")
    parser.add_argument("--largest", type=int, help="paint one picture of this side once, instead")
    parser.add_argument("--memory", type=float, help="GiB that a painting may use")
    options = harness.parse(parser, child)
    sizes = [options.largest] if options.largest else options.sizes
    shared = {
        "precision": options.precision,
        "memory": options.memory,
        "repeats": 1 if options.largest else options.repeats,
    }
    cases = [{"method": method, "size": size, **shared} for size in sizes for method in options.methods]
    measured = harness.rounds(__file__, cases, 1 if options.largest else options.rounds)
    harness.heading(options.precision, "median (lowest-highest)", threads=measured[0][0]["threads"])
    table = harness.Table("method", "size", "seconds", "a frame", "frames a second", "peak MiB", "predicted", "tile")
    for case, figures in zip(cases, measured, strict=True):
        middle = {key: harness.median(figures, key) for key in figures[0]}
        table.row(
            case["method"],
            case["size"],
            *(harness.spread([one[key] for one in figures], 3) for key in ("once_s", "frame_s")),
            f"{1 / middle['frame_s']:.1f}",
            f"{middle['peak_mib']:.0f}",
            f"{middle['predicted_mib'] / middle['peak_mib']:.2f}",
            f"{middle['tiles']:.0f}",
        )


if __name__ == "__main__":
    main()

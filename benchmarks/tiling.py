"""What exact tiling costs and saves: `python benchmarks/tiling.py`.

Seconds per evaluation (loss and gradient) and peak memory, tiled at several tile sizes over in one piece. Every case
runs in a process of its own, so that peak memory is the case's; cases are interleaved over the rounds, and the ratio is
taken within a round: a machine that slows down slows both. Targets are built tile by tile too. With --only-tiled,
pictures that do not fit in one piece can be measured.
"""

import statistics
import time
from pathlib import Path

import harness

STYLES = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT = "relu4_2"


def child(case: harness.Case) -> harness.Figures:
    """Measure one case."""
    import torch

    from impasto import encoders, images, load
    from impasto.losses import Content, Gamut, Gram, Objective, Style, TotalVariation
    from impasto.optim.evaluate import Evaluator, WholeImage
    from impasto.optim.grid import Grid
    from impasto.optim.tiling import Tiled, pieces

    size = (case["size"], case["size"])
    precision = torch.bfloat16 if case["precision"] == "bfloat16" else None
    if case["encoder"] == "petite":
        encode = encoders.create("petite", precision=precision)
    else:
        encode = encoders.from_file(Path(case["encoder"]), precision=precision)
    layers = sorted({*STYLES, CONTENT})
    strides = {layer: encoders.VGG19.stride(layer) for layer in layers}
    reach = max((encoders.VGG19.receptive_field(layer) - stride) // 2 for layer, stride in strides.items())
    # The whole picture in one piece gets its targets from tiles of 512 as well: the peak is then that of its steps.
    grid = Grid(size, tile=case["tile"] or 512, reach=reach, strides=strides)
    photo = load(harness.PHOTO).pixels
    photo = images.resize(images.crop_to_aspect(photo, size), size)
    style = images.resize(load(harness.STYLE).pixels, (384, 384))
    base_mib = harness.peak_mib()
    gram = Gram()
    with torch.no_grad():
        target: torch.Tensor | None = None
        for found, windows in pieces(encode, photo, [CONTENT], grid):
            features = found[CONTENT]
            if target is None:
                target = features.new_empty(1, features.shape[1], *(side // strides[CONTENT] for side in size))
            target[(..., *windows[CONTENT])] = features
        grams = {layer: gram.finish(gram.measure(found)) for layer, found in encode(style, STYLES).items()}
    if target is None:
        raise SystemExit("no tiles")
    objective = Objective(
        (Content(CONTENT, target, 1 / float(target.square().sum())),),
        tuple(Style(layer, gram, found, 1 / gram.power(found)) for layer, found in grams.items()),
        (TotalVariation("vector", 0.1 / photo.numel()), Gamut(1 / photo.numel())),
    )
    evaluate: Evaluator = Tiled(encode, objective, grid) if case["tile"] else WholeImage(encode, objective)
    times = []
    for _ in range(case["steps"] + 1):
        began = time.perf_counter()
        evaluate(photo)
        times.append(time.perf_counter() - began)
    figures = {"step_s": statistics.median(times[1:]), "peak_mib": harness.peak_mib(), "base_mib": base_mib}
    figures |= {"threads": torch.get_num_threads(), "target_mib": target.numel() * target.element_size() / 2**20}
    if case["tile"]:
        figures |= {"tiles": len(grid.tiles), "overhead": grid.overhead}
    return figures


def main() -> None:
    """Run all cases and print a table."""
    parser = harness.parser(__doc__)
    parser.add_argument("--encoder", default="petite", help="petite, or a file of weights")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--sizes", nargs="+", type=int, default=[1024])
    parser.add_argument("--tiles", nargs="+", type=int, default=[320, 512, 768])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--steps", type=int, default=2, help="evaluations that are timed in each run, after one that is not"
    )
    parser.add_argument("--only-tiled", action="store_true", help="leave out the picture in one piece")
    options = harness.parse(parser, child)
    shared = {"encoder": options.encoder, "precision": options.precision, "steps": options.steps}
    cases = [
        {"size": size, "tile": tile, **shared}
        for size in options.sizes
        for tile in ([] if options.only_tiled else [0]) + [tile for tile in options.tiles if tile < size]
    ]
    measured = harness.rounds(__file__, cases, options.rounds)
    harness.heading(
        f"{Path(options.encoder).stem}, {options.precision}",
        f"{options.rounds} rounds: median (lowest-highest)",
        threads=measured[0][0]["threads"],
    )
    table = harness.Table(
        "size",
        "tile",
        "tiles",
        "encoded",
        "s per step",
        "over one piece",
        "peak MiB",
        "above start",
        "content target",
    )
    for case, figures in zip(cases, measured, strict=True):
        whole = [one for other, one in zip(cases, measured, strict=True) if other == case | {"tile": 0}]
        first = figures[0]
        table.row(
            case["size"],
            case["tile"] or "off",
            first.get("tiles", 1),
            f"{first.get('overhead', 1.0):.2f}",
            harness.spread([one["step_s"] for one in figures], 2),
            harness.spread(harness.ratios(figures, whole[0], "step_s"), 2) if case["tile"] and whole else "",
            harness.spread([one["peak_mib"] for one in figures], 0),
            harness.spread([one["peak_mib"] - one["base_mib"] for one in figures], 0),
            f"{first['target_mib']:.0f}",
        )


if __name__ == "__main__":
    main()

"""What more steps buy, over many pairs: `python benchmarks/quality.py PAIRS --size 384 --steps 25 50 100 200 400 600`.

PAIRS is a text file: a photograph and a painting on each line, relative to it. Every pair is painted with each number
of steps from the start; the table says how far the last loss is above that of the longest run (median and range over
the pairs), and how long it took beside it. This is what draft, standard and fine were chosen by. With `--vgg19 FILE`
the encoder is VGG-19, and `--finishing 0 10 20` compares how many of the steps it takes itself after petite took the
others; losses are then all VGG-19's, of the result as it would be saved. Results are kept under --work, pictures too.
"""

import statistics
import time
from functools import partial
from pathlib import Path
from typing import Any

import harness
import torch

from impasto import Recipe, Stylizer, encoders
from impasto.encoders import Encoder
from impasto.optim import devices


def final_loss(painting: Stylizer) -> float:
    """Return the loss of the picture so far at the last level, by the encoder asked for."""
    level = painting.levels[-1]
    objective = painting.objective(level)
    image = painting.result().picture.pixels
    with torch.no_grad():
        _, report = objective(image, painting.encoder(image, objective.layers))
    return report.total


def paint(content: Path, style: Path, encoder: Encoder, out: Path, settings: dict[str, Any]) -> dict[str, float]:
    """Paint one pair; return loss and seconds."""
    began = time.monotonic()
    painting = Stylizer(content, style, Recipe.parse(settings), encoder=encoder)
    for _ in painting:
        pass
    seconds = time.monotonic() - began
    painting.result().save(out, force=True)
    return {"loss": final_loss(painting), "seconds": seconds}


def main() -> None:
    """Print a table."""
    parser = harness.parser(__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--steps", type=int, nargs="*", default=[25, 50, 100, 200, 400, 600])
    parser.add_argument("--finishing", type=int, nargs="*", default=[0])
    parser.add_argument("--vgg19", type=Path, help="a file of VGG-19's weights; without it petite paints")
    parser.add_argument("--work", type=Path, default=Path("out/quality"))
    options = parser.parse_args()
    precision = devices.faster_precision(torch.device("cpu"))
    encoder: Encoder = (
        encoders.from_file(options.vgg19, precision=precision)
        if options.vgg19
        else encoders.create("petite", precision=precision)
    )
    pairs = harness.pairs(options.pairs)
    ways = [(steps, finishing) for steps in options.steps for finishing in options.finishing]
    measured: dict[tuple[int, int], list[dict[str, float]]] = {way: [] for way in ways}
    for content, style in pairs:
        for steps, finishing in ways:
            name = f"{encoder.name}-{options.size}-{content.stem}-{style.stem}-{steps}-{finishing}"
            settings = {"size": options.size, "iterations": steps, "finishing_steps": finishing}
            paint_pair = partial(paint, content, style, encoder, options.work / f"{name}.png", settings)
            measured[steps, finishing].append(harness.remembered(options.work / f"{name}.json", paint_pair))
    longest = ways[-1] if len(options.finishing) == 1 else (max(options.steps), 0)
    harness.heading(
        f"{len(pairs)} pairs, {options.size} px, {encoder.name}, {precision}", threads=torch.get_num_threads()
    )
    table = harness.Table("steps", "of them finishing", f"loss over that of {longest[0]} steps", "seconds over it")
    for way in ways:
        losses, seconds = (harness.ratios(measured[way], measured[longest], key) for key in ("loss", "seconds"))
        table.row(*way, harness.spread(losses), f"{statistics.median(seconds):.2f}")


if __name__ == "__main__":
    main()

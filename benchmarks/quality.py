"""What more steps buy, over many pairs: `python benchmarks/quality.py PAIRS --size 384 --steps 25 50 100 200 400 600`.

PAIRS is a text file: a photograph and a painting on each line, relative to it. Every pair is painted with each number
of steps from the start; the table says how far the last loss is above that of the longest run (median and range over
the pairs), and how long it took beside it. This is what draft, standard and fine were chosen by. With `--vgg19 FILE`
the encoder is VGG-19, and `--finishing 0 10 20` compares how many of the steps it takes itself after petite took the
others; losses are then all VGG-19's, of the result as it would be saved. Results are kept under --work, pictures too.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from impasto import Recipe, Stylizer, encoders
from impasto.encoders import Encoder
from impasto.optim import devices


def judged(painting: Stylizer) -> float:
    """Return the loss of the picture so far at the last level, by the encoder asked for."""
    level = painting.levels[-1]
    objective = painting.objective(level)
    image = painting.result().picture.pixels
    with torch.no_grad():
        _, report = objective(image, painting.encoder(image, objective.layers))
    return report.total


def paint(content: Path, style: Path, encoder: Encoder, out: Path, settings: dict[str, Any]) -> dict[str, float]:
    """Paint one pair; give loss and seconds."""
    began = time.monotonic()
    painting = Stylizer(content, style, Recipe.parse(settings), encoder=encoder)
    for _ in painting:
        pass
    seconds = time.monotonic() - began
    painting.result().save(out, force=True)
    return {"loss": judged(painting), "seconds": seconds}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
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
    lines = [line.split() for line in options.pairs.read_text("utf-8").splitlines() if line.strip()]
    pairs = [(options.pairs.parent / content, options.pairs.parent / style) for content, style in lines]
    options.work.mkdir(parents=True, exist_ok=True)
    ways = [(steps, finishing) for steps in options.steps for finishing in options.finishing]
    found: dict[tuple[int, int], list[dict[str, float]]] = {way: [] for way in ways}
    for content, style in pairs:
        for steps, finishing in ways:
            name = f"{encoder.name}-{options.size}-{content.stem}-{style.stem}-{steps}-{finishing}"
            kept = options.work / f"{name}.json"
            if not kept.exists():
                settings = {"size": options.size, "iterations": steps, "finishing_steps": finishing}
                kept.write_text(json.dumps(paint(content, style, encoder, options.work / f"{name}.png", settings)))
            found[steps, finishing].append(json.loads(kept.read_text()))
    longest = ways[-1] if len(options.finishing) == 1 else (max(options.steps), 0)
    print(f"{len(pairs)} pairs, {options.size} px, {encoder.name}, {precision}, {torch.get_num_threads()} threads\n")
    print(f"| steps | of them finishing | loss over that of {longest[0]} steps | seconds over it |\n|---|---|---|---|")
    for way in ways:
        losses = [one["loss"] / best["loss"] for one, best in zip(found[way], found[longest], strict=True)]
        seconds = [one["seconds"] / best["seconds"] for one, best in zip(found[way], found[longest], strict=True)]
        print(
            f"| {way[0]} | {way[1]} | {statistics.median(losses):.2f} ({min(losses):.2f}-{max(losses):.2f}) "
            f"| {statistics.median(seconds):.2f} |"
        )


if __name__ == "__main__":
    main()

"""Seconds per step against what this machine can do: `python benchmarks/step.py [--vgg19 FILE]`.

The limit counts the convolutions alone: 2 operations for each multiply-add, forward and the gradient with respect to
the input (weights have none), over the rate of a large matrix product in the same precision on the same cores. The
fraction is that limit over the measured step, statistics, padding, total variation and copies included. Product and
step are measured in turns, because the machine may be busy with other things.
"""

import statistics
import time
from pathlib import Path

import harness
import torch

from impasto import Recipe, Stylizer, encoders
from impasto.encoders import Encoder
from impasto.encoders.vgg import Vgg
from impasto.optim import devices
from impasto.optim.evaluate import WholeImage

SIDE = 3072
"""Of the matrices."""


def operations(encoder: Encoder, layers: tuple[str, ...], size: tuple[int, int]) -> float:
    """Return the operations of the convolutions of one step on a picture of `size` (height, width)."""
    deepest = max(encoders.LAYERS.index(layer) for layer in layers)
    total = 0.0
    for layer in encoders.LAYERS[: deepest + 1]:
        outputs, inputs = encoder.tensors[f"conv{layer[4:]}.weight"].shape[:2]
        neurons = (size[0] // encoders.VGG19.stride(layer)) * (size[1] // encoders.VGG19.stride(layer))
        total += 2 * 2 * 9 * inputs * outputs * neurons
    return total


def rate(precision: torch.dtype) -> float:
    """Return operations per second of one large matrix product."""
    one, other = (torch.randn(SIDE, SIDE).to(precision) for _ in range(2))
    began = time.perf_counter()
    one @ other
    return 2 * SIDE**3 / (time.perf_counter() - began)


def main() -> None:
    """Print a table."""
    parser = harness.parser(__doc__)
    parser.add_argument("--vgg19", type=Path, help="a file of VGG-19's weights")
    parser.add_argument("--sizes", nargs="*", default=["512x384", "800x600"], help="width x height")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    precision = devices.faster_precision(torch.device("cpu"))
    networks = {"petite": encoders.create("petite", precision=precision)}
    if options.vgg19:
        networks["vgg19"] = encoders.from_file(options.vgg19, precision=precision)
    harness.heading(f"{precision}; median (lowest-highest)", threads=torch.get_num_threads())
    table = harness.Table("encoder", "size", "s per step", "operations, 1e9", "product, 1e9/s", "fraction of the limit")
    for name, encoder in networks.items():
        for text in options.sizes:
            width, height = map(int, text.split("x"))
            # Without a margin, so that the picture is as large as the table says.
            recipe = Recipe.parse({"size": max(width, height), "levels": 1, "margin": 0})
            photo = torch.rand(3, height, width)
            stylizer = Stylizer(photo, harness.STYLE, recipe, encoder=encoder)
            # Of VGG-19, the level that it finishes; petite paints the others.
            objective = stylizer.objective(stylizer.levels[-1])
            # As a painting does.
            narrow = encoder.narrowed(objective.summed_layers) if isinstance(encoder, Vgg) else encoder
            evaluate, image = WholeImage(narrow, objective), photo[None]
            evaluate(image)
            steps, rates = [], []
            for _ in range(options.rounds):
                rates.append(rate(precision))
                began = time.perf_counter()
                evaluate(image)
                steps.append(time.perf_counter() - began)
            work = operations(encoder, objective.layers, (height, width))
            step, peak = statistics.median(steps), statistics.median(rates)
            figures = [harness.spread(steps), f"{work / 1e9:.0f}", f"{peak / 1e9:.0f}", f"{work / peak / step:.0%}"]
            table.row(name, text, *figures)


if __name__ == "__main__":
    main()

"""How soon each way reaches the objective that the paper's way ends with.

`python benchmarks/time_to_loss.py --vgg19 FILE --content PHOTO --style PAINTING --size 500x400`

The objective is that of the CS229 report's Table 1 with VGG-19. (a) the report's way: Adam 10 -> 1 from noise at full
size, 400 steps; its last loss is the mark. (b) L-BFGS at full size, from noise and from the content. (c) impasto:
L-BFGS from the content over a pyramid. (d) the same after petite has done most steps. All in the same precision on the
same cores, one after another; seconds count from the first step to the step that reaches the mark, the pyramid's coarse
levels and their targets included. Losses by second are kept under --work, so that a run can be stopped and goes on.
"""

import argparse
import json
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from impasto import Recipe, Stylizer, encoders, images, load
from impasto.encoders import Encoder

Log = list[tuple[float, float]]
"""(seconds, loss) of each full-size step."""


def follow(stylizer: Stylizer, mark: float | None, began: float | None = None) -> Log:
    """Paint until the loss at full size reaches `mark`; give the log of the last level."""
    began = time.monotonic() if began is None else began
    log: Log = []
    for progress in stylizer:
        if progress.level == progress.levels - 1:
            log.append((time.monotonic() - began, progress.loss))
            if mark is not None and progress.loss <= mark:
                break
    return log


def ways(content: Any, style: Any, size: int, encoder: Encoder) -> dict[str, Callable[[float | None], Log]]:
    """Give each way as a function from the mark to its log."""

    def run(mark: float | None, **settings: Any) -> Log:
        recipe = Recipe.from_preset("cs229", **{"size": size, **settings})
        return follow(Stylizer(content, style, recipe, encoder=encoder), mark)

    def surrogate(mark: float | None) -> Log:
        began = time.monotonic()
        petite = encoders.create("petite", padding="zero", precision=getattr(encoder, "precision", None))
        recipe = Recipe.from_preset("cs229", size=size, solver="lbfgs", init="content", levels=0, iterations=120)
        first = Stylizer(content, style, recipe, encoder=petite)
        for _ in first:
            pass
        recipe = Recipe.from_preset("cs229", size=size, solver="lbfgs", init="file", iterations=100)
        second = Stylizer(content, style, recipe, encoder=encoder, init_image=first.result().picture)
        return follow(second, mark, began)

    lbfgs: dict[str, Any] = {"solver": "lbfgs", "iterations": 200}
    return {
        "(a) Adam from noise": lambda mark: run(None, iterations=400),
        "(b) L-BFGS from noise": lambda mark: run(mark, **lbfgs),
        "(b) L-BFGS from content": lambda mark: run(mark, init="content", **lbfgs),
        "(c) pyramid from content": lambda mark: run(mark, init="content", levels=0, **lbfgs),
        "(d) petite first": surrogate,
    }


def main() -> None:
    """Print a table of seconds to the mark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vgg19", type=Path, required=True, help="a file of VGG-19's weights")
    parser.add_argument("--content", type=Path, required=True)
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--size", default="500x400", help="width x height")
    parser.add_argument("--work", type=Path, default=Path("out/time_to_loss"))
    parser.add_argument("--ways", nargs="*", help="letters, for example a c")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    photo = images.crop_to_aspect(load(options.content).pixels, (height, width))[0]
    precision = encoders.faster_precision()
    encoder = encoders.from_file(options.vgg19, padding="zero", precision=precision)
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    machine = platform.processor() or platform.machine()
    print(f"commit {commit.stdout.strip()}, {machine}, {torch.get_num_threads()} threads")
    print(f"{width}x{height}, {precision}\n\n| way | full-size steps | seconds | (a) over it |\n|---|---|---|---|")
    options.work.mkdir(parents=True, exist_ok=True)
    mark, reference = None, None
    for name, way in ways(photo, options.style, max(width, height), encoder).items():
        if options.ways and name[1] not in (*options.ways, "a"):
            continue
        path = options.work / f"{name}-{options.size}.json"
        if not path.exists():
            path.write_text(json.dumps(way(mark)))
        log = json.loads(path.read_text())
        if mark is None:
            mark = log[-1][1]
        reached = next(((number, seconds) for number, (seconds, loss) in enumerate(log, 1) if loss <= mark), None)
        if reached is None:
            print(f"| {name} | {len(log)} | not reached: {log[-1][1] / mark:.2f} of the mark's loss | |", flush=True)
            continue
        reference = reference or reached[1]
        print(f"| {name} | {reached[0]} | {reached[1]:.1f} | {reference / reached[1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()

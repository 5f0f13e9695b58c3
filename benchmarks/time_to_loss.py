"""How soon each way reaches the objective that the paper's way ends with.

`python benchmarks/time_to_loss.py --vgg19 FILE --content PHOTO --style PAINTING --size 500x400`

The objective is that of the CS229 report's Table 1 with VGG-19. (a) the report's way: Adam 10 -> 1 from noise at full
size, 400 steps; its last loss is the mark. (b) L-BFGS at full size, from noise and from the content. (c) impasto's
pyramid: L-BFGS from the content. (d) the same after petite has done most steps. Seconds count from the first step to
the one that reaches the mark, the coarse levels and all targets included.

All steps of (a) cost the same, and its 400 take long: before each other way, a few of them are timed again, and (a)'s
seconds are 400 times the median of these, in the precision of the others and in float32, which is how the report and
most tools do it. So the ratios are those of one run, whatever else the machine did when the mark was found. Losses by
second and pictures are kept under --work, so that a run can be stopped and goes on.
"""

import argparse
import json
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from impasto import Recipe, Stylizer, encoders, images, load
from impasto.encoders import Encoder

Log = list[tuple[float, float]]
"""(seconds, loss) of each step at full size that the encoder itself judged."""
STEPS = 400
TIMED = 4
"""Steps of (a) that are timed before each other way."""


class Ways:
    """The ways for one photograph, painting and size."""

    def __init__(self, content: Any, style: Any, size: int, vgg19: Path, precision: str) -> None:
        self._pictures, self._size, self._file = (content, style), size, vgg19
        self.precision = getattr(torch, precision)
        lbfgs: dict[str, Any] = {"solver": "lbfgs", "iterations": 200}
        pyramid = {**lbfgs, "init": "content", "levels": 0}
        self.all: dict[str, dict[str, Any]] = {
            "(a) Adam from noise": {"iterations": STEPS},
            "(b) L-BFGS from noise": lbfgs,
            "(b) L-BFGS from content": {**lbfgs, "init": "content"},
            "(c) pyramid from content": pyramid,
            "(d) petite first": {**pyramid, "levels": 3, "iterations": 180, "finishing_steps": 40},
        }

    def run(self, mark: float | None, settings: dict[str, Any], out: Path) -> Log:
        """Paint until the loss at full size reaches `mark`; save the picture, give the log of the last level."""
        painting = self._painting(settings, self.precision)
        began, log = time.monotonic(), Log()
        for progress in painting:
            if progress.level == progress.levels - 1:
                log.append((time.monotonic() - began, progress.loss))
                if mark is not None and progress.loss <= mark:
                    break
        painting.result().save(out, force=True)
        return log

    def pace(self, precision: torch.dtype | None) -> list[float]:
        """Time a few steps of (a)."""
        painting, times = self._painting({"iterations": TIMED + 2}, precision), [time.monotonic()]
        times += [time.monotonic() for _ in painting]
        return [later - earlier for earlier, later in pairwise(times[2:])]

    def _painting(self, settings: dict[str, Any], precision: torch.dtype | None) -> Stylizer:
        encoder: Encoder = encoders.from_file(self._file, padding="zero", precision=precision)
        recipe = Recipe.from_preset("cs229", **{"size": self._size, **settings})
        return Stylizer(*self._pictures, recipe, encoder=encoder)


def table(ways: Ways, work: Callable[[str], Path], chosen: list[str] | None) -> None:
    """Print a line for each way."""
    paces: dict[torch.dtype | None, list[float]] = {ways.precision: [], None: []}
    mark = None
    for name, settings in ways.all.items():
        if mark is not None and chosen and name[1] not in chosen:
            continue
        if mark is not None:
            for precision, times in paces.items():
                times += ways.pace(precision)
        path = work(name)
        if not path.exists():
            path.write_text(json.dumps(ways.run(mark, settings, path.with_suffix(".png"))))
        log = json.loads(path.read_text())
        if mark is None:
            mark = log[-1][1]
            continue
        reached = next(((number, seconds) for number, (seconds, loss) in enumerate(log, 1) if loss <= mark), None)
        if reached is None:
            print(f"| {name} | {len(log)} | not reached: {log[-1][1] / mark:.2f} of the mark's loss | | |", flush=True)
            continue
        same, wide = (STEPS * statistics.median(paces[precision]) / reached[1] for precision in (ways.precision, None))
        print(f"| {name} | {reached[0]} | {reached[1]:.1f} | {same:.1f} | {wide:.1f} |", flush=True)
    for precision, times in paces.items():
        spread = f"{min(times):.2f}-{max(times):.2f}"
        print(f"(a), a step in {precision or torch.float32}: {statistics.median(times):.2f} s ({spread})", flush=True)


def main() -> None:
    """Print a table of seconds to the mark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vgg19", type=Path, required=True, help="a file of VGG-19's weights")
    parser.add_argument("--content", type=Path, required=True)
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--size", default="500x400", help="width x height")
    parser.add_argument("--work", type=Path, default=Path("out/time_to_loss"))
    parser.add_argument("--precision", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--ways", nargs="*", help="letters, for example c d")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    photo = images.crop_to_aspect(load(options.content).pixels, (height, width))[0]
    ways = Ways(photo, options.style, max(width, height), options.vgg19, options.precision)
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    machine = platform.processor() or platform.machine()
    print(f"commit {commit.stdout.strip()}, {machine}, {torch.get_num_threads()} threads")
    print(f"{width}x{height}, {ways.precision}\n\n| way | full-size steps | seconds | (a) over it | (a) in float32 |")
    print("|---|---|---|---|---|", flush=True)
    options.work.mkdir(parents=True, exist_ok=True)
    table(ways, lambda name: options.work / f"{name}-{options.size}.json", options.ways)


if __name__ == "__main__":
    main()

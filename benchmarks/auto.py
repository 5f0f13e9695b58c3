"""Whether `--auto` pays: what it chooses against the default recipe, on pairs that its rule was not learnt from.

    python benchmarks/auto.py photographs paintings --folder out --judge vgg19.safetensors

Of each pair the default recipe and the chosen one are painted by petite at one size, and both pictures are measured
with the encoder `--judge` at layers that no method optimises. The balanced score is that of docs/tune.md. Pairs are
drawn as `impasto benchmark` draws them. Where the choice is the default recipe there is one picture, and no difference.
What was done is remembered in `--folder`; the same command goes on with what is missing.
"""

import statistics
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import harness
import torch
from tune import Pair, geometric

from impasto import images
from impasto.painting import auto
from impasto.painting.api import stylize
from impasto.recipe import Recipe
from impasto.tuning.draft import Drafter


def measure(pair: Pair, options: Any) -> dict[str, Any]:
    """Paint and measure both recipes of a pair; return what the table shows of it."""
    content, style = pair
    default = Recipe.parse({"size": options.size, "encoder": "petite"})
    began = time.monotonic()
    choice = auto.choose(content, style, default, fixed=("size", "encoder"))
    looked = time.monotonic() - began
    judge = Drafter(images.load(content), images.load(style), encoder=options.judge)
    told: dict[str, Any] = {}
    for name, recipe in {"default": default, "auto": choice.recipe}.items():
        path = options.folder / f"{content.stem}_{style.stem}_{name}.png"
        began = time.monotonic()
        if name == "auto" and recipe == default:
            told[name] = told["default"]
            continue
        stylize(content, style, recipe).save(path, force=True)
        seconds = time.monotonic() - began + (looked if name == "auto" else 0)
        told[name] = asdict(judge.measure(images.load(path))) | {"seconds": seconds}
    return {
        **told,
        "reason": choice.reason,
        "expected": choice.expected,
        "hard": choice.hard,
        "is_default": choice.recipe == default,
    }


def main() -> None:
    """Print the table."""
    options = harness.parser(__doc__)
    options.add_argument("contents", type=Path)
    options.add_argument("styles", type=Path)
    options.add_argument("--folder", type=Path, required=True)
    options.add_argument("--judge", required=True, help="vgg19, or its file")
    options.add_argument("--size", type=int, default=256, help="long side of the pictures")
    options.add_argument("--pairs", type=int, default=20)
    options.add_argument("--limit", type=int, help="pairs that are worked on at most")
    given = options.parse_args()
    torch.set_num_threads(1)
    given.folder.mkdir(parents=True, exist_ok=True)
    pairs = harness.drawn(given.contents, given.styles, given.pairs)
    harness.heading(f"{given.size} px, judged with {given.judge}", threads=1)
    table = harness.Table("pair", "default", "auto", "difference", "seconds", "auto's seconds", "what was said")
    differences = []
    for content, style in pairs[: given.limit]:
        path = given.folder / f"{content.stem}_{style.stem}.json"
        measured = harness.remembered(path, partial(measure, (content, style), given))
        one, other = geometric(measured["default"]), geometric(measured["auto"])
        differences.append(other - one)
        seconds = [f"{measured[name]['seconds']:.0f}" for name in ("default", "auto")]
        name = f"{content.stem.removesuffix('1024')}, {style.stem}"
        table.row(name, f"{one:.3f}", f"{other:.3f}", f"{differences[-1]:+.3f}", *seconds, measured["reason"])
    wins, losses = sum(value > 0 for value in differences), sum(value < 0 for value in differences)
    print(f"\nauto is better on {wins} of {len(differences)}, worse on {losses}; ", end="")
    print(f"median difference {statistics.median(differences):+.3f}")


if __name__ == "__main__":
    main()

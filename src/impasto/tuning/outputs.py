"""What a search leaves in its folder: the table of its drafts, a recipe for each taste, and the sheet of the front."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from impasto import files, images
from impasto.images import Picture, Tile
from impasto.recipe import Recipe, write_preset
from impasto.series import records
from impasto.tuning.choice import pareto
from impasto.tuning.space import ORDER, WEIGHTS
from impasto.tuning.study import Trial

SHEET, TABLE, DRAFTS = "sheet.png", "drafts.csv", "drafts"
ACROSS = 5
"""Pictures in a row of the sheet."""
MOST = 15
"""Drafts on the sheet at most: the chosen ones, and the best of the front."""
CELL = 256
"""Height of the pictures on the sheet in pixels at most: that of most drafts."""
USUAL = next(iter(Recipe().statistics))
"""The statistic that goes without saying."""
SMALLEST_CELL = 96
"""Height in pixels of the photograph and the painting at least, whatever the size of the drafts."""


def rows(trials: Sequence[Trial], chosen: Mapping[str, Trial]) -> list[dict[str, Any]]:
    """Return a row for each draft: what was searched, its scores, seconds, and how it went."""
    on_front = {trial.number for trial in pareto(trials)}
    return [
        {
            "draft": trial.number,
            "state": trial.state,
            **{name: trial.point.get(name) for name in ORDER},
            "content": None if trial.scores is None else round(trial.scores.content, 4),
            "style": None if trial.scores is None else round(trial.scores.style, 4),
            "faults": None if trial.scores is None else round(trial.scores.faults, 4),
            "balanced": None if trial.scores is None else round(trial.value, 4),
            "coarse": None if trial.coarse is None else round(trial.coarse, 4),
            "seconds": round(trial.seconds, 2),
            **_again(trial),
            "front": trial.number in on_front,
            "chosen": " ".join(name for name, other in chosen.items() if other.number == trial.number),
            "file": trial.file,
            "note": trial.note,
        }
        for trial in trials
    ]


def _again(trial: Trial) -> dict[str, Any]:
    """Return what a second look at a draft found."""
    scores = None if trial.look is None else trial.look.scores
    parts = dict.fromkeys(("content", "style", "faults")) if scores is None else vars(scores)
    values = {**parts, "balanced": None if scores is None else scores.mean()}
    return {f"again_{name}": None if value is None else round(value, 4) for name, value in values.items()}


def write_table(folder: Path, trials: Sequence[Trial], chosen: Mapping[str, Trial]) -> None:
    """Write the table of the drafts as CSV."""
    if trials:
        records.write_table(folder / TABLE, rows(trials, chosen))


def write_recipe(path: Path, name: str, recipe: Recipe, trial: Trial, about: str) -> None:
    """Write the recipe of a taste as a preset that `--preset` and `--recipe` read."""
    scores = trial.judged
    told = (
        ""
        if scores is None
        else f" (content {scores.content:.2f}, style {scores.style:.2f}, faults {scores.faults:.2f})"
    )
    files.write_bytes(path, write_preset(f"{name} for {about}{told}", recipe).encode())


def draw(
    folder: Path,
    trials: Sequence[Trial],
    chosen: Mapping[str, Trial],
    inputs: Sequence[tuple[str, Picture]],
    note: str,
    *,
    size: int = CELL,
) -> Picture:
    """Lay out the named `inputs`, then the front from faithful to bold with its scores, as large as drafts are."""
    shown = pareto(trials)
    wanted = {trial.number for trial in chosen.values()}
    shown += [trial for trial in chosen.values() if trial.number not in {other.number for other in shown}]
    best = sorted(shown, key=lambda trial: (trial.number not in wanted, -trial.value))[:MOST]
    ordered = sorted({trial.number: trial for trial in best}.values(), key=_content)
    names = {
        trial.number: ", ".join(name for name, other in chosen.items() if other.number == trial.number)
        for trial in ordered
    }
    tiles = [Tile(picture, name) for name, picture in inputs]
    tiles += [_tile(folder, trial, names[trial.number]) for trial in ordered]
    lines = [tiles[at : at + ACROSS] for at in range(0, len(tiles), ACROSS)]
    height = max(SMALLEST_CELL, min(CELL, size))
    return images.contact_sheet(lines, height=height, title="what no other draft beats", note=note)


def describe(trial: Trial) -> str:
    """Return a draft's settings in a few words: `strotss, features x0.71, strength 0.65`."""
    point = trial.point
    words = [str(point["method"])]
    words += [f"features x{point['style_scale']:.3g}"] if "style_scale" in point else []
    words += [f"{name} {point[name]:.2g}" for name in ("strength", "alpha") if isinstance(point.get(name), float)]
    words += [str(point["strength"])] if point.get("strength") in WEIGHTS else []
    words += [f"{point['layers']} layers"] if point.get("layers", "even") != "even" else []
    words += [f"colours {point['color']}"] if point.get("color", "style") != "style" else []
    words += [str(point["statistic"])] if point.get("statistic", USUAL) != USUAL else []
    return ", ".join(words)


def _content(trial: Trial) -> float:
    return 0.0 if trial.scores is None else -trial.scores.content


def _tile(folder: Path, trial: Trial, name: str) -> Tile:
    words, scores = describe(trial).split(", "), trial.scores
    lines = [", ".join(words[:2]) + "," * (len(words) > 2), ", ".join(words[2:])]
    if scores is not None:
        lines += [f"content {scores.content:.2f}  style {scores.style:.2f}"]
        lines += [f"faults {scores.faults:.2f}  {trial.seconds:.3g} s"]
        again = None if trial.look is None else trial.look.scores
        lines += [f"balanced {trial.value:.3f}"] + ([] if again is None else [f"again {again.mean():.3f}"])
    path = folder / trial.file
    head = f"{trial.number}" + (f"  {name}" if name else "")
    if not trial.file or not path.is_file():
        return Tile(None, head, "\n".join(lines), "the draft is gone")
    return Tile(partial(images.load, path), head, "\n".join(lines))

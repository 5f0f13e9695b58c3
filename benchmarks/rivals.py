"""Other programs' pictures beside ours, measured and judged blind.

    python benchmarks/rivals.py photographs paintings --pairs 40 --size 256 --work FOLDER --vgg19 FILE
        --run "impasto=impasto paint {content} --style {style} -o {output} --size {size} --encoder FILE"
        --run "rival=rival/bin/python -m its.program {content} {style} {output} {size}" --add "another=FOLDER"

A program is a command that runs in an environment of its own, `--run NAME=COMMAND`, or a folder of pictures that it
painted elsewhere, `--add NAME=FOLDER`, called like the pairs: cat_swirls.png. The first one is ours. Every command
paints each pair once, whole, and its seconds are kept; what is there already is not painted again, so the same command
goes on where it ended. `--paint-only NAME` paints one program's pictures and ends.

Measured with the encoder VGG-19 as in benchmarks/rival_ghiasi.py: scores of content, style and faults from 0 to 1, the
balanced score, the style's metrics at layers that nobody optimises, noise and borders; medians, and on how many pairs
ours is level or better.

`--sheets RIVAL` writes sheets of ours and that rival's pictures without names on sides drawn at random, between
photograph and painting, eight pairs on each. Who judges them writes a line for each pair, its number and l, r or =
(left, right, no difference), into RIVAL.choices in `--work`; the next run counts them.
"""

import random
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import agreement
import harness
import torch
from rival_ghiasi import Judge, interval, seconds_of

from impasto import images
from impasto.comparison import Vote
from impasto.comparison.votes import Choice

METRICS = {
    "frechet/1": "frechet",
    "self_similarity/1": "self-similarity",
    "edges/1": "edges",
    "residual_noise/1": "noise",
    "weave/2": "weave",
    "border/1": "border",
}
HIGHER = {"content", "style", "faults", "balanced", "edges"}
ON_A_SHEET = 8
CHOICES: dict[str, Choice] = {"l": "left", "r": "right", "=": "tie"}

Pair = tuple[Path, Path]


def name_of(pair: Pair) -> str:
    """Return what a pair's picture is called."""
    return f"{pair[0].stem}_{pair[1].stem}"


def paint(command: str, jobs: Mapping[Pair, Path], size: int) -> None:
    """Paint what is missing, a process for each picture."""
    for (content, style), output in jobs.items():
        if seconds_of(output).exists():
            continue
        output.parent.mkdir(parents=True, exist_ok=True)
        fields = {"content": content, "style": style, "output": output, "size": size}
        began = time.perf_counter()
        subprocess.run([part.format(**fields) for part in shlex.split(command)], check=True, stdout=subprocess.DEVNULL)
        seconds_of(output).write_text(f"{time.perf_counter() - began:.2f}", "utf-8")


def measured(judge: Judge, pair: Pair, output: Path) -> dict[str, float]:
    """Return a picture's figures; seconds are missing where it was painted elsewhere."""
    known: dict[str, Any] = harness.remembered(output.with_suffix(".json"), lambda: judge.measure(pair, output))
    values = known["values"]
    figures = {name: float(known[name]) for name in ("content", "style", "faults")}
    figures["balanced"] = agreement.balanced(values)[agreement.BALANCED]
    figures |= {name: float(values[key]) for key, name in METRICS.items() if values.get(key) is not None}
    if seconds_of(output).exists():
        figures["seconds"] = float(seconds_of(output).read_text("utf-8"))
    return figures


def sides(ours: str, rival: str, pair: Pair) -> tuple[str, str]:
    """Return who is on the left and who on the right: drawn by the pair's name, alike in every run."""
    names = [ours, rival]
    random.Random(f"{rival} {name_of(pair)}").shuffle(names)
    return names[0], names[1]


def at_height(path: Path, height: int) -> images.Picture:
    """Return a picture at the height of a sheet's row: a sheet shrinks pictures, and does not enlarge them."""
    picture = images.load(path)
    rows, columns = picture.size
    return images.Picture(images.resize(picture.pixels, (height, round(columns * height / rows))), name=path.stem)


def write_sheets(programs: Mapping[str, Mapping[Pair, Path]], ours: str, rival: str, work: Path, height: int) -> None:
    """Write the sheets of a rival: photograph, left, right, painting; a number on each row."""
    pairs = list(programs[ours])
    for first in range(0, len(pairs), ON_A_SHEET):
        part = pairs[first : first + ON_A_SHEET]
        rows = []
        for pair in part:
            left, right = sides(ours, rival, pair)
            shown = (pair[0], programs[left][pair], programs[right][pair], pair[1])
            rows.append([images.Tile(at_height(path, height)) for path in shown])
        columns = ["photograph", "left", "right", "painting"]
        names = [str(pairs.index(pair) + 1) for pair in part]
        sheet = images.contact_sheet(rows, height=height, columns=columns, names=names)
        images.save(sheet, work / f"{rival}_{first // ON_A_SHEET + 1}.jpg", force=True, quality=92)


def votes(choices: Path, pairs: Sequence[Pair], ours: str, rival: str) -> list[Vote]:
    """Return what a file of choices says; its lines are a number and l, r or =."""
    chosen = {}
    for line in choices.read_text("utf-8").splitlines():
        if line.strip():
            number, choice = line.split()[:2]
            pair = pairs[int(number) - 1]
            chosen[pair] = Vote(name_of(pair), *sides(ours, rival, pair), CHOICES[choice])
    return list(chosen.values())


def count(cast: Sequence[Vote], ours: str) -> str:
    """Write how often ours was chosen: of the choices that are no ties, with Wilson's interval."""
    won = sum(vote.winner == ours for vote in cast)
    lost = sum(vote.winner not in (ours, None) for vote in cast)
    counts = f"ours {won}, theirs {lost}, alike {len(cast) - won - lost}"
    if not won + lost:
        return counts
    low, high = agreement.interval(won, won + lost)
    return f"{counts}: {won / (won + lost):.0%} ({low:.0%} to {high:.0%})"


def table(figures: Mapping[str, Sequence[Mapping[str, float]]], pairs: int) -> None:
    """Print medians, then on how many pairs the first program is level with each other one or better."""
    columns = ["content", "style", "faults", "balanced", *METRICS.values(), "seconds"]
    medians = harness.Table("", *columns)
    for program, rows in figures.items():
        known = {key: [row[key] for row in rows if key in row] for key in columns}
        medians.row(program, *(interval(values) if values else "" for values in known.values()))
    print(f"\nof {pairs} pairs, on how many the first is level or better")
    shares = harness.Table("", *columns)
    ours, *rivals = figures
    for rival in rivals:
        cells = []
        for key in columns:
            both = [
                (one[key], other[key])
                for one, other in zip(figures[ours], figures[rival], strict=True)
                if key in one and key in other
            ]
            level = sum(one >= other if key in HIGHER else one <= other for one, other in both)
            cells.append(f"{level / len(both):.0%}" if both else "")
        shares.row(rival, *cells)


def main() -> None:
    """Paint, measure, print the tables, write the sheets, and count what was chosen."""
    options = harness.parser(__doc__)
    options.add_argument("contents", type=Path)
    options.add_argument("styles", type=Path)
    options.add_argument("--run", action="append", default=[], metavar="NAME=COMMAND")
    options.add_argument("--add", action="append", default=[], metavar="NAME=FOLDER")
    options.add_argument("--paint-only", metavar="NAME")
    options.add_argument("--sheets", nargs="*", default=[], metavar="RIVAL")
    options.add_argument("--pairs", type=int, default=40, help="so many of all, each picture as often as any other")
    options.add_argument("--size", type=int, default=256)
    options.add_argument("--height", type=int, default=320, help="of the pictures on a sheet, pixels")
    options.add_argument("--vgg19", type=Path, required=True)
    options.add_argument("--work", type=Path, required=True)
    given = options.parse_args()
    pairs = harness.drawn(given.contents, given.styles, given.pairs)
    commands = dict(program.split("=", 1) for program in given.run)
    folders = {name: given.work / name for name in commands}
    folders |= {name: Path(folder) for name, folder in (program.split("=", 1) for program in given.add)}
    programs = {name: {pair: folder / f"{name_of(pair)}.png" for pair in pairs} for name, folder in folders.items()}
    for name, command in commands.items():
        if given.paint_only in (None, name):
            paint(command, programs[name], given.size)
    if given.paint_only:
        return
    torch.set_num_threads(1)
    judge = Judge(given.vgg19, given.size, more=list(METRICS))
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in programs}
    for pair in pairs:
        for name, jobs in programs.items():
            figures[name].append(measured(judge, pair, jobs[pair]))
    harness.heading(f"{len(pairs)} pairs, {given.size} px, measured with VGG-19: median (interval of 95 %)")
    table(figures, len(pairs))
    ours, *rivals = programs
    for rival in given.sheets:
        write_sheets(programs, ours, rival, given.work, given.height)
    for rival in rivals:
        choices = given.work / f"{rival}.choices"
        if choices.exists():
            print(f"judged blind against {rival}: {count(votes(choices, pairs, ours, rival), ours)}")


if __name__ == "__main__":
    main()

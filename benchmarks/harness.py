"""What all benchmarks share: cases in processes of their own, medians with their spread, tables, and the line above.

A benchmark that measures memory runs each case in a process of its own: `parse` takes `--child CASE` for that, and
`rounds` starts the processes, interleaved, so that a machine that slows down slows every case.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT / "assets" / "photos" / "astronaut.jpg"
STYLE = ROOT / "assets" / "styles" / "swirls.jpg"

Case = dict[str, Any]
Figures = dict[str, Any]


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is a benchmark's docstring, as it is written."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def parse(parser: argparse.ArgumentParser, child: Callable[[Case], Figures]) -> argparse.Namespace:
    """Return the options; in a process that `run` started, measure its case, print the figures as JSON and exit."""
    parser.add_argument("--child", help=argparse.SUPPRESS)
    # A case is all that a child is told: options that are required are not.
    if "--child" in sys.argv:
        print(json.dumps(child(json.loads(sys.argv[sys.argv.index("--child") + 1]))))
        raise SystemExit
    return parser.parse_args()


def run(script: str, case: Case, **options: Any) -> Figures:
    """Measure one case of `script` in a process of its own; `options` are those of `subprocess.run`."""
    command = [sys.executable, script, "--child", json.dumps(case)]
    figures: Figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, **options).stdout)
    return figures


def rounds(script: str, cases: Sequence[Case], count: int) -> list[list[Figures]]:
    """Measure every case `count` times, each in a process of its own and all in turns; return the figures by case."""
    figures: list[list[Figures]] = [[] for _ in cases]
    for _ in range(count):
        for case, measured in zip(cases, figures, strict=True):
            measured.append(run(script, case))
    return figures


def remembered(path: Path, measure: Callable[[], Any]) -> Any:
    """Return what `measure` gave when `path` was written, or write it now: a benchmark of hours can be stopped."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(measure()), "utf-8")
    return json.loads(path.read_text("utf-8"))


def peak_mib() -> float:
    """Return the most memory that this process has had, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def median(figures: Sequence[Mapping[str, Any]], key: str) -> float:
    """Return the median of one figure over the rounds."""
    return statistics.median(float(one[key]) for one in figures)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Write the median, and the lowest and highest where there are several."""
    middle, low, high = (f"{of(values):.{digits}f}" for of in (statistics.median, min, max))
    return middle if len(values) == 1 else f"{middle} ({low}-{high})"


def ratios(figures: Sequence[Mapping[str, Any]], base: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    """Return a figure over that of another case, within each round: what slowed one slowed the other."""
    return [float(one[key]) / float(other[key]) for one, other in zip(figures, base, strict=True)]


def pairs(path: Path) -> list[tuple[Path, Path]]:
    """Read pairs of a photograph and a painting: two names on each line, relative to the file."""
    lines = [line.split() for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [(path.parent / content, path.parent / style) for content, style in lines]


def drawn(contents: Path, styles: Path, count: int | None = None) -> list[tuple[Path, Path]]:
    """Return `count` pairs of the pictures in two folders, each picture as often as any other; None: all pairs."""
    from impasto.series.pairs import balanced

    photos, paintings = (
        sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png")) for folder in (contents, styles)
    )
    numbers = balanced(len(photos), len(paintings), count or len(photos) * len(paintings))
    return [(photos[one], paintings[other]) for one, other in numbers]


def heading(*notes: str, threads: float | None = None) -> None:
    """Print what a table is of: the commit, the machine and its load, and `notes`."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    machine = [platform.processor() or platform.machine(), f"{os.cpu_count()} cores"]
    machine += [] if threads is None else [f"{threads:.0f} threads"]
    machine += [f"load {os.getloadavg()[0]:.1f}"] if hasattr(os, "getloadavg") else []
    print("; ".join([f"commit {described.stdout.strip() or 'unknown'}", ", ".join(machine), *notes]))


class Table:
    """A Markdown table that is printed row by row, as the figures come."""

    def __init__(self, *columns: str) -> None:
        print()
        self.row(*columns)
        self.row(*("---" for _ in columns))

    def row(self, *cells: object) -> None:
        """Print one row."""
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)

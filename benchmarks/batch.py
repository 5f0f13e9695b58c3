"""Many pictures: a batch against single commands and against calls in one process, what executors cost, and streams.

    python benchmarks/batch.py --pictures 8 --rounds 3              # drafts of 128 px; --settings for others
    python benchmarks/batch.py --overhead                           # seconds an item that does nothing, each executor
    python benchmarks/batch.py --together                           # one network, one by one and several at once
    python benchmarks/batch.py --stream 1000                        # memory over a stream of small pictures

The first paints the same pictures in three ways, each in a process of its own and in turns: `impasto batch`, a command
for each picture, and `stylize` for each in one process with all threads.
"""

import argparse
import importlib
import itertools
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import harness
import torch

import impasto
from impasto import executors, images, limits
from impasto.executors import Tell
from impasto.executors.executor import Executor
from impasto.images import Picture
from impasto.nets import store
from impasto.nets.johnson import Johnson
from impasto.recipe.shipped_networks import shipped

WAYS = ("batch", "commands", "stylize")
DRAFTS = "--preset draft --size 128 --encoder petite"
TRIVIAL = 200


class Nothing:
    """A work that does nothing: what is left is the executor."""

    def __call__(self, payload: bytes, tell: Tell) -> bytes:
        """Return the payload."""
        tell(None)
        return payload


def photographs(folder: Path, count: int) -> list[Path]:
    """Write `count` different photographs of one size: one photograph, moved a little."""
    photo = images.load(harness.PHOTO)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        paths.append(folder / f"photo{number:03}.png")
        images.save(Picture(photo.pixels.roll(3 * number, 3)), paths[-1], force=True)
    return paths


def paint(case: harness.Case) -> harness.Figures:
    """Paint the pictures of a case in its way; return the seconds and how many were painted."""
    settings: list[str] = case["settings"].split()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = photographs(folder / "in", case["pictures"])
        styles = [] if case["styleless"] else ["--style", str(harness.STYLE)]
        program = [sys.executable, "-m", "impasto"]
        before = _cpu_seconds()
        began = time.perf_counter()
        if case["way"] == "batch":
            command = [*program, "batch", str(folder / "in"), *styles, *settings, "-o", str(folder / "out"), "--quiet"]
            subprocess.run(command, check=True)
        elif case["way"] == "commands":
            for photo in photos:
                output = str(folder / "out" / photo.name)
                subprocess.run([*program, "paint", str(photo), *styles, *settings, "-o", output, "--quiet"], check=True)
        else:
            words = [word.removeprefix("--") for word in settings]
            keywords = _pairs(words)
            for photo in photos:
                result = impasto.stylize(photo, [] if case["styleless"] else harness.STYLE, **keywords)
                result.save(folder / "out" / photo.name)
        seconds = time.perf_counter() - began
        painted = len(list((folder / "out").glob("*.png")))
        return {"seconds": seconds, "cpu": _cpu_seconds() - before, "painted": painted}


def _cpu_seconds() -> float:
    """Return the processor's seconds of this process and of those that it started and that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _pairs(words: list[str]) -> dict[str, Any]:
    return dict(zip(words[::2], words[1::2], strict=True))


def compare(options: argparse.Namespace) -> None:
    """Print a row for each way."""
    case = {"pictures": options.pictures, "settings": options.settings, "styleless": options.styleless}
    cases = [{**case, "way": way} for way in WAYS]
    figures = harness.rounds(__file__, cases, options.rounds)
    harness.heading(f"{options.pictures} pictures, {options.settings}", threads=os.cpu_count())
    table = harness.Table(
        "way", "seconds", "pictures an hour and core", "processor's seconds", "over batch: seconds", "processor's"
    )
    cores = os.cpu_count() or 1
    for one, measured in zip(cases, figures, strict=True):
        painted = {figure["painted"] for figure in measured}
        if painted != {options.pictures}:
            raise SystemExit(f"{one['way']} painted {painted}, not {options.pictures}")
        seconds = [figure["seconds"] for figure in measured]
        hourly = [3600 * options.pictures / value / cores for value in seconds]
        both = [harness.spread(harness.ratios(measured, figures[0], key)) for key in ("seconds", "cpu")]
        used = harness.spread([figure["cpu"] for figure in measured], 1)
        table.row(one["way"], harness.spread(seconds, 1), harness.spread(hourly, 0), used, *both)


def overhead() -> None:
    """Print the seconds of an item that does nothing, after the first."""
    harness.heading(f"{TRIVIAL} items that do nothing")
    table = harness.Table("executor", "ms an item", "s to the first")
    # Other processes import it by this name, and know nothing of the script that is run.
    work: type[Nothing] = importlib.import_module("batch").Nothing
    makers: dict[str, type[Executor] | object] = {
        "this process": executors.InProcess,
        "2 processes": lambda: executors.Processes(2, 1),
        "Ray, 2 actors": _ray,
    }
    for name, make in makers.items():
        began = time.perf_counter()
        first = 0.0
        with make() as executor:  # type: ignore[operator]
            for outcome in executor.run(work, [b"x"] * TRIVIAL):
                first = first or time.perf_counter()
                if outcome.error is not None:
                    raise outcome.error
            ended = time.perf_counter()
        table.row(name, f"{1000 * (ended - first) / (TRIVIAL - 1):.2f}", f"{first - began:.1f}")


def _ray() -> Executor:
    from impasto.executors.ray_cluster import RayCluster

    return RayCluster(workers=2)


def together(rounds: int) -> None:
    """Print the seconds a picture of a network that paints several pictures of one size at once."""
    torch.set_num_threads(1)
    file = shipped("johnson")["swirls"]
    tensors, card = store.parse(file.read_bytes(), file.name)
    net = Johnson.from_card(tensors, card, file.name)
    harness.heading("johnson, one thread, the processor's own time")
    table = harness.Table("side", "at once", "ms a picture", "over one by one")
    counts = (1, 2, 4, 8)
    for side in (64, 128, 256):
        times: dict[int, list[float]] = {count: [] for count in counts}
        with torch.no_grad():
            for number in range(rounds + 1):
                for count in counts:
                    pictures = torch.rand(count, 3, side, side)
                    began = time.process_time()
                    net(pictures)
                    spent = 1000 * (time.process_time() - began) / count
                    # The first round warms up.
                    times[count] += [spent] if number else []
        for count in counts:
            ratio = statistics.median(times[count]) / statistics.median(times[1])
            table.row(side, count, harness.spread(times[count], 1), f"{ratio:.2f}")


def stream(count: int) -> None:
    """Print the memory of this process over a stream of small pictures by a network."""
    harness.heading(f"{count} pictures of 64 px by johnson, in this process")
    table = harness.Table("pictures", "MiB")

    def jobs() -> "itertools.chain[dict[str, object]]":
        random = torch.Generator().manual_seed(0)
        return itertools.chain({"content": torch.rand(3, 64, 64, generator=random)} for _ in range(count))

    settings = {"method": "johnson", "network": "swirls", "size": 64}
    for done in impasto.batch(jobs(), executor=executors.InProcess(1), **settings):  # type: ignore[arg-type]
        if done.index + 1 in (1, 10, 100) or (done.index + 1) % 250 == 0:
            table.row(done.index + 1, f"{limits.resident() / 2**20:.0f}")


if __name__ == "__main__":
    parser = harness.parser(__doc__)
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--settings", default=DRAFTS, help="options of the recipe, each with its value")
    parser.add_argument("--styleless", action="store_true", help="the network has its own style")
    parser.add_argument("--overhead", action="store_true")
    parser.add_argument("--together", action="store_true")
    parser.add_argument("--stream", type=int, metavar="COUNT")
    options = harness.parse(parser, paint)
    if options.overhead:
        overhead()
    elif options.together:
        together(options.rounds)
    elif options.stream:
        stream(options.stream)
    else:
        compare(options)

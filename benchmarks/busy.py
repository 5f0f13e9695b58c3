"""Seconds for 12 steps of gatys, quiet and beside busy processes, by how long OpenMP's threads spin.

`python benchmarks/busy.py`. Every run is a process of its own with the setting in its environment; runs quiet and
busy are taken in turns, and settings in turns within a round. A busy process is a Python loop at the same priority.
The steps are timed together, after three that pay for oneDNN's preparation. `others` is how many cores all other
programs of the machine used meanwhile: a run that more than the busy processes disturb is taken again, up to `--tries`
times, and the least disturbed counts. `as installed` is what torch does by itself, `impasto` what `impasto.threads`
sets where the command line and the studio start.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import harness

from impasto import threads

STEPS = 12
WARMING = 3
ALONE = 0.15
"""Cores that others may use in a run that counts as left alone."""
LIMIT_S = 60.0
"""A run that takes longer than this is written as that."""
SETTINGS: dict[str, dict[str, str]] = {
    "as installed": {},
    "GOMP_SPINCOUNT=50000": {"GOMP_SPINCOUNT": "50000"},
    "GOMP_SPINCOUNT=10000": {"GOMP_SPINCOUNT": "10000"},
    "GOMP_SPINCOUNT=5000": {"GOMP_SPINCOUNT": "5000"},
    "GOMP_SPINCOUNT=2000": {"GOMP_SPINCOUNT": "2000"},
    "GOMP_SPINCOUNT=1000": {"GOMP_SPINCOUNT": "1000"},
    "OMP_WAIT_POLICY=PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE"},
    "KMP_BLOCKTIME=0": {"KMP_BLOCKTIME": "0"},
    "OMP_NUM_THREADS=1": {"OMP_NUM_THREADS": "1"},
    "impasto": threads.environment({}),
}


def everybody() -> float:
    """Return the processor seconds that all programs together have used since the machine started."""
    words = Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:]
    # user, nice, system, idle, waiting for disks, interrupts of two kinds
    return sum(int(words[number]) for number in (0, 1, 2, 5, 6)) / os.sysconf("SC_CLK_TCK")


def child(case: harness.Case) -> harness.Figures:
    """Paint, and return the seconds of the steps."""
    import torch

    from impasto import Recipe, Stylizer, load
    from impasto.recipe import load_preset

    settings = {"size": case["size"], "iterations": STEPS + WARMING, "precision": "float32"}
    recipe = Recipe.parse({**load_preset("gatys"), **settings})
    photo, style = load(harness.PHOTO), load(harness.STYLE)
    times, others = [], []
    for _ in Stylizer(photo, style, recipe, encoder="petite"):
        times.append(time.perf_counter())
        others.append(everybody() - time.process_time())
    seconds = times[-1] - times[-1 - STEPS]
    disturbed = max(0.0, (others[-1] - others[-1 - STEPS]) / seconds)
    return {"seconds": seconds, "others": disturbed, "threads": torch.get_num_threads()}


def measure(setting: dict[str, str], size: int) -> harness.Figures:
    """Return the figures of one run; its limit where it takes longer."""
    ours = (*threads.WAITING, *threads.COUNTING)
    environment = {name: value for name, value in os.environ.items() if name not in ours} | setting
    try:
        return harness.run(__file__, {"size": size}, env=environment, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        return {"seconds": LIMIT_S, "others": float("nan")}


@contextlib.contextmanager
def beside(count: int) -> Iterator[None]:
    """Keep `count` processes busy meanwhile."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def undisturbed(setting: dict[str, str], size: int, loops: int, tries: int) -> harness.Figures:
    """Return the figures of the run beside `loops` busy ones that others disturbed least."""
    best: harness.Figures = {}
    for _ in range(tries):
        with beside(loops):
            figures = measure(setting, size)
        if not best or figures["others"] < best["others"]:
            best = figures
        if not best["others"] > loops + ALONE:
            break
    return best


def main() -> None:
    """Run all settings and print a table."""
    parser = harness.parser(__doc__)
    parser.add_argument("--sizes", nargs="+", type=int, default=[256, 512])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--busy", type=int, default=1, help="busy processes")
    parser.add_argument("--tries", type=int, default=3, help="times that a run is taken that others disturb")
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    options = harness.parse(parser, child)
    harness.heading(f"{options.busy} busy; {options.rounds} rounds: median (lowest-highest) s of {STEPS} steps")
    table = harness.Table(
        "size",
        "setting",
        "quiet",
        "others",
        "over as installed",
        "busy",
        "others",
        "over its quiet",
        "over quiet as installed",
    )
    for size in options.sizes:
        quiet: dict[str, list[harness.Figures]] = {name: [] for name in options.settings}
        busy: dict[str, list[harness.Figures]] = {name: [] for name in options.settings}
        for _ in range(options.rounds):
            for name in options.settings:
                quiet[name].append(undisturbed(SETTINGS[name], size, 0, options.tries))
                busy[name].append(undisturbed(SETTINGS[name], size, options.busy, options.tries))
                print(size, name, quiet[name][-1], busy[name][-1], file=sys.stderr, flush=True)
        first = harness.median(quiet[options.settings[0]], "seconds")
        for name in options.settings:
            own, other = (harness.median(figures[name], "seconds") for figures in (quiet, busy))
            table.row(
                size,
                name,
                harness.spread([one["seconds"] for one in quiet[name]]),
                f"{harness.median(quiet[name], 'others'):.1f}",
                f"{own / first:.2f}",
                harness.spread([one["seconds"] for one in busy[name]]),
                f"{harness.median(busy[name], 'others'):.1f}",
                f"{other / own:.1f}",
                f"{other / first:.1f}",
            )


if __name__ == "__main__":
    main()

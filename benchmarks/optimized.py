"""What whole paintings take by the methods that optimise: `python benchmarks/optimized.py --sizes 512 1024`.

The astronaut in `swirls`, by default settings: seconds of the painting after loading, over those of `gatys` in the same
round, and the peak of the process with what the planner expected. `portrait` has the astronaut as painting too, whose
landmarks are there; `doodle` has no masks. Every case is a process of its own; cases take turns over the rounds.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"


def child(case: dict[str, Any]) -> None:
    """Run one case and print its figures as JSON."""
    import torch

    import impasto

    photo, painting, given = ASSETS / "photos" / "astronaut.jpg", ASSETS / "styles" / "swirls.jpg", {}
    if case["method"] == "portrait":
        painting, landmarks = photo, ASSETS / "landmarks" / "astronaut.json"
        given = {"content_landmarks": landmarks, "style_landmarks": landmarks}
    stylizer = impasto.Stylizer(photo, painting, impasto.Recipe.parse(case), **given)
    expected = stylizer.seconds()
    for _ in stylizer:
        pass
    figures = {
        "seconds": stylizer.result().timings["total"],
        "expected_s": expected,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "expected_mib": stylizer.memory_bytes / 2**20,
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(figures))


def main() -> None:
    """Run all cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ("gatys", "portrait", "mrf", "doodle", "nnst", "strotss")
    parser.add_argument("--methods", nargs="+", choices=names, default=list(names), help="gatys is always first")
    parser.add_argument("--sizes", nargs="+", type=int, default=[512])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(json.loads(options.child))
        return
    methods = ["gatys", *(method for method in options.methods if method != "gatys")]
    cases = [{"method": method, "size": size} for size in options.sizes for method in methods]
    found: list[list[dict[str, float]]] = [[] for _ in cases]
    for _ in range(options.rounds):
        for case, figures in zip(cases, found, strict=True):
            command = [sys.executable, __file__, "--child", json.dumps(case)]
            figures.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    describe = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(describe, capture_output=True, text=True, cwd=ROOT, check=False).stdout.strip()
    print(f"commit {commit or 'unknown'}; {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"{found[0][0]['threads']:.0f} threads; median (lowest-highest)\n")
    print("| method | size | seconds | over gatys | expected | peak MiB | expected |")
    print("|---|---|---|---|---|---|---|")
    for number, (case, figures) in enumerate(zip(cases, found, strict=True)):
        first = found[number - number % len(methods)]
        middle = {key: statistics.median(one[key] for one in figures) for key in figures[0]}
        cells = [case["method"], str(case["size"]), spread([one["seconds"] for one in figures], 0)]
        cells += [spread([one["seconds"] / base["seconds"] for one, base in zip(figures, first, strict=True)], 1)]
        cells += [f"{middle['expected_s'] / middle['seconds']:.2f}", f"{middle['peak_mib']:.0f}"]
        cells += [f"{middle['expected_mib'] / middle['peak_mib']:.2f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


def spread(values: list[float], digits: int) -> str:
    """Return the median, and the lowest and highest."""
    middle, least, most = (f"{each(values):.{digits}f}" for each in (statistics.median, min, max))
    return middle if len(values) == 1 else f"{middle} ({least}-{most})"


if __name__ == "__main__":
    main()

"""How fast the feed-forward methods are: `python benchmarks/forward.py --sizes 256 512 1024`.

Seconds for a square picture with its style at the same size, after the networks are loaded: the painting that a person
waits for; and seconds for each further frame of a stream, whose style is measured once. Then the peak of the process.
Every case is a process of its own; cases take turns over the rounds. `--largest 8192 --memory 4` paints one large
picture within so many GiB instead.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 2048
"""Side of the photograph and the painting at the most: prints are larger than what they are made from."""
METHODS = ("wct", "adain", "linear", "johnson", "texture_net")


def child(case: dict[str, Any]) -> None:
    """Run one case and print its figures as JSON."""
    import torch

    import impasto
    from impasto.images import crop_to_aspect, resize
    from impasto.recipe.catalogue import METHODS as KNOWN
    from impasto.recipe.catalogue import shipped

    side, method = case["size"], case["method"]
    pictures = []
    for name in ("photos/astronaut.jpg", "styles/swirls.jpg"):
        square = crop_to_aspect(impasto.load(ROOT / "assets" / name).pixels, (1, 1))
        pictures.append(resize(square, (min(side, LARGEST), min(side, LARGEST))))
    photo, style = pictures
    settings = {"method": method, "size": side, "precision": case["precision"]}
    if not KNOWN[method].styles:
        settings["network"] = next(iter(shipped(method)))
    memory = None if case["memory"] is None else int(case["memory"] * 2**30)

    def begun() -> Any:
        styles = [style] if KNOWN[method].styles else []
        return impasto.begin(photo, styles, impasto.Recipe.parse(settings), memory=memory)

    once, frames = [], []
    for _ in range(case["repeats"]):
        painting = begun()
        began = time.perf_counter()
        for _ in painting:
            pass
        painting.result()
        once.append(time.perf_counter() - began)
    for _ in range(case["repeats"] if not case["memory"] else 0):
        began = time.perf_counter()
        next(painting.frames([photo]))
        frames.append(time.perf_counter() - began)
    figures = {
        # The first warms kernels and memory up, which loading is a part of.
        "once_s": statistics.median(once[1:] or once),
        "frame_s": statistics.median(frames[1:] or frames or once),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "predicted_mib": painting.memory_bytes / 2**20,
        "tiles": 0 if painting.tile is None else painting.tile,
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(figures))


def main() -> None:
    """Run all cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--sizes", nargs="+", type=int, default=[256, 512, 1024])
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=4, help="paintings in a process, the first not counted")
    parser.add_argument("--largest", type=int, help="paint one picture of this side once, instead")
    parser.add_argument("--memory", type=float, help="GiB that a painting may use")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(json.loads(options.child))
        return
    sizes = [options.largest] if options.largest else options.sizes
    shared = {
        "precision": options.precision,
        "memory": options.memory,
        "repeats": 1 if options.largest else options.repeats,
    }
    cases = [{"method": method, "size": size, **shared} for size in sizes for method in options.methods]
    found: list[list[dict[str, float]]] = [[] for _ in cases]
    for _ in range(1 if options.largest else options.rounds):
        for case, figures in zip(cases, found, strict=True):
            command = [sys.executable, __file__, "--child", json.dumps(case)]
            figures.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    describe = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(describe, capture_output=True, text=True, cwd=ROOT, check=False).stdout.strip()
    print(f"commit {commit or 'unknown'}; {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"{found[0][0]['threads']:.0f} threads; {options.precision}; median (lowest-highest)\n")
    print("| method | size | seconds | a frame | frames a second | peak MiB | predicted | tile |")
    print("|---|---|---|---|---|---|---|---|")
    for case, figures in zip(cases, found, strict=True):
        middle = {key: statistics.median(one[key] for one in figures) for key in figures[0]}
        cells = [case["method"], str(case["size"])]
        cells += [spread([one[key] for one in figures]) for key in ("once_s", "frame_s")]
        cells += [f"{1 / middle['frame_s']:.1f}", f"{middle['peak_mib']:.0f}"]
        cells += [f"{middle['predicted_mib'] / middle['peak_mib']:.2f}", f"{middle['tiles']:.0f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


def spread(values: list[float]) -> str:
    """Return the median, and the lowest and highest."""
    return f"{statistics.median(values):.3f} ({min(values):.3f}-{max(values):.3f})"


if __name__ == "__main__":
    main()

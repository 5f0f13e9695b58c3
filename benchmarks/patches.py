"""What matching patches costs, against unfolding them: `python benchmarks/patches.py`.

Seconds and peak memory of finding, for every 3x3 patch of a map, the most alike of another map of the same size. Every
case runs in a process of its own, so that peak memory (over that before) is the case's; cases are interleaved over the
rounds. "unfolded" copies all patches, and multiplies blocks of 1024 of them with all others.
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time

SIDES = {"petite relu3_1": 96, "vgg19 relu3_1": 256}
"""Channels of the features."""
BLOCK = 1024
REPEATS = 3


def child(way: str, channels: int, side: int) -> None:
    """Run one case and print its figures as JSON."""
    import torch
    import torch.nn.functional as F

    from impasto.losses.patches import PatchBank, PatchSource

    random = torch.Generator().manual_seed(0)
    one, other = (torch.rand(channels, side, side, generator=random) for _ in range(2))
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def unfolded() -> torch.Tensor:
        ours, theirs = F.unfold(one[None], 3)[0].T, F.normalize(F.unfold(other[None], 3)[0], dim=0)
        return torch.cat([(block @ theirs).argmax(1) for block in ours.split(BLOCK)])

    bank = PatchBank(
        [PatchSource(other)],
        stride=2 if way == "stride 2" else 1,
        precision=torch.bfloat16 if way == "bfloat16" else None,
    )
    run = unfolded if way == "unfolded" else lambda: bank.match(one)[0].flatten()
    found = run()
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024
    same = float((found == unfolded()).float().mean()) if way in ("impasto", "bfloat16") else 1.0
    print(json.dumps({"seconds": min(times), "mib": peak, "same": same, "threads": torch.get_num_threads()}))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", nargs="*", type=int, default=[64, 128], help="neurons a side")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], int(options.child[1]), int(options.child[2]))
        return
    ways = ("unfolded", "impasto", "bfloat16", "stride 2")
    cases = [(name, side, way) for name in SIDES for side in options.sides for way in ways]
    found: dict[tuple[str, int, str], list[dict[str, float]]] = {case: [] for case in cases}
    for _ in range(options.rounds):
        for name, side, way in cases:
            command = [sys.executable, __file__, "--child", way, str(SIDES[name]), str(side)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[name, side, way].append(json.loads(done.stdout))
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    threads = round(found[cases[0]][0]["threads"])
    print(f"commit {commit.stdout.strip()}, {platform.processor() or platform.machine()}, {threads} threads\n")
    print("| features | neurons | way | s | spread | peak MiB | same matches |")
    print("|---|---|---|---|---|---|---|")
    for name, side, way in cases:
        seconds = [each["seconds"] for each in found[name, side, way]]
        figures = [
            f"{statistics.median(seconds):.2f}",
            f"{min(seconds):.2f}-{max(seconds):.2f}",
            f"{statistics.median(each['mib'] for each in found[name, side, way]):.0f}",
            "" if way in ("unfolded", "stride 2") else f"{found[name, side, way][0]['same']:.1%}",
        ]
        print("| " + " | ".join([name, f"{side}x{side}", way, *figures]) + " |", flush=True)


if __name__ == "__main__":
    main()

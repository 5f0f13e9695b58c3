"""Seconds and peak memory of measuring one result: `python benchmarks/evaluation.py`.

Each case is measured in a process of its own, with the content and the style measured before (a warm evaluator) and
not. Memory is the process's peak beyond what it has when libraries and encoder are loaded. Features are taken at 512
px, as is the default, or at the result's own size. The memory of affinities is that of CFSD's formula alone, over all
places of a map as large as relu3_1's, in bands.
"""

import time
from typing import Any

import harness
import torch

from impasto import images, limits
from impasto.evaluation import Evaluator, affinity

WIDTH = 256
"""Channels of VGG-19's relu3_1."""
ROWS = 2048
"""Places whose affinities are timed, of the 262,144 that 2048 px have: the seconds of all are so many times as much."""


def measured(case: harness.Case) -> harness.Figures:
    """Measure a case in this process."""
    if case["what"] == "affinity":
        return _affinity(case)
    evaluator = Evaluator(case["encoder"], case["encoder"], size=case["at"])
    # What the libraries and the encoder take is there in every program; once, so that both are loaded.
    evaluator.evaluate(torch.rand(3, 64, 64), None, torch.rand(3, 64, 64))
    before = limits.resident() >> 20
    style = images.load(harness.STYLE)
    photo = images.load(harness.PHOTO).pixels
    size = (case["size"], case["size"])
    content, result = images.resize(photo, size)[0], images.resize(photo.flip(3), size)[0]
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        evaluator.evaluate(result, content, style)
        seconds.append(time.perf_counter() - began)
    return {"cold": seconds[0], "warm": seconds[1], "peak": harness.peak_mib() - before}


def _affinity(case: harness.Case) -> harness.Figures:
    places = (case["size"] // 4) ** 2
    target, other = (torch.rand(places, WIDTH) for _ in range(2))
    before = harness.peak_mib()
    rows = torch.arange(min(ROWS, places))
    began = time.perf_counter()
    affinity.divergences(target, other, rows)
    seconds = (time.perf_counter() - began) * places / len(rows)
    return {"cold": seconds, "warm": seconds, "peak": harness.peak_mib() - before}


def main() -> None:
    """Print a table."""
    parser = harness.parser(__doc__)
    parser.add_argument("--encoder", default="petite", help="petite or vgg19")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["all metrics", "affinity"])
    options = harness.parse(parser, measured)
    cases: list[dict[str, Any]] = [
        {"what": "all metrics", "size": size, "at": at, "encoder": options.encoder}
        for size, at in ((256, 256), (512, 512), (2048, 512), (2048, 0))
    ]
    cases += [{"what": "affinity", "size": size, "at": 0, "encoder": ""} for size in (512, 2048)]
    if options.only:
        cases = [case for case in cases if case["what"] == options.only]
    harness.heading(options.encoder, threads=torch.get_num_threads())
    table = harness.Table("what", "result", "features at", "seconds", "warm", "MiB beyond the start")
    for case in cases:
        figures = harness.rounds(__file__, [case], options.rounds)[0]
        seconds, warm, peak = (harness.spread([each[key] for each in figures], 1) for key in ("cold", "warm", "peak"))
        table.row(case["what"], f"{case['size']} px", f"{case['at'] or case['size']} px", seconds, warm, peak)


if __name__ == "__main__":
    main()

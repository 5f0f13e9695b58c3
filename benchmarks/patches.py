"""What matching patches costs, against unfolding them: `python benchmarks/patches.py`.

Seconds and peak memory of finding the nearest neighbour of every 3x3 patch of a map in another map of the same size.
Every case runs in a process of its own, so that peak memory (over that before) is the case's; cases are interleaved
over the rounds. "unfolded" copies all patches, and multiplies blocks of 1024 of them with all others.
"""

import time

import harness

CHANNELS = {"petite relu3_1": 96, "vgg19 relu3_1": 256}
"""Channels of the features."""
BLOCK = 1024
REPEATS = 3


def child(case: harness.Case) -> harness.Figures:
    """Measure one case."""
    import torch
    import torch.nn.functional as F

    from impasto.losses.patches import PatchBank, PatchSource

    way, channels, side = case["way"], case["channels"], case["side"]
    random = torch.Generator().manual_seed(0)
    one, other = (torch.rand(channels, side, side, generator=random) for _ in range(2))
    before_mib = harness.peak_mib()

    def unfolded() -> torch.Tensor:
        ours, theirs = F.unfold(one[None], 3)[0].T, F.normalize(F.unfold(other[None], 3)[0], dim=0)
        return torch.cat([(block @ theirs).argmax(1) for block in torch.split(ours, BLOCK)])

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
    mib = harness.peak_mib() - before_mib
    same = float((found == unfolded()).float().mean()) if way in ("impasto", "bfloat16") else 1.0
    return {"seconds": min(times), "mib": mib, "same": same, "threads": torch.get_num_threads()}


def main() -> None:
    """Print a table."""
    parser = harness.parser(__doc__)
    parser.add_argument("--sides", nargs="*", type=int, default=[64, 128], help="neurons a side")
    parser.add_argument("--rounds", type=int, default=3)
    options = harness.parse(parser, child)
    cases = [
        {"features": name, "channels": channels, "side": side, "way": way}
        for name, channels in CHANNELS.items()
        for side in options.sides
        for way in ("unfolded", "impasto", "bfloat16", "stride 2")
    ]
    measured = harness.rounds(__file__, cases, options.rounds)
    harness.heading("median (lowest-highest)", threads=measured[0][0]["threads"])
    table = harness.Table("features", "neurons", "way", "s", "peak MiB", "same matches")
    for case, figures in zip(cases, measured, strict=True):
        table.row(
            case["features"],
            f"{case['side']}x{case['side']}",
            case["way"],
            harness.spread([one["seconds"] for one in figures], 2),
            f"{harness.median(figures, 'mib'):.0f}",
            "" if case["way"] in ("unfolded", "stride 2") else f"{figures[0]['same']:.1%}",
        )


if __name__ == "__main__":
    main()

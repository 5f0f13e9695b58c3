"""How threads wait for one another, and how many there are: what a process sets before it loads torch.

torch computes with OpenMP's threads, oneDNN and MKL in the same ones. At the end of every loop they meet, and who is
early spins for some milliseconds, in the hope that the last is about to come. Where another program has its core, the
last comes after that program's turn, and with a few hundred meetings a step painting takes many times as long as it
need. A short spin and then sleep costs next to nothing on a quiet machine (docs/performance.md has the figures).

OpenMP reads the environment once, when it is loaded: `prepare` runs where the command line starts, `environment` goes
to children. Importing impasto changes nothing, so that a program that uses it as a library decides for itself.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

SPINS = 5000
"""Rounds that a thread of GNU's OpenMP spins before it sleeps, some 50 to 100 microseconds: longer than nearly all
waits on a quiet machine, and short beside the milliseconds of another program's turn. Its own value is 300 000."""

BLOCKTIME_MS = 1
"""Milliseconds that a thread of LLVM's or Intel's OpenMP spins: the shortest that all their releases know besides 0, at
which threads sleep after every loop. Their own value is 200."""

WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")
"""The variables that say how threads wait."""

COUNTING = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""The variables that say how many there are."""


def prepare() -> None:
    """Set the variables for this process and its children; too late, and so nothing, where torch is loaded already."""
    if "torch" not in sys.modules:
        os.environ.update(environment(os.environ))


def environment(variables: Mapping[str, str], root: Path = Path("/")) -> dict[str, str]:
    """Return what to add to the `variables` of a process, none of which is changed.

    `root` is where the files of the system are.
    """
    added = {}
    # The policy is the standard's word on waiting; the others would overrule it.
    if "OMP_WAIT_POLICY" not in variables:
        if "GOMP_SPINCOUNT" not in variables:
            added["GOMP_SPINCOUNT"] = str(SPINS)
        if "KMP_BLOCKTIME" not in variables and "KMP_LIBRARY" not in variables:
            added["KMP_BLOCKTIME"] = str(BLOCKTIME_MS)
    if not any(name in variables for name in COUNTING):
        cores, limit = physical_cores(root), quota(root)
        # Otherwise torch's own number is right: it knows affinity and cores, but no quota.
        if limit is not None and limit < cores:
            # Rounded down: a thread more than the quota is stopped for a part of every period, and all wait for it.
            added["OMP_NUM_THREADS"] = str(max(1, int(limit)))
    return added


def physical_cores(root: Path = Path("/")) -> int:
    """Return how many cores this process may use, two processors of one core counted once."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    allowed = os.sched_getaffinity(0)
    folder = root / "sys/devices/system/cpu"
    return len({_text(folder / f"cpu{number}/topology/thread_siblings_list") or str(number) for number in allowed})


def quota(root: Path = Path("/")) -> float | None:
    """Return how many processors' time the control groups of this process allow it; None where they set no limit."""
    limits = [limit for limit in _limits(root) if limit is not None]
    return min(limits, default=None)


def _limits(root: Path) -> Iterator[float | None]:
    """Yield the limit of each group that the process is in, of either version of Linux's control groups."""
    mounted = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        kinds, _, path = rest.partition(":")
        # Limits of the groups above hold as well. In a container only the uppermost may be there to read.
        own = PurePosixPath("/" + path.strip("/"))
        groups = [str(group).strip("/") for group in (own, *own.parents)]
        if not kinds:
            for group in groups:
                for top in (mounted, mounted / "unified"):
                    yield _ratio(_text(top / group / "cpu.max").split())
        elif "cpu" in kinds.split(","):
            for group in groups:
                for top in (mounted / "cpu", mounted / kinds):
                    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
                    yield _ratio([_text(top / group / name) for name in names])


def _ratio(words: list[str]) -> float | None:
    """Return microseconds of processor time over those of a period; None for `max`, -1 and what cannot be read."""
    if len(words) != 2 or not all(word.isascii() and word.isdecimal() for word in words):
        return None
    allowed, period = map(int, words)
    return allowed / period if allowed and period else None


def _text(path: Path) -> str:
    """Return what a file of the system says; nothing where it cannot be read."""
    try:
        return path.read_text("ascii", "replace").strip()
    except (OSError, ValueError):
        return ""

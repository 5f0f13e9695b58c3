"""How much memory this process has, and how much more it may take."""

import contextlib
import os
import sys
from pathlib import Path


def available(root: Path = Path("/")) -> int | None:
    """Return the bytes this process may still use: the least of the machine's, its control group's and its `ulimit`'s.

    None where neither can be told. `root` is for tests.
    """
    limits = []
    meminfo = _read(root / "proc/meminfo")
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            limits.append(int(line.split()[1]) * 1024)
    for folder, limit, used in _groups(root):
        most, now = _read(folder / limit).strip(), _read(folder / used).strip()
        if most.isdigit() and now.isdigit():
            limits.append(max(0, int(most) - int(now) + _cached(folder)))
    if (room := _address_space(root)) is not None:
        limits.append(room)
    if not limits and hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(limits) if limits else None


def installed(root: Path = Path("/")) -> int | None:
    """Return the bytes of memory that the machine has; None where it does not tell."""
    for line in _read(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def of_group(root: Path = Path("/")) -> int | None:
    """Return the bytes that the control groups of this process allow, as a container sets them; None: no limit."""
    texts = [_read(folder / limit).strip() for folder, limit, _ in _groups(root)]
    # Version 1 writes a number near 2^63 where it sets no limit.
    limits = [int(text) for text in texts if text.isdigit() and int(text) < 1 << 60]
    return min(limits, default=None)


def _address_space(root: Path) -> int | None:
    """Return the bytes that `ulimit -v` leaves to this process; None where nothing is set."""
    if sys.platform == "win32":
        return None
    import resource  # only there on Unix

    pages = _read(root / "proc/self/statm").split()
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if not pages or most == resource.RLIM_INFINITY:
        return None
    return max(0, most - int(pages[0]) * resource.getpagesize())


def format_bytes(size: int) -> str:
    """Return bytes in GiB, or in MiB where those say more."""
    return f"{size / 2**30:.1f} GiB" if size >= 1 << 31 else f"{size / 2**20:.0f} MiB"


def _groups(root: Path) -> list[tuple[Path, str, str]]:
    """Return the folders of this process's control group and of those around it, with their files' names."""
    folders = []
    names = {"": ("memory.max", "memory.current")}
    names["memory"] = ("memory.limit_in_bytes", "memory.usage_in_bytes")
    for line in [*_read(root / "proc/self/cgroup").splitlines(), "0::/", "1:memory:/"]:
        _, _, rest = line.partition(":")
        kind, _, path = rest.partition(":")
        if kind in names and ".." not in path:
            folder = root / "sys/fs/cgroup" / kind
            parts = [part for part in path.split("/") if part]
            folders += [(folder.joinpath(*parts[:depth]), *names[kind]) for depth in range(len(parts) + 1)]
    return list(dict.fromkeys(folders))


def _cached(folder: Path) -> int:
    """Return the bytes of a group that are copies of files, which go when memory is needed."""
    lines = _read(folder / "memory.stat").splitlines()
    values = dict(line.split() for line in lines if line.count(" ") == 1)
    return int(values.get("total_inactive_file", values.get("inactive_file", 0)))


def resident() -> int:
    """Return the bytes that this process has now."""
    for line in _read(Path("/proc/self/status")).splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 300 << 20  # what Python and torch come to


def forget_peak() -> None:
    """Begin to measure anew what `peak` tells, where the system lets a process do that (Linux)."""
    with contextlib.suppress(OSError), Path("/proc/self/clear_refs").open("w") as stream:
        stream.write("5")  # "reset the peak resident set size": proc(5)


def peak() -> int | None:
    """Return the most bytes that this process had since `forget_peak`; None where the system does not tell."""
    for line in _read(Path("/proc/self/status")).splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

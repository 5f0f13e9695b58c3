"""The machine: system, processors, memory and its limits."""

import os
import platform
import re
import sys
from pathlib import Path

from impasto import limits, threads
from impasto._version import __version__
from impasto.diagnosis.finding import Finding

LEAST_BYTES = 1 << 30
"""The memory below which painting fails at any size: Python and torch take 300 MiB, a 256 px picture as much again,
and the system needs some to go on."""
SCARCE_BYTES = 3 << 30
"""The memory below which a picture of 512 px with VGG-19 is painted in tiles, which takes longer."""
MATRIX_UNITS = ("amx_bf16", "amx_tile", "avx512_bf16", "avx512f", "avx2", "bf16", "sve", "asimd")
"""What a processor may have that decides on the speed of convolutions, by the names of Linux."""


def findings(root: Path = Path("/")) -> list[Finding]:
    """Return what is to say of impasto and Python, the processors and the memory. `root` is for tests."""
    return [_python(), _cores(root), _memory(root)]


def _python() -> Finding:
    facts = {
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "impasto": __version__,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    value = f"impasto {__version__}, Python {facts['python']}, {facts['system']}"
    if facts["bits"] == 32:
        return Finding(
            "versions", f"{value}, 32 bit", "wrong", "torch needs a 64-bit Python; install one from python.org", facts
        )
    return Finding("versions", value, facts=facts)


def _cores(root: Path) -> Finding:
    cores, quota = threads.physical_cores(root), threads.quota(root)
    units = _units(root)
    facts = {"cores": cores, "processors": os.cpu_count(), "quota": quota, "units": units}
    value = f"{cores} core{'s' * (cores != 1)} of {os.cpu_count()} processors"
    value += f", a quota of {quota:.1f}" if quota is not None else ""
    value += f"; {', '.join(units)}" if units else ""
    if quota is not None and quota < 1:
        remedy = "a container of at least one processor paints faster: docker run --cpus 2"
        return Finding("processor", value, "note", remedy, facts)
    return Finding("processor", value, facts=facts)


def _units(root: Path) -> list[str]:
    """Return those of `MATRIX_UNITS` that Linux tells of the first processor."""
    try:
        text = (root / "proc/cpuinfo").read_text("ascii", "replace")
    except OSError:
        return []
    match = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    flags = set(match[1].split()) if match else set()
    return [name for name in MATRIX_UNITS if name in flags]


def _memory(root: Path) -> Finding:
    free, total, group = limits.available(root), limits.installed(root), limits.of_group(root)
    facts = {"free_bytes": free, "group_bytes": group, "installed_bytes": total}
    told = [
        f"{limits.format_bytes(size)} {what}"
        for size, what in ((free, "free"), (total, "installed"), (group, "allowed by the control group"))
        if size is not None
    ]
    value = ", ".join(told) or "cannot be told on this system"
    if free is not None and free < LEAST_BYTES:
        remedy = "close other programs, or give the container more: docker run --memory 4g"
        return Finding("memory", value, "wrong", remedy, facts)
    if free is not None and free < SCARCE_BYTES:
        remedy = "large pictures are painted in tiles, which takes longer; petite needs the least"
        return Finding("memory", value, "note", remedy, facts)
    return Finding("memory", value, facts=facts)

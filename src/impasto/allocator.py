"""How much freed memory a process keeps for itself: what GNU's C library is told, on Linux.

A step frees maps of some tens of MiB and asks for them again. The library hands such pieces back to the system, which
fills every page with zeros before it lends it anew: a twelfth of a step's time (docs/performance.md has the figures).
Told to keep them, a process is larger at its peak, as freed pieces lie between others: by a fiftieth at 512 px, a tenth
at 1024, a third at 2048 in one piece; the planner counts that (`impasto.optim.memory`). After tiles and paintings all
is handed back just the same (`trim` there).

Importing impasto changes nothing, so that a program that uses it as a library decides for itself.
"""

import contextlib
import ctypes
import os
from collections.abc import Mapping

LARGEST_KEPT = 64 << 20
"""The bytes of the largest piece that is taken from what was freed, and not from the system each time."""
MOST_KEPT = 256 << 20
"""The freed bytes at the end of the heap that are kept."""

SETTINGS = {"MALLOC_MMAP_THRESHOLD_": (-3, LARGEST_KEPT), "MALLOC_TRIM_THRESHOLD_": (-1, MOST_KEPT)}
"""The variables that a process reads as it begins, with their numbers in `mallopt` and our values."""


def prepare() -> None:
    """Tell the library of this process, and the variables of its children; nothing where the environment says it."""
    added = environment(os.environ)
    os.environ.update(added)
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another system, another library
        for name in added:
            ctypes.CDLL(None).mallopt(*SETTINGS[name])


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what to add to the `variables` of a process, none of which is changed."""
    if any(name in variables for name in (*SETTINGS, "GLIBC_TUNABLES")):
        return {}
    return {name: str(value) for name, (_, value) in SETTINGS.items()}

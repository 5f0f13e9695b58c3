"""Freed memory that a process keeps: what it tells the C library and its children, and what comes of it."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from impasto import allocator

SOURCE = Path(__file__).resolve().parents[1] / "src"

FAULTS = """
import json, os, resource, sys
if sys.argv[1] == "prepared":
    from impasto import allocator
    allocator.prepare()
piece = 24 << 20
bytes(piece)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    bytes(piece)
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(json.dumps([faults, sorted(name for name in os.environ if name.startswith("MALLOC_"))]))
"""


def run(how: str, **variables: str) -> tuple[int, list[str]]:
    """Return how often ten pieces of 24 MiB, freed each time, made the system lend a page, and the variables then."""
    ours = (*allocator.SETTINGS, "GLIBC_TUNABLES")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    environment = {**kept, "PYTHONPATH": str(SOURCE), **variables}
    command = [sys.executable, "-c", FAULTS, how]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=True)
    faults, names = json.loads(done.stdout)
    return faults, names


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the settings are those of GNU's C library")
def test_what_was_freed_is_taken_again_without_new_pages() -> None:
    pages = 10 * (24 << 20) // os.sysconf("SC_PAGE_SIZE")

    prepared, names = run("prepared")
    child, _ = run("child", **allocator.environment({}))

    assert prepared < 0.2 * pages
    assert child < 0.2 * pages
    assert names == sorted(allocator.SETTINGS)


def test_what_the_user_has_set_stays() -> None:
    for name in (*allocator.SETTINGS, "GLIBC_TUNABLES"):
        assert allocator.environment({name: "1"}) == {}
    assert set(allocator.environment({"PATH": "/bin"})) == set(allocator.SETTINGS)
    assert run("prepared", MALLOC_TRIM_THRESHOLD_="0")[1] == ["MALLOC_TRIM_THRESHOLD_"]


def test_another_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*allocator.SETTINGS, "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())  # no mallopt in it
    allocator.prepare()
    assert os.environ["MALLOC_TRIM_THRESHOLD_"] == str(allocator.MOST_KEPT)
    for name in allocator.SETTINGS:
        monkeypatch.delenv(name)

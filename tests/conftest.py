"""What is done before tests are collected: `tests/fixtures.py` is read where tests run, and garbage is left alone."""

import gc
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_UNIX = re.compile(r"^import (resource|fcntl)$|tests\.forked|os\.(fork|mkfifo|getuid)\b|SIGKILL|SIGALRM", re.MULTILINE)
"""What shows that the tests of a file need Unix: processes that fork, limits, pipes with names, its signals."""


def needs_unix(source: str) -> bool:
    """Return whether the tests of a file need Unix, and are left out on Windows."""
    return _UNIX.search(source) is not None


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what Windows cannot run."""
    system: str = sys.platform  # as a plain text: type checkers know the answer for the system that they run on
    if system != "win32" or collection_path.suffix != ".py":
        return None
    return needs_unix(collection_path.read_text("utf-8")) or None


def pytest_configure(config: pytest.Config) -> None:
    """Read the fixtures, which import torch, in every process that runs tests: the one that hands them out does not."""
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", default=None):
        config.pluginmanager.import_plugin("tests.fixtures")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect tests without a search for garbage, and leave what stays to the end out of every later one.

    Modules and tests are so many objects that searching them took a tenth of the suite's time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()

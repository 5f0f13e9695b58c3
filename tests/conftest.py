"""What is done before tests are collected: `tests/fixtures.py` is read where tests run, and garbage is left alone."""

import gc
from collections.abc import Iterator

import pytest


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

"""The studio answers while it paints, is watched and takes pictures in."""

import importlib
import statistics

import pytest

from tests.studio.studio_helpers import SOURCE, in_thread

pytestmark = pytest.mark.slow


def test_painting_does_not_starve_the_page(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(SOURCE))
    monkeypatch.syspath_prepend(SOURCE.parent / "benchmarks")
    module = importlib.import_module("studio_load")
    load = in_thread(lambda: module.run(streams=20, uploads=5, size=96, seconds=4, threads=1))
    assert load.refused == 0
    assert len(load.uploads) == 5
    assert min(load.events) >= 5  # every page is told
    assert load.steps[1] > load.steps[0]  # and it is painted all the while
    # How quick it is, the benchmark measures; here only that nothing waits for a step, or for a picture.
    assert len(load.busy) > 10
    assert statistics.median(load.busy) < 1

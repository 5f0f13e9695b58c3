"""The public names: sorted, there, light to import, and not hidden by modules of the same name."""

import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import impasto
from tests.forked import Forked, forget_impasto

SOURCE = Path(__file__).resolve().parents[1] / "src"


def test_all_is_sorted_and_unique():
    assert impasto.__all__ == sorted(set(impasto.__all__))
    assert dir(impasto) == impasto.__all__


def test_what_is_loaded_at_its_first_use_is_listed():
    assert {*impasto._HOMES, "__version__"} == set(impasto.__all__)


@pytest.mark.parametrize("name", impasto.__all__)
def test_every_name_is_there(name):
    value = getattr(impasto, name)
    assert not inspect.ismodule(value)
    if name != "__version__":
        assert value.__doc__


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="stylise"):
        _ = impasto.stylise


def test_load_is_that_of_images():
    from impasto import images

    assert impasto.load is images.load


def test_the_function_is_not_hidden_by_its_module():
    assert inspect.isfunction(impasto.stylize)
    assert impasto.stylize is importlib.import_module("impasto.painting.api").stylize
    assert impasto.Stylizer is importlib.import_module("impasto.painting.stylizer").Stylizer


def run(code):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.run([sys.executable, "-c", code], env=environment, timeout=120, check=False).returncode


def test_importing_is_light():
    assert run("import impasto, sys; sys.exit('torch' in sys.modules or 'pydantic' in sys.modules)") == 0


def test_the_function_wins_in_whatever_order_things_are_imported():
    def in_another_order():
        forget_impasto()
        import impasto as package
        import impasto.painting.api

        assert package is not impasto_before
        _ = package.Stylizer
        return 0 if callable(package.stylize) else 1

    impasto_before = impasto
    assert Forked(in_another_order).wait() == 0

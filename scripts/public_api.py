"""Write the names and signatures that users may rely on to `tests/data/public_api.txt`.

Run as: python scripts/public_api.py
"""

import importlib
import inspect
import re
import typing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INVENTORY = ROOT / "tests" / "data" / "public_api.txt"
MODULES = (
    *("impasto", "impasto.color", "impasto.encoders", "impasto.guides", "impasto.images", "impasto.losses"),
    *("impasto.masks.automatic", "impasto.recipe", "impasto.series", "impasto.series.blend", "impasto.weights"),
    *("impasto.checkpoint", "impasto.errors", "impasto.executors", "impasto.notebook", "impasto.tuning"),
    *("impasto.video.api", "impasto.video.settings", "impasto.series.batch.dataset", "impasto.shards"),
    *("impasto.optim.canvas", "impasto.optim.evaluate", "impasto.optim.pyramid", "impasto.optim.solver"),
)
"""Modules that the documentation names with what is public in `__all__`, or defined there or below."""


def lines() -> list[str]:
    """Return a line for each public name, with its signature where it can be called."""
    return [line for name in MODULES for module in [importlib.import_module(name)] for line in _of_module(name, module)]


def _of_module(name: str, module: object) -> list[str]:
    found = []
    own = [key for key, value in vars(module).items() if getattr(value, "__module__", "").startswith(name)]
    for public in sorted(getattr(module, "__all__", [key for key in own if not key.startswith("_")])):
        value = getattr(module, public)
        found.append(f"{name}.{public}{_signature(value)}")
        if inspect.isclass(value):
            members = [member for member in vars(value) if not member.startswith("_")]
            found += [f"{name}.{public}.{member}{_signature(vars(value)[member])}" for member in sorted(members)]
    return found


def _signature(value: object) -> str:
    """Return the parameters of what can be called; recipes have theirs documented, key by key."""
    value = getattr(value, "__func__", value)
    if not callable(value):
        return ""
    try:
        declared = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return ""
    parameters = [one for parameter in declared for one in _unpacked(parameter)]
    # Names, kinds and whether there is a default: how annotations are printed depends on the version of Python.
    bare = [each.replace(annotation=each.empty, default=each.empty) for each in parameters]
    shown = [
        str(one) + ("=..." if each.default is not each.empty else "")
        for one, each in zip(bare, parameters, strict=True)
    ]
    return "(" + re.sub(r"\s+", " ", ", ".join(shown)) + ")"


def _unpacked(parameter: inspect.Parameter) -> list[inspect.Parameter]:
    """Return the keywords that `**options: Unpack[Options]` stands for; any other parameter as it is."""
    if typing.get_origin(parameter.annotation) is not typing.Unpack:
        return [parameter]
    (options,) = typing.get_args(parameter.annotation)
    return [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in options.__annotations__]


if __name__ == "__main__":
    INVENTORY.write_text("\n".join(lines()) + "\n", encoding="utf-8")

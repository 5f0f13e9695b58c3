"""The networks that ship with impasto, by the method that paints with them; no network is read."""

from importlib import resources
from importlib.resources.abc import Traversable

from impasto.recipe.catalogue import METHODS

FOLDER: Traversable = resources.files("impasto").joinpath("nets", "data")
"""Where the networks are that ship with impasto: `METHOD-NAME.safetensors`."""


def shipped(method: str) -> dict[str, Traversable]:
    """Return the networks that ship for a method, by name, sorted."""
    known = METHODS.get(method)
    start, end = f"{known.networks if known and known.networks else method}-", ".safetensors"
    files = {file.name: file for file in FOLDER.iterdir()} if FOLDER.is_dir() else {}
    names = sorted(name for name in files if name.startswith(start) and name.endswith(end))
    return {name[len(start) : -len(end)]: files[name] for name in names}

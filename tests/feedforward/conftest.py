"""Networks that seem to ship with impasto, in an empty folder of their own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from impasto.encoders import Petite
from impasto.feedforward import FeedForward
from impasto.painting.api import begin
from impasto.recipe import Recipe, shipped_networks
from tests.network_helpers import write


@pytest.fixture(scope="session")
def petite() -> Petite:
    return Petite.embedded()


@pytest.fixture(scope="session")
def folder(petite: Petite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("networks"), petite)


@pytest.fixture(autouse=True)
def shipped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped_networks, "FOLDER", folder)


@pytest.fixture
def painted(content: Tensor, style: Tensor) -> Callable[..., FeedForward]:
    """`painted(method, ...)` paints feed-forward, and returns the painting; settings of the recipe are keywords."""

    def run(method: str, photo: object = content, styles: object = style, **options: object) -> FeedForward:
        # Some keys name what is beside the recipe too.
        own = [key for key in options if key in Recipe.model_fields and key not in ("encoder", "network", "regions")]
        settings = {key: options.pop(key) for key in own}
        recipe = Recipe.parse({"method": method, "size": 64, "precision": "float32", **settings})
        painting = begin(photo, styles, recipe, **options)  # type: ignore[arg-type]
        assert isinstance(painting, FeedForward)
        for _ in painting:
            pass
        return painting

    return run


@pytest.fixture(scope="session")
def picture_of(picture: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The suite's `picture`, under a name that is free."""
    return picture

"""Fixtures for the whole suite: the shared folder, a tiny encoder, small pictures, and what impasto says."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from torch import Tensor

from impasto.encoders import LAYERS, Vgg
from impasto.painting.api import stylize
from impasto.recipe import Recipe
from impasto.result import Result
from impasto.weights import CAFFE

# The same examples each time, no clock (the machine may be busy), no folder of examples in the working tree.
settings.register_profile("impasto", derandomize=True, deadline=None, database=None, max_examples=30)
settings.load_profile("impasto")

TINY = {1: 4, 2: 6, 3: 8, 4: 10, 5: 12}


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """One thread: tests run beside each other, and small tensors are faster so."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def same_chance() -> None:
    """Each test draws the same random numbers, whichever tests ran before it."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real weights and pictures that developers share; tests that need it skip without it."""
    default = Path(__file__).resolve().parents[1].parent / "shared"
    folder = Path(os.environ.get("IMPASTO_SHARED", default))
    if not folder.is_dir():
        pytest.skip("needs the shared folder of weights and pictures (set IMPASTO_SHARED)")
    return folder


@pytest.fixture(scope="session")
def standin(shared: Path) -> Path:
    """VGG-19 down to conv5_1; conv1_1 ... conv3_4 are the original Oxford weights."""
    path = shared / "weights" / "vgg19-oxford-standin.safetensors"
    if not path.is_file():
        pytest.skip(f"needs {path.name} in the shared folder")
    return path


@pytest.fixture
def notices() -> Iterator[list[str]]:
    """Lines that impasto says while the test runs."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("impasto")
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


def _tensors(widths: dict[int, int] = TINY, seed: int = 0) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(seed)
    tensors, channels = {}, 3
    for layer in LAYERS:
        width = widths[int(layer[4])]
        spread = (2 / (9 * channels)) ** 0.5
        tensors[f"conv{layer[4:]}.weight"] = spread * torch.randn(width, channels, 3, 3, generator=random)
        # Small positive biases keep every channel alive somewhere.
        tensors[f"conv{layer[4:]}.bias"] = 0.1 + 0.1 * torch.rand(width, generator=random)
        channels = width
    return tensors


@pytest.fixture(scope="session")
def tiny_tensors() -> Callable[..., dict[str, Tensor]]:
    """`tiny_tensors(widths per block, seed)`: random convolutions of VGG-19's shape, all sixteen."""
    return _tensors


@pytest.fixture(scope="session")
def tiny_encoder() -> Vgg:
    """A random network of VGG-19's shape, four to twelve channels wide; stateless, so one serves all tests."""
    return Vgg(_tensors(), CAFFE, channels=TINY, sha256="0" * 64)


def _picture(height: int, width: int, seed: int = 0) -> Tensor:
    """Waves of several lengths and a few hard edges, (1, 3, H, W) in [0, 1]."""
    random = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    planes = []
    for _ in range(3):
        total = torch.zeros(height, width)
        for _ in range(5):
            fy, fx, phase, size = torch.rand(4, generator=random)
            total += size * torch.sin(2 * torch.pi * (6 * fy * y + 6 * fx * x + phase))
        planes.append(total + (x + y * float(torch.rand((), generator=random)) > 0.7))
    picture = torch.stack(planes)[None]
    return (picture - picture.min()) / (picture.max() - picture.min())


@pytest.fixture(scope="session")
def picture() -> Callable[..., Tensor]:
    """`picture(height, width, seed)`: a smooth, coloured test picture."""
    return _picture


@pytest.fixture
def quick() -> Recipe:
    """A recipe that paints 64 pixels in a moment, and none around them; `auto` precision would measure the machine."""
    return Recipe.parse({"size": 64, "iterations": 6, "levels": 2, "precision": "float32", "margin": 0})


@pytest.fixture(scope="session")
def content() -> Tensor:
    """(3, 48, 64)."""
    return _picture(48, 64, seed=1)[0]


@pytest.fixture(scope="session")
def style() -> Tensor:
    """(3, 56, 40)."""
    return _picture(56, 40, seed=2)[0]


@pytest.fixture(scope="session")
def other_style() -> Tensor:
    """(3, 40, 40)."""
    return _picture(40, 40, seed=3)[0]


@pytest.fixture
def paint(tiny_encoder: Vgg, quick: Recipe) -> Callable[..., Result]:
    """`stylize` with the tiny encoder and the quick recipe, changed by keywords."""

    def run(content: object, styles: object, **options: Any) -> Result:
        options.setdefault("encoder", tiny_encoder)
        return stylize(content, styles, quick, **options)

    return run

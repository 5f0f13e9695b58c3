"""A teacher and a student small enough to train in a second."""

from collections.abc import Callable

import pytest
import torch
from PIL import Image

from impasto.encoders import Vgg
from impasto.encoders.petite import LIFTED
from impasto.training.data import PictureStream
from impasto.training.encoder_task import EncoderTask
from impasto.weights import TORCHVISION

NAMES = [f"{b}_{c}" for b, count in ((1, 2), (2, 2), (3, 4), (4, 4), (5, 1)) for c in range(1, count + 1)]


def network(widths: dict[int, int], wide: dict[int, int], seed: int) -> dict[str, torch.Tensor]:
    """Random convolutions with these channels per block, and lifts to `wide` channels."""
    random = torch.Generator().manual_seed(seed)
    tensors, channels = {}, 3
    for name in NAMES:
        width = widths[int(name[0])]
        tensors[f"conv{name}.weight"] = (2 / (9 * channels)) ** 0.5 * torch.randn(
            width, channels, 3, 3, generator=random
        )
        tensors[f"conv{name}.bias"] = 0.1 * torch.rand(width, generator=random)
        channels = width
    for layer in LIFTED:
        block = int(layer[4])
        shape = (wide[block], widths[block])
        tensors[f"lift{layer[4:]}.weight"] = widths[block] ** -0.5 * torch.randn(shape, generator=random)
    return tensors


WIDE = {1: 6, 2: 8, 3: 10, 4: 12, 5: 12}
NARROW = {1: 3, 2: 4, 3: 5, 4: 6, 5: 6}


@pytest.fixture(scope="session")
def teacher() -> Vgg:
    tensors = {key: value for key, value in network(WIDE, WIDE, 1).items() if key.startswith("conv")}
    return Vgg(tensors, TORCHVISION, channels=WIDE, sha256="1" * 64)


@pytest.fixture(scope="session")
def student() -> dict[str, torch.Tensor]:
    return network(NARROW, WIDE, 2)


@pytest.fixture(scope="session")
def stream(tmp_path_factory: pytest.TempPathFactory, picture: Callable[..., torch.Tensor]) -> PictureStream:
    folder = tmp_path_factory.mktemp("training")
    for index in range(3):
        pixels = picture(48, 56, seed=index)[0].permute(1, 2, 0)
        Image.fromarray((255 * pixels).byte().numpy()).save(folder / f"{index}.png")
    return PictureStream([folder], crop=32, batch=2)


@pytest.fixture(scope="session")
def make_task(
    teacher: Vgg, student: dict[str, torch.Tensor], stream: PictureStream, picture: Callable[..., torch.Tensor]
) -> Callable[..., EncoderTask]:
    """A fresh task each time it is called, as a new process would make it."""
    return lambda **options: EncoderTask(
        teacher, stream, student, held_out=[picture(48, 40, seed=20), picture(33, 50, seed=21)], **options
    )

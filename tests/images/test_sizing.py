import numpy as np
import pytest
import torch
from PIL import Image

from impasto import images
from impasto.errors import UsageError
from tests.images.image_helpers import smooth


def photo(height=40, width=60):
    return images.load(smooth(height, width)).pixels


@pytest.mark.parametrize("size", [(20, 30), (13, 60), (40, 17), (7, 7), (80, 120), (90, 30), (1, 1)])
def test_agrees_with_pillows_bicubic(size):
    rng = np.random.default_rng(0)
    plane = rng.random((40, 60), dtype=np.float32)
    expected = Image.fromarray(plane).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    found = images.resize(torch.from_numpy(plane)[None, None], size)
    assert np.allclose(found[0, 0].numpy(), np.clip(np.asarray(expected), 0, 1), atol=2e-5)


def test_clamps_and_keeps():
    step = torch.zeros(1, 1, 8, 8)
    step[..., 4:] = 1
    enlarged = images.resize(step, (32, 32))
    assert enlarged.min() == 0
    assert enlarged.max() == 1
    assert images.resize(step, (8, 8)) is step
    constant = torch.full((1, 3, 9, 11), 0.3)
    assert torch.allclose(images.resize(constant, (4, 23)), torch.tensor(0.3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_dtype_and_channels(dtype, channels):
    pixels = torch.rand(2, channels, 10, 12, generator=torch.Generator().manual_seed(0)).to(dtype)
    resized = images.resize(pixels, (5, 24))
    assert resized.dtype == dtype
    assert resized.shape == (2, channels, 5, 24)
    assert torch.equal(resized[1:, :1], images.resize(pixels[1:, :1], (5, 24)))


def test_no_aliasing():
    stripes = (torch.arange(64) % 2).float().expand(1, 1, 64, 64)
    assert (images.resize(stripes, (16, 16))[..., 1:-1] - 0.5).abs().max() < 0.02


def test_gradient():
    pixels = torch.rand(1, 2, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    pixels = (pixels * 0.5 + 0.25).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: images.resize(x, (3, 8)), pixels)


@pytest.mark.parametrize(
    ("size", "long_side", "expected"),
    [
        ((600, 800), 400, (300, 400)),
        ((800, 600), 400, (400, 300)),
        ((100, 100), 7, (7, 7)),
        ((3, 1000), 100, (1, 100)),
        ((1, 10000), 512, (1, 512)),
        ((333, 1000), 500, (167, 500)),  # 166.5 rounds up
        ((30, 40), 400, (300, 400)),
    ],
)
def test_fit_size(size, long_side, expected):
    assert images.fit_size(size, long_side) == expected


@pytest.mark.parametrize(
    ("aspect", "expected"), [((1, 1), (40, 40)), ((2, 1), (40, 20)), ((1, 3), (20, 60)), ((400, 600), (40, 60))]
)
def test_crop_to_aspect(aspect, expected):
    pixels = photo()
    cropped = images.crop_to_aspect(pixels, aspect)
    assert tuple(cropped.shape[2:]) == expected
    top, left = (40 - expected[0]) // 2, (60 - expected[1]) // 2
    assert torch.equal(cropped, pixels[:, :, top : top + expected[0], left : left + expected[1]])


def test_crop_never_vanishes():
    assert images.crop_to_aspect(photo(), (1, 10000)).shape[2:] == (1, 60)
    assert images.crop_to_aspect(photo(), (10000, 1)).shape[2:] == (40, 1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: images.resize(photo(), (0, 5)),
        lambda: images.resize(torch.zeros(3, 4, 4), (2, 2)),
        lambda: images.resize(torch.zeros(1, 3, 4, 4, dtype=torch.uint8), (2, 2)),
        lambda: images.fit_size((10, 10), 0),
        lambda: images.crop_to_aspect(photo(), (0, 1)),
    ],
)
def test_wrong_arguments(call):
    with pytest.raises(UsageError):
        call()

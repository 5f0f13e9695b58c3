"""Tables of colours: identity, known maps, distributions that become the painting's, and the formats."""

import math

import numpy as np
import pytest
import torch

from impasto.color import lut
from impasto.errors import ImageError, UsageError


def noise(seed, low=0.2, high=0.8, size=(40, 50)):
    """Smooth colours within a range."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 7, 9, generator=random)
    picture = torch.nn.functional.interpolate(coarse, size=size, mode="bicubic").clamp(0, 1)
    return low + (high - low) * picture


def identity(size):
    return lut.table(lambda colors: colors, size)


def test_the_identity_changes_nothing():
    picture = noise(1)
    assert lut.apply(identity(33), picture) == pytest.approx(picture.numpy(), abs=1e-6)


def test_red_is_the_last_axis_and_the_fastest():
    nodes = identity(3)
    assert nodes[:, 0, 0, 2].tolist() == [1, 0, 0]
    assert nodes[:, 2, 0, 0].tolist() == [0, 0, 1]
    lines = lut.to_cube(nodes).splitlines()
    assert lines[1] == "LUT_3D_SIZE 3"
    assert lines[4:7] == ["0.000000 0.000000 0.000000", "0.500000 0.000000 0.000000", "1.000000 0.000000 0.000000"]
    assert lines[7] == "0.000000 0.500000 0.000000"


def test_a_picture_and_itself_give_the_identity():
    picture = noise(2)
    change = lut.color_map(picture, picture)
    assert lut.apply(lut.table(change), picture) == pytest.approx(picture.numpy(), abs=2e-3)


def test_a_linear_change_is_found():
    """Optimal transport between Gaussians that differ by a positive scale and a shift is that scale and shift."""
    picture = noise(3)
    scale, shift = torch.tensor([0.8, 0.6, 0.9]).reshape(1, 3, 1, 1), torch.tensor([0.1, 0.2, 0.0]).reshape(1, 3, 1, 1)
    target = picture * scale + shift
    changed = lut.apply(lut.table(lut.color_map(picture, target)), picture)
    assert (changed - target).abs().mean() < 0.01


def test_the_distribution_becomes_the_painting_s():
    picture, painting = noise(4), noise(5, 0.1, 0.9).pow(1.7)
    changed = lut.apply(lut.table(lut.color_map(picture, painting)), picture)
    assert changed.mean((2, 3)) == pytest.approx(painting.mean((2, 3)).numpy(), abs=0.02)
    assert changed.std((2, 3)) == pytest.approx(painting.std((2, 3)).numpy(), abs=0.03)
    for channel in range(3):
        before, after, aim = (p[0, channel].flatten().sort().values for p in (picture, changed, painting))
        assert (after - aim).abs().mean() < 0.5 * (before - aim).abs().mean()


def test_the_table_has_no_cliffs():
    """Not at the edge of the colours that the photograph has, either: neighbours of the table stay neighbours."""
    nodes = lut.table(lut.color_map(noise(6), noise(7).flip(1)))
    step = max(float(nodes.diff(dim=axis).abs().max()) for axis in (1, 2, 3))
    assert step < 8.5 / 32  # the steepest that a linear map may be, over one of 32 steps


def test_what_cannot_be_seen_does_not_count():
    picture, painting = noise(8), noise(9)
    alpha = torch.ones(1, 1, 40, 50)
    alpha[..., 25:] = 0
    spoiled = picture.clone()
    spoiled[..., 25:] = 1
    probe = torch.rand(3, 100, generator=torch.Generator().manual_seed(0))
    first = lut.color_map(picture[..., :25], painting)(probe)
    assert lut.color_map(spoiled, painting, alpha)(probe) == pytest.approx(first.numpy(), abs=1e-6)
    with pytest.raises(ImageError, match="transparent everywhere"):
        lut.color_map(picture, painting, torch.zeros(1, 1, 40, 50))


def test_one_colour_becomes_another():
    gray, blue = torch.full((1, 3, 4, 4), 0.5), torch.tensor([0.1, 0.2, 0.9]).reshape(1, 3, 1, 1).expand(1, 3, 4, 4)
    changed = lut.apply(lut.table(lut.color_map(gray, blue)), gray)
    assert changed[0, :, 0, 0].tolist() == pytest.approx([0.1, 0.2, 0.9], abs=0.02)


def test_files_are_read_back():
    nodes = lut.table(lut.color_map(noise(1), noise(2)), 9)
    assert lut.from_cube(lut.to_cube(nodes, 'a "title"\nof two lines')) == pytest.approx(nodes.numpy(), abs=1e-6)
    assert lut.to_cube(nodes, 'a "title"\nof two').splitlines()[0] == "TITLE \"a 'title' of two\""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "LUT_3D_SIZE 2\n0 0 0\n",
        "LUT_1D_SIZE 2\n0 0 0\n1 1 1\n",
        "LUT_3D_SIZE 99999\n",
        "LUT_3D_SIZE -2\n",
        "LUT_3D_SIZE 2\n" + "0 0 nan\n" * 8,
        "LUT_3D_SIZE 2\n" + "0 0 0\n" * 9,
        "LUT_3D_SIZE 2\n" + "0 0\n" * 8,
        "LUT_3D_SIZE 2\n" + "0 0 0\n" * 6 + "0 0\n0 0 0 0\n",
        "LUT_3D_SIZE 2\n" + "0 0 1e300\n" * 8,
        "LUT_3D_SIZE 2\nDOMAIN_MAX 2 2 2\n" + "0 0 0\n" * 8,
    ],
)
def test_what_is_no_table_is_refused(text):
    with pytest.raises(ImageError, match=r"^odd\.cube: "):
        lut.from_cube(text, "odd.cube")


def test_a_hald_picture_has_the_nodes_in_order():
    picture = lut.to_hald(identity(4))
    assert picture.shape == (1, 3, 8, 8)
    first = picture[0].reshape(3, -1)
    assert first[:, 1].tolist() == pytest.approx([1 / 3, 0, 0])
    assert first[:, 4].tolist() == pytest.approx([0, 1 / 3, 0])
    assert first[:, 16].tolist() == pytest.approx([0, 0, 1 / 3])
    with pytest.raises(UsageError, match="square number"):
        lut.to_hald(identity(33))
    assert math.isqrt(lut.HALD_LEVEL**2) == lut.HALD_LEVEL


def test_sizes_and_shapes_are_checked():
    with pytest.raises(UsageError, match="2 to 256"):
        identity(1)
    with pytest.raises(UsageError, match="is \\(3, N, N, N\\)"):
        lut.apply(torch.zeros(3, 2, 2, 3), noise(1))


def test_pillow_s_own_table_agrees():
    """The order of the nodes is that of others: Pillow's filter takes a flat list with red fastest."""
    from PIL import Image, ImageFilter

    nodes = lut.table(lambda colors: torch.stack([colors[1], colors[2] * 0.5, colors[0]]), 17)
    values = nodes.reshape(3, -1).T.flatten().tolist()
    samples = (noise(3) * 255).round()[0].permute(1, 2, 0).byte().numpy()
    other = np.asarray(Image.fromarray(samples).filter(ImageFilter.Color3DLUT(17, values)), np.int16)
    ours = lut.apply(nodes, torch.from_numpy(samples).permute(2, 0, 1)[None] / 255)
    assert abs((ours[0].permute(1, 2, 0) * 255).numpy() - other).max() <= 1.01

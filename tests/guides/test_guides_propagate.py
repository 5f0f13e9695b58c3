import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given
from hypothesis import strategies as st

from impasto import guides, images
from impasto.errors import UsageError
from impasto.guides.propagate import Step
from impasto.images import Picture
from tests.guides.guides_helpers import RED, scene, sums_to_one

STEPS: dict[str, tuple[Step, ...]] = {
    "relu1_1": ("conv",),
    "relu1_2": ("conv", "conv"),
    "relu2_1": ("conv", "conv", "pool", "conv"),
    "relu3_1": ("conv", "conv", "pool", "conv", "conv", "pool", "conv"),
}

steps = st.lists(st.sampled_from(["conv", "pool"]), max_size=8).filter(lambda found: found.count("pool") <= 3)
sizes = st.tuples(st.integers(8, 33), st.integers(8, 33))


def soft(count, size):
    return torch.softmax(6 * torch.randn(count, *size), 0)


@given(steps, sizes)
def test_simple_and_mean_keep_a_partition(path, size):
    for mode in ("simple", "mean"):
        assert sums_to_one(guides.propagate(soft(3, size), path, mode))


@given(steps, sizes)
def test_modes_are_ordered(path, size):
    maps = soft(3, size)
    found = {mode: guides.propagate(maps, path, mode) for mode in guides.MODES}
    ends = {key: value + 1e-6 for key, value in found.items()}
    for middle in ("simple", "mean"):
        assert (found["inside"] <= ends[middle]).all()
        assert (found[middle] <= ends["all"]).all()
    assert len({value.shape for value in found.values()}) == 1
    assert torch.equal(found["inside"], 1 - guides.propagate(1 - maps, path, "all"))


@given(steps, sizes, st.sampled_from(guides.MODES))
def test_ones_stay_ones(path, size, mode):
    found = guides.propagate(torch.ones(size), path, mode)
    for step in path:
        size = (size[0] // 2, size[1] // 2) if step == "pool" else size
    assert torch.allclose(found, torch.ones(size))


def test_modes_by_hand():
    line = torch.tensor([[0.0, 0, 1, 1, 1, 1, 1, 0]]).expand(8, 8)
    steps: tuple[Step, ...] = ("conv", "pool")
    assert guides.propagate(line, steps, "simple")[0].tolist() == [0, 1, 1, 0.5]
    assert guides.propagate(line, steps, "all")[0].tolist() == [1, 1, 1, 1]
    assert guides.propagate(line, steps, "inside")[0].tolist() == [0, 0, 1, 0]
    expected = torch.tensor([1 / 6, 5 / 6, 1, 1 / 2])  # (0+1/3)/2, (2/3+1)/2, 1, (2/3+1/3)/2
    assert torch.allclose(guides.propagate(line, steps, "mean")[0], expected)


@pytest.mark.parametrize("layer", STEPS)
@pytest.mark.parametrize("size", [(24, 20), (21, 27)])
def test_all_is_the_receptive_field(layer, size):
    # A network with positive weights: an output depends on a pixel just when its derivative is not zero.
    path = STEPS[layer]

    def network(image):
        found = image[None, None]
        for step in path:
            if step == "conv":
                found = functional.conv2d(found, torch.ones(1, 1, 3, 3, dtype=found.dtype) / 9, padding=1)
            else:
                found = functional.avg_pool2d(found, 2)
        return found[0, 0]

    jacobian = torch.autograd.functional.jacobian(network, torch.rand(size, dtype=torch.float64))
    for at in ((0, 0), (7, 9), (12, 3), (size[0] - 1, size[1] - 1)):
        single = torch.zeros(size)
        single[at] = 1
        sees = jacobian[..., at[0], at[1]] > 0
        assert torch.equal(guides.propagate(single, path, "all") > 0, sees)
        # And what sees nothing of the pixel is inside of the others.
        assert torch.equal(guides.propagate(1 - single, path, "inside") > 0, ~sees)


def test_all_and_inside_are_what_noise_finds():
    # Gatys' probe itself: disturb one side, see which outputs move.
    region = scene(32, 40, 2).double()
    weights = [torch.rand(1, 1, 3, 3, dtype=torch.float64) + 0.1 for _ in STEPS["relu2_1"]]

    def network(image):
        found = image[None, None]
        for step, weight in zip(STEPS["relu2_1"], weights, strict=True):
            found = functional.avg_pool2d(found, 2) if step == "pool" else functional.conv2d(found, weight, padding=1)
        return found[0, 0]

    image, noise = torch.rand(32, 40, dtype=torch.float64), torch.rand(32, 40, dtype=torch.float64)
    moved_by_region = (network(image + noise * region) - network(image)).abs() > 1e-9
    moved_by_others = (network(image + noise * (1 - region)) - network(image)).abs() > 1e-9
    assert torch.equal(guides.propagate(region, STEPS["relu2_1"], "all") > 0, moved_by_region)
    assert torch.equal(guides.propagate(region, STEPS["relu2_1"], "inside") > 0, ~moved_by_others)


def test_a_small_region_vanishes_inside():
    spot = torch.zeros(32, 32)
    spot[10:14, 10:14] = 1
    assert guides.propagate(spot, STEPS["relu1_1"], "inside").sum() == 4
    assert guides.propagate(spot, STEPS["relu3_1"], "inside").sum() == 0


@pytest.mark.parametrize("mode", guides.MODES)
def test_one_map_or_many(mode):
    maps = soft(3, (17, 20))
    many = guides.propagate(maps, STEPS["relu2_1"], mode)
    assert torch.equal(many[1], guides.propagate(maps[1], STEPS["relu2_1"], mode))


def test_wrong_arguments_of_propagate():
    with pytest.raises(UsageError, match="choose from simple, mean, all, inside"):
        guides.propagate(torch.ones(8, 8), ("conv",), "outside")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="step 'relu'"):
        guides.propagate(torch.ones(8, 8), ("relu",), "all")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"maps of 8 x 3 are too small for 2 pools"):
        guides.propagate(torch.ones(3, 8), ("pool", "pool"), "all")
    with pytest.raises(UsageError, match=r"not \(1, 2, 8, 8\)"):
        guides.propagate(torch.ones(1, 2, 8, 8), (), "all")


# Growing and boundaries


@given(sizes, st.integers(0, 12))
def test_grow_is_a_box(size, k):
    spots = (torch.rand(2, *size) < 0.05).float()
    grown = torch.zeros_like(spots)
    for region, y, x in spots.nonzero().tolist():
        grown[region, max(0, y - k) : y + k + 1, max(0, x - k) : x + k + 1] = 1
    assert torch.equal(guides.grow(spots, k), grown)
    assert torch.equal(guides.grow(1 - spots, -k), 1 - grown)
    assert torch.equal(guides.grow(spots[0], k), grown[0])


def test_boundary_by_hand():
    maps = torch.zeros(2, 5, 10)
    maps[0, :, :6], maps[1, :, 6:] = 1, 1
    for width in (1, 2, 4):
        band = guides.boundary(maps, width)
        assert band[2].nonzero().flatten().tolist() == list(range(6 - width, 6 + width))
    assert guides.boundary(maps[:1], 2)[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 0, 0]  # against what is left out
    assert guides.boundary(torch.ones(1, 4, 4), 2).max() == 0
    with pytest.raises(UsageError, match="at least 1 pixel"):
        guides.boundary(maps, 0)


# Shown


def test_overlay_tints_and_outlines():
    gray = Picture(torch.full((1, 3, 40, 60), 0.5), name="photo.jpg")
    maps = torch.zeros(2, 20, 30)
    maps[0, :, :15], maps[1, :, 15:] = 1, 1
    shown = guides.overlay(gray, maps, [(255, 0, 0), (0, 0, 255)])
    assert shown.size == (40, 60)
    assert shown.pixels[0, :, 20, 5].tolist() == [0.75, 0.25, 0.25]
    assert shown.pixels[0, :, 20, 55].tolist() == [0.25, 0.25, 0.75]
    assert torch.equal(shown.pixels[0, :, 20, 29:31], torch.ones(3, 2))  # the line
    assert shown.pixels[0, :, :, :25].std(dim=(1, 2)).max() < 1e-6
    assert torch.equal(guides.overlay(gray, maps, strength=0).pixels[..., :20], gray.pixels[..., :20])
    # A region that the style leaves out is not tinted.
    left = guides.overlay(gray, maps[:1], [(255, 0, 0)])
    assert left.pixels[0, :, 20, 55].tolist() == [0.5, 0.5, 0.5]


def test_overlay_line_shows_on_white_and_black():
    for level in (0.0, 1.0):
        picture = Picture(torch.full((1, 3, 100, 100), level))
        maps = torch.zeros(2, 100, 100)
        maps[0, :50], maps[1, 50:] = 1, 1
        shown = guides.overlay(picture, maps, strength=0).pixels[0, 0, :, 50]
        assert shown[48:52].tolist() == [0, 1, 1, 0]
        assert set(shown[:40].tolist()) == {level}


def test_to_colors_paints_the_winner():
    maps = torch.tensor([[[0.4, 0.9]], [[0.6, 0.1]]])
    painted = guides.to_colors(maps, [(255, 0, 0), (0, 51, 255)])
    assert torch.allclose(painted.pixels[0, :, 0], torch.tensor([[0, 1.0], [0.2, 0], [1.0, 0]]))
    with pytest.raises(UsageError, match="25 regions, but only 24 colours"):
        guides.to_colors(torch.ones(25, 2, 2) / 25)
    with pytest.raises(UsageError, match="2 regions, but only 1 colours"):
        guides.overlay(painted, maps, [RED])


def test_auto_masks_come_back(tmp_path):
    # What `impasto masks auto` writes, a person edits and from_colors reads: through a file.
    labels = scene(70, 90)
    maps = functional.one_hot(labels, 4).permute(2, 0, 1) * 0.6 + 0.1
    images.save(guides.to_colors(maps), tmp_path / "auto.png")
    regions = guides.from_colors(images.load(tmp_path / "auto.png"), [])
    order = [regions.names.index(name) for name in ("red", "blue", "yellow", "green")]
    assert torch.equal(regions.content[order].argmax(0), labels)

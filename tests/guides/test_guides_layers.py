import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto import guides
from impasto.errors import ImageError, UsageError
from impasto.images import Picture
from tests.guides.guides_helpers import gray, sums_to_one
from tests.type_helpers import present


def ramp(height=20, width=30):
    return torch.linspace(0, 1, width).expand(height, width).clone()


def flat(value, height=20, width=30):
    return torch.full((height, width), float(value))


def test_soft_masks_are_the_maps():
    left, right = ramp(), 1 - ramp()
    regions = guides.from_layers(
        {
            "sky": (gray(left, "a.png"), [gray(right, "c.png"), None]),
            "ground": (gray(right, "b.png"), [gray(left, "d.png"), None]),
        }
    )
    assert regions.names == ("sky", "ground")
    assert torch.allclose(regions.content, torch.stack([left, right]), atol=1e-6)
    assert torch.allclose(present(regions.styles[0]), torch.stack([right, left]), atol=1e-6)
    assert regions.styles[1] is None
    assert regions.digests == (
        ("content mask", "sha of a.png"),
        ("content mask", "sha of b.png"),
        ("style mask", "sha of c.png"),
        ("style mask", "sha of d.png"),
    )


def test_value_is_luma_times_alpha():
    pixels = torch.tensor([1.0, 0.5, 0.25])[None, :, None, None].expand(1, 3, 4, 4).contiguous()
    mask = Picture(pixels, torch.full((1, 1, 4, 4), 0.5), "tinted.png")
    regions = guides.from_layers({"glow": (mask, [])})
    assert torch.allclose(regions.content[0], torch.tensor(0.5 * (0.299 + 0.587 * 0.5 + 0.114 * 0.25)))
    assert regions.names == ("glow", "rest")


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=4), st.integers(0, 9))
def test_content_always_adds_to_one(values, seed):
    random = torch.Generator().manual_seed(seed)
    layers: dict[str, tuple[Picture, list[Picture | None]]] = {
        f"part{index}": (gray(value * torch.rand(9, 7, generator=random)), []) for index, value in enumerate(values)
    }
    regions = guides.from_layers(layers)
    assert sums_to_one(regions.content)
    # What overlaps is shared in proportion; what does not is as painted.
    given_maps = torch.stack([mask.pixels[0, 0] for mask, _ in layers.values()])
    over = given_maps.sum(0) > 1
    found = regions.content[: len(values)]
    assert torch.allclose(found[:, over], (given_maps / given_maps.sum(0))[:, over], atol=1e-6)
    if "rest" in regions.names:
        assert torch.allclose(found[:, ~over], given_maps[:, ~over], atol=1e-6)


def test_overlap_by_hand():
    regions = guides.from_layers({"a": (gray(flat(1)), []), "b": (gray(flat(0.5)), [])})
    assert regions.names == ("a", "b")
    assert torch.allclose(regions.content[:, 3, 3], torch.tensor([2 / 3, 1 / 3]))


def test_rest_takes_what_is_left():
    style = gray(flat(0.25), "s.png")
    regions = guides.from_layers({"sky": (gray(ramp()), [style])})
    assert regions.names == ("sky", "rest")
    assert torch.allclose(regions.content[1], 1 - ramp())
    assert torch.allclose(present(regions.styles[0])[1], flat(0.75))


def test_too_little_for_a_rest_is_shared_out():
    a, b = ramp(40, 60), 1 - ramp(40, 60)
    a[0, 0], b[0, 0] = 0, 0
    regions = guides.from_layers({"a": (gray(0.9999 * a), []), "b": (gray(0.9999 * b), [])})
    assert regions.names == ("a", "b")
    assert sums_to_one(regions.content)
    assert regions.content[:, 0, 0].tolist() == [0.5, 0.5]


def test_style_without_a_rest_lends_all_of_itself(notices):
    content = gray(ramp(), "c.png")
    regions = guides.from_layers({"sky": (content, [gray(flat(1), "s.png"), gray(ramp(), "t.png")])})
    assert torch.equal(present(regions.styles[0]), torch.ones(2, 20, 30))
    assert torch.allclose(present(regions.styles[1]).sum(0), torch.tensor(1.0))
    assert [line for line in notices if "rest" in line] == [
        "s.png: leaves nothing of its style for the region 'rest', which takes all of it instead"
    ]


def test_rest_can_be_painted():
    regions = guides.from_layers(
        {
            "rest": (gray(0.5 * (1 - ramp())), [gray(flat(0.5))]),
            "sky": (gray(ramp()), [gray(flat(0.25))]),
        }
    )
    assert regions.names == ("rest", "sky")
    assert torch.allclose(regions.content[0], 1 - ramp())
    assert torch.allclose(present(regions.styles[0])[:, 0, 0], torch.tensor([0.75, 0.25]))


def test_style_may_leave_something_out():
    halves = {"a": (gray(ramp()), [gray(flat(0.25))]), "b": (gray(1 - ramp()), [gray(flat(0.5))])}
    regions = guides.from_layers(halves)
    assert regions.names == ("a", "b")
    assert torch.allclose(present(regions.styles[0])[:, 0, 0], torch.tensor([0.25, 0.5]))


def test_masks_of_other_sizes_are_resized_to_the_largest(notices):
    small = gray(flat(0.5, 10, 15), "small.png")
    regions = guides.from_layers({"a": (small, []), "b": (gray(flat(0.5), "large.png"), [])})
    assert regions.content.shape == (2, 20, 30)
    assert torch.allclose(regions.content, torch.tensor(0.5))
    assert notices == ["small.png: is 15 x 10 and is resized to 30 x 20"]


def test_faults_of_layers():
    good, black = gray(ramp(), "good.png"), gray(flat(0), "black.png")
    with pytest.raises(ImageError, match=r"^black\.png: is all black, so region 'sky' is empty; .*leave it out") as one:
        guides.from_layers({"sky": (black, [good])})
    assert one.value.exit_code == 3
    with pytest.raises(ImageError, match=r"^black\.png: is all black, so region 'sky'"):
        guides.from_layers({"sky": (good, [black])})
    clear = gray(flat(1), "clear.png", torch.zeros(1, 1, 20, 30))
    with pytest.raises(ImageError, match=r"^clear\.png: is all black"):
        guides.from_layers({"sky": (clear, [])})
    with pytest.raises(ImageError, match=r"^good\.png: region 'sea' is in no style mask \(s\.png\)"):
        guides.from_layers({"sky": (good, [gray(ramp(), "s.png")]), "sea": (gray(1 - ramp()), [None])})
    with pytest.raises(UsageError, match="give at least one mask"):
        guides.from_layers({})
    with pytest.raises(UsageError, match="for every style"):
        guides.from_layers({"a": (good, [good]), "b": (good, [])})


@pytest.mark.parametrize("name", ["", "a b", "../x", "é", "x" * 41, "a\n", "=1"])
def test_bad_names(name):
    with pytest.raises(UsageError, match=r"^region name"):
        guides.from_layers({name: (gray(ramp()), [])})


def test_regions_checks_itself():
    maps = torch.ones(2, 3, 3) / 2
    assert guides.Regions(("a", "#b-2"), maps, (None, maps)).digests == ()
    with pytest.raises(UsageError, match="two have the same name"):
        guides.Regions(("a", "a"), maps, ())
    with pytest.raises(UsageError, match="maps of 1 regions"):
        guides.Regions(("a",), maps, ())
    with pytest.raises(UsageError, match=r"not \(3, 3\)"):
        guides.Regions(("a", "b"), maps, (maps[0],))


# Resizing

small = st.tuples(st.integers(1, 40), st.integers(1, 40))
large = st.tuples(st.integers(1, 60), st.integers(1, 60))


@given(
    st.integers(1, 5),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
)
def test_fit_keeps_a_partition(count, before, after):
    maps = torch.softmax(4 * torch.randn(count, *before), 0)
    fitted = guides.fit(maps, after)
    assert fitted.shape == (count, *after)
    assert sums_to_one(fitted)


@given(small, large)
def test_fit_does_not_blow_up_what_is_left_out(before, after):
    maps = torch.softmax(torch.randn(3, *before), 0)
    maps[:, : before[0] // 2] = 0
    fitted = guides.fit(maps, after)
    total = guides.fit(maps.sum(0)[None], after)[0]
    assert torch.allclose(fitted.sum(0), total, atol=1e-5)


def test_fit_averages():
    stripes = (torch.arange(64) % 2).float().expand(64, 64)
    small = guides.fit(torch.stack([stripes, 1 - stripes]), (16, 16))
    assert (small[..., 1:-1] - 0.5).abs().max() < 0.02
    maps = torch.rand(1, 5, 5)
    assert guides.fit(maps, (5, 5)) is maps
    with pytest.raises(UsageError, match="at least 1 pixel"):
        guides.fit(maps, (0, 5))


def test_share_is_area():
    maps = torch.zeros(2, 4, 5)
    maps[0, 0], maps[1, 1:] = 1, 1
    assert guides.area_fractions(maps).tolist() == pytest.approx([0.25, 0.75])


def test_shape_of_a_mask(notices):
    guides.check_shape("m.png", (300, 400), (300, 400))
    assert notices == []
    guides.check_shape("m.png", (30, 40), (300, 400))
    guides.check_shape("m.png", (306, 401), (300, 400))  # 1.7 % off
    guides.check_shape("m.png", (300, 410), (300, 400))  # 2.5 % off
    guides.check_shape("m.png", (310, 400), (300, 400))
    assert notices == [
        "m.png: is 40 x 30 and is resized to its picture's 400 x 300",
        "m.png: is 401 x 306 and is resized to its picture's 400 x 300",
        "m.png: is 410 x 300 and is stretched to its picture's 400 x 300",
        "m.png: is 400 x 310 and is stretched to its picture's 400 x 300",
    ]

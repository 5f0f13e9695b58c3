"""Regions found without drawing, on pictures whose parts are known."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from impasto import guides
from impasto.encoders import Vgg, create
from impasto.errors import ImageError, UsageError
from impasto.guides import Regions
from impasto.images import Picture, load
from impasto.masks import clustering
from impasto.masks.automatic import automatic
from impasto.masks.clustering import MIN_FRACTION, View, merge_absent
from impasto.masks.edges import _parts, settle
from tests.type_helpers import present

HEIGHT, WIDTH = 120, 160


def textures(colors: list[tuple[float, float, float]], where: Tensor, seed: int, name: str = "picture") -> Picture:
    """A picture of textures: region k of `where` (H, W) has stripes of its own direction and width, and its colour."""
    random = torch.Generator().manual_seed(seed)
    height, width = where.shape
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.zeros(3, height, width)
    for index, color in enumerate(colors):
        phase = float(torch.rand((), generator=random)) * 6
        wave = [torch.sin(y / 1.2 + phase), torch.sin((x + y) / 5 + phase), torch.sin(x / 2.2 + phase)][index]
        shade = 0.85 + 0.15 * wave + 0.05 * torch.randn(height, width, generator=random)
        pixels = torch.where(where == index, torch.tensor(color)[:, None, None] * shade, pixels)
    return Picture(pixels.clamp(0, 1)[None].float(), name=name)


def horizon(at: float, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Tensor:
    """(H, W) long: 0 above, 1 below."""
    rows = torch.arange(size[0])[:, None].expand(size)
    return (rows >= at * size[0]).long()


DAY, NIGHT = [(0.5, 0.7, 1.0), (0.3, 0.8, 0.2)], [(0.45, 0.45, 0.75), (0.75, 0.6, 0.3)]
PHOTO, PAINTING = horizon(0.4), horizon(0.6, (140, 120))


@pytest.fixture(scope="module")
def pair() -> tuple[Picture, Picture]:
    return textures(DAY, PHOTO, 1, "photo"), textures(NIGHT, PAINTING, 2, "painting")


@pytest.fixture(scope="module")
def found(pair: tuple[Picture, Picture], tiny_encoder: Vgg) -> Regions:
    return automatic(pair[0], [pair[1]], tiny_encoder, count=2, size=160)


def agreement(regions: Regions, content: Tensor, style: Tensor) -> tuple[float, float]:
    """Share of pixels whose region is the known one, with one numbering for both pictures."""
    assert regions.styles[0] is not None
    shown, painted = regions.content.argmax(0), regions.styles[0].argmax(0)
    first = int(shown[content == 0].mode().values)
    return (
        float(((shown == first) == (content == 0)).float().mean()),
        float(((painted == first) == (style == 0)).float().mean()),
    )


def test_parts_are_found_and_correspond(found: Regions) -> None:
    photo, painting = agreement(found, PHOTO, PAINTING)
    # A random network's deep layers see far across the edge in pictures this small.
    assert photo > 0.95
    assert painting > 0.88


@pytest.mark.parametrize(("name", "least"), [("dpst_14", 0.95), ("gns_woman_wheatfield", 0.93)])
def test_real_pictures_are_parted_as_by_hand(shared: Path, name: str, least: float) -> None:
    folder = shared / "images" / "masks" / name
    if not folder.is_dir():
        pytest.skip(f"needs the pictures and masks of {name} in the shared folder")
    content, style, *masks = (
        load(folder / file) for file in ("content.jpg", "style.jpg", "content_mask.png", "style_mask.png")
    )
    drawn = guides.from_colors(masks[0], [masks[1]])
    regions = automatic(content, [style], create("petite"), count=2)
    right = []
    for own, by_hand in ((regions.content, drawn.content), (regions.styles[0], drawn.styles[0])):
        assert own is not None
        assert by_hand is not None
        right.append((guides.fit(own, (96, 96)).argmax(0) == guides.fit(by_hand, (96, 96)).argmax(0)).float().mean())
    # The largest region is first, so that the numbers are the same or exchanged, in both pictures alike.
    exchanged = [1 - part for part in right]
    assert min(right) > least or min(exchanged) > least


def test_maps_are_partitions_the_size_of_the_pictures(found: Regions) -> None:
    assert found.styles[0] is not None
    for maps, size in ((found.content, (HEIGHT, WIDTH)), (found.styles[0], (140, 120))):
        assert maps.shape == (2, *size)
        assert float(maps.min()) >= 0
        torch.testing.assert_close(maps.sum(0), torch.ones(size), rtol=0, atol=1e-5)


def test_the_largest_region_of_the_content_is_first_and_named_by_its_colour(found: Regions) -> None:
    shares = guides.area_fractions(found.content)
    assert float(shares[0]) == pytest.approx(0.6, abs=0.05)
    assert found.names == ("red", "blue")


def test_the_same_again_is_the_same(pair: tuple[Picture, Picture], tiny_encoder: Vgg, found: Regions) -> None:
    again = automatic(pair[0], [pair[1]], tiny_encoder, count=2, size=160)
    assert found.styles[0] is not None
    assert again.styles[0] is not None
    assert torch.equal(again.content, found.content)
    assert torch.equal(again.styles[0], found.styles[0])


def test_the_count_is_chosen_with_a_reason(
    pair: tuple[Picture, Picture], tiny_encoder: Vgg, notices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clustering, "_STARTS", 4)
    regions = automatic(pair[0], [pair[1]], tiny_encoder, size=160)
    assert 2 <= len(regions.names) <= 6
    assert len(notices) == 1
    assert notices[0].startswith(f"{len(regions.names)} regions: ")


@pytest.mark.parametrize("count", [2, 5])
def test_every_region_is_in_the_content_and_in_a_style(
    pair: tuple[Picture, Picture], tiny_encoder: Vgg, count: int
) -> None:
    other = textures([NIGHT[0]], torch.zeros(100, 100).long(), 5, "sky only")
    regions = automatic(pair[0], [pair[1], other], tiny_encoder, count=count, size=160)
    styles = torch.stack([guides.area_fractions(maps) for maps in regions.styles if maps is not None])
    # Snapping to edges moves a little of what was at least SMALLEST before.
    assert float(guides.area_fractions(regions.content).min()) > MIN_FRACTION / 2
    assert float(styles.amax(0).min()) > MIN_FRACTION / 2
    assert 2 <= len(regions.names) <= count


def test_edges_are_the_pictures_own(tiny_encoder: Vgg) -> None:
    # A slanted edge that the grid of 8 pixels cannot follow.
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    slanted = (y > 30 + 0.37 * x).long()
    content, style = textures(DAY, slanted, 3), textures(NIGHT, PAINTING, 4)
    regions = automatic(content, [style], tiny_encoder, count=2, size=160)
    upper = regions.content[regions.content.argmax(0)[:20].flatten().mode().values]
    near = ((y - (30 + 0.37 * x)).abs() < 8) & (x > 8) & (x < WIDTH - 8)
    right = ((upper > 0.5) == (slanted == 0))[near].float().mean()
    assert float(right) > 0.9


def test_masks_read_back_as_the_same_regions(found: Regions) -> None:
    assert found.styles[0] is not None
    again = guides.from_colors(guides.to_colors(found.content), [guides.to_colors(found.styles[0])])
    assert again.names == found.names
    assert torch.equal(again.content.argmax(0), found.content.argmax(0))


def test_maps_are_no_larger_than_the_detail(tiny_encoder: Vgg) -> None:
    content = textures(DAY, horizon(0.5, (20, 1100)), 1)
    style = textures(NIGHT, PAINTING, 2)
    regions = automatic(content, [style], tiny_encoder, count=2, size=160)
    assert regions.content.shape == (2, 19, 1024)


@pytest.mark.parametrize(("size", "count"), [((1, 1), 0), ((1, 300), 2), ((3, 5), 3)])
def test_tiny_pictures(tiny_encoder: Vgg, size: tuple[int, int], count: int) -> None:
    random = torch.Generator().manual_seed(0)
    content = Picture(torch.rand(1, 3, *size, generator=random), name="tiny")
    try:
        regions = automatic(content, [textures(NIGHT, PAINTING, 2)], tiny_encoder, count=count, size=96)
    except ImageError as error:
        assert "draw masks" in str(error)  # noqa: PT017
    else:
        assert bool(torch.isfinite(regions.content).all())


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("flat_one", ["content", "style"])
def test_a_flat_picture_is_refused(
    pair: tuple[Picture, Picture], tiny_encoder: Vgg, level: float, flat_one: str
) -> None:
    flat = Picture(torch.full((1, 3, 60, 80), level), name="fog.png")
    content, style = (flat, pair[1]) if flat_one == "content" else (pair[0], flat)
    with pytest.raises(ImageError, match=r"fog\.png: is flat"):
        automatic(content, [style], tiny_encoder, size=160)


@pytest.mark.parametrize("count", [1, 13, -2])
def test_a_count_out_of_range(pair: tuple[Picture, Picture], tiny_encoder: Vgg, count: int) -> None:
    with pytest.raises(UsageError, match=f"{count} regions: give 2 to 12"):
        automatic(pair[0], [pair[1]], tiny_encoder, count=count)


def test_no_style(pair: tuple[Picture, Picture], tiny_encoder: Vgg) -> None:
    with pytest.raises(UsageError, match="at least one style"):
        automatic(pair[0], [], tiny_encoder)


def test_islands_go_to_what_is_around_them() -> None:
    labels = horizon(0.5, (20, 30))
    labels[2, 3] = 1
    labels[15, 20] = 2
    labels[10:, :6] = 2
    maps = settle(labels, 3)
    expected = horizon(0.5, (20, 30))
    expected[10:, :6] = 2
    assert torch.equal(maps.argmax(0), expected)


def test_a_region_of_one_small_part_stays() -> None:
    labels = torch.zeros(40, 40).long()
    labels[5, 5] = 1
    assert int(settle(labels, 2)[1].sum()) == 1


def test_parts_are_told_apart_along_winding_ways() -> None:
    inside = torch.tensor([[1, 1, 1, 0, 1], [0, 0, 1, 0, 1], [1, 0, 1, 0, 0], [1, 0, 0, 0, 1]]).bool()
    parts = _parts(inside)
    assert len(set(parts[inside].tolist())) == 4
    assert len(set(parts[0, :3].tolist())) == 1
    assert bool((parts[~inside] == 0).all())


def test_regions_that_a_side_lacks_join_their_nearest() -> None:
    # On a line: 0, 1, 10; the style has nothing at 1.
    points = torch.zeros(60, 5)
    points[20:40, 0], points[40:, 0] = 1, 10
    content = torch.arange(3).repeat_interleave(20)
    style = torch.tensor([0, 2]).repeat_interleave(30)
    views = [View(points, (6, 10), torch.zeros(1, 3, 1, 1)), View(points[[0] * 30 + [50] * 30], (6, 10), points)]
    labels = merge_absent(views, [content, style])
    assert labels[0].tolist() == [0] * 40 + [1] * 20
    assert labels[1].tolist() == [0] * 30 + [1] * 30


def test_colours_that_nobody_sees_change_no_region(pair: tuple[Picture, Picture], tiny_encoder: Vgg) -> None:
    photo, painting = pair
    alpha = torch.ones(1, 1, *photo.size)
    alpha[..., : photo.size[0] // 3, : photo.size[1] // 3] = 0
    found = []
    for hidden in (0.0, 1.0):
        pixels = torch.where(alpha > 0, photo.pixels, torch.tensor([hidden, 1 - hidden, hidden]).reshape(1, 3, 1, 1))
        found.append(automatic(Picture(pixels, alpha, name="cut-out"), [painting], tiny_encoder, count=2, size=160))
    assert torch.equal(found[0].content, found[1].content)
    assert torch.equal(present(found[0].styles[0]), present(found[1].styles[0]))

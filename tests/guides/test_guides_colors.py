import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto import guides
from impasto.errors import ImageError, UsageError
from impasto.guides import labels, palette
from impasto.guides.colors import color_names
from impasto.guides.naming import in_words
from impasto.guides.overlay import COLORS
from tests.guides.guides_helpers import (
    BLACK,
    BLUE,
    GRAY,
    GREEN,
    RED,
    WHITE,
    YELLOW,
    around,
    jpeg,
    mask,
    noisy,
    paint,
    picture,
    scene,
    smoothed,
    sums_to_one,
)  # fmt: skip
from tests.type_helpers import present

FOUR = (RED, BLUE, YELLOW, GREEN)
NAMES = ("red", "blue", "yellow", "green")


def labels_of(regions, names):
    """Labels of the content, numbered as in `names`."""
    assert set(regions.names) == set(names)
    return regions.content[[regions.names.index(name) for name in names]].argmax(0)


def third(found, clean, count, reach):
    """How many pixels are of a region that is not within `reach` of them."""
    return int((~around(clean, count, reach).gather(0, found[None])).sum())


def test_clean_masks_are_read_exactly(notices):
    content, style = scene(90, 120), scene(70, 50).flip(0)
    regions = guides.from_colors(mask(content, FOUR, "c.png"), [mask(style, FOUR, "s.png"), None])
    assert torch.equal(labels_of(regions, NAMES), content)
    order = [regions.names.index(name) for name in NAMES]
    assert torch.equal(present(regions.styles[0])[order].argmax(0), style)
    assert regions.styles[1] is None
    assert sums_to_one(regions.content)
    assert sums_to_one(regions.styles[0])
    assert regions.content.dtype == torch.float32
    fractions = guides.area_fractions(regions.content)
    assert fractions.tolist() == sorted(fractions.tolist(), reverse=True)
    assert regions.digests == (("content mask", "sha of c.png"), ("style mask", "sha of s.png"))
    assert len(notices) == 1
    assert notices[0].startswith(f"c.png: 4 regions: {regions.names[0]} {fractions[0]:.0%}, ")
    assert "chosen because" in notices[0]


@pytest.mark.parametrize("quality", [60, 75, 90])
@pytest.mark.parametrize("colors", [FOUR, (WHITE, BLACK, RED, BLUE), ((250, 60, 31), (180, 10, 5), GREEN, GRAY)])
def test_jpeg_keeps_the_labels(quality, colors):
    clean = scene(180, 240)
    regions = guides.from_colors(jpeg(clean, colors, quality), [])
    names = labels_of(guides.from_colors(mask(clean, colors), []), regions.names)  # the same names
    found = labels_of(regions, regions.names)
    assert (found != names).float().mean() < 0.01
    assert third(found, names, 4, 2) == 0


@pytest.mark.parametrize("factor", [2, 4, 5])
@pytest.mark.parametrize("colors", [FOUR, (WHITE, BLACK, GRAY, RED), ((255, 51, 31), (192, 0, 0), BLUE, WHITE)])
def test_smooth_edges_keep_the_labels(factor, colors):
    soft, clean = smoothed(scene(160 * factor, 200 * factor), colors, factor)
    regions = guides.from_colors(soft, [])
    order = [regions.names.index(name) for name in color_names([torch.tensor(c).double() for c in colors])]
    found = regions.content[order].argmax(0)
    assert (found != clean).float().mean() < 0.01
    assert third(found, clean, 4, 1) == 0


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_grey_does_not_catch_the_edge_of_black_and_white(factor):
    labels = scene(200 * factor, 240 * factor, 2)
    labels[: 50 * factor, : 60 * factor] = 2
    soft, clean = smoothed(labels, (WHITE, BLACK, GRAY), factor)
    found = labels_of(guides.from_colors(soft, []), ("white", "black", "grey"))
    edge_is_gray = ((soft.pixels[0, 0] - 0.5).abs() < 0.1) & (clean != 2)
    assert edge_is_gray.sum() > 10  # the trap is there
    assert not bool(((found == 2) & ~around(clean, 3, 1)[2]).any())
    assert (found != clean).float().mean() < 0.005


def test_a_middle_colour_near_both_ends_does_not_catch_their_edge():
    # Every blend is near one of the three: only that it is hardly nearer to one than to another gives it away.
    colors = ((60, 60, 60), (150, 150, 150), (105, 105, 105))
    labels = scene(400, 480, 2)
    labels[:100, :120] = 2
    soft, clean = smoothed(labels, colors, 2)
    regions = guides.from_colors(soft, [])
    order = [regions.names.index(name) for name in ("#3c3c3c", "#969696", "#696969")]
    found = regions.content[order].argmax(0)
    assert not bool(((found == 2) & ~around(clean, 3, 1)[2]).any())


def test_grey_does_not_catch_a_blurred_edge():
    small = scene(40, 50, 2)
    small[:12, :14] = 2
    large = guides.fit(paint(small, (WHITE, BLACK, GRAY)), (240, 300))  # a small mask, enlarged softly
    found = labels_of(guides.from_colors(picture(large), []), ("white", "black", "grey"))
    assert not bool(((found == 2) & ~around(small.repeat_interleave(6, 0).repeat_interleave(6, 1), 3, 8)[2]).any())


def test_thin_lines_are_detail_and_stay():
    labels = torch.zeros(120, 160, dtype=torch.long)
    labels[60:] = 1
    labels[20:40, 20:60] = 2
    labels[10, 80:150] = 2  # a grey line, one pixel wide, on white, and one along the edge, two wide
    labels[59:61, 30:130] = 2
    # One blended pixel: the mask is known to have soft edges.
    pixels = paint(labels, (WHITE, BLACK, GRAY))
    pixels[:, 100, 100] = 0.25
    found = labels_of(guides.from_colors(picture(pixels), []), ("white", "black", "grey"))
    labels[100, 100] = 1
    assert torch.equal(found, labels)


def test_hard_edges_have_no_blends():
    labels = scene(120, 160, 2)
    labels[:30, :40] = 2
    labels[:, 1:][labels.diff(dim=1) == 1] = 2  # grey specks just where white turns to black
    labels[1:][labels.diff(dim=0) == 1] = 2
    assert torch.equal(
        labels_of(guides.from_colors(mask(labels, (WHITE, BLACK, GRAY)), []), ("white", "black", "grey")), labels
    )


def test_an_uneven_colour_is_one_region():
    # Red that fades a little to one side, so that its far end is more than a careless difference from most of it.
    labels = scene(160, 200, 2)
    pixels = paint(labels, (RED, BLUE))
    fade = (torch.linspace(-2, 1, 200).clamp_min(0) * 45 / 255).expand(160, 200)
    pixels[1:] += fade * (labels == 0)
    assert torch.equal(labels_of(guides.from_colors(picture(pixels), []), ("red", "blue")), labels)


def test_noise_and_careless_colours():
    clean = scene(120, 150)
    off = ((250, 6, 9), (4, 0, 247), (251, 249, 12), (9, 243, 3))
    style = scene(80, 80)
    regions = guides.from_colors(noisy(clean, FOUR, 14), [mask(style, off)])
    assert torch.equal(labels_of(regions, NAMES), clean)
    order = [regions.names.index(name) for name in NAMES]
    assert torch.equal(present(regions.styles[0])[order].argmax(0), style)


def test_palette_is_found_on_all_masks_together():
    # Each style shows one region only: neither has the palette by itself.
    content = scene(60, 80, 2)
    styles = [mask(torch.zeros(30, 30, dtype=torch.long), (color,)) for color in (RED, BLUE)]
    regions = guides.from_colors(mask(content, (RED, BLUE)), styles)
    red, blue = regions.names.index("red"), regions.names.index("blue")
    assert present(regions.styles[0])[red].min() == 1
    assert present(regions.styles[0])[blue].max() == 0
    assert present(regions.styles[1])[blue].min() == 1


@given(height=st.integers(1, 7), width=st.integers(2, 7), seed=st.integers(0, 999), scale=st.integers(1, 5))
def test_what_to_colors_writes_is_read_back(height, width, seed, scale):
    labels = torch.randint(6, (height, width), generator=torch.Generator().manual_seed(seed))
    labels[0, :2] = torch.tensor([0, 5])
    labels = labels.repeat_interleave(scale, 0).repeat_interleave(scale, 1)
    present = labels.unique()
    maps = torch.stack([(labels == label).float() for label in present])
    regions = guides.from_colors(guides.to_colors(maps), [])
    assert len(regions.names) == len(present)
    agreement = torch.einsum("rhw,shw->rs", maps, regions.content)
    assert torch.equal((agreement > 0).sum(0), torch.ones(len(present), dtype=torch.long))  # one region each
    assert agreement.sum() == labels.numel()


def test_all_colours_of_to_colors_read_back():
    order = torch.randperm(24).repeat_interleave(40)
    labels = order.reshape(24, 40).repeat_interleave(6, 0)
    maps = torch.nn.functional.one_hot(labels, 24).permute(2, 0, 1).float()
    regions = guides.from_colors(guides.to_colors(maps), [])
    assert len(regions.names) == 24
    assert torch.equal((torch.einsum("rhw,shw->rs", maps, regions.content) > 0).sum(0), torch.ones(24).long())


# K-means


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_kmeans_agrees_with_scikit_learn(seed):
    cluster = pytest.importorskip("sklearn.cluster")
    random = torch.Generator().manual_seed(seed)
    points = torch.rand(300, 3, generator=random, dtype=torch.float64)
    weights = torch.rand(300, generator=random, dtype=torch.float64) + 0.1
    start = points[torch.randperm(300, generator=random)[:5]]
    oracle = cluster.KMeans(5, init=start.numpy(), n_init=1, max_iter=300, tol=0)
    oracle.fit(points.numpy(), sample_weight=weights.numpy())
    centers, nearest = palette.kmeans(points, weights, start, steps=300)
    assert torch.allclose(centers, torch.from_numpy(oracle.cluster_centers_), atol=1e-9)
    assert nearest.tolist() == oracle.labels_.tolist()


def test_kmeans_by_hand():
    points = torch.tensor([[0.0], [1.0], [10.0], [13.0]], dtype=torch.float64)
    weights = torch.tensor([1.0, 3.0, 2.0, 1.0], dtype=torch.float64)
    centers, nearest = palette.kmeans(points, weights, torch.tensor([[1.0], [2.0], [99.0]], dtype=torch.float64))
    # From 1 and 2: {0, 1} and {10, 13}; nothing is near 99, which stays.
    assert centers.flatten().tolist() == [0.75, 11.0, 99.0]
    assert nearest.tolist() == [0, 0, 1, 1]


# A given number of regions


def test_fewer_regions_than_colours_join_the_likest(notices):
    clean = scene(90, 120)
    colors = ((255, 0, 0), (0, 0, 255), (255, 90, 0), (0, 90, 255))
    regions = guides.from_colors(mask(clean, colors), [], 2)
    warm = (clean == 0) | (clean == 2)
    assert torch.equal(regions.content[regions.content[:, 0, 0].argmax()] > 0, warm)
    assert "as many as asked for, joined from 4 colours" in notices[0]
    assert len(guides.from_colors(mask(clean, colors), [], 3).names) == 3
    assert torch.equal(
        guides.from_colors(mask(clean, colors), [], 4).content, guides.from_colors(mask(clean, colors), []).content
    )


def test_asking_for_more_looks_finer():
    clean = scene(90, 120, 3)
    colors = ((200, 0, 0), (0, 0, 200), (230, 20, 0))  # two that count as one
    drawn = noisy(clean, colors, 3)
    assert len(guides.from_colors(drawn, []).names) == 2
    regions = guides.from_colors(drawn, [], 3)
    assert sorted(guides.area_fractions(regions.content).tolist()) == pytest.approx(
        sorted((clean == index).float().mean().item() for index in range(3))
    )


@given(st.integers(2, 8))
def test_exactly_as_many_as_asked_for(count):
    colors = COLORS[:8]
    labels = torch.arange(8).repeat_interleave(10).expand(30, 80)
    regions = guides.from_colors(mask(labels, colors), [], count)
    assert len(regions.names) == count
    assert sums_to_one(regions.content)
    assert (guides.area_fractions(regions.content) > 0.1).all()


def test_asking_for_more_than_there_are():
    content, style = mask(scene(60, 80, 2), (RED, BLUE), "c.png"), mask(scene(60, 80, 2), (RED, BLUE))
    with pytest.raises(ImageError, match=r"^c\.png with its style masks has 2 distinct colours, fewer than the 5"):
        guides.from_colors(content, [style], 5)
    for count in (-1, 1, 100):
        with pytest.raises(UsageError, match="regions: give 2 to"):
            guides.from_colors(content, [style], count)


# Names


def test_names_are_words_where_only_one_colour_is_like_them():
    def names(*colors):
        return color_names([torch.tensor(color, dtype=torch.float64) for color in colors])

    assert names(RED, BLUE, WHITE, BLACK, GRAY) == ["red", "blue", "white", "black", "grey"]
    assert names((248, 7, 4), (160, 64, 32)) == ["red", "brown"]
    assert names(RED, (255, 51, 31)) == ["red", "#ff331f"]
    assert names((255, 56, 40), (216, 16, 32)) == ["#ff3828", "#d81020"]
    assert names((70, 160, 160)) == ["#46a0a0"]
    assert names((40, 40, 40), (100, 95, 98)) == ["black", "grey"]  # not the nearest brown
    assert len(set(names((10, 10, 10.1), (10, 10, 10.2)))) == 2
    for name in names(*COLORS):
        assert guides.check_name(name) == name


# Row 20 of the faults


def test_content_region_without_a_style():
    content = mask(scene(60, 80, 3), (RED, BLUE, (160, 64, 32)), "c.png")
    with_two = mask(scene(60, 80, 2), (RED, BLUE), "s.png")
    with pytest.raises(ImageError) as raised:
        guides.from_colors(content, [with_two, with_two])
    message = str(raised.value)
    assert raised.value.exit_code == 3
    assert message.startswith("c.png: region brown (#a04020, ")
    assert "% of the content) is in no style mask (s.png, s.png); paint it there too" in message
    assert "(red, blue)" in message or "(blue, red)" in message
    # One style that has it, or one without a mask, is enough.
    third_only = mask(torch.zeros(40, 40, dtype=torch.long), ((160, 64, 32),))
    assert len(guides.from_colors(content, [with_two, third_only]).names) == 3
    regions = guides.from_colors(content, [with_two, None])
    assert present(regions.styles[0])[regions.names.index("brown")].max() == 0


def test_style_region_that_the_content_lacks(notices):
    content = mask(scene(60, 80, 2), (RED, BLUE), "c.png")
    labels = scene(60, 80, 3)
    regions = guides.from_colors(content, [mask(labels, (RED, BLUE, GREEN), "s.png")])
    assert set(regions.names) == {"red", "blue"}
    assert torch.equal(present(regions.styles[0]).sum(0), (labels != 2).float())
    assert any(line.startswith("s.png: region green (") and "not used" in line for line in notices)


def test_style_without_any_of_the_regions():
    content = mask(scene(60, 80, 2), (RED, BLUE))
    good = mask(scene(60, 80, 2), (RED, BLUE))
    black = mask(torch.zeros(60, 80, dtype=torch.long), (BLACK,), "black.png")
    with pytest.raises(ImageError, match=r"^black\.png: shows none of the regions (red, blue|blue, red)"):
        guides.from_colors(content, [good, black])
    with pytest.raises(ImageError, match="is in no style mask"):
        guides.from_colors(content, [black])


@pytest.mark.parametrize("color", [BLACK, WHITE, (70, 160, 160)])
@pytest.mark.parametrize("size", [(60, 80), (1, 1), (2, 50)])
def test_one_colour_names_no_regions(color, size):
    flat = mask(torch.zeros(size, dtype=torch.long), (color,), "flat.png")
    with pytest.raises(ImageError, match=r"^flat\.png: is all (black|white|#46a0a0) and names no regions"):
        guides.from_colors(flat, [])


def test_transparent_parts_are_black(notices):
    labels = scene(60, 80, 3)
    alpha = (labels != 1).float()[None, None]
    content = picture(paint(labels, (RED, WHITE, BLUE)), "clear.png", alpha)
    regions = guides.from_colors(content, [])
    assert torch.equal(labels_of(regions, ("red", "black", "blue")), labels)
    assert any(line.startswith("clear.png: ") and "transparent and counts as unpainted" in line for line in notices)
    opaque = picture(paint(labels, (RED, WHITE, BLUE)), alpha=torch.ones(1, 1, 60, 80))
    notices.clear()
    guides.from_colors(opaque, [])
    assert not any("transparent" in line for line in notices)
    empty = picture(paint(labels, (RED, WHITE, BLUE)), "empty.png", torch.zeros(1, 1, 60, 80))
    with pytest.raises(ImageError, match=r"^empty\.png: is transparent everywhere"):
        guides.from_colors(empty, [])


def test_a_photograph_is_not_a_mask():
    y, x = torch.meshgrid(torch.linspace(0, 1, 200), torch.linspace(0, 1, 240), indexing="ij")
    photo = picture(torch.stack([y, x, (y * 3 + x * 2) % 1]), "photo.png")
    with pytest.raises(ImageError, match=r"^photo\.png has more than 24 distinct colours"):
        guides.from_colors(photo, [])
    regions = guides.from_colors(photo, [], 4)  # but it can be cut into four
    assert len(regions.names) == 4
    assert sums_to_one(regions.content)


def test_stray_pixels_are_no_region():
    labels = scene(200, 200, 2)
    labels[20, 30:33] = 2
    content = mask(labels, (RED, BLUE, GREEN))
    regions = guides.from_colors(content, [mask(scene(90, 90, 3), (RED, BLUE, GREEN))])
    assert set(regions.names) == {"red", "blue"}
    assert sums_to_one(regions.content)
    assert regions.content[regions.names.index("red"), 20, 31] == 1


def test_a_few_pixels_of_a_style_are_no_region():
    labels = scene(200, 200, 2)
    labels[20, 30:33] = 2
    content = mask(scene(90, 90, 3), (RED, BLUE, GREEN))
    styles = [mask(labels, (RED, BLUE, GREEN)), mask(scene(60, 60, 3), (RED, BLUE, GREEN))]
    regions = guides.from_colors(content, styles)
    assert present(regions.styles[0])[regions.names.index("green")].max() == 0
    with pytest.raises(ImageError, match="region green"):
        guides.from_colors(content, styles[:1])


@pytest.mark.parametrize("size", [(1, 6), (6, 1), (2, 2), (3, 5)])
def test_tiny_masks(size):
    labels = torch.arange(size[0] * size[1]).reshape(size) % 2
    regions = guides.from_colors(mask(labels, (RED, BLUE)), [])
    assert torch.equal(labels_of(regions, ("red", "blue")), labels)


def test_large_masks_are_read_whole():
    # Larger than the sample the palette is found on; a pixel-wide detail survives.
    labels = scene(1500, 2000)
    labels[100, 1000:1900] = 1
    assert torch.equal(labels_of(guides.from_colors(mask(labels, FOUR), []), NAMES), labels)


@pytest.mark.parametrize(
    ("color", "words"),
    [
        ("000000", "black"),
        ("464646", "dark grey"),
        ("808080", "grey"),
        ("c0c0c0", "light grey"),
        ("ffffff", "white"),
        # Cityscapes' road, sidewalk, person, vegetation, sky, car, and truck.
        ("804080", "purple"),
        ("f423e8", "magenta"),
        ("dc143c", "red"),
        ("6b8e23", "green"),
        ("4682b4", "blue"),
        ("00008e", "dark blue"),
        ("000046", "dark blue"),
        ("8b4513", "brown"),
        ("808000", "olive"),
        ("ffb0c0", "pink"),
        ("008080", "teal"),
        ("98fb98", "light green"),
    ],
)
def test_colours_are_called_what_people_call_them(color: str, words: str) -> None:
    red, green, blue = bytes.fromhex(color)
    assert in_words((red, green, blue)) == words


def test_every_colour_has_a_name() -> None:
    levels = range(0, 256, 15)
    assert all(in_words((red, green, blue)) for red in levels for green in levels for blue in levels)


def test_which_colours_the_blends_of_others_pass_by_hand() -> None:
    black, gray, white, red = ([0.0] * 3, [120.0, 128.0, 128.0], [255.0] * 3, [255.0, 0.0, 0.0])
    # Grey lies on the way from black to white, and on no other.
    assert labels._between(torch.tensor([black, gray, white, red])) == {1: [(2, 0)]}
    assert labels._between(torch.tensor([black, white])) == labels._between(torch.zeros(0, 3)) == {}

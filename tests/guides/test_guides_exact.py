"""Masks of exact flat colours: each colour is a region, however near another, and can have a name."""

import pytest
import torch

from impasto import guides
from impasto.errors import ImageError, UsageError
from impasto.guides import exact
from tests.guides.guides_helpers import BLUE, RED, jpeg, mask, noisy, paint, picture, scene, smoothed, sums_to_one
from tests.type_helpers import present

LEVELS = ((0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 3, 3))
CITYSCAPES = ((70, 70, 70), (102, 102, 156), (107, 142, 35), (70, 130, 180))
NEAR = ((200, 40, 40), (220, 40, 40), (0, 0, 255), (0, 20, 255))


def labels_of(regions, colors):
    """Labels of the content, numbered as the colours are."""
    names = [f"{index}" for index in range(len(colors))]
    assert set(regions.names) == set(names)
    return regions.content[[regions.names.index(name) for name in names]].argmax(0)


def numbered(colors):
    return {tuple(color): f"{index}" for index, color in enumerate(colors)}


@pytest.mark.parametrize("colors", [LEVELS, NEAR, CITYSCAPES, ((0, 0, 0), (0, 0, 1), (0, 1, 0), (255, 255, 255))])
def test_each_exact_colour_is_a_region(colors, notices):
    content, style = scene(90, 120), scene(70, 50).flip(0)
    regions = guides.from_colors(mask(content, colors, "c.png"), [mask(style, colors, "s.png")], 0, numbered(colors))
    assert torch.equal(labels_of(regions, colors), content)
    order = [regions.names.index(f"{index}") for index in range(4)]
    assert torch.equal(present(regions.styles[0])[order].argmax(0), style)
    assert sums_to_one(regions.content)
    if colors is not CITYSCAPES:
        assert "exact colours" in notices[0]


def test_levels_of_sixteen_bits_are_told_apart():
    labels = scene(90, 120, 3)
    pixels = (labels.float() / 65535).expand(3, -1, -1)
    regions = guides.from_colors(picture(pixels), [])
    assert len(regions.names) == 3
    found = regions.content.argmax(0)
    assert len(torch.unique(found * 3 + labels)) == 3


def test_label_maps_say_how_many_at_most():
    many = torch.arange(24).repeat_interleave(10).expand(60, -1)
    grays = tuple((level, level, level) for level in range(24))
    assert len(guides.from_colors(mask(many, grays), []).names) == 24
    assert len(guides.from_colors(mask(many, grays), [], 24).names) == 24
    assert len(guides.from_colors(mask(many, grays), [], 5).names) == 5
    with pytest.raises(ImageError, match="has 24 distinct colours, fewer than the 30"):
        guides.from_colors(mask(many, grays), [], 30)
    more = torch.arange(30).repeat_interleave(10).expand(60, -1)
    assert exact.find([paint(more, tuple((level, level, level) for level in range(30)))]) is None


def test_a_few_odd_pixels_go_to_what_is_beside_them():
    labels = scene(200, 200, 3)
    pixels = paint(labels, LEVELS)
    pixels[:, ::23, ::29] = torch.tensor([0.9, 0.2, 0.4])[:, None, None]
    found = labels_of(guides.from_colors(picture(pixels), [], 0, numbered(LEVELS[:3])), LEVELS[:3])
    assert float((found != labels).float().mean()) < 1e-3


def test_a_label_that_no_style_has_is_told():
    with pytest.raises(ImageError, match="2"):
        guides.from_colors(mask(scene(90, 120, 3), LEVELS), [mask(scene(90, 120, 2), LEVELS)], 0, numbered(LEVELS))


@pytest.mark.parametrize(
    "masks",
    [
        [noisy(scene(120, 150), NEAR, 6)],
        [jpeg(scene(180, 240), NEAR)],
        [smoothed(scene(160, 200), NEAR, 2)[0]],
        [mask(scene(90, 120), ((255, 0, 0), (0, 0, 255), (255, 255, 0), (0, 255, 0)))],
        # Each is exact, and their colours are off by a little: the same regions.
        [mask(scene(90, 120, 2), (RED, BLUE)), mask(scene(70, 50, 2), ((250, 5, 9), (4, 0, 247)))],
    ],
    ids=["noisy", "jpeg", "smooth", "apart", "careless"],
)
def test_other_masks_are_read_as_ever(masks):
    assert exact.find([each.pixels[0] for each in masks]) is None


NAMED = {(128, 64, 128): "road", (11, 11, 11): "traffic_light", (0, 0, 1): "sky"}


@pytest.mark.parametrize(
    "text",
    [
        "#804080 road\n11 traffic light\n\n0, 0, 1: sky",
        "128 64 128 road\r\n11 = traffic light\r\n0 0 1\tsky\r\n",
        '{"#804080": "road", "11": "traffic light", "0,0,1": "sky"}',
    ],
)
def test_names_can_be_written_in_several_ways(text):
    assert guides.parse_names(text, "names.txt") == NAMED


def test_a_list_names_the_levels():
    assert guides.parse_names('["void", "sky"]', "n") == {(0, 0, 0): "void", (1, 1, 1): "sky"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no region"),
        ("road", "line 1 is no colour and name"),
        ("{", "no proper JSON"),
        ('{"#804080": "road", "#804080": "sky"}', "#804080 is there twice"),
        ('{"#80408": "road"}', "is no colour"),
        ('{"256": "road"}', "is no colour"),
        ('{"1": 2}', "has to be a text"),
        ("1 road\n1,1,1 sky", "twice"),
        ('{"1": "::"}', "no name of letters"),
    ],
)
def test_names_that_are_none_are_refused(text, said):
    with pytest.raises(UsageError, match=f"names.txt: .*{said}"):
        guides.parse_names(text, "names.txt")


def test_names_are_given_to_colours_drawn_by_hand_too():
    names = {(250, 0, 0): "sky", (0, 0, 255): "sea", (9, 9, 9): "unused"}
    found = guides.from_colors(jpeg(scene(120, 160, 2), (RED, BLUE)), [], 0, names)
    assert set(found.names) == {"sky", "sea"}
    partly = guides.from_colors(mask(scene(120, 160, 2), (RED, BLUE)), [], 0, {(0, 0, 255): "sea"})
    assert set(partly.names) == {"red", "sea"}


def test_two_colours_cannot_have_one_name():
    with pytest.raises(UsageError, match="'sky' stands for two colours"):
        guides.from_colors(mask(scene(60, 80, 2), (RED, BLUE)), [], 0, {RED: "sky", BLUE: "sky"})

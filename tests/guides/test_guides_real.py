"""The mask pairs that others painted; their counts were read off the pictures by eye."""

import io

import pytest
import torch

from impasto import guides, images
from tests.type_helpers import present

EXPECTED = {
    "doodle_coastline_monet": 5, "doodle_freddie_mia": 8, "doodle_landscape_renoir": 4, "doodle_seth_gogh": 4,
    "dpst_01": 3, "dpst_06": 3, "dpst_14": 2, "dpst_15": 2, "dpst_20": 2, "dpst_21": 3, "dpst_24": 3, "dpst_25": 9,
    "dpst_26": 5, "dpst_28": 4, "dpst_29": 2, "dpst_34": 3, "dpst_37": 4, "dpst_39": 2, "dpst_44": 4, "dpst_51": 4,
    "dpst_53": 3, "dpst_60": 3, "gns_house_wheatfield": 2, "gns_woman_wheatfield": 2, "strotss_owls_flowers": 5,
    "wct2_in00": 4,
}  # fmt: skip


def pair(shared, name):
    folder = shared / "images" / "masks" / name
    if not folder.is_dir():
        pytest.skip(f"needs {name} in the shared folder")
    return images.load(folder / "content_mask.png"), images.load(folder / "style_mask.png")


FEW = ("doodle_freddie_mia", "dpst_01", "dpst_14", "dpst_25", "dpst_44", "gns_house_wheatfield", "strotss_owls_flowers")
"""Pairs of every source, of two to nine regions; the others are with the slow tests."""


@pytest.mark.parametrize(
    "name", [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in EXPECTED]
)
def test_real_pairs_have_as_many_regions_as_the_eye_sees(shared, name):
    content, style = pair(shared, name)
    regions = guides.from_colors(content, [style])
    assert len(regions.names) == EXPECTED[name]
    for maps in (regions.content, present(regions.styles[0])):
        assert torch.equal(maps.sum(0), torch.ones(maps.shape[1:]))
        assert (guides.area_fractions(maps) > 0.002).all()


def test_real_pair_with_a_region_in_the_style_only(shared, notices):
    content, style = pair(shared, "dpst_03")
    regions = guides.from_colors(content, [style])
    assert regions.names == ("white", "black")
    assert any("region green (29%) is not in content_mask.png" in line for line in notices)
    assert float(guides.area_fractions(present(regions.styles[0])).sum()) == pytest.approx(0.71, abs=0.01)


def test_portrait_in_two_and_five(shared):
    # The same portrait at K = 2 and 5, as in the course report: background against person, then its parts.
    content, style = pair(shared, "doodle_freddie_mia")
    two = guides.from_colors(content, [style], 2)
    background = two.content[two.names.index("red")] > 0
    assert bool(background[30, 30])
    assert not bool(background[256, 240])  # the face
    assert not bool(background[500, 256])  # the coat
    five = guides.from_colors(content, [style], 5)
    assert len(five.names) == 5
    assert torch.equal(five.content[five.names.index("red")] > 0, background)


def test_a_real_mask_survives_jpeg(shared):
    content, _ = pair(shared, "strotss_owls_flowers")
    stream = io.BytesIO()
    content.to_pil().save(stream, "JPEG", quality=70)
    before = guides.from_colors(content, [])
    after = guides.from_colors(images.load(stream.getvalue()), [])
    assert after.names == before.names
    assert (after.content.argmax(0) != before.content.argmax(0)).float().mean() < 0.01

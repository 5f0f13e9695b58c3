"""OpenRaster: the archive as its description asks for it, and the layers in it."""

import io
import xml.etree.ElementTree as ElementTree
import zipfile

import pytest
import torch

from impasto import images
from impasto.errors import UsageError
from impasto.images import Picture
from impasto.images.openraster import THUMBNAIL, Layer, openraster


def flat(color, size=(6, 8), alpha=None):
    pixels = torch.tensor(color).reshape(1, 3, 1, 1).expand(1, 3, *size).contiguous()
    return Picture(pixels, None if alpha is None else torch.full((1, 1, *size), alpha))


@pytest.fixture
def archive():
    layers = [
        Layer('the "sky" & <sea>', flat([1.0, 0.0, 0.0], alpha=0.5)),
        Layer("below", flat([0.0, 0.0, 1.0]), False),
    ]
    data = openraster(layers, flat([0.5, 0.0, 0.5]))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        yield data, archive


def test_the_format_is_told_by_the_first_bytes(archive):
    data, opened = archive
    assert data[30:54] == b"mimetypeimage/openraster"
    assert opened.namelist() == [
        "mimetype", "stack.xml", "data/layer0.png", "data/layer1.png", "mergedimage.png", "Thumbnails/thumbnail.png",
    ]  # fmt: skip
    assert opened.testzip() is None


def test_the_stack_names_layers_from_the_top(archive):
    image = ElementTree.fromstring(archive[1].read("stack.xml"))
    assert (image.tag, image.get("w"), image.get("h")) == ("image", "8", "6")
    layers = image.findall("./stack/layer")
    assert [layer.get("name") for layer in layers] == ['the "sky" & <sea>', "below"]
    assert [layer.get("visibility") for layer in layers] == ["visible", "hidden"]
    assert [layer.get("src") for layer in layers] == ["data/layer0.png", "data/layer1.png"]
    assert {layer.get("composite-op") for layer in layers} == {"svg:src-over"}


def test_layers_are_the_pictures(archive):
    top = images.load(archive[1].read("data/layer0.png"))
    assert top.size == (6, 8)
    assert top.alpha is not None
    assert top.alpha[0, 0, 0, 0] == pytest.approx(0.5, abs=1 / 255)
    assert images.load(archive[1].read("mergedimage.png")).alpha is None


def test_the_same_picture_gives_the_same_bytes():
    one, other = (openraster([Layer("a", flat([0.1, 0.2, 0.3]))], flat([0.1, 0.2, 0.3])) for _ in range(2))
    assert one == other


def test_the_small_picture_is_small():
    large = flat([0.2, 0.4, 0.6], size=(300, 600), alpha=1.0)
    with zipfile.ZipFile(io.BytesIO(openraster([Layer("a", large)], large))) as archive:
        assert images.load(archive.read("Thumbnails/thumbnail.png")).size == (128, THUMBNAIL)


def test_layers_have_one_size():
    for layers in ([], [Layer("a", flat([0.0, 0.0, 0.0], size=(3, 4)))]):
        with pytest.raises(UsageError, match="one size"):
            openraster(layers, flat([0.0, 0.0, 0.0]))

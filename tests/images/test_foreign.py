"""Files that hold more, or other, than impasto reads: refused by their names."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from impasto import images
from impasto.errors import ImageError
from impasto.images.source import sniff
from tests.images.image_helpers import file_of, smooth
from tests.type_helpers import present

SMALL, FULL = smooth(12, 16), smooth(48, 64)
SENSOR = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64)


def refused(data):
    with pytest.raises(ImageError) as caught:
        images.load(data)
    assert caught.value.exit_code == 3
    return str(caught.value)


def pages(*written, **options):
    """A TIFF of (array, options) pages."""
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, **options) as tiff:
        for array, own in written:
            tiff.write(array, metadata=None, **own)
    return stream.getvalue()


def with_camera(make):
    return [(271, "s", len(make) + 1, make, False)]


PREVIEW = {"photometric": "rgb", "subfiletype": 1}
RAWS = {
    "NEF": [(SMALL, {**PREVIEW, "subifds": 1, "extratags": with_camera("NIKON CORPORATION")}),
            (SENSOR, {"photometric": "cfa"})],
    "ARW": [(SMALL, {**PREVIEW, "extratags": with_camera("SONY")}), (SMALL, PREVIEW)],
    "PEF": [(SENSOR, {"photometric": "cfa", "extratags": with_camera("PENTAX")}), (SMALL, PREVIEW)],
    "DNG": [(SMALL, {**PREVIEW, "extratags": [(50706, "B", 4, (1, 4, 0, 0), False)], "subifds": 1}), (FULL, {})],
    "SRW": [(SMALL, {"photometric": "rgb", "extratags": with_camera("SAMSUNG"), "subifds": 1}), (FULL, {})],
}  # fmt: skip


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("kind", RAWS)
def test_raw_photographs_are_not_painted_from_their_previews(kind, big, order):
    message = refused(pages(*RAWS[kind], bigtiff=big, byteorder=order))
    assert f"raw photograph ({kind}); develop it first" in message


def test_a_raw_photograph_on_disk(tmp_path):
    path = tmp_path / "DSC_0001.tif"
    path.write_bytes(pages(*RAWS["NEF"]))
    with pytest.raises(ImageError, match=r"DSC_0001.tif: is a raw photograph \(NEF\)"):
        images.load(path)


def test_cr2_by_its_header():
    data = file_of(SMALL, "TIFF")
    order, at = "<", struct.unpack("<I", data[4:8])[0]
    assert data[:2] == b"II"
    moved = struct.pack(order + "I", at + 16)
    # Directory values of this small file are places too: keep them by putting the mark before a copy of the file.
    assert "raw photograph (CR2)" in refused(data[:4] + moved + b"CR\2\0" + bytes(12) + data[8:])


@pytest.mark.parametrize("array", [SMALL, SENSOR])
def test_a_first_page_marked_as_a_small_copy(array):
    for written in ([(array, {"subfiletype": 1})], [(array, {"subfiletype": 1}), (FULL, {})]):
        assert "small copy" in refused(pages(*written))


def test_a_pillow_picture_at_a_small_copy():
    image = Image.open(io.BytesIO(pages((SMALL, {"subfiletype": 1}), (FULL, {}))))
    with pytest.raises(ImageError, match="small copy"):
        images.load(image)
    image.seek(1)
    assert (images.load(image).to_numpy() == FULL).all()


def test_a_pyramid_with_a_full_first_page_is_read():
    half, quarter = FULL[::2, ::2], FULL[::4, ::4]
    chained = pages((FULL, {}), (half, {"subfiletype": 1}), (quarter, {"subfiletype": 1}))
    inside = pages((FULL, {"subifds": 2}), (half, {"subfiletype": 1}), (quarter, {"subfiletype": 1}))
    camera = pages((FULL, {"subifds": 1, "extratags": with_camera("SONY")}), (half, {"subfiletype": 1}))
    for data in (chained, inside, camera, pages((FULL, {}), (SMALL, {}))):
        assert (images.load(data).to_numpy() == FULL).all()


HEADS = {
    "JPEG XL": [b"\xff\x0a\xfa", b"\0\0\0\x0cJXL \x0d\x0a\x87\x0a", b"\0\0\0\x14ftypjxl \0\0\0\0jxl "],
    "Photoshop": [b"8BPS\0\1", b"8BPS\0\2"],
    "OpenEXR": [b"\x76\x2f\x31\x01\2\0\0\0"],
    "JPEG 2000": [b"\0\0\0\x0cjP  \x0d\x0a", b"\xff\x4f\xff\x51\0\x2f"],
    "Radiance": [b"#?RADIANCE\n", b"#?RGBE\n"],
    "GIMP": [b"gimp xcf v011\0"],
    "raw photograph": [b"IIRO\x08\0", b"IIU\0\x18\0", b"FUJIFILMCCD-RAW 0201", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
                       b"FOVb\0\0", b"\0MRM\0\0", b"II\x1a\0\0\0HEAPCCDR"],
    "video": [b"\x1aE\xdf\xa3\x93B", b"\0\0\0\x18ftypisom\0\0\0\0isommp42"],
}  # fmt: skip


@pytest.mark.parametrize("kind", HEADS)
def test_other_kinds_are_named(kind):
    for head in HEADS[kind]:
        data = head + bytes(64)
        message = refused(data)
        assert kind in message
        assert "does not read" in message
        assert kind in present(sniff(data[:16]))

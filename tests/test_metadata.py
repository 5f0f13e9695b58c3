"""Row 37, and the recipe's way into a picture and back."""

import json
import os
import re
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
import torch

from impasto import files, images, metadata
from impasto.errors import ImageError, InputError
from tests.type_helpers import present

RECIPE = {
    "size": 512,
    "tv_weight": 1e-05,
    "big": 1e308,
    "exact": 0.1,
    "layers": ["relu1_1", "relu4_2"],
    "text": "<&>'\"é絵\n\u2028]]>--",
    "nested": {"z": None, "a": True},
}
FORMATS = ["png", "jpeg", "webp", "avif", "tiff"]
PICTURE = images.Picture(torch.full((1, 3, 9, 8), 0.5))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_saying(text, packed=False):
    body = zlib.compress(text, 9) if packed else text
    data = images.encode(PICTURE, "png")
    return data[:33] + chunk(b"iTXt", b"impasto" + (b"\0\1\0\0\0" if packed else b"\0\0\0\0\0") + body) + data[33:]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("length", [0, 100_000])
def test_round_trip(tmp_path, format, length):
    recipe = {**RECIPE, "long": "x" * length}
    text = metadata.build(recipe, [{"role": "content", "sha256": "ab" * 32}], [{"name": "petite", "sha256": "cd" * 32}])
    path = tmp_path / f"out.{format}"
    images.save(PICTURE, path, metadata=text)
    for source in (path, str(path), path.read_bytes()):
        found = present(metadata.read(source))
        assert found["recipe"] == recipe
        assert metadata.canonical(found) == text
    assert images.load(path).size == (9, 8)


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_round_trip_at_16_bits(format):
    text = metadata.build(RECIPE, [], [])
    assert metadata.canonical(present(metadata.read(images.encode(PICTURE, format, bits=16, metadata=text)))) == text


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif", "tiff"])
def test_the_packet_is_well_formed_xml(format):
    import xml.etree.ElementTree as tree

    text = metadata.build(RECIPE, [], [])
    data = images.encode(PICTURE, format, metadata=text)
    packet = present(re.search(rb"<x:xmpmeta.*</x:xmpmeta>", data, re.DOTALL)).group()
    (found,) = [item for item in tree.fromstring(packet).iter() if item.tag == f"{{{files.RECIPE_NAMESPACE}}}recipe"]
    assert found.text == text


@pytest.mark.parametrize("format", FORMATS)
def test_absent(format):
    assert metadata.read(images.encode(PICTURE, format)) is None
    assert metadata.read(b"") is None


def test_contents():
    found = json.loads(metadata.build({"seed": 3}, [{"role": "style", "sha256": "ef", "truncated": True}], []))
    assert found["recipe"] == {"seed": 3}
    assert found["inputs"] == [{"role": "style", "sha256": "ef", "truncated": True}]
    assert set(found["versions"]) == {"pillow", "python", "torch"}
    # Some builds say "2.13.0+cu130" of themselves where their package says "2.13.0".
    assert found["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert found["impasto"] == __import__("impasto._version")._version.__version__


def test_canonical():
    assert metadata.canonical({"b": 1, "a": [1.0, "é"]}) == '{"a":[1.0,"\\u00e9"],"b":1}'
    for wrong in ({"a": float("nan")}, {"a": object()}):
        with pytest.raises(InputError):
            metadata.canonical(wrong)


@pytest.mark.parametrize(
    "path",
    [
        "/home/someone/secret/photo.jpg",
        "~/secret/photo.jpg",
        "C:\\Users\\someone\\secret\\photo.jpg",
        "\\\\server\\secret\\photo.jpg",
        "../secret/photo.jpg",
        "secret/photo.jpg",
        "file:///home/someone/secret/photo.jpg",
        Path("/home/someone/secret/photo.jpg"),
    ],
)
def test_never_a_path(path):
    text = metadata.build(
        {"encoder": path, "styles": [{"file": path}], "by name": {str(path): 1}},
        [{"role": "content", "sha256": "ab", "path": str(path), "name": str(path)}],
        [{"name": path, "sha256": "cd", "path": str(path)}],
    )
    assert "secret" not in text
    assert "someone" not in text
    assert json.loads(text)["recipe"]["encoder"] == "photo.jpg"
    assert set(json.loads(text)["inputs"][0]) == {"role", "sha256"}


def test_ordinary_words_stay():
    words = ["relu4_2", "CC BY 4.0", "https://example.org/a/b.h5", "1/2", "a, b/c", "vgg19", "resolution_invariant"]
    assert json.loads(metadata.build({"words": words}, [], []))["recipe"]["words"] == words


def test_row_37_nothing_is_followed(tmp_path, monkeypatch):
    secret = tmp_path / "secret.json"
    secret.write_text('{"stolen": true}')
    hostile = {"recipe": {"encoder": str(secret), "style": "http://127.0.0.1:9/x", "$ref": secret.as_uri()}}
    sources = [png_saying(json.dumps(hostile).encode())]
    packet = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]><a xmlns:impasto="{files.RECIPE_NAMESPACE}">'
    sources.append((packet + "<impasto:recipe>&e;</impasto:recipe>").encode())

    def touched(*_arguments, **_options):
        raise AssertionError("something was opened")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", touched)
        patch.setattr("builtins.open", touched)
        patch.setattr("socket.socket", touched)
        assert metadata.read(sources[0]) == hostile
        with pytest.raises(ImageError):
            metadata.read(sources[1])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"not json",
        b'{"a": 1',
        b"[1, 2]",
        b'"/etc/passwd"',
        b"\xff\xfe{}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a": "' + b"x" * 1_100_000 + b'"}',
    ],
)
@pytest.mark.parametrize("container", ["png", "packed png", "xmp"])
def test_hostile_json(text, container):
    data = png_saying(text, container == "packed png")
    if container == "xmp":
        data = b'<a xmlns:impasto="' + files.RECIPE_NAMESPACE.encode() + b'"><impasto:recipe>' + text
        data += b"</impasto:recipe></a>"
    with pytest.raises(ImageError) as caught:
        metadata.read(data)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("container", ["png", "xmp"])
def test_bombs_are_bounded(container):
    bomb = b'{"a": "' + bytes(50_000_000)
    if container == "png":
        data = png_saying(bomb, packed=True)
    else:
        import base64

        body = base64.b64encode(zlib.compress(bomb, 9))
        data = b'"' + files.RECIPE_NAMESPACE.encode() + b'"<impasto:packed>' + body + b"</impasto:packed>"
    del bomb
    tracemalloc.start()
    with pytest.raises(ImageError, match="longer than"):
        metadata.read(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


@pytest.mark.timeout(10)
def test_unreadable(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for source in (tmp_path, tmp_path / "missing.png", tmp_path / "pipe.png", "a\0b", "/dev/zero"):
        with pytest.raises(ImageError):
            metadata.read(source)


def test_too_long_for_jpeg():
    import random

    noise = "".join(random.Random(0).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=200_000))
    text = metadata.build({"noise": noise}, [], [])
    with pytest.raises(InputError, match="too long"):
        images.encode(PICTURE, "jpeg", metadata=text)
    assert metadata.canonical(present(metadata.read(images.encode(PICTURE, "png", metadata=text)))) == text

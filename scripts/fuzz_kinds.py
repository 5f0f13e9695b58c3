"""What is fuzzed: for each kind of file that impasto reads, valid ones to begin with, and what reads it."""

import functools
import io
import json
import logging
import pickle
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import fuzz_mutations as mutations
import h5py
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from impasto import guides, images, landmarks, metadata, shards, weights
from impasto.checkpoint import Checkpoint
from impasto.cli import batch_sources
from impasto.color import lut
from impasto.color.oklab import to_oklab
from impasto.encoders import create
from impasto.guides import naming
from impasto.images import Picture
from impasto.nets import store
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe, read_preset
from impasto.training import sources
from impasto.weights import hub, readers
from impasto.weights.sniff import sniff

Mutation = Callable[[bytes, list[bytes], random.Random], bytes]

PIXELS = 1_000_000
"""Most pixels of a picture that is decoded: what decoding takes beyond that is for other tests."""


@dataclass(frozen=True)
class Input:
    """One input."""

    data: bytes
    path: Path
    """A file with the data."""
    chance: random.Random
    """Chooses how it is read, where there are several ways."""


@dataclass(frozen=True)
class Kind:
    """One kind of input."""

    name: str
    valid: Callable[[], list[bytes]]
    """Make valid files."""
    read: Callable[[Input], object]
    """Read it; raises."""
    mutate: Mutation = mutations.mutate
    mend: Callable[[bytes], bytes] | None = None
    """Mend checksums, for half of the inputs."""


def quiet() -> None:
    """Print no notices: there are thousands."""
    logging.getLogger("impasto").setLevel(logging.CRITICAL)


def _noise(height: int = 12, width: int = 17, channels: int = 3) -> Image.Image:
    levels = np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(levels)


def _encoded(format: str, image: Image.Image | None = None, **options: object) -> bytes:
    stream = io.BytesIO()
    (image or _noise()).save(stream, format, **options)
    return stream.getvalue()


def _pictures(*formats: str) -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    made = []
    for format in formats:
        made += [_encoded(format, exif=exif.tobytes()) if format not in ("GIF", "BMP") else _encoded(format)]
    return made


def _jpegs() -> list[bytes]:
    return [*_pictures("JPEG"), _encoded("JPEG", progressive=True), _encoded("JPEG", Image.new("CMYK", (9, 9)))]


def _pngs() -> list[bytes]:
    palette = _encoded("PNG", _noise().quantize(16), transparency=3)
    own = images.encode(images.load(_noise()), "png", metadata=metadata.build({"size": 512}, [], []))
    return [
        *_pictures("PNG"),
        palette,
        own,
        _encoded("PNG", _noise(channels=4)),
        _encoded("PNG", _noise().convert("I;16")),
    ]


def _tiffs() -> list[bytes]:
    made = [
        _encoded("TIFF", compression=kind) for kind in ("raw", "tiff_adobe_deflate", "tiff_lzw", "packbits", "jpeg")
    ]
    floating = Image.fromarray(np.linspace(0, 1, 204, dtype=np.float32).reshape(12, 17))
    return [*made, _encoded("TIFF", floating), _encoded("TIFF", _noise(channels=4))]


def _modern() -> list[bytes]:
    by_stream = _encoded("AVIF").replace(b"colrnclx", b"skipnclx")  # its colours are those of its AV1
    return [
        *_pictures("WEBP", "AVIF"),
        by_stream,
        _encoded("WEBP", lossless=True),
        _encoded("WEBP", _noise(channels=4)),
    ]


def _old() -> list[bytes]:
    fields = struct.pack("<IHHIIiiHHIIiiII3I", 474, 0, 0, 66, 40, 17, 12, 1, 16, 3, 0, 0, 0, 0, 0, 3, 12, 48)
    animation = _encoded("GIF", save_all=True, append_images=[Image.new("RGB", (17, 12))])
    return [*_pictures("GIF", "BMP"), animation, _encoded("BMP", _noise().quantize(16)), b"BM" + fields + bytes(408)]


def _decode(given: Input) -> None:
    picture = images.load(given.data, allow_truncated=given.chance.random() < 0.5, max_pixels=PIXELS)
    if not 0 <= float(picture.pixels.min()) <= float(picture.pixels.max()) <= 1:
        raise AssertionError("pixels outside of 0 to 1")


def _recipes() -> list[bytes]:
    made = [Recipe(), *(Recipe.from_preset(name) for name in ("cs229", "gatys", "texture", "doodle"))]
    made += [Recipe.parse({"method": method}) for method in ("wct", "strotss", "nnst", "portrait", "mrf")]
    spelled = {"size": "200%", "style_layers": "relu1_1=0.5,conv2_1", "keep": "sky,#ff0000", "region_scales": "sky=2"}
    return [*(recipe.to_json().encode() for recipe in made), json.dumps(spelled).encode()]


def _read_recipe(given: Input) -> None:
    recipe = Recipe.parse(given.data)
    if Recipe.parse(recipe.to_json()) != recipe:
        raise AssertionError("the recipe that was read does not come back from its JSON")


@functools.cache
def _paintings() -> tuple[Stylizer, ...]:
    """Begin the paintings that checkpoints are of: by L-BFGS, and by Adam with a picture that a level began with."""
    made = []
    for settings in ({}, {"method": "nnst"}):
        recipe = Recipe.parse({"size": 32, "iterations": 4, "levels": 1, "precision": "float32", **settings})
        content, style = images.load(_noise(24, 32)), images.load(_noise(32, 24))
        made.append(Stylizer(content, style, recipe, encoder=create("petite")))
    return tuple(made)


def _checkpoints() -> list[bytes]:
    made: list[bytes] = []
    for painting in _paintings():
        steps = iter(painting)
        next(steps)
        next(steps)
        path = Path(f"checkpoint-{len(made)}")
        painting.checkpoint().save(path)
        steps.close()
        made.append(path.read_bytes())
    return made


def _read_checkpoint(given: Input) -> None:
    saved = Checkpoint.load(given.path)
    for painting in _paintings():
        if painting.recipe.method == saved.recipe.method:
            painting.restore(saved)
            for _ in painting:
                break


def _networks() -> list[bytes]:
    tensors = {"conv.weight": torch.randn(2, 3, 3, 3), "conv.bias": torch.randn(2)}
    card = store.Card("adain", "decoder", {"widths": [2, 3]}, "relu4_1", "0" * 64, training={"steps": 5})
    path = Path("network.safetensors")
    store.save(path, tensors, card)
    return [path.read_bytes(), save(tensors), save({})]


def _vgg() -> dict[str, torch.Tensor]:
    return {f"features.{number}.{part}": torch.zeros(2, 2) for number in (0, 2, 5) for part in ("weight", "bias")}


def _torch_files() -> list[bytes]:
    made = []
    for zipped in (True, False):
        stream = io.BytesIO()
        torch.save(_vgg(), stream, _use_new_zipfile_serialization=zipped)
        made.append(stream.getvalue())
    return [*made, pickle.dumps(_vgg())]


def _hdf5_files() -> list[bytes]:
    made = []
    for layout in ({}, {"chunks": True, "compression": "gzip"}):
        stream = io.BytesIO()
        with h5py.File(stream, "w") as file:
            for name in ("block1_conv1", "block1_conv2"):
                group = file.create_group(name)
                group.attrs["weight_names"] = [f"{name}/kernel:0".encode()]
                group.create_dataset(f"{name}/kernel:0", data=np.zeros((3, 3, 3, 8), np.float32), **layout)
        made.append(stream.getvalue())
    return made


def _read_weights(given: Input) -> None:
    """Read the tensors; half of the time as those of an encoder, which files this small are never."""
    if given.chance.random() < 0.5:
        weights.load(given.path)
    for tensor in readers.read(given.path, sniff(given.path).container).values():
        tensor.sum()


def _masks() -> list[bytes]:
    made = []
    for levels in (4, 200):
        blocks = np.random.default_rng(levels).integers(0, levels, (4, 4, 3), dtype=np.uint8) * (255 // levels)
        made.append(_encoded("PNG", Image.fromarray(np.kron(blocks, np.ones((6, 6, 1), np.uint8)))))
    soft = _noise(6, 6).resize((40, 40), Image.Resampling.BICUBIC)
    return [
        *made,
        _encoded("PNG", soft),
        _encoded("PNG", Image.fromarray(np.arange(576, dtype=np.uint8).reshape(24, 24))),
    ]


def _read_masks(given: Input) -> None:
    mask = images.load(given.data, allow_truncated=True, max_pixels=PIXELS // 4)
    other = Picture(mask.pixels.flip(3).contiguous(), mask.alpha, name="other")
    found = guides.from_colors(mask, [given.chance.choice((other, None))], given.chance.choice((0, 0, 2, 5)))
    total = found.content.sum(0)
    if float((total - 1).abs().max()) > 1e-4:
        raise AssertionError("the regions of a pixel do not sum to 1")


def _names() -> list[bytes]:
    return [
        b"#804080 road\n128 64 128: street\n0 = background\n",
        b'{"#ff0000": "sky", "0": "rest"}',
        b'["a", "b", "c"]',
    ]


def _read_names(given: Input) -> None:
    naming.parse(given.data.decode("utf-8", "replace"), "names")


def _landmark_files() -> list[bytes]:
    points = [[0.1 * number, 0.9 - 0.05 * number**1.5] for number in range(1, 7)]
    document = {"points": points, "names": list("abcdef"), "unit": "fraction"}
    return [
        json.dumps(points).encode(),
        json.dumps(document).encode(),
        b"version: 1\nn_points: 3\n{\n1 2\n3 4\n9 5\n}\n",
    ]


def _read_landmarks(given: Input) -> None:
    named = given.path.with_suffix(".pts" if given.chance.random() < 0.3 else ".json")
    given.path.rename(named)
    try:
        landmarks.load(named, (48, 64))
    finally:
        named.rename(given.path)


def _archives() -> list[bytes]:
    made = []
    kinds: list[tuple[Literal["w", "w:gz", "w:xz"], int]]
    kinds = [("w", tarfile.PAX_FORMAT), ("w:gz", tarfile.GNU_FORMAT), ("w:xz", tarfile.USTAR_FORMAT)]
    for mode, format in kinds:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode=mode, format=format) as archive:
            for number in range(3):
                entry = tarfile.TarInfo(f"{'folder/' * number}{'long' * 8 * number}picture{number}.png")
                content = _encoded("PNG", _noise(40, 40))
                entry.size, entry.pax_headers = len(content), {"comment": "é" * number}
                archive.addfile(entry, io.BytesIO(content))
        made.append(stream.getvalue())
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zipped:
        zipped.writestr("a.png", _encoded("PNG"))
    return [*made, stream.getvalue()]


def _read_archive(given: Input) -> None:
    for stored in sources.pictures(given.path)[:5]:
        images.load(stored.read(), max_pixels=PIXELS)


def _read_metadata(given: Input) -> None:
    found = metadata.read(given.data)
    if found is not None and not isinstance(found, dict):
        raise AssertionError("what a picture says of itself is no object")


def _own_pictures() -> list[bytes]:
    said = metadata.build(Recipe().model_dump(mode="json"), [], [])
    picture = images.load(_noise())
    return [images.encode(picture, format, metadata=said) for format in ("png", "jpeg", "webp", "tiff")]


def _oklab(given: Input) -> None:
    """Read a picture of 16 bits and more, and go on as a painting would: nothing may be NaN."""
    picture = images.load(given.data, allow_truncated=True, max_pixels=PIXELS)
    if not bool(torch.isfinite(to_oklab(picture.pixels)).all()):
        raise AssertionError("colours that are not finite")


def _presets() -> list[bytes]:
    """Return presets as people write them: those of the package."""
    folder = Path(str(resources.files("impasto") / "presets"))
    return [path.read_bytes() for path in sorted(folder.glob("*.toml"))]


def _read_preset(given: Input) -> None:
    Recipe.parse(read_preset(given.path))


def _tables() -> list[bytes]:
    """Return tables of colours as `.cube` files."""
    tables = [lut.table(lambda colors: colors.flip(0), size) for size in (2, 3)]
    return [lut.to_cube(nodes).encode() for nodes in tables]


def _read_table(given: Input) -> None:
    nodes = lut.from_cube(given.data.decode("utf-8", "replace"))
    if not bool(nodes.isfinite().all()):
        raise AssertionError("a table with infinite colours was read")


def _lists() -> list[bytes]:
    """Return lists of jobs, as JSON and as CSV."""
    rows = [{"content": "a.jpg", "style": ["b.jpg", "c.jpg"], "size": 64}, {"content": "b.jpg", "output": "d/b.png"}]
    return ["".join(f"{json.dumps(row)}\n" for row in rows).encode(), b'content,style,size\na.jpg,"b.jpg",64\n']


def _read_list(given: Input) -> None:
    named = given.path.with_suffix(given.chance.choice((".jsonl", ".csv")))
    given.path.rename(named)
    try:
        batch_sources.read_list(str(named))
    finally:
        named.rename(given.path)


def _shards() -> list[bytes]:
    """Return tar files as WebDataset has them, one of them packed."""
    made = []
    kinds: tuple[Literal["w", "w:gz"], ...] = ("w", "w:gz")
    for mode in kinds:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode=mode) as archive:
            for name, content in (("a.png", _encoded("PNG")), ("a.txt", b"a cat"), ("folder/b.png", _encoded("PNG"))):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        made.append(stream.getvalue())
    return made


def _read_shard(given: Input) -> None:
    named = given.path.with_suffix(".tar")
    given.path.rename(named)
    try:
        for member in shards.listing(named)[:5]:
            images.load(member.read_bytes(), max_pixels=PIXELS)
    finally:
        named.rename(given.path)


def _addresses() -> list[bytes]:
    """Return addresses on the Hub."""
    return [b"hf:owner/name/nets/style.safetensors@v1#" + b"ab" * 32, b"hf:owner/name/a.safetensors"]


def _read_address(given: Input) -> None:
    address = hub.HubAddress.parse(given.data.decode("utf-8", "replace"))
    if hub.HubAddress.parse(str(address)) != address or ".." in str(address):
        raise AssertionError("an address does not come back from its text")


KINDS = (
    Kind("jpeg", _jpegs, _decode),
    Kind("png", _pngs, _decode, mend=mutations.mend_png),
    Kind("tiff", _tiffs, _oklab),
    Kind("webp, avif", _modern, _decode),
    Kind("gif, bmp", _old, _decode),
    Kind("metadata", _own_pictures, _read_metadata, mend=mutations.mend_png),
    Kind("recipe", _recipes, _read_recipe, mutate=mutations.mutate_text),
    Kind("checkpoint", _checkpoints, _read_checkpoint, mend=mutations.mend_checkpoint),
    Kind("network", _networks, lambda given: store.load(given.path)),
    Kind("safetensors", lambda: [save(_vgg()), save({})], _read_weights),
    Kind("pytorch", _torch_files, _read_weights),
    Kind("hdf5", _hdf5_files, _read_weights),
    Kind("masks", _masks, _read_masks, mend=mutations.mend_png),
    Kind("region names", _names, _read_names, mutate=mutations.mutate_text),
    Kind("landmarks", _landmark_files, _read_landmarks, mutate=mutations.mutate_text),
    Kind("archive", _archives, _read_archive),
    Kind("preset", _presets, _read_preset, mutate=mutations.mutate_text),
    Kind("color table", _tables, _read_table, mutate=mutations.mutate_text),
    Kind("job list", _lists, _read_list, mutate=mutations.mutate_text),
    Kind("shard", _shards, _read_shard),
    Kind("address", _addresses, _read_address, mutate=mutations.mutate_text),
)
"""Everything that reads what strangers made."""

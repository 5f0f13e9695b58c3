"""Weights that would take all memory or time if they were read as they ask: refused before, quickly."""

import os
import pickle
import resource
import time
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from impasto.errors import WeightsError
from impasto.weights import VGG19_CONVOLUTIONS, hdf5, load

QUICK_S = 3.0
MODEST_MIB = 200


@pytest.fixture(autouse=True)
def modest() -> Iterator[None]:
    """Fails a test that took long or much."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.monotonic() - began < 4 * QUICK_S
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MODEST_MIB << 10


def refused(path: Path, words: str = "w") -> None:
    began = time.monotonic()
    with pytest.raises(WeightsError, match=words) as caught:
        load(path)
    assert time.monotonic() - began < QUICK_S
    assert caught.value.exit_code == 4
    assert path.name in str(caught.value)
    assert len(str(caught.value)) < 700


@cache
def squeezed(mebibytes: int) -> bytes:
    packing = zlib.compressobj(9)
    return b"".join(packing.compress(bytes(1 << 20)) for _ in range(mebibytes)) + packing.flush()


def with_chunk(path: Path, packed: bytes, deflates: int) -> Path:
    """A kernel of conv1_1 whose one chunk is `packed`."""
    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_chunk((3, 3, 3, 64))
    for _ in range(deflates):
        how.set_deflate(9)
    with h5py.File(path, "w") as file:
        group = file.create_group("block1_conv1")
        space = h5py.h5s.create_simple((3, 3, 3, 64))
        kernel = h5py.h5d.create(group.id, b"kernel:0", h5py.h5t.IEEE_F32LE, space, how)
        kernel.write_direct_chunk((0, 0, 0, 0), packed)
    return path


def test_a_chunk_that_unpacks_to_more_than_its_shape(tmp_path: Path) -> None:
    refused(with_chunk(tmp_path / "w.h5", squeezed(6), 1), "unpacks to more")
    refused(with_chunk(tmp_path / "w.h5", squeezed(256), 1), "a chunk of [0-9]+ bytes")


def test_a_chunk_that_is_packed_three_times(tmp_path: Path) -> None:
    packed = zlib.compress(zlib.compress(squeezed(256), 9), 9)
    path = with_chunk(tmp_path / "w.h5", packed, 3)
    assert path.stat().st_size < 8000
    refused(path, "packed in a way")


def test_chunks_larger_than_their_dataset(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        kernel = file.create_group("block1_conv1").create_dataset(
            "kernel:0", (3, 3, 3, 64), np.float32, chunks=(900, 900, 900, 1), maxshape=(None,) * 4, compression=9
        )
        assert kernel.chunks == (900, 900, 900, 1)
    refused(tmp_path / "w.h5", "chunks of shape")


def test_many_chunks_and_other_packers(tmp_path: Path) -> None:
    for options, words in (
        ({"chunks": (1, 1, 1, 1)}, "chunks"),
        ({"compression": "lzf"}, "packed in a way"),
        ({"scaleoffset": 2}, "packed in a way"),
    ):
        with h5py.File(tmp_path / "w.h5", "w") as file:
            group = file.create_group("block1_conv1")
            group.create_dataset("kernel:0", data=np.ones((3, 3, 16, 64), np.float32), **options)
        refused(tmp_path / "w.h5", words)


def test_many_datasets_that_are_not_stored(tmp_path: Path) -> None:
    # Nothing is allocated in the file, and everything would be filled in.
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for number in range(hdf5.MAX_LAYERS):
            group = file.create_group(f"block{number}_conv1")
            group.create_dataset("kernel:0", (3, 3, 512, 512), np.float32, chunks=(3, 3, 512, 512))
    assert (tmp_path / "w.h5").stat().st_size < 100_000
    refused(tmp_path / "w.h5", "declares more")


def test_more_layers_than_vgg(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for number in range(hdf5.MAX_LAYERS + 1):
            file.create_group(f"block{number}_conv1")
    refused(tmp_path / "w.h5", "convolutions")


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_many_names(tmp_path: Path, libver: str) -> None:
    with h5py.File(tmp_path / "w.h5", "w", libver=libver) as file:
        for number in range(20_000):
            file[f"block{number}_conv1"] = h5py.SoftLink("/")
    refused(tmp_path / "w.h5", "20000 entries")


def test_long_names(tmp_path: Path) -> None:
    for name in ("block1_conv1" + "x" * 60_000, "x" * 60_000):
        with h5py.File(tmp_path / "w.h5", "w") as file:
            file.create_group(name)
        refused(tmp_path / "w.h5", "name of more than")


def test_names_that_lead_to_the_same_groups_again_and_again(tmp_path: Path) -> None:
    # 32 names, each with 8 x 8 ways through the same groups.
    with h5py.File(tmp_path / "w.h5", "w") as file:
        deep = file.create_group("deep")
        for number in range(8):
            deep[f"again{number}"] = deep
        for number in range(hdf5.MAX_LAYERS):
            file[f"block{number}_conv1"] = deep
    refused(tmp_path / "w.h5", "more than 64 groups")


def test_deep_nesting_is_not_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        group = file.create_group("block1_conv1")
        for _ in range(3000):
            group = group.create_group("x")
    refused(tmp_path / "w.h5", "holds neither|missing")


@pytest.mark.parametrize(
    "kind",
    [
        np.dtype((np.float32, (1000, 1000))),
        np.dtype([("a", np.float32), ("b", "S1000000")]),
        np.dtype("S1000000"),
        np.dtype(np.int64),
        np.dtype(np.complex64),
        h5py.string_dtype(),
        h5py.vlen_dtype(np.float32),
        h5py.ref_dtype,
    ],
)
def test_elements_that_are_no_numbers(tmp_path: Path, kind: Any) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_group("block1_conv1").create_dataset("kernel:0", (3, 3, 3, 64), kind, chunks=(3, 3, 3, 64))
    refused(tmp_path / "w.h5", "no floating-point")


def test_two_of_a_kind_and_what_is_no_group(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        group = file.create_group("block1_conv1")
        group["kernel:0"] = group["other_kernel:0"] = np.zeros((3, 3, 3, 64), np.float32)
    refused(tmp_path / "w.h5", "two of a kernel")
    for what in ("block1_conv1", "model_weights"):
        with h5py.File(tmp_path / "w.h5", "w") as file:
            file[what] = np.dtype("f4")
        refused(tmp_path / "w.h5")


def test_an_unlimited_virtual_dataset_does_not_open_its_sources(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "source0.h5")  # opening it would wait for ever
    with h5py.File(tmp_path / "w.h5", "w", libver="latest") as file:
        layout = h5py.VirtualLayout((3, 3, 3, 64), np.float32)
        layout[...] = h5py.VirtualSource(str(tmp_path / "source0.h5"), "kernel:0", (3, 3, 3, 64))
        file.create_group("block1_conv1").create_virtual_dataset("kernel:0", layout)
    refused(tmp_path / "w.h5", "outside")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": 9},
        {"compression": 4, "shuffle": True},
        {"compression": 4, "shuffle": True, "fletcher32": True},
        {"fletcher32": True},
        {"chunks": True},
    ],
)
def test_files_that_were_packed_honestly_are_read(tmp_path: Path, options: dict[str, Any]) -> None:
    random = np.random.default_rng(0)
    wanted = {}
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for layer in ("conv1_1", "conv1_2", "conv2_1"):
            outputs, inputs = VGG19_CONVOLUTIONS[layer]
            kernel = random.standard_normal((3, 3, inputs, outputs)).astype(np.float32)
            wanted[layer] = kernel.transpose(3, 2, 0, 1)
            block = "block{}_conv{}".format(*layer.removeprefix("conv").split("_"))
            group = file.create_group(f"{block}/{block}")
            group.create_dataset("kernel:0", data=kernel, **options)
            group.create_dataset("bias:0", data=np.zeros(outputs, np.float32), **options)
    found = load(tmp_path / "w.h5").tensors
    for layer, kernel in wanted.items():
        assert np.array_equal(found[f"{layer}.weight"].numpy(), kernel)


class Called:
    """A pickle of a call."""

    def __init__(self, what: Callable[..., object], *arguments: object) -> None:
        self.call = (what, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_that_call_for_memory(tmp_path: Path, zipped: bool) -> None:
    # Torch's restricted loader allows bytearray, and so this many bytes.
    torch.save({"a": Called(bytearray, 2 << 30)}, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    refused(tmp_path / "w.pth", r"other than tensors \(\S+ bytearray\); refused")


@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_that_do_not_end(tmp_path: Path, zipped: bool) -> None:
    torch.save({"a": [1] * 2_500_000}, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    refused(tmp_path / "w.pth", "refused")


def test_a_text_that_claims_more_than_there_is(tmp_path: Path) -> None:
    torch.save(torch.zeros(1), tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    start = (tmp_path / "w.pth").read_bytes()[:20]
    (tmp_path / "w.pth").write_bytes(start + b"\x80\x02" + pickle.BINUNICODE + b"\xff\xff\xff\x7f" + bytes(50))
    refused(tmp_path / "w.pth", "refused")


def test_state_dicts_of_parameters_are_read(tmp_path: Path) -> None:
    convolution = torch.nn.Conv2d(3, 64, 3)
    named = {f"conv1_1.{key}": parameter for key, parameter in convolution.named_parameters()}
    for zipped in (True, False):
        torch.save(named, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
        assert torch.equal(load(tmp_path / "w.pth").tensors["conv1_1.bias"], named["conv1_1.bias"])


def test_names_of_megabytes_are_not_repeated(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    for name in ("x" * 3_000_000, "conv1_1." + "x" * 3_000_000):
        save_file({name: torch.zeros(1)}, tmp_path / "w.safetensors")
        refused(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("conv1_1.weight", (4, 5, 3, 3)),
        ("conv1_1.weight", ()),
        ("conv1_1.weight", (0, 3, 3, 3)),
        ("conv1_1.bias", (5,)),
        ("conv1_2.weight", (6, 5, 3, 3)),
        ("conv1_2.weight", (6, 4, 1, 1)),
        ("lift1_1.weight", (4,)),
        ("lift1_1.weight", (8, 5)),
        ("lift1_1.weight", (3, 4)),
    ],
)
def test_a_petite_whose_shapes_do_not_meet(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    from safetensors.torch import save_file

    good = {
        "conv1_1.weight": torch.zeros(4, 3, 3, 3),
        "conv1_1.bias": torch.zeros(4),
        "conv1_2.weight": torch.zeros(6, 4, 3, 3),
        "conv1_2.bias": torch.zeros(6),
        "lift1_1.weight": torch.zeros(8, 4),
    }
    path = tmp_path / "w.safetensors"
    save_file(good, path, metadata={"architecture": "petite"})
    load(path)
    save_file(good | {name: torch.zeros(shape)}, path, metadata={"architecture": "petite"})
    refused(path, "is not petite: ")
    save_file(good | {name: good[name].long()}, path, metadata={"architecture": "petite"})
    refused(path, "floating point")

"""Rows 33 and 34, and whatever else a file that calls itself weights may try."""

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from impasto.errors import WeightsError
from impasto.weights import load, sniff


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.mkdir, (self.marker,)


def plain_pickle(bomb: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(bomb))


def torch_zip(bomb: object, path: Path) -> None:
    torch.save({"conv1_1.weight": bomb}, path)


def torch_legacy(bomb: object, path: Path) -> None:
    torch.save({"conv1_1.weight": bomb}, path, _use_new_zipfile_serialization=False)


def torch_magic_then_pickle(bomb: object, path: Path) -> None:
    torch.save(torch.zeros(1), path, _use_new_zipfile_serialization=False)
    magic_and_version = path.read_bytes()[:20]
    path.write_bytes(magic_and_version + pickle.dumps(bomb, protocol=2) * 4)


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors", "w.h5"])
@pytest.mark.parametrize("write", [plain_pickle, torch_zip, torch_legacy, torch_magic_then_pickle])
def test_malicious_pickle_is_never_executed(tmp_path: Path, name: str, write: Callable[[object, Path], None]):
    marker, path = tmp_path / "executed", tmp_path / name
    write(Bomb(marker), path)
    with pytest.raises(WeightsError) as caught:
        load(path)
    assert not marker.exists()
    assert "\n" not in str(caught.value)
    assert "refused" in str(caught.value)


def test_the_bomb_is_live(tmp_path: Path):
    pickle.loads(pickle.dumps(Bomb(tmp_path / "executed")))
    assert (tmp_path / "executed").exists()


def safetensors_bytes(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(begin: int, end: int, shape: list[int] | None = None) -> dict[str, object]:
    return {"dtype": "F32", "shape": shape or [(end - begin) // 4], "data_offsets": [begin, end]}


GOOD = safetensors_bytes({"conv1_1.bias": entry(0, 256)}, bytes(256))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(safetensors_bytes({}, length=1 << 62), id="huge header"),
        pytest.param(safetensors_bytes({}, bytes(8), length=5_000_000), id="header beyond the file"),
        pytest.param(safetensors_bytes(b"{" + b" " * 5_000_000 + b"}"), id="header of five megabytes"),
        pytest.param(GOOD[:-1], id="data cut"),
        pytest.param(GOOD[:30], id="header cut"),
        pytest.param(
            safetensors_bytes({"a": entry(0, 256), "b": entry(128, 384)}, bytes(384)), id="overlap"
        ),
        pytest.param(safetensors_bytes({"a": entry(0, 256), "b": entry(300, 556)}, bytes(556)), id="hole"),
        pytest.param(GOOD + bytes(10), id="tail"),
        pytest.param(safetensors_bytes({"a": entry(0, 256, [65])}, bytes(256)), id="shape and bytes differ"),
        pytest.param(safetensors_bytes({"a": entry(0, 256, [1 << 40, 1 << 40])}, bytes(256)), id="overflow"),
        pytest.param(safetensors_bytes(b'{"a":' + b"[" * 100_000), id="deep JSON"),
        pytest.param(safetensors_bytes(b"{nonsense}"), id="not JSON"),
        pytest.param(safetensors_bytes({"__metadata__": {"architecture": 7}}), id="metadata not text"),
        pytest.param(safetensors_bytes({"__metadata__": []}), id="metadata a list"),
        pytest.param(
            safetensors_bytes({"a": {"dtype": "XX", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)), id="dtype"
        ),
        pytest.param(safetensors_bytes({"a": 5}), id="entry a number"),
    ],
)  # fmt: skip
def test_bad_safetensors_are_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="damaged or truncated safetensors") as caught:
        load(path)
    assert len(str(caught.value)) < 600
    assert str(path) in str(caught.value)


def test_the_good_one_reaches_the_check_of_layers(tmp_path: Path):
    (tmp_path / "w").write_bytes(GOOD)
    with pytest.raises(WeightsError, match=r"conv1_1\.weight: missing"):
        load(tmp_path / "w")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"<!doctype html><p>not found", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "not a weight file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "not a weight file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(50), "damaged or truncated HDF5"),
        (b"PK\x03\x04" + bytes(50), "damaged or truncated PyTorch"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "damaged"),
    ],
)
def test_what_is_not_weights_says_what_it_is(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "weights\nof mine.h5"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_missing_folder_fifo_and_broken_link(tmp_path: Path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "fifo")
    for name, message in {
        "nothing": "No such file",
        "link": "No such file",
        ".": "not a regular file",
        "fifo": "not a regular file",
    }.items():
        with pytest.raises(WeightsError, match=message):
            load(tmp_path / name)


def test_enormous_file_is_not_read(tmp_path: Path):
    with (tmp_path / "w").open("wb") as stream:
        stream.write(GOOD)
        stream.truncate(3 << 30)
    with pytest.raises(WeightsError, match="more than any encoder's weights"):
        sniff(tmp_path / "w")


@pytest.mark.parametrize(
    ("compression", "name", "message"),
    [
        (zipfile.ZIP_DEFLATED, "archive/data.pkl", "compressed zip"),
        (zipfile.ZIP_STORED, "document.xml", "not a PyTorch state dict"),
    ],
)
def test_zip_archives_that_torch_did_not_write(tmp_path: Path, compression: int, name: str, message: str):
    with zipfile.ZipFile(tmp_path / "w.pth", "w", compression) as archive:
        archive.writestr(name, bytes(1_000_000))
    with pytest.raises(WeightsError, match=message):
        load(tmp_path / "w.pth")


def test_truncated_torch_files(tmp_path: Path):
    for legacy in (True, False):
        path = tmp_path / "w.pth"
        torch.save({"conv1_1.weight": torch.zeros(64, 3, 3, 3)}, path, _use_new_zipfile_serialization=not legacy)
        path.write_bytes(path.read_bytes()[:-500])
        with pytest.raises(WeightsError, match="damaged"):
            load(path)


@pytest.mark.parametrize("content", [[torch.zeros(1)], torch.zeros(1), {"conv1_1.weight": 5}, {}])
def test_torch_files_without_named_tensors(tmp_path: Path, content: object):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"state dict|no tensors"):
        load(tmp_path / "w.pth")


def test_expanded_tensor_of_absurd_shape_is_only_named(tmp_path: Path):
    # Four bytes on disk, a mebi-mebi of elements in name: looking at its values would take all memory.
    absurd = torch.zeros(1).expand(1 << 20, 1 << 20)
    torch.save({"conv1_1.weight": absurd}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"found \(1048576, 1048576\)"):
        load(tmp_path / "w.pth")
    torch.save({"0.weight": absurd, "0.bias": absurd}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="should map colours"):
        load(tmp_path / "w.pth")


def test_sparse_tensors_are_refused(tmp_path: Path):
    torch.save({"conv1_1.weight": torch.zeros(64, 3, 3, 3).to_sparse()}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="sparse"):
        load(tmp_path / "w.pth")


def keras(path: Path, fill: Callable[[h5py.Group], object]) -> None:
    with h5py.File(path, "w") as file:
        fill(file.create_group("block1_conv1"))


def test_hdf5_links_out_of_the_file_are_not_followed(tmp_path: Path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["kernel:0"] = np.zeros((3, 3, 3, 64), np.float32)
    path = tmp_path / "w.h5"

    def external(group: h5py.Group) -> None:
        group["kernel:0"] = h5py.ExternalLink(str(secret), "/kernel:0")

    def soft(group: h5py.Group) -> None:
        group["kernel:0"] = h5py.SoftLink("/elsewhere")

    def storage(group: h5py.Group) -> None:
        (tmp_path / "raw").write_bytes(bytes(4 * 3 * 3 * 3 * 64))
        group.create_dataset(
            "kernel:0", (3, 3, 3, 64), np.float32, external=[(str(tmp_path / "raw"), 0, h5py.h5f.UNLIMITED)]
        )

    def virtual(group: h5py.Group) -> None:
        layout = h5py.VirtualLayout((3, 3, 3, 64), np.float32)
        layout[...] = h5py.VirtualSource(str(secret), "kernel:0", (3, 3, 3, 64))
        group.create_virtual_dataset("kernel:0", layout)

    for fill, message in ((external, "link"), (soft, "link"), (storage, "outside"), (virtual, "outside")):
        keras(path, fill)
        with pytest.raises(WeightsError, match=message):
            load(path)


def test_hdf5_bombs_are_not_read(tmp_path: Path):
    path = tmp_path / "w.h5"
    keras(
        path,
        lambda group: group.create_dataset(
            "kernel:0", (1 << 20, 1 << 20), np.float32, chunks=(64, 64), compression="gzip"
        ),
    )
    with pytest.raises(WeightsError, match=r"has shape \(1048576, 1048576\)"):
        load(path)

    def circle(group: h5py.Group) -> None:
        for index in range(20):
            group[f"again{index}"] = group

    keras(path, circle)
    with pytest.raises(WeightsError, match="20 entries"):
        load(path)


def test_hdf5_that_is_not_vgg(tmp_path: Path):
    path = tmp_path / "w.h5"
    for fill in (
        lambda group: group.create_dataset("kernel:0", data=np.array([b"text"])),
        lambda group: group.create_dataset("kernel:0", data=h5py.Empty("f")),
        lambda group: group.create_dataset("kernel:0", data=np.zeros((64, 3, 3, 3), np.float32)),
        lambda group: group.file.create_dataset("block1_conv2", data=np.zeros(3)),
        lambda group: group.file.create_dataset("model_weights", data=np.zeros(3)),
        lambda group: group.create_dataset("bias.x:0", data=np.zeros(3)),
        lambda _group: None,
    ):
        keras(path, fill)
        with pytest.raises(WeightsError):
            load(path)
    keras(path, lambda group: group.create_dataset("kernel:0", data=np.zeros((3, 3, 3, 64))))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="damaged or truncated HDF5"):
        load(path)

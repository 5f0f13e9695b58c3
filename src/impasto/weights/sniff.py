"""What a weight file is, told from its content and never from its name; nothing in the file is executed."""

import hashlib
import json
import stat
import struct
import zipfile
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from impasto.errors import WeightsError
from impasto.files import absence, is_web_address

MAX_FILE_BYTES = 1 << 30
"""No weight file that impasto reads is larger; torchvision's is 0.54 GiB."""
MAX_HEADER_BYTES = 4 << 20
"""A safetensors header of ours takes a few kilobytes."""

HEAD_BYTES = 32
"""The bytes of a file that tell what it is: the longest mark, of HDF5 and torch, takes less."""
_DIGEST_CHUNK_BYTES = 1 << 20
"""The bytes that are hashed at a time."""
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_ZIP_MAGIC = b"PK\x03\x04"
# The long integer 0x1950a86a20f9469cfc6c, with which torch opens its older, non-zip files.
_TORCH_LEGACY_MAGIC = bytes.fromhex("6cfc9c46f9206aa85019")


class Container(StrEnum):
    """The kinds of file that impasto reads tensors from."""

    SAFETENSORS = "safetensors"
    HDF5 = "hdf5"
    TORCH_ZIP = "torch zip"
    TORCH_LEGACY = "torch legacy"


@dataclass(frozen=True)
class Sniffed:
    """What the first bytes say."""

    container: Container
    architecture: str | None
    """What a safetensors header declares; None where only the tensors' names can tell."""
    metadata: dict[str, str] = field(default_factory=dict)


def container_of(head: bytes) -> Container | None:
    """Recognise a container by a file's first `HEAD_BYTES` bytes; None when it is none of them."""
    if head.startswith(_HDF5_MAGIC):
        return Container.HDF5
    if head.startswith(_ZIP_MAGIC):
        return Container.TORCH_ZIP
    if head[:1] == b"\x80" and _TORCH_LEGACY_MAGIC in head[:HEAD_BYTES]:
        return Container.TORCH_LEGACY
    if head[8:9] == b"{":
        return Container.SAFETENSORS
    return None


def sniff(path: Path) -> Sniffed:
    """Tell a weight file's container, and its architecture where the header declares one.

    Raises `WeightsError` when the file is missing, not a regular file, empty, too large, or of no known kind.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise WeightsError(f"{path}: is not a regular file; name a weight file")
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as error:
        if is_web_address(str(path)):
            raise WeightsError(f"{path}: {absence(path)}") from None
        raise WeightsError(
            f"{path}: cannot be read ({error.strerror or error}); name an existing weight file "
            "or run `impasto weights fetch vgg19`"
        ) from None
    if status.st_size > MAX_FILE_BYTES:
        raise WeightsError(
            f"{path}: {status.st_size} bytes is more than any encoder's weights take "
            f"({MAX_FILE_BYTES}); name another file"
        )
    container = container_of(head)
    if container is None:
        raise WeightsError(
            f"{path}: {_description(head)}; give safetensors, a Keras .h5 or a PyTorch state dict of VGG-16 or VGG-19"
        )
    if container is Container.TORCH_ZIP:
        _check_zip(path, status.st_size)
    if container is not Container.SAFETENSORS:
        return Sniffed(container, None)
    metadata = _safetensors_metadata(path, status.st_size)
    return Sniffed(container, metadata.get("architecture"), metadata)


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the hex digest of a file, read in pieces. Raises `WeightsError` when it cannot be read."""
    return file_digests(path, (algorithm,))[algorithm]


def file_digests(path: Path, algorithms: Collection[str]) -> dict[str, str]:
    """Return several hex digests of a file, which is read once. Raises `WeightsError` when it cannot be read."""
    # FIPS builds refuse md5 unless told so; it only compares with what a publisher printed.
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_DIGEST_CHUNK_BYTES):
                for digest in digests.values():
                    digest.update(chunk)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from None
    return {name: digest.hexdigest() for name, digest in digests.items()}


def _description(head: bytes) -> str:
    if not head:
        return "is empty"
    if head.lstrip()[:1] == b"<":
        return "is a web page, not weights"
    if head[:1] == b"\x80":
        return "is a Python pickle that torch did not write; refused, since a pickle can run code"
    return "is not a weight file that impasto knows"


def _check_zip(path: Path, size: int) -> None:
    """Refuse an archive that would grow: torch stores its entries uncompressed, so it was not made by torch."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        raise WeightsError(f"{path}: is a damaged or truncated PyTorch file; get it again") from None
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise WeightsError(f"{path}: is a compressed zip archive, which torch never writes; refused")
    if sum(entry.file_size for entry in entries) > size:
        raise WeightsError(f"{path}: its entries claim more bytes than the file holds; refused")
    if not any(entry.filename.endswith("/data.pkl") for entry in entries):
        raise WeightsError(f"{path}: is a zip archive, but not a PyTorch state dict; give a weight file")


def _safetensors_metadata(path: Path, size: int) -> dict[str, str]:
    """Read the header's notes, having bounded the header before reading it."""
    damaged = f"{path}: is a damaged or truncated safetensors file"
    try:
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > min(MAX_HEADER_BYTES, size - 8):
                raise WeightsError(f"{damaged} (its header claims {length} bytes); get it again")
            header = json.loads(stream.read(length))
    except (OSError, ValueError, RecursionError, struct.error):
        raise WeightsError(f"{damaged} (its header is not readable); get it again") from None
    metadata = header.get("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise WeightsError(f"{damaged} (its header is malformed); get it again")
    return metadata

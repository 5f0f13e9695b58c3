"""Where the original metrics' weights are: files that a user has, told by their digests, never by their names alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from impasto import weights
from impasto.encoders import Vgg
from impasto.errors import WeightsError
from impasto.weights import readers

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class File:
    """One file of weights: how it may be called, and how it is known."""

    what: str
    names: tuple[str, ...]
    sha256: tuple[str, ...]
    """Digests, or the beginnings that their publishers put into the names; empty: none is published."""
    source: str


FILES = {
    "alexnet": File(
        "AlexNet's features (torchvision)",
        ("alexnet-owt-7be5be79.pth", "alexnet-owt-4df8aa71.pth"),
        ("7be5be79", "4df8aa71"),
        "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    ),
    "lpips": File(
        "LPIPS's heads for AlexNet, version 0.1",
        ("alex.pth", "LPIPS_v0.1_alex-df73285e.pth", "lpips_alex.pth"),
        ("df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",),
        "pip install 'impasto[evaluate]', which brings them along in torchmetrics",
    ),
    "inception": File(
        "ArtFID's Inception v3",
        ("art_inception.pth",),
        (),
        "https://huggingface.co/matthias-wright/art_inception/resolve/main/art_inception.pth",
    ),
    "vgg19": File(
        "torchvision's VGG-19",
        ("vgg19-dcbb9e9d.pth",),
        ("dcbb9e9d",),
        "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
    ),
}
"""By the part that they play."""

_LPIPS_HOME = ("torchmetrics", "functional/image/lpips_models/alex.pth")


@dataclass(frozen=True)
class Store:
    """A folder of weights. Each file is read when it is first asked for, and its digest is kept for the report."""

    folder: Path
    digests: dict[str, str] = field(default_factory=dict, compare=False)
    """sha256 by part, of the files that were read."""

    def has(self, part: str) -> bool:
        """Return whether there is a file for this part."""
        return self._path(part) is not None

    def missing(self, *parts: str) -> str:
        """Say which files are not there, and where they come from; empty where all are."""
        absent = [FILES[part] for part in parts if not self.has(part)]
        return "; ".join(f"{self.folder} has no {file.names[0]}, {file.what}: {file.source}" for file in absent)

    def tensors(self, part: str) -> Tensors:
        """Read the tensors of a part. Raises `WeightsError` where its file is absent, damaged, or another one."""
        path = self._verified(part)
        return readers.read(path, weights.sniff(path).container)

    def vgg19(self) -> Vgg:
        """Build torchvision's VGG-19 as CFSD runs it: maximum pooling, zero padding."""
        path = self._verified("vgg19")
        return Vgg.from_weights(weights.load(path), pooling="max", padding="zero")

    def _verified(self, part: str) -> Path:
        path = self._path(part)
        if path is None:
            raise WeightsError(self.missing(part))
        known = FILES[part]
        digest = weights.file_digest(path)
        if known.sha256 and not digest.startswith(known.sha256):
            wanted = " or ".join(f"{sha256[:16]}..." for sha256 in known.sha256)
            raise WeightsError(
                f"{path}: is not {known.what} (sha256 {digest[:16]}... instead of {wanted}), and a metric of other "
                f"weights is another metric; get {known.source}"
            )
        self.digests[part] = digest
        return path

    def _path(self, part: str) -> Path | None:
        for name in FILES[part].names:
            path = self.folder / name
            if path.is_file():
                return path
        return _bundled() if part == "lpips" else None


def _bundled() -> Path | None:
    """Return the heads that torchmetrics carries, where it is installed, without importing it."""
    from importlib.util import find_spec

    package, inside = _LPIPS_HOME
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / inside
    return path if path.is_file() else None

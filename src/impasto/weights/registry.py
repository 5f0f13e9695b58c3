"""The weight files that impasto can get: where from, how large, which digest, whose, under which licence."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import UsageError
from impasto.weights.records import CAFFE, TORCHVISION, Preprocessing
from impasto.weights.sniff import Container, file_digest, file_digests


@dataclass(frozen=True)
class Layout:
    """One way in which VGG-19's tensors are named and stored, and what such a file expects and is."""

    preprocessing: Preprocessing
    origin: str
    licence: str


LAYOUTS: dict[str, Layout] = {
    "keras": Layout(CAFFE, "Oxford VGG-19 (Keras notop)", "CC BY 4.0"),
    "torchvision": Layout(TORCHVISION, "torchvision VGG-19 (ImageNet)", "BSD-3-Clause"),
    # The Oxford network in torchvision's names, as J. Johnson converted it; convert.py tells the two apart.
    "torchvision-oxford": Layout(CAFFE, "Oxford VGG-19 (PyTorch port of the Caffe file)", "CC BY 4.0"),
    "gatys": Layout(CAFFE, "Oxford VGG-19, normalised (Gatys et al. 2016)", "CC BY 4.0"),
    # AdaIN's own first layer replaces this preprocessing when the file is read.
    "adain": Layout(CAFFE, "Oxford VGG-19, normalised (AdaIN, Huang & Belongie 2017)", "CC BY 4.0"),
    "impasto": Layout(CAFFE, "VGG-19 (safetensors)", "not stated in the file"),
}


@dataclass(frozen=True)
class WeightFile:
    """One downloadable file."""

    name: str
    filename: str
    urls: tuple[str, ...]
    """Mirrors, tried in this order."""
    size_bytes: int
    layout: str
    """Key of `LAYOUTS`: the converter and preprocessing that this file needs."""
    containers: tuple[Container, ...]
    """What its first bytes must be; anything else is not worth resuming."""
    licence: str
    citation: str
    sha256: str = ""
    """Full hex digest, or the prefix that the publisher gives; may be empty where `md5` is given."""
    md5: str = ""

    @property
    def digest(self) -> str:
        """The digest as people write it, to compare by hand."""
        if not self.sha256:
            return f"md5 {self.md5}"
        return f"sha256 {self.sha256}" + ("..." if len(self.sha256) < 64 else "")

    @property
    def proves(self) -> bool:
        """Whether the publisher's digest alone tells a file from every other that somebody could make."""
        return len(self.sha256) == 64

    @property
    def strength(self) -> str:
        """What the publisher's digest is worth, in words that go after "which"."""
        if self.proves:
            return "proves that it is the published file"
        if self.sha256:
            return (
                f"has {4 * len(self.sha256)} bits: tells accidents; a forgery with the same takes about "
                f"2^{4 * len(self.sha256)} tries"
            )
        if self.md5:
            return "tells accidents; two files with one md5 can be made on purpose"
        return "checks nothing"

    def matches(self, path: Path) -> bool:
        """Whether the file at `path` has the size and digest. Raises `WeightsError` if unreadable."""
        return self.verified(path) is not None

    def verified(self, path: Path) -> str | None:
        """Return the whole sha256 of the file at `path`, or None where its size or the publisher's digest is another.

        Raises `WeightsError` if it is unreadable.
        """
        if not path.is_file() or path.stat().st_size != self.size_bytes:
            return None
        # An entry without any digest matches nothing: unverified is the same as wrong.
        if self.sha256:
            sha256 = file_digest(path, "sha256")
            return sha256 if sha256.startswith(self.sha256) else None
        if not self.md5:
            return None
        found = file_digests(path, ("md5", "sha256"))
        return found["sha256"] if found["md5"] == self.md5 else None


_CITATION = (
    "K. Simonyan and A. Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015"
)
_KERAS_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"

REGISTRY: dict[str, WeightFile] = {
    entry.name: entry
    for entry in (
        WeightFile(
            name="vgg19",
            filename=_KERAS_FILE,
            urls=(
                f"https://storage.googleapis.com/tensorflow/keras-applications/vgg19/{_KERAS_FILE}",
                f"https://github.com/fchollet/deep-learning-models/releases/download/v0.1/{_KERAS_FILE}",
            ),
            size_bytes=80_134_624,
            md5="253f8cb515780f3b799900260a226db6",
            layout="keras",
            containers=(Container.HDF5,),
            licence="CC BY 4.0",
            citation=_CITATION,
        ),
        WeightFile(
            name="vgg19-torchvision",
            filename="vgg19-dcbb9e9d.pth",
            urls=("https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",),
            size_bytes=574_673_361,
            # The publisher prints the prefix, as part of the name.
            sha256="dcbb9e9d",
            layout="torchvision",
            containers=(Container.TORCH_LEGACY, Container.TORCH_ZIP),
            licence="BSD-3-Clause",
            citation=_CITATION + "; retrained by the torchvision contributors",
        ),
    )
}


def lookup(name: str) -> WeightFile:
    """Find a registered file. Raises `UsageError` naming the choices and the nearest one."""
    entry = REGISTRY.get(name)
    if entry is None:
        near = difflib.get_close_matches(name, REGISTRY, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"{name!r}: no such weights; the choices are {', '.join(REGISTRY)}{hint}")
    return entry

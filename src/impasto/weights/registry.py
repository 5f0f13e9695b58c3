"""The weight files that impasto can get: where from, how large, which digest, whose, under which licence."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import UsageError
from impasto.weights.records import CAFFE, TORCHVISION, Preprocessing
from impasto.weights.sniff import Container, file_digest, file_digests


@dataclass(frozen=True)
class Layout:
    """One way in which VGG's tensors are named and stored, and what such a file expects and is."""

    preprocessing: Preprocessing
    origin: str
    """With `{}` for VGG-16 or VGG-19."""
    licence: str


LAYOUTS: dict[str, Layout] = {
    "keras": Layout(CAFFE, "Oxford {} (Keras notop)", "CC BY 4.0"),
    "torchvision": Layout(TORCHVISION, "torchvision {} (ImageNet)", "BSD-3-Clause"),
    # The Oxford network in torchvision's names, as J. Johnson converted it; naming.py tells the two apart.
    "torchvision-oxford": Layout(CAFFE, "Oxford {} (PyTorch port of the Caffe file)", "CC BY 4.0"),
    "gatys": Layout(CAFFE, "Oxford {}, normalised (Gatys et al. 2016)", "CC BY 4.0"),
    # AdaIN's own first layer replaces this preprocessing when the file is read.
    "adain": Layout(CAFFE, "Oxford {}, normalised (AdaIN, Huang & Belongie 2017)", "CC BY 4.0"),
    "impasto": Layout(CAFFE, "{} (safetensors)", "not stated in the file"),
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
        """Return the digest as people write it, to compare by hand."""
        if not self.sha256:
            return f"md5 {self.md5}"
        return f"sha256 {self.sha256}" + ("..." if len(self.sha256) < 64 else "")

    @property
    def proves(self) -> bool:
        """Return whether the publisher's digest alone tells a file from every other that somebody could make."""
        return len(self.sha256) == 64

    @property
    def strength(self) -> str:
        """Return what the publisher's digest is worth, in words that go after "which"."""
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
        """Return whether the file at `path` has the size and digest. Raises `WeightsError` if unreadable."""
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
        digests = file_digests(path, ("md5", "sha256"))
        return digests["sha256"] if digests["md5"] == self.md5 else None


_CITATION = (
    "K. Simonyan and A. Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015"
)


def _keras(network: str, size_bytes: int, md5: str) -> WeightFile:
    """Return the Oxford weights of a network as Keras distributes them, without the layers that classify."""
    filename = f"{network}_weights_tf_dim_ordering_tf_kernels_notop.h5"
    return WeightFile(
        name=network,
        filename=filename,
        urls=(
            f"https://storage.googleapis.com/tensorflow/keras-applications/{network}/{filename}",
            f"https://github.com/fchollet/deep-learning-models/releases/download/v0.1/{filename}",
        ),
        size_bytes=size_bytes,
        md5=md5,
        layout="keras",
        containers=(Container.HDF5,),
        licence="CC BY 4.0",
        citation=_CITATION,
    )


def _torchvision(network: str, size_bytes: int, prefix: str) -> WeightFile:
    """Return torchvision's retrained weights; the publisher prints the digest's prefix, as part of the name."""
    filename = f"{network}-{prefix}.pth"
    return WeightFile(
        name=f"{network}-torchvision",
        filename=filename,
        urls=(f"https://download.pytorch.org/models/{filename}",),
        size_bytes=size_bytes,
        sha256=prefix,
        layout="torchvision",
        containers=(Container.TORCH_LEGACY, Container.TORCH_ZIP),
        licence="BSD-3-Clause",
        citation=_CITATION + "; retrained by the torchvision contributors",
    )


REGISTRY: dict[str, WeightFile] = {
    entry.name: entry
    for entry in (
        _keras("vgg19", 80_134_624, "253f8cb515780f3b799900260a226db6"),
        _torchvision("vgg19", 574_673_361, "dcbb9e9d"),
        _keras("vgg16", 58_889_256, "6d6bbae143d832006294945121d1f1fc"),
        _torchvision("vgg16", 553_433_881, "397923af"),
    )
}
"""A network's own name is that of the smaller file, which is looked for first."""


def lookup(name: str) -> WeightFile:
    """Find a registered file. Raises `UsageError` naming the choices and the nearest one."""
    entry = REGISTRY.get(name)
    if entry is None:
        near = difflib.get_close_matches(name, REGISTRY, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"{name!r}: no such weights; the choices are {', '.join(REGISTRY)}{hint}")
    return entry

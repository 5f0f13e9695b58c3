"""From any of the usual files of VGG-16, VGG-19 and petite to checked weights under impasto's names."""

from pathlib import Path

from impasto.errors import WeightsError
from impasto.weights.checks import CONVOLUTIONS, TITLES, checked_vgg, is_finite, listing, petite_differences
from impasto.weights.locate import QUARANTINE_SUFFIX
from impasto.weights.naming import CONVERTERS, architecture_of, layout_of
from impasto.weights.readers import Tensors, read
from impasto.weights.records import CAFFE, IDENTITY, TORCHVISION, EncoderWeights, Preprocessing
from impasto.weights.registry import LAYOUTS
from impasto.weights.sniff import Sniffed, file_digest, sniff


def load(path: Path) -> EncoderWeights:
    """Read an encoder's weights from any known file, told by content; nothing stored in it is executed.

    VGG-16 and VGG-19 in Keras's, torchvision's, Gatys's (Caffe's names) or impasto's own layout, and VGG-19 in AdaIN's,
    come back with impasto's names and checked shapes; petite comes back as it is stored.

    Raises `WeightsError` when the file is missing, damaged, or not such an encoder, listing the first
    differences.
    """
    if path.name.endswith(QUARANTINE_SUFFIX):
        raise WeightsError(f"{path}: is in quarantine since its digest was wrong; fetch the file again")
    sniffed = sniff(path)
    if sniffed.architecture is not None and sniffed.architecture not in {*CONVOLUTIONS, "petite"}:
        known = f"{', '.join(CONVOLUTIONS)} and petite"
        raise WeightsError(f"{path}: its architecture is {sniffed.architecture[:60]!r}; impasto reads {known}")
    tensors = read(path, sniffed.container)
    sha256 = file_digest(path)
    if sniffed.architecture == "petite":
        return _petite(path, tensors, sniffed, sha256)
    layout = layout_of(path, tensors, sniffed.container)
    architecture = sniffed.architecture or architecture_of(tensors, layout)
    renamed, preprocessing = CONVERTERS[layout](path, tensors, architecture)
    if "preprocessing" in sniffed.metadata and layout != "adain":
        preprocessing = _declared_preprocessing(path, sniffed.metadata["preprocessing"])
    notes = LAYOUTS[layout]
    return EncoderWeights(
        architecture=architecture,
        tensors=checked_vgg(path, renamed, architecture),
        preprocessing=preprocessing,
        sha256=sha256,
        origin=_note(sniffed, "origin", notes.origin.format(TITLES[architecture])),
        licence=_note(sniffed, "licence", notes.licence),
        metadata=sniffed.metadata,
    )


def _petite(path: Path, tensors: Tensors, sniffed: Sniffed, sha256: str) -> EncoderWeights:
    broken = [name for name, tensor in tensors.items() if not is_finite(tensor)]
    if broken:
        raise WeightsError(f"{path}: {broken[0][:60]} holds NaN or infinity; get the file again")
    if differences := petite_differences(tensors):
        raise WeightsError(f"{path}: is not petite: {listing(differences)}; `impasto train encoder` makes one")
    return EncoderWeights(
        architecture="petite",
        tensors=tensors,
        preprocessing=IDENTITY,
        sha256=sha256,
        origin=_note(sniffed, "origin", "impasto petite"),
        licence=_note(sniffed, "licence", "not stated in the file"),
        metadata=sniffed.metadata,
    )


def _note(sniffed: Sniffed, key: str, otherwise: str) -> str:
    # Such notes end up in pictures and on terminals: one line, and not a novel.
    return " ".join(sniffed.metadata.get(key, otherwise).split())[:200]


def _declared_preprocessing(path: Path, text: str) -> Preprocessing:
    words = text.lower()
    if "bgr" in words:
        return CAFFE
    if "rgb" in words and "imagenet" in words:
        return TORCHVISION
    raise WeightsError(
        f"{path}: its preprocessing {text[:60]!r} is unknown; expected 'BGR, 0-255, minus the mean' or "
        "'RGB, ImageNet mean and std'"
    )

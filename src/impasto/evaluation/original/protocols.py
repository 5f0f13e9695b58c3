"""The published protocols: which pictures are paired, at which size, and which numbers come out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from impasto import images
from impasto.errors import ImageError, InputError, UsageError, WeightsError
from impasto.evaluation import affinity
from impasto.evaluation.original import inception, lpips
from impasto.evaluation.original.distances import frechet_at_infinity, frechet_distance
from impasto.evaluation.original.store import Store
from impasto.images import Picture

Protocol = Literal["artfid", "styleid"]
PROTOCOLS: dict[Protocol, str] = {
    "artfid": "art-fid 0.0.2: pictures as they are",
    "styleid": "StyleID (Chung et al. 2024): short side 512 for LPIPS and FID, CFSD as they are",
}
SHORT_SIDE = 512
"""Pixels, of StyleID's protocol."""
SUFFIXES = (".jpg", ".jpeg", ".png")
"""Pictures that the reference codes look at."""
BILINEAR: Any = 2
"""Pillow's number of the filter that torchvision resizes pictures with."""
CFSD_LAYER = "relu3_1"

PAIR_PARTS = {"lpips_alex": ("alexnet", "lpips"), "cfsd": ("vgg19",)}
SET_PARTS = {
    "lpips_alex": ("alexnet", "lpips"),
    "lpips_alex_gray": ("alexnet", "lpips"),
    "cfsd": ("vgg19",),
    "fid": ("inception",),
    "art_fid": ("alexnet", "lpips", "inception"),
    "art_fid_infinity": ("alexnet", "lpips", "inception"),
}
"""Which files each number needs."""


@dataclass(frozen=True)
class PairReport:
    """The original metrics of one result, None where weights are absent; why, and the digests of those that are not."""

    values: Mapping[str, float | None]
    reasons: Mapping[str, str]
    weights: Mapping[str, str]
    protocol: Protocol
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return everything, as JSON can hold it."""
        return {
            "notes": list(self.notes),
            "protocol": self.protocol,
            "reasons": dict(self.reasons),
            "values": dict(self.values),
            "weights": dict(self.weights),
        }


@dataclass(frozen=True)
class SetReport(PairReport):
    """The original metrics of a set of results."""

    count: int = 0
    styles: int = 0
    """How many different styles there are: the covariance of theirs has a rank one less."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Names of pictures that could not be read, and why."""

    def record(self) -> dict[str, Any]:
        """Return everything, as JSON can hold it."""
        return super().record() | {"count": self.count, "failed": dict(self.failed), "styles": self.styles}


def protocol_of(name: str) -> Protocol:
    """Return the protocol called `name`. Raises `UsageError` for another."""
    for known in PROTOCOLS:
        if known == name:
            return known
    raise UsageError(f"unknown protocol '{name[:40]}'; choose from {', '.join(PROTOCOLS)}")


def measure_pair(
    result: Picture,
    content: Picture,
    store: Store,
    protocol: Protocol = "styleid",
    *,
    wanted: Sequence[str] | None = None,
) -> PairReport:
    """Measure LPIPS and CFSD of one result.

    Raises `WeightsError` where the weights of a `wanted` number, or of all, are absent.
    """
    names = _able(PAIR_PARTS, store, wanted)
    reasons = _reasons(PAIR_PARTS, names, store)
    values: dict[str, float | None] = dict.fromkeys(PAIR_PARTS)
    notes = []
    if content.size != result.size:
        notes.append(_resized(content, result))
        content = images.resize_picture(content, result.size)
    if "lpips_alex" in names:
        distance = lpips.Lpips(store.tensors("alexnet"), store.tensors("lpips"))
        values["lpips_alex"] = distance(_prepared(result, protocol), _prepared(content, protocol))[0]
    if "cfsd" in names:
        values["cfsd"] = cfsd(store.vgg19(), result.pixels, content.pixels)
    return PairReport(values, reasons, dict(store.digests), protocol, tuple(notes))


def measure_set(
    results: Path,
    contents: Path,
    styles: Path,
    store: Store,
    protocol: Protocol = "styleid",
    *,
    wanted: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SetReport:
    """Measure a folder of results against those of their contents and styles, paired by sorted names.

    Styles may be fewer: each then stands as often as it takes (StyleID: 40 styles 20 times each). Pictures that cannot
    be read are left out, and named in the report.

    Raises `InputError` for folders that do not fit, `WeightsError` as `measure_pair` does.
    """
    names = _able(SET_PARTS, store, wanted)
    reasons = _reasons(SET_PARTS, names, store)
    files = [_pictures(folder) for folder in (results, contents, styles)]
    made, taken, shown = files
    if len(made) != len(taken):
        raise InputError(
            f"{contents}: has {len(taken)} pictures, and {results} has {len(made)}; the protocol pairs them by sorted "
            "names: copy each content once for each of its results"
        )
    if len(made) % len(shown):
        raise InputError(f"{styles}: has {len(shown)} pictures, which {len(made)} results are no multiple of")
    distance = lpips.Lpips(store.tensors("alexnet"), store.tensors("lpips")) if _any(names, "alexnet") else None
    network = inception.Inception(store.tensors("inception")) if _any(names, "inception") else None
    encoder = store.vgg19() if "cfsd" in names else None
    failed: dict[str, str] = {}
    sums: dict[str, list[float]] = {"lpips_alex": [], "lpips_alex_gray": [], "cfsd": []}
    features: list[Tensor] = []
    total = len(made) + (len(shown) if network is not None else 0)
    for number, (file, of_content) in enumerate(zip(made, taken, strict=True)):
        if progress is not None:
            progress(number, total)
        loaded = _loaded((file, of_content), failed)
        if loaded is None:
            continue
        result, content = loaded
        if content.size != result.size:
            content = images.resize_picture(content, result.size)
        if distance is not None:
            for key, gray in (("lpips_alex", False), ("lpips_alex_gray", True)):
                pair = (_prepared(picture, protocol, gray=gray) for picture in (result, content))
                sums[key].append(distance(*pair)[0])
        if encoder is not None:
            sums["cfsd"].append(cfsd(encoder, result.pixels, content.pixels))
        if network is not None:
            features.append(network(_prepared(result, protocol)))
    of_styles = [] if network is None else list(_features(shown, network, protocol, failed, progress, len(made), total))
    values = _set_values(names, sums, features, of_styles, len(made) // len(shown), reasons)
    notes = [f"{name}: {why}" for name, why in failed.items()]
    if network is not None:
        notes.append(
            f"the covariance of {len(of_styles)} styles in {inception.FEATURES} dimensions has a rank of "
            f"{max(0, len(of_styles) - 1)} at most"
        )
    return SetReport(values, reasons, dict(store.digests), protocol, tuple(notes), len(made), len(shown), failed)


@torch.no_grad()
def cfsd(encoder: Any, result: Tensor, content: Tensor) -> float:
    """Return StyleID's content feature structural distance: Σ over places of KL(content‖result), in bands.

    Affinities are the softmax of f·f' / C² of VGG-19's relu3_1, not of f·f' / C: its code divides both by C.
    """
    flat = []
    for pixels in (content, result):
        features = encoder(pixels, [CFSD_LAYER])[CFSD_LAYER][0]
        flat.append((features.flatten(1) / len(features)).T.contiguous())
    return float(affinity.divergences(*flat).double().sum())


def _set_values(
    names: Sequence[str],
    sums: Mapping[str, list[float]],
    features: list[Tensor],
    of_styles: list[Tensor],
    times: int,
    reasons: dict[str, str],
) -> dict[str, float | None]:
    values: dict[str, float | None] = dict.fromkeys(SET_PARTS)
    for name in names:
        if name in sums:
            values[name] = sum(sums[name]) / len(sums[name]) if sums[name] else None
    if not features or not of_styles:
        return values
    one, other = torch.stack(features), torch.stack(of_styles).repeat(times, 1)
    fid = frechet_distance(one, other)
    content = sum(sums["lpips_alex"]) / max(1, len(sums["lpips_alex"]))
    if "fid" in names:
        values["fid"] = fid
    if "art_fid" in names:
        values["art_fid"] = (1 + content) * (1 + fid)
    if "art_fid_infinity" in names:
        try:
            values["art_fid_infinity"] = (1 + content) * (1 + frechet_at_infinity(one, other))
        except UsageError as error:
            reasons["art_fid_infinity"] = str(error)
    return values


def _able(parts: Mapping[str, tuple[str, ...]], store: Store, wanted: Sequence[str] | None) -> list[str]:
    """Return the numbers that can be computed. Raises `WeightsError` for a `wanted` one that cannot, or for all."""
    for name in wanted or ():
        if name not in parts:
            raise UsageError(f"unknown original metric '{name}'; choose from {', '.join(parts)}")
        if absent := store.missing(*parts[name]):
            raise WeightsError(f"{name}: {absent}")
    able = [name for name, needed in parts.items() if not store.missing(*needed)]
    if not able:
        every = dict.fromkeys(part for needed in parts.values() for part in needed)
        raise WeightsError(f"no original metric can be computed: {store.missing(*every)}")
    return [name for name in able if wanted is None or name in wanted]


def _reasons(parts: Mapping[str, tuple[str, ...]], names: Sequence[str], store: Store) -> dict[str, str]:
    return {
        name: store.missing(*needed) for name, needed in parts.items() if name not in names and store.missing(*needed)
    }


def _any(names: Sequence[str], part: str) -> bool:
    return any(part in SET_PARTS[name] for name in names)


def _prepared(picture: Picture, protocol: Protocol, *, gray: bool = False) -> Tensor:
    """Return a picture (1, 3 or 1, H, W) in [0, 1] as the protocol's code loads it: 8 bits, resized by Pillow."""
    loaded = Picture(picture.pixels, None, picture.name).to_pil()
    short = min(loaded.size)
    if protocol == "styleid" and short != SHORT_SIDE:
        size = [SHORT_SIDE if side == short else int(SHORT_SIDE * side / short) for side in loaded.size]
        loaded = loaded.resize((size[0], size[1]), BILINEAR)
    if min(loaded.size) < max(lpips.SMALLEST, inception.SMALLEST):
        raise ImageError(
            f"{picture.name}: is {loaded.size[0]}x{loaded.size[1]} px; the original metrics need "
            f"{max(lpips.SMALLEST, inception.SMALLEST)} px a side"
        )
    if gray:
        loaded = loaded.convert("L")
    data = torch.frombuffer(bytearray(loaded.tobytes()), dtype=torch.uint8)
    return data.view(1, loaded.size[1], loaded.size[0], 1 if gray else 3).permute(0, 3, 1, 2).float() / 255


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(
            f"{folder}: is not a folder; the original metrics of a set need three: results, contents, styles"
        )
    pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if len(pictures) < 2:
        raise InputError(f"{folder}: has {len(pictures)} pictures ({', '.join(SUFFIXES)}); a set needs 2 at least")
    return pictures


def _loaded(files: Sequence[Path], failed: dict[str, str]) -> tuple[Picture, Picture] | None:
    pictures = []
    for file in files:
        try:
            pictures.append(images.load(file))
        except ImageError as error:
            failed[file.name] = str(error)
    return (pictures[0], pictures[1]) if len(pictures) == 2 else None


def _features(
    files: Sequence[Path],
    network: inception.Inception,
    protocol: Protocol,
    failed: dict[str, str],
    progress: Callable[[int, int], None] | None,
    done: int,
    total: int,
) -> Iterator[Tensor]:
    for number, file in enumerate(files):
        if progress is not None:
            progress(done + number, total)
        try:
            yield network(_prepared(images.load(file), protocol))
        except ImageError as error:
            failed[file.name] = str(error)


def _resized(content: Picture, result: Picture) -> str:
    (height, width), (rows, columns) = content.size, result.size
    return f"{content.name}: is {width}x{height} px and is resized to the result's {columns}x{rows}"

"""How well small encoders predict VGG-19: `python benchmarks/encoder_fidelity.py --vgg19 FILE PICTURES...`.

For each layer, squared error over squared norm of the whole layer (features), and of the Gram matrix, averaged
over the pictures, which are scaled to a short side of 320 px and cut to 320x320. `--rival` adds the 16x encoder of
Collaborative Distillation (Wang et al. 2020), each lifted channel with its best scale, against the max-pooling
VGG-19 that it was made for; petite is measured against average pooling.
"""

from collections.abc import Iterable
from pathlib import Path

import harness
import torch
from safetensors.torch import load_file
from torch import Tensor

from impasto import images
from impasto.encoders import Petite, Vgg
from impasto.encoders.petite import LIFTED
from impasto.training import warm_start
from impasto.weights import TORCHVISION, load


def prediction(encoder: Petite, image: Tensor) -> dict[str, Tensor]:
    """Return petite's lifted features, (N, positions) a layer."""
    return {layer: encoder.lift(layer) @ features[0].flatten(1) for layer, features in encoder(image, LIFTED).items()}


class Rival:
    """Collaborative Distillation's 16x encoder with its own lifts."""

    def __init__(self, path: Path) -> None:
        tensors = load_file(path)
        self._encoder = Vgg(warm_start.collaborative(tensors), TORCHVISION, pooling="max")
        self._lifts = {}
        for layer in LIFTED:
            name = f"encoder5.conv{layer[4]}{layer[6]}_aux"
            if f"{name}.weight" in tensors:
                self._lifts[layer] = tensors[f"{name}.weight"][:, :, 0, 0], tensors[f"{name}.bias"][:, None]

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """Return the lifted features that the file has lifts for."""
        found = self._encoder(image, self._lifts)
        return {layer: weight @ found[layer][0].flatten(1) + bias for layer, (weight, bias) in self._lifts.items()}


def errors(target: Tensor, found: Tensor) -> tuple[float, float]:
    """Return the relative error of features and of Gram matrices."""
    gram, other = target @ target.T, found @ found.T
    return tuple(float((a - b).square().sum() / a.square().sum()) for a, b in ((target, found), (gram, other)))  # type: ignore[return-value]


def scaled(target: Tensor, found: Tensor) -> Tensor:
    """Scale each channel of `found` to fit `target` best."""
    return found * ((target * found).sum(1) / found.square().sum(1).clamp_min(1e-12))[:, None]


def pictures(paths: Iterable[Path]) -> Iterable[Tensor]:
    """Return each picture at 320x320."""
    for path in paths:
        pixels = images.load(path).pixels
        height, width = pixels.shape[-2:]
        short = min(height, width)
        pixels = images.resize(pixels, (round(height * 320 / short), round(width * 320 / short)))
        yield images.crop_to_aspect(pixels, (320, 320))


def main() -> None:
    """Measure and print a table."""
    parser = harness.parser(__doc__)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--vgg19", type=Path, required=True)
    parser.add_argument("--petite", type=Path, help="another petite file than the embedded one")
    parser.add_argument("--rival", type=Path, help="collaborative-distillation-16x.safetensors")
    options = parser.parse_args()
    weights = load(options.vgg19)
    teachers = {pooling: Vgg.from_weights(weights, pooling=pooling) for pooling in ("average", "max")}
    petite = Petite.from_bytes(options.petite.read_bytes()) if options.petite else Petite.embedded()
    rival = Rival(options.rival) if options.rival else None
    sums: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with torch.no_grad():
        for image in pictures(options.pictures):
            target = {layer: f[0].flatten(1) for layer, f in teachers["average"](image, LIFTED).items()}
            for layer, found in prediction(petite, image).items():
                sums.setdefault(("petite", layer), []).append(errors(target[layer], found))
                best = scaled(target[layer], found)
                sums.setdefault(("petite, best scale", layer), []).append(errors(target[layer], best))
            if rival is not None:
                target = {layer: f[0].flatten(1) for layer, f in teachers["max"](image, LIFTED).items()}
                for layer, found in rival(image).items():
                    best = scaled(target[layer], found)
                    sums.setdefault(("16x, best scale", layer), []).append(errors(target[layer], best))
    harness.heading(f"{len(options.pictures)} pictures; relative error of features / of Gram matrices")
    table = harness.Table("encoder", *LIFTED)
    for name in dict.fromkeys(name for name, _ in sums):
        cells = []
        for layer in LIFTED:
            values = sums.get((name, layer))
            means = [sum(column) / len(values) for column in zip(*values, strict=True)] if values else []
            cells.append(" / ".join(f"{value:.4f}" for value in means))
        table.row(name, *cells)


if __name__ == "__main__":
    main()

"""Measure what happens where regions meet: `python benchmarks/boundaries.py --shared ../shared`.

For each pair with masks and each setting, a band along the boundaries of the painting (of 3 to 16 pixels at 512) is
compared with the interior of the regions:

- energy: mean length of the lightness gradient in the band over that in the interior. Above the photograph's there are
  halos or a clutter of strokes, far below it a dead seam.
- style: distance of the Gram matrices to the region's own style, relative, in the band and in the interior.
- edges: correlation of the lightness gradient's length with that of the photograph, in the band and in the interior:
  how much of the drawing is left.

All are means over regions weighted by area, those of style over layers too. Pictures are kept under --work, and painted
once.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from harness import Table, heading, parser
from torch import Tensor

from impasto import Recipe, Stylizer, color, encoders, guides, images, load
from impasto.guides import Regions
from impasto.losses import Gram
from impasto.optim import devices

PAIRS = ("gns_house_wheatfield", "dpst_21", "doodle_seth_gogh", "gns_woman_wheatfield", "dpst_60")
SETTINGS: dict[str, dict[str, Any]] = {
    "report": {"preset": "cs229", "iterations": 400},
    "simple": {"guides": "simple"},
    "border": {"guides": "border"},
    "inside": {"guides": "inside"},
    "all": {"guides": "all"},
    "mean": {"guides": "mean"},
    "mean + global 0.1": {"guides": "mean", "global_fraction": 0.1},
    "simple + global 0.1": {"guides": "simple", "global_fraction": 0.1},
}
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
NEAR, FAR = 2 / 512, 16 / 512
FIGURES = ("energy", "style band", "style interior", "edges band", "edges interior")


def regions(folder: Path) -> Regions:
    """Read the masks of a pair."""
    return guides.from_colors(load(folder / "content_mask.png"), [load(folder / "style_mask.png")])


def measure(
    painted: Tensor, photo: Tensor, style: Tensor, found: Regions, encoder: encoders.Encoder
) -> dict[str, float]:
    """Return the figures of a painting (1, 3, H, W) of `photo`, with the style (1, 3, h, w) it was painted with."""
    size = (painted.shape[-2], painted.shape[-1])
    maps = guides.fit(found.content, size)
    side = max(size)
    wide = guides.boundary(maps, max(2, round(FAR * side)))
    parts = {"band": wide - guides.boundary(maps, max(1, round(NEAR * side))), "interior": 1 - wide}
    slope, of_photo = _slope(painted), _slope(images.resize(photo, size))
    gram = Gram()
    sums: dict[str, float] = {}
    areas = 0.0
    style_map = found.styles[0]
    if style_map is None:
        raise SystemExit("the pair has no mask of its style")
    with torch.no_grad():
        features, targets = encoder(painted, LAYERS), encoder(style, LAYERS)
        style_maps = guides.fit(style_map, (style.shape[-2], style.shape[-1]))
        for number in range(len(found.names)):
            here = {part: maps[number] * weight for part, weight in parts.items()}
            if min(float(weight.sum()) for weight in here.values()) < 64:
                continue
            area = float(here["band"].sum())
            areas += area
            energies = {part: _mean(slope, weight[:-1, :-1]) for part, weight in here.items()}
            ratios = {"energy": energies["band"] / energies["interior"]}
            for part, weight in here.items():
                ratios[f"edges {part}"] = _correlation(slope, of_photo, weight[:-1, :-1])
                away = []
                for layer in LAYERS:
                    steps = encoders.VGG19.steps(layer)
                    of_style = guides.propagate(style_maps[number], steps, "simple")
                    target = gram.finish(gram.measure(targets[layer], of_style))
                    state = gram.measure(features[layer], guides.propagate(weight, steps, "simple"))
                    away.append(float((gram.finish(state) - target).norm() / target.norm()))
                ratios[f"style {part}"] = sum(away) / len(away)
            for key, value in ratios.items():
                sums[key] = sums.get(key, 0.0) + area * value
    return {key: value / areas for key, value in sums.items()}


def _slope(pixels: Tensor) -> Tensor:
    lightness = color.to_oklab(pixels)[0, 0]
    across, down = lightness[:-1, 1:] - lightness[:-1, :-1], lightness[1:, :-1] - lightness[:-1, :-1]
    return (across.square() + down.square()).sqrt()


def _correlation(one: Tensor, other: Tensor, weights: Tensor) -> float:
    one, other = one - _mean(one, weights), other - _mean(other, weights)
    return _mean(one * other, weights) / math.sqrt(_mean(one.square(), weights) * _mean(other.square(), weights))


def _mean(values: Tensor, weights: Tensor) -> float:
    return float((values * weights).sum() / weights.sum())


def paint(path: Path, folder: Path, found: Regions | None, encoder: Any, settings: Mapping[str, Any]) -> Tensor:
    """Paint one picture unless it is there."""
    if not path.exists():
        stylizer = Stylizer(
            folder / "content.jpg", folder / "style.jpg", Recipe.from_preset(**settings), encoder=encoder, regions=found
        )
        for _ in stylizer:
            pass
        path.parent.mkdir(parents=True, exist_ok=True)
        stylizer.result().save(path)
    return load(path).pixels


def main() -> None:
    """Print a table: energy and style for each pair and setting."""
    options = parser(__doc__)
    options.add_argument("--shared", type=Path, default=Path("../shared"))
    options.add_argument("--work", type=Path, default=Path("out/boundaries"))
    options.add_argument("--size", type=int, default=512)
    options.add_argument("--pairs", nargs="*", default=PAIRS)
    options.add_argument("--settings", nargs="*", default=list(SETTINGS))
    arguments = options.parse_args()
    encoder = encoders.create("petite", precision=devices.faster_precision(torch.device("cpu")))
    heading(f"{arguments.size} px, petite")
    table = Table("pair", "setting", *FIGURES)
    for pair in arguments.pairs:
        folder = arguments.shared / "images" / "masks" / pair
        found = regions(folder)
        style = load(folder / "style.jpg").pixels
        style = images.resize(style, images.fit_size((style.shape[-2], style.shape[-1]), arguments.size))
        photo = load(folder / "content.jpg").pixels
        photo = images.resize(photo, images.fit_size((photo.shape[-2], photo.shape[-1]), arguments.size))
        for name in ["the photograph", "no masks", *arguments.settings]:
            masks = None if name == "no masks" else found
            settings = {"size": arguments.size, **SETTINGS.get(name, {})}
            path = arguments.work / f"{pair}-{name.replace(' ', '')}-{arguments.size}.png"
            painted = photo if name == "the photograph" else paint(path, folder, masks, encoder, settings)
            figures = measure(painted, photo, style, found, encoder)
            table.row(pair, name, *(f"{figures[figure]:.2f}" for figure in FIGURES))


if __name__ == "__main__":
    main()

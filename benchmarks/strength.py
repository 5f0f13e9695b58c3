"""Does one strength look alike on all pairs? `python benchmarks/strength.py --photos A --paintings B C -o out`.

Paints twenty pairs of photograph and painting at some strengths, and at fixed content weights that are on average as
strong, and measures what of the photograph is kept (content_features, CF) and how near the style is (global_effects,
GE). The spread over pairs, a standard deviation, is what to look at. Each picture is kept in the folder, with its
values, and not painted again; a sheet shows them. `--set key=value` sets recipe keys.
"""

import statistics
from collections.abc import Iterable
from pathlib import Path

import harness
import torch

from impasto import images
from impasto.evaluation import Evaluator
from impasto.images import Tile, contact_sheet, save
from impasto.painting.api import stylize
from impasto.recipe import Recipe

METRICS = {"content_features/1": "CF", "global_effects/1": "GE", "frechet/1": "Frechet"}
STRIDE = 7
"""Paintings from one photograph's to the next one's: neighbours in the alphabet are often alike."""


def pictures(places: Iterable[Path]) -> list[Path]:
    """Return pictures by name: files as they are, folders with all that they hold."""
    return [
        file
        for place in places
        for file in (sorted([*place.glob("*.jpg"), *place.glob("*.png")]) if place.is_dir() else [place])
    ]


def pairs(photos: list[Path], paintings: list[Path], count: int) -> list[tuple[Path, Path]]:
    """Return `count` pairs: each photograph with another painting."""
    return [(photos[n % len(photos)], paintings[(STRIDE * n + 3) % len(paintings)]) for n in range(count)]


def painted(photo: Path, painting: Path, recipe: Recipe, file: Path, evaluator: Evaluator) -> dict[str, float | None]:
    """Return the values of a pair's picture at `file`, which is painted where it is not there."""

    def measure() -> dict[str, float | None]:
        result = stylize(photo, painting, recipe)
        file.parent.mkdir(parents=True, exist_ok=True)
        result.save(file, force=True)
        values = evaluator.evaluate(result, photo, painting, metrics=list(METRICS)).values
        return {name: values[key] for key, name in METRICS.items()} | {"weight": result.recipe.content_weight}

    values: dict[str, float | None] = harness.remembered(file.with_suffix(".json"), measure)
    return values


def main() -> None:
    """Paint, print the table, and draw the sheet."""
    options = harness.parser(__doc__)
    options.add_argument("--photos", type=Path, nargs="+", required=True, help="photographs, or folders of them")
    options.add_argument("--paintings", type=Path, nargs="+", required=True, help="paintings, or folders of them")
    options.add_argument("-o", "--out", type=Path, required=True, help="folder of the pictures")
    options.add_argument("--pairs", type=int, default=20)
    options.add_argument("--strengths", type=float, nargs="*", default=[0.2, 0.5, 0.8])
    options.add_argument("--weights", type=float, nargs="*", default=[10.0, 1.0, 0.1])
    options.add_argument("--preset", default="draft")
    options.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    options.add_argument("--encoder", default="petite", help="what features are measured with")
    options.add_argument("--sheet", type=Path, help="where the sheet goes")
    given = options.parse_args()
    torch.set_num_threads(1)
    settings = dict(setting.split("=", 1) for setting in given.set)
    base = Recipe.from_preset(given.preset, **{"size": 192, "encoder": "petite", **settings})
    columns = {f"strength {strength:g}": base.replace(strength=strength) for strength in given.strengths}
    columns |= {f"weight {weight:g}": base.replace(content_weight=weight) for weight in given.weights}
    chosen = pairs(pictures(given.photos), pictures(given.paintings), given.pairs)
    evaluator = Evaluator(given.encoder, given.encoder, size=256)
    harness.heading(f"measured with {given.encoder}", f"{len(chosen)} pairs")
    table = harness.Table("setting", "CF", "spread", "GE", "spread", "Frechet", "spread", "weights")
    files: dict[str, list[Path]] = {}
    for name, recipe in columns.items():
        files[name] = [
            given.out / name.replace(" ", "_") / f"{photo.stem}_{painting.stem}.png" for photo, painting in chosen
        ]
        values = [painted(*pair, recipe, file, evaluator) for pair, file in zip(chosen, files[name], strict=True)]
        cells = []
        for metric in METRICS.values():
            numbers = [float(value[metric] or 0) for value in values]
            cells += [f"{statistics.mean(numbers):.3f}", f"{statistics.pstdev(numbers):.3f}"]
        weights = [float(value["weight"] or 0) for value in values]
        table.row(name, *cells, f"{min(weights):.3g} to {max(weights):.3g}")
    if given.sheet:
        rows = [
            [Tile(images.load(picture)) for picture in (*pair, *(files[name][number] for name in columns))]
            for number, pair in enumerate(chosen)
        ]
        names = [f"{photo.stem} {painting.stem}".replace("_", " ") for photo, painting in chosen]
        sheet = contact_sheet(rows, height=120, columns=["photograph", "painting", *columns], names=names)
        save(sheet, given.sheet, force=True, quality=85)


if __name__ == "__main__":
    main()

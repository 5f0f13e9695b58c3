"""Do eyes and mouth stay in place? `python benchmarks/faces.py nprportrait -o out`.

Paints portraits of NPRportrait, whose hand-made regions say where eyes and mouths are, like the paintings of
`--styles`, by each of the `--settings`. Around each eye and the mouth of the photograph, the orientation of edges there
(the structure tensor's, which knows neither colour nor contrast) is looked for in the picture, shifted by up to a fifth
of the part's width. It is in place where the best correlation is at least `ALIKE` and its shift at most `NEAR` of that
width; both were set by looking at `--sheet`, which has the faces with what was measured, the worst first. Each picture
is kept in the folder, and not painted again.
"""

import statistics
from functools import partial
from pathlib import Path
from typing import Any

import harness
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import images
from impasto.color import gray
from impasto.images import Picture, Tile, contact_sheet, save
from impasto.painting.api import stylize
from impasto.recipe import Recipe

EYES = {(230, 85, 13)}
MOUTH = {(117, 107, 177), (158, 154, 200), (188, 189, 220)}
"""Colours of the regions: eyeballs; lips, teeth and the cavity of the mouth."""
AROUND = 0.35
"""How much is looked at around a part, in its widths."""
SMOOTH = 0.06
"""Standard deviation of what a direction is averaged over, in widths of the part."""
FARTHEST = 0.2
"""How far a part is looked for, in its widths."""
ALIKE = 0.5
"""Least correlation at which a part is there."""
NEAR = 0.15
"""Farthest shift at which it is in place, in its widths."""
ACROSS = 8
"""Faces in a row of the sheet."""
Box = tuple[int, int, int, int]


def region(path: Path, colors: set[tuple[int, int, int]], size: tuple[int, int]) -> Tensor:
    """Return where a picture of regions has one of the colours, (H, W) bool at `size`."""
    pixels = (images.load(path).pixels[0] * 255).round()
    wanted = torch.zeros(pixels.shape[1:])
    for color in colors:
        wanted += (pixels == torch.tensor(color)[:, None, None]).all(0)
    return F.adaptive_max_pool2d(wanted[None, None], size)[0, 0] > 0.5


def boxes(regions: Path, size: tuple[int, int]) -> dict[str, list[Box]]:
    """Return the boxes (top, bottom, left, right) of eyes and mouth in a picture of `size`; of those that are seen."""
    eyes, mouth = region(regions, EYES, size), region(regions, MOUTH, size)
    parts: dict[str, list[Box]] = {"eyes": [], "mouth": []}
    if eyes.any():
        columns = eyes.any(0).nonzero().flatten()
        gaps = (columns[1:] - columns[:-1]).tolist()
        widest = max(range(len(gaps)), key=gaps.__getitem__, default=0)
        halves = [columns]
        if gaps and gaps[widest] > 2:
            halves = [columns[: widest + 1], columns[widest + 1 :]]
        for half in halves:
            part = torch.zeros_like(eyes)
            part[:, half] = eyes[:, half]
            parts["eyes"].append(box(part))
    if mouth.any():
        parts["mouth"].append(box(mouth))
    return parts


def box(part: Tensor) -> Box:
    """Return the box of a part, as much wider and higher as is looked at."""
    rows, columns = (part.any(axis).nonzero().flatten() for axis in (1, 0))
    more = max(3, round(AROUND * (int(columns[-1]) - int(columns[0]) + 1)))
    return (
        max(0, int(rows[0]) - more),
        min(part.shape[0], int(rows[-1]) + 1 + more),
        max(0, int(columns[0]) - more),
        min(part.shape[1], int(columns[-1]) + 1 + more),
    )


def directions(picture: Picture, sigma: float) -> Tensor:
    """Return the structure tensor's two signed parts, (2, H, W), averaged over `sigma` pixels."""
    light = F.pad(gray(picture.pixels), (1, 1, 1, 1), mode="replicate")
    across = (light[..., 1:-1, 2:] - light[..., 1:-1, :-2]) / 2
    down = (light[..., 2:, 1:-1] - light[..., :-2, 1:-1]) / 2
    tensor = torch.cat([across.square() - down.square(), 2 * across * down], 1)
    # Roots, so that one strong edge does not speak for a whole eye.
    tensor = tensor / (tensor.square().sum(1, keepdim=True).sqrt().sqrt() + 1e-4)
    reach = max(1, round(3 * sigma))
    kernel = torch.exp(-(torch.arange(-reach, reach + 1) ** 2) / (2 * max(sigma, 0.3) ** 2))
    kernel = kernel / kernel.sum()
    padded = F.pad(tensor, (reach,) * 4, mode="replicate").transpose(0, 1)
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))[:, 0]


def placed(photo: Picture, picture: Picture, part: Box) -> tuple[float, float]:
    """Return the best correlation of a part's directions, and the shift where it is, in widths of the part."""
    top, bottom, left, right = part
    width = (right - left) / (1 + 2 * AROUND)
    one, other = (directions(side, SMOOTH * width) for side in (photo, picture))
    wanted = one[:, top:bottom, left:right]
    reach = max(2, round(FARTHEST * width))
    best = (-1.0, 0.0)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            if top + dy < 0 or left + dx < 0 or bottom + dy > one.shape[1] or right + dx > one.shape[2]:
                continue
            seen = other[:, top + dy : bottom + dy, left + dx : right + dx]
            correlation = F.cosine_similarity(wanted.flatten(), seen.flatten(), 0).item()
            best = max(best, (correlation, (dx * dx + dy * dy) ** 0.5 / width))
    return best


def painted(photo: Path, painting: Path, recipe: Recipe, file: Path) -> dict[str, list[tuple[float, float]]]:
    """Return how eyes and mouth of a pair's picture are placed, which is painted where it is not there."""

    def measure() -> dict[str, list[tuple[float, float]]]:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            stylize(photo, painting, recipe).save(file, force=True)
        picture = images.load(file)
        seen = images.resize(images.load(photo).pixels, picture.size)
        parts = boxes(photo.with_name(f"{photo.stem}_regions.png"), picture.size)
        return {name: [placed(Picture(seen), picture, place) for place in several] for name, several in parts.items()}

    values: dict[str, list[tuple[float, float]]] = harness.remembered(file.with_suffix(".json"), measure)
    return values


def in_place(values: list[tuple[float, float]]) -> bool:
    """Return whether all of several parts are where they were."""
    return all(alike >= ALIKE and shift <= NEAR for alike, shift in values)


def face(file: Path, photo: Path) -> Picture:
    """Return the part of a picture that has eyes and mouth."""
    picture = images.load(file)
    parts = [
        part
        for several in boxes(photo.with_name(f"{photo.stem}_regions.png"), picture.size).values()
        for part in several
    ]
    top, left = min(part[0] for part in parts), min(part[2] for part in parts)
    bottom, right = max(part[1] for part in parts), max(part[3] for part in parts)
    return Picture(picture.pixels[..., top:bottom, left:right].contiguous())


def main() -> None:
    """Paint, print the table, and draw the sheet."""
    options = harness.parser(__doc__)
    options.add_argument("portraits", type=Path, help="NPRportrait: level1, level2")
    options.add_argument("--styles", type=Path, default=harness.STYLE.parent)
    options.add_argument("-o", "--out", type=Path, required=True, help="folder of the pictures")
    options.add_argument("--pairs", type=int, default=160, help="of portraits and paintings")
    options.add_argument("--size", type=int, default=256)
    options.add_argument("--preset", default="draft")
    options.add_argument("--settings", nargs="*", default=["", "protect=faces"], metavar="KEY=VALUE,KEY=VALUE")
    options.add_argument("--sheet", type=Path, help="where the sheet goes")
    given = options.parse_args()
    torch.set_num_threads(1)
    harness.heading(f"{given.pairs} pairs at {given.size} px, preset {given.preset}")
    table = harness.Table("setting", "eyes in place", "mouth in place", "both", "median correlation")
    chosen = pairs(given.portraits, given.styles, given.pairs)
    tiles: list[tuple[float, Tile]] = []
    for setting in given.settings:
        values: dict[str, Any] = dict(one.split("=", 1) for one in setting.split(",") if one)
        recipe = Recipe.from_preset(given.preset, **{"size": given.size, "encoder": "petite", **values})
        folder = given.out / (setting.replace("=", "_").replace(",", "_") or "default")
        counts: list[tuple[bool, bool]] = []
        correlations = []
        for photo, painting in chosen:
            file = folder / f"{photo.parent.name}_{photo.stem}_{painting.stem}.png"
            parts_of = painted(photo, painting, recipe, file)
            counts.append((in_place(parts_of["eyes"]), in_place(parts_of["mouth"])))
            parts = [tuple(part) for several in parts_of.values() for part in several]
            if not parts:
                continue
            correlations += [alike for alike, _ in parts]
            worst = min(parts)
            words = " ".join(f"{alike:.2f}" + (f" ({shift:.2f})" if shift > NEAR else "") for alike, shift in parts)
            tiles.append(
                (worst[0], Tile(partial(face, file, photo), f"{file.stem[:24]}", f"{words}\n{setting or 'default'}"))
            )
        shares = [f"{statistics.mean(kept):.0%}" for kept in zip(*counts, strict=True)]
        shares.append(f"{statistics.mean(eyes and mouth for eyes, mouth in counts):.0%}")
        table.row(setting or "default", *shares, f"{statistics.median(correlations):.2f}")
    if given.sheet:
        save(sheet(tiles), given.sheet, force=True, quality=85)


def sheet(tiles: list[tuple[float, Tile]]) -> Picture:
    """Lay out `ACROSS` rows of `ACROSS` faces, evenly from the worst to the best."""
    ordered = [tile for _, tile in sorted(tiles, key=lambda entry: entry[0])]
    count = min(len(ordered), ACROSS * ACROSS)
    picked = [ordered[round(at * (len(ordered) - 1) / max(1, count - 1))] for at in range(count)]
    rows = [picked[at : at + ACROSS] for at in range(0, count, ACROSS)]
    return contact_sheet(rows, height=110, title="eyes and mouths, the worst first")


def pairs(portraits: Path, styles: Path, count: int) -> list[tuple[Path, Path]]:
    """Return `count` pairs of portraits of both levels and paintings, each as often as any other."""
    from impasto.series.pairs import balanced

    photos = sorted(path for path in portraits.rglob("*.jpg"))
    paintings = sorted(styles.glob("*.jpg"))
    return [(photos[one], paintings[other]) for one, other in balanced(len(photos), len(paintings), count)]


if __name__ == "__main__":
    main()

"""Paint the pictures of docs/methods.md: `python scripts/methods_pictures.py TASK --shared ../shared`.

Tasks: `sheet` (every feed-forward method on eight pairs, `gatys` beside them), `optimized` (every method that
optimises, on the same pairs), `rivals` (wct and adain beside wct with the 16x encoders and decoders of Collaborative
Distillation), `alpha` (strengths of wct, adain and linear), `textures` (from noise). Each picture is painted in a
process of its own, whose seconds after loading and peak memory stand below it. Pictures are kept under --work and
painted only once; sheets go to docs/figures. The photographs are not shown, where they are not ours to show.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from impasto import Picture, Recipe, begin, load
from impasto.encoders import Petite
from impasto.images import Tile, contact_sheet, save
from impasto.masks.automatic import automatic
from impasto.recipe.catalogue import METHODS
from impasto.recipe.shipped_networks import shipped

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
from rival_wct import Distilled  # noqa: E402  # beside the benchmarks that it is measured by

SIDE, SMALL = 448, 320
"""Long sides: of what is painted feed-forward, and of what is optimised."""
PAIRS = [
    ("content/golden_gate", "swirls"),
    ("content/kodim04_woman_redhat", "woodblock"),
    ("content/avila_walls", "stained_glass"),
    ("content/nnst_butterfly", "pointillism"),
    ("content/tubingen", "style/van_gogh_starry_night"),
    ("content/portrait_man", "style/van_gogh_self_1889"),
    ("content/blonde_girl", "style/matisse_woman_hat"),
    ("content/chicago", "style/monet_sainte_adresse"),
]
"""Photographs with a painting of ours, which networks of one style know, or a shared one."""
COLUMNS = ("gatys", *(name for name, method in METHODS.items() if method.feed_forward))
OPTIMIZED = tuple(name for name, method in METHODS.items() if not method.feed_forward)
LANDMARKS = ROOT / "assets" / "landmarks"


class Easel:
    """Paints what is not there yet."""

    def __init__(self, shared: Path, work: Path) -> None:
        self.shared, self.work = shared, work

    def image(self, part: str) -> Path:
        """Return the file of a shared picture, or of a style of ours."""
        if "/" in part:
            return self.shared / "images" / f"{part}.jpg"
        return ROOT / "assets" / "styles" / f"{part}.jpg"

    def paint(self, pair: tuple[str, str], method: str, **settings: Any) -> Tile:
        """Paint a pair, and label it with its seconds after loading and its peak memory."""
        content, style = pair
        if not METHODS[method].styles:
            if style not in shipped(method):
                return Tile(text="paints only\nits own style", size=(300, 400))
            settings["network"] = style
        name = "-".join(part.replace("/", "_") for part in (method, content, style))
        settings = {"size": SIDE, **settings}
        name += "".join(f"-{key}={value}" for key, value in sorted(settings.items()) if key != "network")
        path, log = self.work / f"{name}.png", self.work / f"{name}.json"
        if not log.exists():
            styles = [str(self.image(style))] if METHODS[method].styles else []
            recipe = {"method": method, **settings}
            case = json.dumps([str(self.image(content)), styles, recipe, str(path)])
            command = [sys.executable, __file__, "child", "--case", case]
            log.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        figures = json.loads(log.read_text())
        return Tile(load(path), label=f"{method}, {figures['seconds']:.1f} s, {figures['mib']:.0f} MiB")

    def distilled(self, pair: tuple[str, str]) -> Tile:
        """Paint a pair with wct and the 16x networks."""
        name = "-".join(part.replace("/", "_") for part in ("distilled", *pair))
        path, log = self.work / f"{name}.png", self.work / f"{name}.json"
        if not log.exists():
            rival = Distilled(self.shared / "weights" / "collaborative-distillation-16x.safetensors")
            photo, style = (load(self.image(part)) for part in pair)
            began = time.perf_counter()
            painted = rival.paint(photo, style, SIDE)
            log.write_text(json.dumps(time.perf_counter() - began))
            save(Picture(painted), path, force=True)
        return Tile(load(path), label=f"wct with 16x networks, {json.loads(log.read_text()):.1f} s")


def sheet(easel: Easel) -> Picture:
    """Every method on every pair."""
    rows = [[easel.paint(pair, method) for method in COLUMNS] for pair in PAIRS]
    return page(rows, COLUMNS, [_title(style) for _, style in PAIRS])


def optimized(easel: Easel) -> Picture:
    """Every method that optimises, on every pair; portraits of faces in both, doodle with masks that are found."""
    columns = OPTIMIZED
    rows = [
        [
            easel.paint(pair, method, size=SMALL)
            if method != "portrait" or all(_landmarks(part).exists() for part in pair)
            else Tile(text="needs a face\nin both", size=(300, 400))
            for method in columns
        ]
        for pair in PAIRS
    ]
    return page(rows, columns, [_title(style) for _, style in PAIRS])


def child(case: str) -> None:
    """Paint one pair and print its seconds and peak memory as JSON."""
    content, styles, settings, out = json.loads(case)
    recipe, given = Recipe.parse(settings), dict[str, Any]()
    if recipe.method == "doodle":
        given["regions"] = automatic(load(content), [load(styles[0])], Petite.embedded())
    if recipe.method == "portrait":
        given = {"content_landmarks": _landmarks(content), "style_landmarks": _landmarks(styles[0])}
    painting = begin(content, styles, recipe, **given)
    for _ in painting:
        pass
    result = painting.result()
    result.save(out, force=True)
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": result.timings["total"], "mib": mib}))


def rivals(easel: Easel) -> Picture:
    """Ours beside the 16x networks."""
    columns = ("wct, ours", "wct, 16x networks", "adain, ours")
    rows = [[easel.paint(pair, "wct"), easel.distilled(pair), easel.paint(pair, "adain")] for pair in PAIRS]
    return page(rows, columns, [_title(style) for _, style in PAIRS])


def alpha(easel: Easel) -> Picture:
    """Strengths from a quarter to the whole."""
    values = (0.25, 0.5, 0.75, 1.0)
    rows = [
        [easel.paint(PAIRS[5], method, **({} if value == 1 else {"alpha": value})) for value in values]
        for method in ("wct", "adain", "linear")
    ]
    return page(rows, [f"alpha {value:g}" for value in values], ["wct", "adain", "linear"])


def textures(easel: Easel) -> Picture:
    """Textures of noise, by wct and by the network that ships; seamless ones are laid out twice."""
    row = []
    (name,) = shipped("texture_net")
    for method, style in (("wct", "swirls"), ("wct", "stained_glass"), ("texture_net", name)):
        path = easel.work / f"texture-{method}-{style}.png"
        if not path.exists():
            settings = {"method": method, "size": 320, "tileable": True}
            if method == "texture_net":
                settings["network"] = style
            painting = begin(None, [easel.image(style)] if method == "wct" else [], Recipe.parse(settings))
            for _ in painting:
                pass
            painting.result().save(path, force=True)
        once = load(path)
        row.append(Tile(Picture(once.pixels.repeat(1, 1, 2, 2)), label=f"{method}, {style}"))
    return contact_sheet([row], height=420)


def page(rows: Sequence[Sequence[Tile]], columns: Sequence[str], names: Sequence[str]) -> Picture:
    """Lay out a sheet that fits a page."""
    return contact_sheet(rows, height=250, columns=columns, names=names)


def _landmarks(picture: str) -> Path:
    return LANDMARKS / f"{Path(picture).stem}.json"


def _title(part: str) -> str:
    return part.split("/")[-1].replace("_", " ")


TASKS = {
    "sheet": sheet,
    "optimised": optimized,
    "rivals": rivals,
    "alpha": alpha,
    "textures": textures,
}


def main() -> None:
    """Run a task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=[*TASKS, "child"])
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--work", type=Path, default=Path("out/methods"))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures")
    options = parser.parse_args()
    if options.task == "child":
        child(options.case)
        return
    options.work.mkdir(parents=True, exist_ok=True)
    found = TASKS[options.task](Easel(options.shared, options.work))
    path = options.out / f"methods_{options.task}.jpg"
    save(found, path, quality=86, force=True)
    print(f"{path}: {found.size[1]}x{found.size[0]}")


if __name__ == "__main__":
    main()

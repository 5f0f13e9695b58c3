"""Paint the pictures of docs/control.md: `python scripts/control_pictures.py TASK --shared ../shared`.

Tasks: `statistics` (ten pairs with each statistic), `color` (the colour modes), `regions` (masks off and on, in the
report's setting and in impasto's), `mixing` (shares, layers, coarse and fine), `scale` (feature size, also by region),
`textures` (our own paintings; seamless ones laid out twice). Pictures are kept under --work and painted only once;
sheets go to docs/figures.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from docs_pictures import PAIRS, Cell, sheet

from impasto import Recipe, Stylizer, guides, load
from impasto.guides import Regions
from impasto.images import Picture

SIDE = 384
STATISTICS = ("gram", "mean_std", "covariance", "histogram", "sliced_wasserstein")
ASSETS = Path(__file__).resolve().parent.parent / "assets"


class Studio:
    """Paints what is not there yet."""

    def __init__(self, shared: Path, work: Path, out: Path) -> None:
        self.shared, self.work, self.out = shared, work, out

    def image(self, part: str) -> Path:
        """Return the file of a shared picture."""
        return self.shared / "images" / f"{part}.jpg"

    def masks(self, pair: str) -> tuple[Path, Path, Regions]:
        """Return content, style and regions of a pair with masks."""
        folder = self.shared / "images" / "masks" / pair
        found = guides.from_colors(load(folder / "content_mask.png"), [load(folder / "style_mask.png")])
        return folder / "content.jpg", folder / "style.jpg", found

    def paint(
        self,
        name: str,
        content: Any,
        styles: Any,
        regions: Regions | None = None,
        preset: str | None = None,
        **settings: Any,
    ) -> Picture:
        """Paint one picture with petite."""
        path, log = self.work / f"{name}.png", self.work / f"{name}.json"
        if not path.exists():
            recipe = Recipe.from_preset(preset, **{"size": SIDE, **settings})
            stylizer = Stylizer(content, styles, recipe, encoder="petite", regions=regions)
            for _ in stylizer:
                pass
            result = stylizer.result()
            result.save(path, force=True)
            log.write_text(json.dumps({"end": result.history[-1], "seconds": result.timings["total"]}))
        if log.exists():
            print(f"{name}: {json.loads(log.read_text())['seconds']:.0f} s", flush=True)
        return load(path)


def statistics(studio: Studio) -> None:
    """Paint ten pairs with each statistic."""
    rows: list[list[Cell]] = []
    for index, (content, style) in enumerate(PAIRS):
        row = []
        for name in STATISTICS:
            painted = studio.paint(
                f"statistic-{index}-{name}",
                studio.image(content),
                studio.image(style),
                statistics=name,
                size=256,
                iterations=120,
            )
            row.append((name if index == 0 else "", painted))
        rows.append(row)
    sheet(rows, studio.out / "statistics.jpg", height=230, quality=86)


def color(studio: Studio) -> None:
    """Paint three pairs with each colour mode."""
    modes: dict[str, dict[str, Any]] = {
        "style": {},
        "match": {"color": "match"},
        "match, histogram": {"color": "match", "color_transform": "histogram"},
        "luminance": {"color": "luminance"},
        "content": {"color": "content"},
    }
    rows = []
    for index in (0, 2, 4):
        content, style = (studio.image(part) for part in PAIRS[index])
        rows.append(
            [
                (name if index == 0 else "", studio.paint(f"colour-{index}-{name}", content, style, **settings))
                for name, settings in modes.items()
            ]
        )
    sheet(rows, studio.out / "colour.jpg", height=230)


def regions(studio: Studio) -> None:
    """Paint pairs without masks, with masks in the report's setting, and with masks in impasto's."""
    rows = []
    for pair in ("gns_house_wheatfield", "dpst_21", "doodle_seth_gogh", "gns_woman_wheatfield"):
        content, style, found = studio.masks(pair)
        report: dict[str, Any] = {"preset": "cs229", "iterations": 400}
        row = [
            ("without masks", studio.paint(f"regions-{pair}-none", content, style)),
            ("masks, the report's setting", studio.paint(f"regions-{pair}-report", content, style, found, **report)),
            ("masks, impasto", studio.paint(f"regions-{pair}-impasto", content, style, found)),
        ]
        rows.append(row)
    sheet([rows[0], rows[1], rows[2] + rows[3]], studio.out / "regions.jpg", height=300)


def mixing(studio: Studio) -> None:
    """Mix two styles by share, by layer, and by scale."""
    content = studio.image("content/kinkakuji")
    first, second = studio.image("style/van_gogh_starry_night"), studio.image("style/hokusai_great_wave")
    row: list[Cell] = []
    for share in (0.0, 0.5, 1.0):
        painted = studio.paint(f"mix-{share}", content, [first, second], style_weights=(1 - share, share))
        row.append((f"shares {1 - share:g} : {share:g}", painted))
    for words, layers in (
        ("finest layer of the second", "relu1_1=0:1"),
        ("deep layers of the second", "relu3_1=0:1,relu4_1=0:1,relu5_1=0:1"),
    ):
        settings: dict[str, Any] = {"layer_style_weights": layers, "style_weights": (1, 0), "color": "match"}
        row.append((words, studio.paint(f"mix-layers-{words[0]}", content, [first, second], **settings)))
    sheet([row[:3], row[3:]], studio.out / "mixing.jpg", height=260)
    coarse, fine = studio.image("style/cezanne_card_players"), studio.image("style/pointillist_landscape")
    mixed = studio.paint("mix-coarse-fine", coarse, fine, preset="mix", size=512)
    content, both = studio.image("content/golden_gate"), studio.work / "mix-coarse-fine.png"
    sheet(
        [
            [
                ("coarse alone", studio.paint("mix-coarse", content, coarse, size=512)),
                ("fine alone", studio.paint("mix-fine", content, fine, size=512)),
            ],
            [
                ("coarse forms, fine strokes", studio.paint("mix-both", content, both, size=512)),
                ("the mixed style", mixed),
            ],
        ],
        studio.out / "coarse_and_fine.jpg",
        height=330,
    )


def scale(studio: Studio) -> None:
    """Change the size of the features, everywhere and in one region."""
    content, style = studio.image("content/golden_gate"), studio.image("style/van_gogh_starry_night")
    row: list[Cell] = []
    for factor in (0.5, 1.0, 2.0):
        row.append((f"style_scale {factor:g}", studio.paint(f"scale-{factor}", content, style, style_scale=factor)))
    photo, painting, found = studio.masks("dpst_21")
    small = {name: 0.5 for name in found.names if name == "white"}
    pair: list[Cell] = [
        ("one scale", studio.paint("regions-dpst_21-impasto", photo, painting, found)),
        ("town at half the scale", studio.paint("scale-region", photo, painting, found, region_scales=small)),
    ]
    sheet([row, pair], studio.out / "scale.jpg", height=260)


def textures(studio: Studio) -> None:
    """Paint textures from our own paintings; the seamless ones are laid out twice by twice."""
    rows: list[list[Cell]] = [[], []]
    for name in ("swirls", "palette_knife", "watercolour", "stained_glass"):
        style = ASSETS / "styles" / f"{name}.jpg"
        plain = studio.paint(f"texture-{name}", None, style, preset="texture", size=320)
        tile = studio.paint(f"tile-{name}", None, style, preset="texture", size=160, tileable=True)
        rows[0].append((name, plain))
        rows[1].append((f"{name}, tile of 160 px", Picture(torch.cat([torch.cat([tile.pixels] * 2, 2)] * 2, 3))))
    sheet(rows, studio.out / "textures.jpg", height=320)


TASKS: dict[str, Callable[[Studio], None]] = {
    "statistics": statistics,
    "colour": color,
    "regions": regions,
    "mixing": mixing,
    "scale": scale,
    "textures": textures,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run tasks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="+", choices=TASKS)
    parser.add_argument("--shared", type=Path, required=True, help="folder with images/")
    parser.add_argument("--work", type=Path, default=Path("out/control"), help="where single pictures are kept")
    parser.add_argument("--out", type=Path, default=Path("docs/figures"), help="where sheets go")
    options = parser.parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    for task in options.tasks:
        TASKS[task](Studio(options.shared, options.work, options.out))


if __name__ == "__main__":
    main()

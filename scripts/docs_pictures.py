"""Paint the pictures of docs/: `python scripts/docs_pictures.py TASK --shared ../shared`.

Tasks: `alpha` (the CS229 report's Figure 1 under two normalisations), `pairs` (the defaults on varied photographs
and paintings), `paper` (the report's own setting on the same), `encoders` (petite beside VGG-19), `published`
(strotss and nnst as published, beside our defaults), `variation` (the total variation of before and today's, enlarged),
`readme` (our own pictures with the embedded encoder; this and the one before need nothing shared). Each picture is kept
under --work and painted only once, so a task can be stopped and run again; the sheet goes to docs/figures.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from impasto import Recipe, Stylizer, load, stylize
from impasto.images import Picture, Tile, contact_sheet, fit_size, resize, save

PAIRS = [
    ("content/tubingen", "style/van_gogh_starry_night"),
    ("content/kodim04_woman_redhat", "style/munch_scream"),
    ("content/golden_gate", "style/hokusai_great_wave"),
    ("content/ski_chelsea", "style/picabia_udnie"),
    ("content/kodim19_lighthouse", "style/monet_sainte_adresse"),
    ("content/portrait_man", "style/van_gogh_self_1889"),
    ("content/kinkakuji", "style/seurat_grande_jatte"),
    ("content/nnst_butterfly", "style/kandinsky_composition_vii"),
    ("content/chicago", "style/turner_shipwreck"),
    ("content/blonde_girl", "style/delaunay_portrait"),
]
SIDE = 320
"""Long side of comparisons with VGG-19."""
VGG = "weights/vgg19-oxford-standin.safetensors"
Cell = tuple[str, Picture]


def paint(work: Path, name: str, shared: Path, pair: tuple[str, str], weights: str | Path, **settings: Any) -> Cell:
    """Paint one picture unless it is there; give its first and last losses as a label, and the picture."""
    path, log = work / f"{name}.png", work / f"{name}.json"
    if not log.exists():
        content, style = (shared / "images" / f"{part}.jpg" for part in pair)
        recipe = Recipe.from_preset(settings.pop("preset", None), **settings)
        stylizer = Stylizer(content, style, recipe, encoder=weights)
        for progress in stylizer:
            if progress.total_step % 50 == 0:
                print(f"{name}: {progress.total_step}/{progress.total_steps} {progress.elapsed_s:.0f} s", flush=True)
        result = stylizer.result()
        result.save(path, force=True)
        log.write_text(
            json.dumps({"start": result.history[0], "end": result.history[-1], "seconds": result.timings["total"]})
        )
    record = json.loads(log.read_text())
    parts = (
        f"{key} {record['start'][key]:.1e} to {record['end'][key]:.1e}"
        for key in ("content", "style", "tv")
        if key in record["end"]
    )
    print(f"{name}: {record['seconds']:.0f} s; {'; '.join(parts)}")
    return f"{record['seconds']:.0f} s", load(path)


def sheet(rows: Sequence[Sequence[Cell]], path: Path, height: int = 300, quality: int = 88) -> None:
    """Lay out labelled pictures in rows, at most `height` px high, and save them as a JPEG."""
    page = contact_sheet([[Tile(picture, text) for text, picture in row] for row in rows], height=height)
    save(page, path, quality=quality, force=True)
    print(f"{path}: {page.size[1]}x{page.size[0]}")


def alpha(shared: Path, work: Path, out: Path) -> None:
    """Paint the α sweep of the report's Figure 1, with the normalisations of Gatys and of Zhao."""
    rows = []
    for normalization, alphas in (("gatys", (1e-2, 1e-3, 1e-4, 1e-8)), ("zhao", (1e-2, 1e-8))):
        row = []
        for value in alphas:
            settings = {"preset": "cs229", "iterations": 400, "size": 256, "content_weight": value}
            name = f"alpha-{normalization}-{value:.0e}"
            cell = paint(work, name, shared, PAIRS[0], shared / VGG, normalization=normalization, **settings)
            row.append((f"{normalization}, alpha {value:.0e}", cell[1]))
        rows.append(row)
    sheet(rows, out / "alpha_sweep.jpg", height=240)


def pairs(shared: Path, work: Path, out: Path) -> None:
    """Paint the defaults with the embedded encoder on every pair."""
    # Painted pictures are ours to show; the photographs they come from are not.
    cells = []
    for index, pair in enumerate(PAIRS):
        seconds, painted = paint(work, f"pair-{index}", shared, pair, "petite")
        cells.append((f"{_title(pair[1])}, {seconds}", painted))
    sheet([cells[:3], cells[3:6], cells[6:8] + cells[9:], cells[8:9]], out / "defaults.jpg", height=330)


def paper(shared: Path, work: Path, out: Path) -> None:
    """Paint the report's own setting beside the defaults, with the same encoder at the same size."""
    row = []
    for index in (0, 1, 5):
        settings = {"preset": "cs229", "iterations": 400, "size": SIDE}
        seconds, painted = paint(work, f"paper-{index}", shared, PAIRS[index], shared / VGG, **settings)
        row.append((f"report, {seconds}", painted))
        seconds, painted = _side(work, shared, index, shared / VGG)
        row.append((f"defaults, {seconds}", painted))
    sheet([row[:4], row[4:]], out / "paper_and_defaults.jpg", height=320)


def encoders(shared: Path, work: Path, out: Path) -> None:
    """Paint the same recipe with petite and with VGG-19."""
    rows = []
    for index in (0, 1, 2, 5):
        small, large = (_side(work, shared, index, encoder) for encoder in ("petite", shared / VGG))
        rows.append([(f"petite, {small[0]}", small[1]), (f"VGG-19, {large[0]}", large[1])])
    sheet([rows[0] + rows[1], rows[2] + rows[3]], out / "petite_and_vgg19.jpg", height=300)


def _side(work: Path, shared: Path, index: int, encoder: str | Path) -> Cell:
    name = "petite" if encoder == "petite" else "vgg19"
    return paint(work, f"side-{index}-{name}", shared, PAIRS[index], encoder, size=SIDE)


def published(shared: Path, work: Path, out: Path) -> None:
    """Paint strotss and nnst as they are published, but for VGG-19 in VGG-16's place, beside our defaults.

    The weights end at relu5_1, which stands for relu5_3.
    """
    layers = {name.replace("relu5_3", "relu5_1"): 1.0 for name in Recipe.from_preset("strotss").hypercolumn_layers}
    rows = []
    for index in (0, 1, 5):
        row = []
        for method in ("strotss", "nnst"):
            for preset in (method, "standard"):
                settings: dict[str, Any] = {"preset": preset, "method": method, "encoder": "vgg19", "size": 256}
                settings |= {"hypercolumn_layers": layers} if preset == "strotss" else {}
                name = f"published-{index}-{method}-{preset}"
                seconds, painted = paint(work, name, shared, PAIRS[index], shared / VGG, **settings)
                title = f"{method} as published" if preset == method else f"{method}, our defaults"
                row.append((f"{title}, {seconds}", painted))
        rows.append(row)
    sheet(rows, out / "published.jpg", height=260)


def variation(_shared: Path, work: Path, out: Path) -> None:
    """Paint our own samples with the total variation of before and today's, and show a part of each enlarged."""
    assets, rows = Path(__file__).resolve().parent.parent / "assets", []
    kinds = {"1.5 of vector, as before": {"tv": "vector", "tv_weight": 1.5}, "0.4 of huber": {}}
    for photo, style in (("astronaut", "engraving"), ("cat", "palette_knife")):
        row = []
        for title, settings in kinds.items():
            path = work / f"variation-{photo}-{len(settings)}.png"
            if not path.exists():
                result = stylize(
                    assets / f"photos/{photo}.jpg",
                    assets / f"styles/{style}.jpg",
                    encoder="petite",
                    recipe=Recipe(size=256, **settings),
                )
                result.save(path)
            painted = load(path).pixels
            height, width = (side // 2 for side in painted.shape[2:])
            part = painted[..., height // 2 : height // 2 + height, width // 2 : width // 2 + width]
            row.append((title, Picture(part.repeat_interleave(3, 2).repeat_interleave(3, 3))))
        rows.append(row)
    sheet([rows[0] + rows[1]], out / "variation.jpg", height=384)


def readme(_shared: Path, work: Path, out: Path) -> None:
    """Paint our own sample pictures with our own sample paintings and the embedded encoder."""
    assets = Path(__file__).resolve().parent.parent / "assets"
    photos = {"swirls": "astronaut", "woodblock": "rocket", "palette_knife": "cat", "pointillism": "coffee"}
    photos |= {"stained_glass": "cat", "watercolour": "rocket", "engraving": "astronaut", "cubism": "coffee"}
    cells = []
    for style, photo in photos.items():
        log = work / f"readme-{photo}-{style}.png"
        if not log.exists():
            stylize(assets / f"photos/{photo}.jpg", assets / f"styles/{style}.jpg", encoder="petite").save(log)
        painted, corner = load(log), load(assets / f"styles/{style}.jpg")
        quarter = min(large / small for large, small in zip(painted.size, corner.size, strict=True)) / 4
        height, width = fit_size(corner.size, round(quarter * max(corner.size)))
        pixels = painted.pixels.clone()
        pixels[..., -height:, -width:] = resize(corner.pixels, (height, width))
        cells.append(("", Picture(pixels)))
    sheet([cells[:4], cells[4:]], out / "readme.jpg")


def _title(part: str) -> str:
    return part.split("/")[1].replace("_", " ")


TASKS = {
    "alpha": alpha,
    "pairs": pairs,
    "paper": paper,
    "encoders": encoders,
    "published": published,
    "variation": variation,
    "readme": readme,
}


def main() -> None:
    """Run one task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--shared", type=Path, required=True, help="folder with images/ and weights/")
    parser.add_argument("--work", type=Path, default=Path("out/docs"), help="where single pictures are kept")
    parser.add_argument("--out", type=Path, default=Path("docs/figures"), help="where sheets go")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    TASKS[options.task](options.shared, options.work, options.out)


if __name__ == "__main__":
    main()

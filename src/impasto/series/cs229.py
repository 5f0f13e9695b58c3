"""The figures of the CS229 report, on pictures of the same kind.

1. The weight of the content (α) from 1e-2 to 1e-8. 2. One photograph in several styles. 3. Regions: a landscape without
and with masks. 4. A portrait without masks, with two regions and with five. The last two in the report's setting and in
impasto's own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto import datasets, guides, images
from impasto.errors import ImageError, InputError, UsageError
from impasto.events import Progress, notice
from impasto.guides import Regions
from impasto.recipe import Recipe
from impasto.scene.inputs import Inputs
from impasto.series.grid import Axis, Cell, Job, lay_out
from impasto.series.sweeps import Sweep

ALPHAS = (1e-2, 1e-3, 1e-4, 1e-8)
NO_MASKS = "none"
OF_THE_SET = {"figure1": "mountains", "figure2": "berries"}
"""Photographs of NPRgeneral for figures without a content of their own. The report's Figure 2 paints the berries; which
picture of the set its Figure 1 paints is not told."""
STEPS = 400
"""Steps of the report's setting; it took 1000, of which the last 600 change little."""


@dataclass(frozen=True)
class Case:
    """One figure: its name, what is varied, and the folder of its pictures."""

    name: str
    axes: tuple[Axis, ...]
    make: Callable[[Mapping[str, Any]], Job]


def cases(
    pictures: Path,
    settings: Mapping[str, Any],
    encoder: str | Path | None = None,
    *,
    photographs: Path | None = None,
) -> list[Case]:
    """Return the figures whose pictures are in `pictures`; what is missing is said and left out.

    The folder holds `figure1` (content, style), `figure2` (content, style1, style2, ...), `figure3` and `figure4`
    (content, style, content_mask, style_mask), in any picture format. Where figure1 or figure2 has no content, it is a
    photograph of NPRgeneral, as in the report: in `photographs`, a folder or zip, or where `datasets` finds it.
    `settings` are recipe keys over those of each
    figure.

    Raises `ImageError` when there is none of them.
    """
    built: list[Case] = []
    for name in ("figure1", "figure2", "figure3", "figure4"):
        folder = pictures / name
        if not folder.is_dir():
            notice(f"{folder}: is not there; {name} is left out")
            continue
        if name in OF_THE_SET:
            build = _alphas if name == "figure1" else _styles
            built.append(build(name, folder, _photograph(name, folder, photographs), encoder, settings))
        else:
            built.append(_masks(name, folder, encoder, settings))
    if not built:
        raise ImageError(f"{pictures}: has none of the folders figure1 to figure4; see docs/figures.md")
    return built


def sweep(case: Case, out: Path, *, force: bool = False, check: bool = True) -> Sweep:
    """Return the sweep that paints a figure into `out`/name; `force` and `check` are those of `Sweep`."""
    folder = out / case.name
    cells = lay_out(case.axes, case.make, folder)
    return Sweep(case.axes, cells, folder, sheet="sheet.jpg", force=force, check=check)


def paint(
    pictures: Path,
    out: Path,
    *,
    settings: Mapping[str, Any] | None = None,
    encoder: str | Path | None = None,
    on_step: Callable[[Case, Cell, Progress], object] | None = None,
) -> list[Sweep]:
    """Paint every figure into `out`; what is there already is kept. `on_step` returning True stops."""
    done = []
    for case in cases(pictures, settings or {}, encoder):
        made = sweep(case, out)
        stop = False

        def watch(cell: Cell, progress: Progress, case: Case = case) -> bool:
            nonlocal stop
            stop = on_step is not None and on_step(case, cell, progress) is True
            return stop

        made.run(on_step=watch)
        done.append(made)
        if stop:
            break
    return done


def _photograph(name: str, folder: Path, photographs: Path | None) -> Path:
    """Return what a figure paints: the folder's own content, else the report's photograph of NPRgeneral."""
    if any(path.stem == "content" for path in folder.iterdir()):
        return _picture(folder, "content")
    wanted = OF_THE_SET[name]
    reason = f"{wanted} is missing of NPRgeneral"
    try:
        for item in datasets.collect("nprgeneral", photographs).items:
            if item.entry.name == wanted:
                return item.path
    except InputError as error:
        reason = str(error)
    raise UsageError(f"{folder}: needs one picture called content, and has 0 (the report's own: {reason})")


def _alphas(name: str, folder: Path, content: Path, encoder: str | Path | None, settings: Mapping[str, Any]) -> Case:
    style = _picture(folder, "style")

    def make(values: Mapping[str, Any]) -> Job:
        return Job(Inputs(content, [style]), _report(settings, **values), encoder)

    return Case(name, (Axis("content_weight", ALPHAS),), make)


def _styles(name: str, folder: Path, content: Path, encoder: str | Path | None, settings: Mapping[str, Any]) -> Case:
    styles = sorted(path for path in folder.iterdir() if path.stem.startswith("style"))
    if not styles:
        raise ImageError(f"{folder}: has no style1, style2, ...")

    def make(values: Mapping[str, Any]) -> Job:
        return Job(Inputs(content, [values["style"]]), _report(settings), encoder)

    return Case(name, (Axis("style", tuple(styles)),), make)


def _masks(name: str, folder: Path, encoder: str | Path | None, settings: Mapping[str, Any]) -> Case:
    content, style, content_mask, style_mask = (
        _picture(folder, part) for part in ("content", "style", "content_mask", "style_mask")
    )
    read: dict[int, Regions] = {}

    def regions(count: int) -> Regions:
        if count not in read:
            read[count] = guides.from_colors(images.load(content_mask), [images.load(style_mask)], count)
        return read[count]

    def make(values: Mapping[str, Any]) -> Job:
        count = values["regions"]
        masks = None if count == NO_MASKS else regions(count)
        own = {} if masks is None else {"regions": count}
        recipe = _report(settings, **own) if values["preset"] == "cs229" else Recipe.parse({**settings, **own})
        return Job(Inputs(content, [style], masks=masks), recipe, encoder)

    every = len(regions(0).names)
    counts: list[Any] = [NO_MASKS, *sorted({2, every})] if name == "figure4" else [NO_MASKS, every]
    labels = tuple("no masks" if count == NO_MASKS else f"K = {count}" for count in counts)
    return Case(
        name,
        (Axis("regions", tuple(counts), labels), Axis("preset", ("cs229", "default"), ("the report", "impasto"))),
        make,
    )


def _report(settings: Mapping[str, Any], **overrides: Any) -> Recipe:
    return Recipe.from_preset("cs229", **{"iterations": STEPS, **settings, **overrides})


def _picture(folder: Path, stem: str) -> Path:
    pictures = sorted(path for path in folder.iterdir() if path.stem == stem)
    if len(pictures) != 1:
        raise UsageError(f"{folder}: needs one picture called {stem}, and has {len(pictures)}")
    return pictures[0]

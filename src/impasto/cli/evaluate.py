"""`impasto evaluate`: numbers for a finished picture."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto import metadata
from impasto.cli import maskfiles
from impasto.cli.session import write_out
from impasto.errors import OutputError, UsageError
from impasto.recipe.catalogue import ENCODERS

if TYPE_CHECKING:
    from impasto.cli.session import Session
    from impasto.evaluation import Evaluation
    from impasto.guides import Regions
    from impasto.images import Picture

app = typer.Typer(add_completion=False)


@app.command()
def evaluate(
    ctx: typer.Context,
    result: Annotated[str, typer.Argument(help="The finished picture; - reads standard input.")],
    style: Annotated[list[str], typer.Option("--style", metavar="PICTURE", help="A painting; repeat for several.")],
    content: Annotated[
        str | None, typer.Option("--content", metavar="PICTURE", help="The photograph; none for a texture.")
    ] = None,
    content_mask: Annotated[
        str | None,
        typer.Option("--content-mask", metavar="PICTURE", help="Regions of the content, each in its own colour."),
    ] = None,
    style_mask: Annotated[
        list[str] | None,
        typer.Option("--style-mask", metavar="PICTURE", help="The same regions in a style; - for one without a mask."),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option("--region", metavar="NAME=CONTENT:STYLE", help="One region by grey masks; repeat for more."),
    ] = None,
    region_names: Annotated[
        str | None, typer.Option("--region-names", metavar="FILE|JSON", help="Names of the colours in colour masks.")
    ] = None,
    regions: Annotated[
        int,
        typer.Option("--regions", min=0, max=48, metavar="COUNT", help="How many colours; 0: as many as there are."),
    ] = 0,
    landmarks: Annotated[
        str | None, typer.Option("--landmarks", metavar="FILE", help="Points of the photograph's face.")
    ] = None,
    result_landmarks: Annotated[
        str | None,
        typer.Option("--result-landmarks", metavar="FILE", help="The same points in the result; else looked for."),
    ] = None,
    tile: Annotated[
        int | None, typer.Option("--tile", min=16, metavar="N", help="Side of the tiles that were painted, for seams.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", metavar="NAME", help="Only this one; repeat for several.")
    ] = None,
    encoder: Annotated[
        str, typer.Option("--encoder", metavar="NAME|FILE", help=f"{', '.join(ENCODERS)}, or a file of weights.")
    ] = "auto",
    second_encoder: Annotated[
        str,
        typer.Option(
            "--second-encoder", metavar="NAME|FILE", help="For what is measured at layers that were not optimised."
        ),
    ] = "auto",
    second_layers: Annotated[
        str | None, typer.Option("--second-layers", metavar="LIST", help="Its layers, to compare several paintings.")
    ] = None,
    size: Annotated[
        int, typer.Option("--size", min=0, help="Long side that features are taken at, at most; 0: the result's own.")
    ] = 512,
    maps: Annotated[
        str | None,
        typer.Option("--maps", metavar="FOLDER", help="Where heat maps go, one for each metric that has one."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace outputs that exist.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON instead of the table.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors and the table.")] = False,
    max_pixels: Annotated[
        int | None, typer.Option("--max-pixels", min=1, help="Refuse larger inputs before decoding them.")
    ] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Processor threads to use.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Measure how much of its content a picture keeps, how near it comes to its style, and its faults.

    impasto evaluate out.png --content photo.jpg --style painting.jpg
    """
    session: Session = ctx.obj
    session.terminal.quiet = quiet
    if [result, content, *style].count("-") > 1:
        raise UsageError("only one picture can come from standard input; name a file for the others")
    if maps is not None and (not maps or (Path(maps).exists() and not Path(maps).is_dir())):
        raise OutputError(f"{maps or '--maps'}: is not a folder; name one for the heat maps")

    import torch

    from impasto import images
    from impasto.evaluation import evaluator
    from impasto.evaluation.record import record_of

    if threads is not None:
        torch.set_num_threads(threads)
    chosen = evaluator.choose(metric)
    masks = _Masks(content_mask, style_mask or [], region or [], region_names, regions)
    named = [name for name in (result, content, *style, *masks.files(len(style))) if name is not None and name != "-"]
    targets = {each.id: Path(maps) / f"{each.name}.png" for each in chosen if each.spatial} if maps is not None else {}
    limit = images.DEFAULT_MAX_PIXELS if max_pixels is None else max_pixels

    def load(name: str) -> "Picture":
        return images.load(name if name == "-" else Path(name), max_pixels=limit)

    # Pictures before weights, and inputs before any folder is made.
    picture = load(result)
    photo, paintings = None if content is None else load(content), [load(name) for name in style]
    read = masks.read(load, len(style))
    for path in targets.values():
        images.check_output(path, force=force, inputs=named)
    measuring = evaluator.Evaluator(
        _encoder(encoder), _encoder(second_encoder), second_layers=_layers(second_layers), size=size
    )
    found = measuring.evaluate(
        picture,
        photo,
        paintings,
        record=None if result == "-" else record_of(Path(result)),
        regions=read,
        content_landmarks=landmarks,
        result_landmarks=result_landmarks,
        tile=tile,
        metrics=metric,
        maps=bool(targets),
    )
    written = _save(found, picture, targets, session, force)
    if as_json:
        document = found.record() | ({"maps": written} if maps is not None else {})
        write_out(metadata.canonical(document))
        return
    for line in table(found):
        write_out(line)


@dataclass(frozen=True)
class _Masks:
    content: str | None
    styles: list[str]
    layers: list[str]
    names: str | None
    count: int

    def files(self, styles: int) -> list[str]:
        """List the files of masks."""
        return maskfiles.files(self.content, self.styles, self.layers, styles=styles)

    def read(self, load: "Callable[[str], Picture]", styles: int) -> "Regions | None":
        """Read them."""
        return maskfiles.read(
            self.content,
            self.styles,
            self.layers,
            styles=styles,
            count=self.count,
            load=load,
            names=maskfiles.region_names(self.names),
        )


def table(found: "Evaluation") -> list[str]:
    """Return the lines of a table: group, metric, value, which way is better, and what it is."""
    from impasto.evaluation import METRICS

    rows = []
    for key, value in found.values.items():
        metric = METRICS[key]
        shown = "-" if value is None else number(value)
        why = found.reasons.get(key, "")
        rows.append((metric.group, key, shown, metric.direction, f"{metric.summary}{f' ({why})' if why else ''}"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for row in rows:
        group, key, shown, direction = (
            cell.rjust(width) if column == 2 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row[:4], widths, strict=True))
        )
        lines.append(f"{group}  {key}  {shown}  {direction}  {row[4]}")
    return lines


def number(value: float) -> str:
    """Return four significant digits, as people read them."""
    if value == 0 or not 1e-4 <= abs(value) < 1e6:
        return f"{value:.3g}"
    return f"{value:.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"


def _save(
    found: "Evaluation", picture: "Picture", targets: dict[str, Path], session: "Session", force: bool
) -> dict[str, str]:
    from impasto import images
    from impasto.evaluation.heat import heat

    written = {}
    for key, path in targets.items():
        if key in found.maps:
            shown = heat(picture, found.maps[key], key)
            images.save(shown.picture, path, force=force)
            session.terminal.say(f"saved {path}: the lightest is {number(shown.highest)} and more")
            written[key] = str(path)
    return written


def _encoder(which: str) -> str | Path:
    return which if which in ENCODERS else Path(which)


def _layers(given: str | None) -> Sequence[str] | None:
    if given is None:
        return None
    layers = [name.strip() for name in given.split(",") if name.strip()]
    if not layers:
        raise UsageError("--second-layers: names none; give some, as in relu1_2,relu2_2")
    return layers

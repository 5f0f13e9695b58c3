"""`impasto evaluate`: numbers for a finished picture."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto import metadata
from impasto.cli import mask_files
from impasto.cli import shared_options as given
from impasto.cli.resources import load_torch
from impasto.cli.session import write_out
from impasto.errors import OutputError, UsageError, WeightsError
from impasto.events import notice
from impasto.recipe.catalogue import ENCODERS

if TYPE_CHECKING:
    from impasto.cli.session import Session
    from impasto.evaluation import Evaluation
    from impasto.guides import Regions
    from impasto.images import Picture

app = typer.Typer(add_completion=False)

FILMS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
"""What names of films end in; other files that are no pictures are refused as such."""


@app.command()
def evaluate(
    ctx: typer.Context,
    result: Annotated[str, typer.Argument(help="The finished picture, or a painted clip; - reads standard input.")],
    style: given.RequiredStyles,
    content: Annotated[
        str | None,
        typer.Option(
            "--content", metavar="PICTURE", help="The photograph, or the clip that was painted; none for a texture."
        ),
    ] = None,
    content_mask: given.ContentMask = None,
    style_mask: given.StyleMasks = None,
    region: given.Regions = None,
    region_names: given.RegionNames = None,
    regions: given.ColorCount = 0,
    landmarks: given.Landmarks = None,
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
    encoder: given.EncoderName = "auto",
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
        typer.Option("--maps", metavar="FOLDER", help="Where heat maps go, of each metric that has one."),
    ] = None,
    original_metrics: Annotated[
        str | None,
        typer.Option(
            "--original-metrics",
            metavar="FOLDER",
            help="Measure LPIPS, CFSD and, of folders of pictures, ArtFID instead, with the weights in this folder.",
        ),
    ] = None,
    protocol: Annotated[
        str, typer.Option("--protocol", metavar="styleid|artfid", help="How the original metrics load pictures.")
    ] = "styleid",
    force: given.Force = False,
    as_json: given.Json = False,
    quiet: given.Quiet = False,
    max_pixels: given.MaxPixels = None,
    threads: given.Threads = None,
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

    load_torch(threads)

    from impasto import images
    from impasto.evaluation import evaluator
    from impasto.evaluation.record import record_of

    if original_metrics is None and content is not None and is_clip(result):
        if maps is not None or content_mask is not None or style_mask or region or landmarks is not None:
            raise UsageError("of a clip there are no maps, and no masks or landmarks are compared; leave them out")
        measuring = evaluator.Evaluator(
            _encoder(encoder), _encoder(second_encoder), second_layers=_layers(second_layers), size=size
        )
        for line in _clip_lines(result, content, style, measuring, metric, max_pixels, as_json=as_json):
            write_out(line)
        return
    if original_metrics is not None:
        document, lines = _original(result, content, style, Path(original_metrics), protocol, metric)
        for line in [metadata.canonical(document)] if as_json else lines:
            write_out(line)
        return
    chosen = evaluator.choose(metric)
    masks = _Masks(content_mask, style_mask or [], region or [], region_names, regions)
    named = [name for name in (result, content, *style, *masks.files(len(style))) if name is not None and name != "-"]
    targets = (
        {measure.id: Path(maps) / f"{measure.name}.png" for measure in chosen if measure.spatial}
        if maps is not None
        else {}
    )
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
    evaluation = measuring.evaluate(
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
    written = _save(evaluation, picture, targets, session, force)
    if as_json:
        document = evaluation.record() | ({"maps": written} if maps is not None else {})
        write_out(metadata.canonical(document))
        return
    for line in table(evaluation):
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
        return mask_files.files(self.content, self.styles, self.layers, styles=styles)

    def read(self, load: "Callable[[str], Picture]", styles: int) -> "Regions | None":
        """Read them."""
        return mask_files.read(
            self.content,
            self.styles,
            self.layers,
            styles=styles,
            count=self.count,
            load=load,
            names=mask_files.region_names(self.names),
        )


def _original(
    result: str, content: str | None, style: list[str], folder: Path, protocol: str, wanted: list[str] | None
) -> tuple[dict[str, Any], list[str]]:
    """Measure a picture, or folders of pictures, by the published protocols; return the record and a table's lines."""
    from impasto import images
    from impasto.evaluation import original

    if not folder.is_dir():
        raise WeightsError(f"{folder}: is not a folder of weights; docs/metrics.md says which files belong into it")
    if content is None:
        raise UsageError("the original metrics compare with the content too; name it with --content")
    store = original.Store(folder)
    loading = original.protocol_of(protocol)
    report: original.PairReport
    if Path(result).is_dir():
        if len(style) != 1:
            raise UsageError("of a set, --style is one folder of pictures; name that")
        report = original.measure_set(Path(result), Path(content), Path(style[0]), store, loading, wanted=wanted)
    else:
        painted, photo = (images.load(name if name == "-" else Path(name)) for name in (result, content))
        report = original.measure_pair(painted, photo, store, loading, wanted=wanted)
    for note in report.notes:
        notice(note)
    lines = []
    for name, value in report.values.items():
        why = report.reasons.get(name, "")
        lines.append(f"{name:16}  {'-' if value is None else number(value):>10}{f'  ({why})' if why else ''}")
    return report.record(), lines


def is_clip(name: str) -> bool:
    """Return whether a result is a film, a folder of frames or a picture that moves, and not a still one."""
    from impasto import images

    path = Path(name)
    if name == "-" or not path.exists():
        return False
    if path.is_dir():
        return True
    with path.open("rb") as stream:
        head = stream.read(1024)
    if images.is_picture(head):
        return images.read_animation(path) is not None
    return path.suffix.lower() in FILMS


def _clip_lines(
    result: str,
    content: str,
    style: list[str],
    measuring: Any,
    wanted: list[str] | None,
    max_pixels: int | None,
    *,
    as_json: bool,
) -> list[str]:
    """Measure a clip; return the lines of its table, or its record as JSON."""
    from impasto import images
    from impasto.evaluation import METRICS
    from impasto.video.evaluate import evaluate_clip
    from impasto.video.metrics import CLIP_METRICS

    limit = images.DEFAULT_MAX_PIXELS if max_pixels is None else max_pixels
    paintings = [images.load(Path(name), max_pixels=limit) for name in style]
    measured = evaluate_clip(result, content, paintings, measuring, metrics=wanted, max_pixels=limit)
    if as_json:
        return [metadata.canonical(measured.record())]
    lines = []
    for key, value in measured.values.items():
        metric = CLIP_METRICS.get(key) or METRICS[key]
        why = f" ({measured.reasons[key]})" if key in measured.reasons else ""
        shown = "-" if value is None else number(value)
        lines.append(f"{key:24}  {shown:>10}  {metric.direction:6}  {metric.summary}{why}")
    return lines


def table(evaluation: "Evaluation") -> list[str]:
    """Return the lines of a table: group, metric, value, which way is better, the value in words, and what it is.

    Below a metric that compares regions, each region has a line of its own.
    """
    from impasto.evaluation import METRICS
    from impasto.evaluation.grades import word

    rows = []
    for key, value in evaluation.values.items():
        metric = METRICS[key]
        shown = "-" if value is None else number(value)
        why = evaluation.reasons.get(key, "")
        summary = f"{metric.summary}{f' ({why})' if why else ''}"
        rows.append((metric.group, key, shown, metric.direction, word(metric, value), summary))
        for region, own in evaluation.regions.get(key, {}).items():
            said = word(metric, own)
            rows.append((metric.group, f"  {region}", number(own), metric.direction, said, f"of region {region}"))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column == 2 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row[:5], widths, strict=True))
        ]
        lines.append("  ".join([*cells, row[5]]))
    return lines


def number(value: float) -> str:
    """Return four significant digits, as people read them."""
    if value == 0 or not 1e-4 <= abs(value) < 1e6:
        return f"{value:.3g}"
    return f"{value:.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"


def _save(
    evaluation: "Evaluation", picture: "Picture", targets: dict[str, Path], session: "Session", force: bool
) -> dict[str, str]:
    from impasto import images
    from impasto.evaluation.heat import heat

    written = {}
    for key, path in targets.items():
        if key in evaluation.maps:
            shown = heat(picture, evaluation.maps[key], key)
            images.save(shown.picture, path, force=force)
            session.terminal.say(f"saved {path}: the lightest is {number(shown.highest)} and more")
            written[key] = str(path)
    return written


def _encoder(which: str) -> str | Path:
    return which if which in ENCODERS else Path(which)


def _layers(listed: str | None) -> Sequence[str] | None:
    if listed is None:
        return None
    layers = [name.strip() for name in listed.split(",") if name.strip()]
    if not layers:
        raise UsageError("--second-layers: names none; give some, as in relu1_2,relu2_2")
    return layers

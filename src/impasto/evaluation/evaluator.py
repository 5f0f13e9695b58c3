"""`Evaluator`: measures results one after the other with encoders that stay loaded and styles measured once."""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto import images, landmarks
from impasto.encoders import Encoder
from impasto.errors import ImageError, UsageError
from impasto.evaluation.case import Case, Sight
from impasto.evaluation.evaluation import Evaluation
from impasto.evaluation.metric import NEEDS, Metric
from impasto.evaluation.panel import Panel, Shelf
from impasto.evaluation.record import Record, record_of
from impasto.evaluation.reductions import MAPS, Reduction
from impasto.evaluation.registry import METRICS
from impasto.evaluation.sights import Encoders, unoptimized
from impasto.events import notice
from impasto.guides import Regions
from impasto.images import Picture
from impasto.recipe import unknown
from impasto.result import Result

SIZE = 512
"""Long side in pixels that features are taken at, of larger results: what published figures are mostly measured at, and
the cost of matching patches grows with the fourth power."""
SMALLEST = 32
"""Pixels that the short side of a picture needs: two neurons of the deepest layer."""
STRETCHED = 1.02
"""Aspects that differ by a larger factor are said to be stretched."""
SHELF_BYTES = 384 << 20
"""Of what is remembered of contents and styles: some twenty of each at 256 px, and a few at 512."""

PictureLike = Any
"""A path, `-`, bytes, PIL image, NumPy array, tensor or `Picture`: what `images.load` takes."""


class Evaluator:
    """Measures results. What was computed of a content or a style is kept for the next result that has it.

    `encoder` is that of metrics that name their layers, `second_encoder` that of the others, which are measured at
    layers that the painting did not optimise, or at `second_layers`: give both where values of several paintings are
    compared. `size`: the long side that features are taken at, of results that are larger; 0: their own.
    Raises `UsageError`, and `WeightsError` where an encoder's weights are absent.
    """

    def __init__(
        self,
        encoder: str | Path | Encoder = "auto",
        second_encoder: str | Path | Encoder = "auto",
        *,
        second_layers: Sequence[str] | None = None,
        size: int = SIZE,
    ) -> None:
        if size and size < SMALLEST:
            raise UsageError(f"size={size}: features need at least {SMALLEST} px, or 0 for the result's own size")
        self._encoders = Encoders(encoder, second_encoder)
        self._second_layers = second_layers
        self._size = size
        self._shelf = Shelf(SHELF_BYTES)
        self._checked: set[str] = set()

    def evaluate(
        self,
        result: PictureLike | Result,
        content: PictureLike | None,
        styles: PictureLike | Sequence[PictureLike],
        *,
        style_weights: Sequence[float] | None = None,
        regions: Regions | None = None,
        content_landmarks: PictureLike | None = None,
        result_landmarks: PictureLike | None = None,
        tile: int | None = None,
        metrics: Sequence[str] | None = None,
        maps: bool = False,
        record: Record | None = None,
    ) -> Evaluation:
        """Measure a result.

        `content` None: a texture. `style_weights` are those of several styles, and otherwise what the result says, or
        equal. `regions` are those that it was painted with, landmarks those of a portrait, `tile` the side of the tiles
        that a method painted in. `metrics`: ids or names of those that are asked for; None: all. `maps` asks for those
        of metrics that have one. `record`: how the result was made, where its file was read already (`record_of`).

        Raises `ImageError` for pictures that cannot be read, are too small, or hold NaN, `UsageError` for unknown
        metrics, and what the encoders raise.
        """
        chosen = choose(metrics)
        record = record or record_of(result)
        picture = result.picture if isinstance(result, Result) else images.load(result)
        photo = None if content is None else images.load(content)
        sources: list[PictureLike] = list(styles) if isinstance(styles, list | tuple) else [styles]
        paintings = [images.load(source) for source in sources]
        references = [*([] if photo is None else [photo]), *paintings]
        for candidate in (picture, *references):
            if candidate.sha256 not in self._checked:
                check(candidate)
        self._checked.update(reference.sha256 for reference in references if reference.sha256)
        if regions is not None and len(regions.styles) != len(paintings):
            raise UsageError(
                f"masks of {len(regions.styles)} styles are given for {len(paintings)}; give a mask for each style"
            )
        notes = _inputs(record, photo, paintings)
        case, more = self._case(
            picture, photo, paintings, record, _weights(style_weights, record, len(paintings)), chosen
        )
        points, names = _landmarks(content_landmarks, result_landmarks, photo, picture)
        case = replace(case, regions=regions, landmarks=points, names=names, tile=tile, maps=maps)
        values: dict[str, float | None] = {}
        reasons: dict[str, str] = {}
        metric_maps: dict[str, Tensor] = {}
        of_regions: dict[str, Mapping[str, float]] = {}
        for metric in chosen:
            if missing := _missing(metric, case):
                values[metric.id], reasons[metric.id] = None, f"needs {missing}"
        # Maps of styles are the largest thing that is kept: last, when what others read is forgotten.
        computed = sorted((metric for metric in chosen if metric.id not in values), key=_reads_style_maps)
        for panel, encoder, layer, reduction in _reads(computed, case):
            panel.expect(encoder, layer, reduction)
        for number, metric in enumerate(computed):
            measured = metric.compute(case)
            value = measured.value
            values[metric.id] = value if value is not None and math.isfinite(value) else None
            _release(case, computed[number + 1 :])
            if measured.note:
                reasons[metric.id] = measured.note
            if measured.regions:
                of_regions[metric.id] = measured.regions
            if maps and measured.map is not None:
                metric_maps[metric.id] = measured.map
        self._shelf.rest()
        notes += more
        for note in notes:
            notice(note)
        sights = {key: sight.record for key, sight in (("first", case.first), ("second", case.second))}
        digests = {"result": [picture.sha256 or _digest(picture)], "content": [] if photo is None else [photo.sha256]}
        digests["style"] = [painting.sha256 for painting in paintings]
        values = {metric.id: values[metric.id] for metric in chosen}
        metric_maps = {metric.id: metric_maps[metric.id] for metric in chosen if metric.id in metric_maps}
        return Evaluation(
            values,
            tuple(notes),
            reasons,
            metric_maps,
            of_regions,
            encoders=sights,
            inputs=digests,
            size=picture.size,
            measured_at=case.result.size,
        )

    def _case(
        self,
        picture: Picture,
        photo: Picture | None,
        paintings: Sequence[Picture],
        record: Record | None,
        weights: tuple[float, ...],
        chosen: Sequence[Metric],
    ) -> tuple[Case, list[str]]:
        notes = []
        own = images.fill_hidden(picture).pixels
        size = _reduced(picture.size, self._size or max(picture.size))
        panel = Panel(images.resize(own, size))
        against = None
        if photo is not None:
            if photo.size != picture.size:
                notes.append(_resized(photo, picture))
            against = self._panel(photo, size)
        of_styles = tuple(self._panel(style, images.fit_size(style.size, max(size))) for style in paintings)
        textures = tuple(self._panel(style, _reduced(style.size, max(picture.size))) for style in paintings)
        first = self._encoders.first()
        second, note = unoptimized(self._encoders.second(record), record, self._second_layers)
        if note and any(metric.encoder == "second" for metric in chosen):
            notes.append(note)
        return Case(own, panel, against, of_styles, textures, weights, Sight(first, NAMED), second), notes

    def _panel(self, picture: Picture, size: tuple[int, int]) -> Panel:
        if min(size) < SMALLEST:
            raise ImageError(
                f"{picture.name}: would be measured at {size[1]}x{size[0]} px; its short side needs at least "
                f"{SMALLEST} px: use a less narrow picture, or a larger size"
            )
        return self._shelf.panel(
            (picture.sha256, picture.size, size), lambda: images.resize(images.fill_hidden(picture).pixels, size)
        )


NAMED = ("relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""Layers of the metrics that name theirs (Wang et al. 2021)."""


def choose(metrics: Sequence[str] | None) -> list[Metric]:
    """Return the metrics of these ids or names; None: all. Raises `UsageError` that names the nearest one."""
    if metrics is None:
        return list(METRICS.values())
    known = {metric.name: metric for metric in METRICS.values()} | dict(METRICS)
    for name in metrics:
        if name not in known:
            raise UsageError(unknown(name, dict.fromkeys(known), "metric"))
    return [known[name] for name in metrics]


def check(picture: Picture) -> None:
    """Raise `ImageError` for a picture that cannot be measured."""
    if not bool(picture.pixels.isfinite().all()):
        raise ImageError(f"{picture.name}: has NaN or infinite pixels; nothing can be measured on it")
    if min(picture.size) < SMALLEST:
        raise ImageError(
            f"{picture.name}: is {picture.size[1]}x{picture.size[0]} px; metrics need at least {SMALLEST} px a side"
        )


def _reduced(size: tuple[int, int], longest: int) -> tuple[int, int]:
    return images.fit_size(size, min(longest, max(size)))


def _digest(picture: Picture) -> str:
    return hashlib.sha256(picture.pixels.contiguous().numpy().tobytes()).hexdigest()


def _inputs(record: Record | None, photo: Picture | None, paintings: Sequence[Picture]) -> list[str]:
    if record is None:
        return []
    content = [] if photo is None else [photo]
    by_role = (("content", content), ("style", paintings))
    notes = [
        record.check(role, [picture.sha256 for picture in pictures], [picture.name for picture in pictures])
        for role, pictures in by_role
    ]
    return [note for note in notes if note is not None]


def _weights(style_weights: Sequence[float] | None, record: Record | None, count: int) -> tuple[float, ...]:
    if count < 1:
        raise UsageError("a result is measured against at least one style; name it")
    weights: Sequence[float] = [1.0] * count
    if style_weights is not None:
        if len(style_weights) != count or min(style_weights) < 0 or not sum(style_weights) > 0:
            raise UsageError(
                f"{len(style_weights)} style_weights for {count} styles: give one >= 0 for each, not all of them 0"
            )
        weights = style_weights
    elif record is not None and record.recipe is not None and len(record.recipe.style_weights) == count:
        weights = record.recipe.style_weights
    total = sum(weights)
    return tuple(weight / total for weight in weights)


def _resized(photo: Picture, picture: Picture) -> str:
    (height, width), (rows, columns) = photo.size, picture.size
    aspect = (width / height) / (columns / rows)
    word = "stretched" if max(aspect, 1 / aspect) > STRETCHED else "resized"
    return f"{photo.name}: is {width}x{height} px and is {word} to the result's {columns}x{rows}"


def _landmarks(
    content: PictureLike | None, result: PictureLike | None, photo: Picture | None, picture: Picture
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    if content is None:
        if result is not None:
            raise UsageError(
                "landmarks of the result are compared with the content's; give both, or the content's alone"
            )
        return {}, ()
    if photo is None:
        raise UsageError("there is no content that landmarks could be of; leave them out")
    of_content = landmarks.load(content, photo.size, "content landmarks")
    if result is None:
        return {"content": of_content.points}, of_content.names
    both = landmarks.pair(of_content, landmarks.load(result, picture.size, "result landmarks"))
    return {"content": both.content.points, "result": both.style.points}, both.content.names


def _reads(metrics: Sequence[Metric], case: Case) -> Iterator[tuple[Panel, Encoder, str, Reduction]]:
    """Yield what metrics will read of features, so that one pass of an encoder serves them all."""
    panels = {
        "result": (case.result,),
        "content": () if case.content is None else (case.content,),
        "style": case.styles,
    }
    for metric in metrics:
        sight = case.first if metric.encoder == "first" else case.second
        for read in metric.reads:
            for panel in (panel for role in read.of for panel in panels[role]):
                for layer in read.layers(sight):
                    yield panel, sight.encoder, layer, read.reduction


def _reads_style_maps(metric: Metric) -> bool:
    return any("style" in read.of and read.reduction is MAPS for read in metric.reads)


def _release(case: Case, metrics: Sequence[Metric]) -> None:
    """Let panels forget the maps that none of the `metrics` still to come reads: they are most of the memory."""
    needed = list(_reads(metrics, case))
    for panel in (case.result, case.content, *case.styles):
        if panel is not None:
            panel.release(
                [(encoder, layer, reduction) for owner, encoder, layer, reduction in needed if owner is panel]
            )


def _missing(metric: Metric, case: Case) -> str:
    """Say what a metric needs and is not given; empty: nothing."""
    there = {
        "content": case.content is not None,
        "style": bool(case.styles),
        "masks": case.regions is not None,
        "landmarks": bool(case.landmarks),
        "tile": case.tile is not None,
    }
    return " and ".join(NEEDS[need] for need in metric.needs if not there[need])

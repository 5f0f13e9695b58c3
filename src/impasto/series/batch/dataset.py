"""Pictures of a Ray Data set: photographs from tar files, parquet or an object store, painted on a cluster."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from impasto import images
from impasto.errors import ImageError, OutputError
from impasto.executors import Later, Tell
from impasto.executors.painter import Painter
from impasto.series.batch.items import job_of
from impasto.series.grid import Job
from impasto.series.paint_work import Order, Painted, PaintWork, make_work

NAMED = ("__key__", "path", "key")
"""Columns that say what a photograph is called, in messages."""


@dataclass(frozen=True)
class _Photo:
    """The bytes of one row's photograph, and what it is called."""

    name: str
    data: bytes

    def __str__(self) -> str:
        return self.name

    def read_bytes(self) -> bytes:
        return self.data


class _RowPainter:
    """Paints the photograph of each row: the work of `paint_dataset`."""

    def __init__(self, work: PaintWork, job: Job, column: str, into: str, suffix: str) -> None:
        self._work, self._job, self._column, self._into, self._suffix = work, job, column, into, suffix

    def __call__(self, row: dict[str, Any], tell: Tell) -> dict[str, Any]:
        """Return the columns of a row's picture."""
        photo = row.get(self._column)
        if isinstance(photo, dict):  # as Hugging Face's tables have it
            photo = photo.get("bytes")
        if photo is None:
            raise ImageError(f"column '{self._column}' holds no picture; name the one that does")
        if isinstance(photo, bytes):
            photo = _Photo(next((str(row[key]) for key in NAMED if row.get(key)), self._column), photo)
        order = Order(replace(self._job, inputs=replace(self._job.inputs, content=photo)), suffix=self._suffix)
        done = self._work(self._work.prepare(order), tell)
        painted: Painted = done.finish() if isinstance(done, Later) else done
        data = painted.data or b""
        return {self._into: data, "sha256": hashlib.sha256(data).hexdigest()}

    def empty(self, _row: dict[str, Any]) -> dict[str, Any]:
        """Return the columns of a picture that could not be painted."""
        return {self._into: b"", "sha256": ""}


def paint_dataset(
    dataset: Any,
    *,
    column: str = "image",
    into: str | None = None,
    suffix: str = ".png",
    workers: int | None = None,
    threads: int = 1,
    gpus: float = 0.0,
    **job: Any,
) -> Any:
    """Return a Ray Data set whose photographs in `column` are painted: bytes of files, arrays, or structs with `bytes`.

    `job` are the keywords of `stylize` but for `content`. The pictures are in column `into`, by default `column`, as
    files of the format that `suffix` says; `sha256` is that of the file, and `error` says why there is none, where the
    picture is empty. Each of `workers` actors has `threads` processors, or `gpus` of one, and keeps networks, weights
    and measured styles. The pictures are those of `stylize` with as many threads, bit for bit.

    Raises `UsageError` for a job that does not fit, `ResourceError` where Ray is not installed.

    >>> photos = ray.data.read_webdataset("s3://photos/", decoder=None)  # doctest: +SKIP
    >>> paint_dataset(photos, column="jpg", styles="swirls.jpg").write_parquet("s3://painted/")  # doctest: +SKIP
    """
    from impasto.executors.ray_data import mapped

    if suffix.lower() not in images.FORMATS:
        raise OutputError(f"'{suffix}' names no format to write; choose one of {', '.join(images.FORMATS)}")
    template, _ = job_of({**job, "content": None})
    painter = Painter()
    inputs = painter.portable(template.inputs, template.recipe)
    template = replace(template, inputs=inputs, recipe=painter.exact(template.recipe))
    make: Callable[[], Any] = partial(
        _made, template, column, column if into is None else into, str(PurePosixPath(suffix)), painter.precision
    )
    return mapped(dataset, make, workers=workers, threads=threads, gpus=gpus)


def _made(job: Job, column: str, into: str, suffix: str, precision: str) -> _RowPainter:
    return _RowPainter(make_work("auto", "auto", None, precision), job, column, into, suffix)

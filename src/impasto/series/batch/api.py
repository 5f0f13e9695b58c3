"""`impasto.batch`: many pictures from Python."""

from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path
from typing import Any

from impasto import files, images
from impasto.errors import UsageError
from impasto.events import Progress, notice
from impasto.executors import Executor, Processes, divide
from impasto.optim.resources import Resources
from impasto.optim.tile_planner import Tiling
from impasto.series.batch.items import Item, job_of
from impasto.series.batch.names import Naming
from impasto.series.batch.run import Batch, BatchResult
from impasto.series.batch.sharded import ShardedBatch
from impasto.series.batch.stream import unsaved
from impasto.series.grid import Job
from impasto.shards.writing import Kind


def batch(
    jobs: Iterable[Mapping[str, Any] | Job],
    folder: str | Path | None = None,
    *,
    name: str | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    threads: int | None = None,
    resume: bool = False,
    force: bool = False,
    shards: int | None = None,
    shard_kind: Kind = "tar",
    on_progress: Callable[[int, Progress], object] | None = None,
    max_pixels: int = images.DEFAULT_MAX_PIXELS,
    allow_truncated: bool = False,
    tile: Tiling = "auto",
    memory: int | None = None,
    device: str = "auto",
    **overrides: Any,
) -> Generator[BatchResult, None, None]:
    """Paint many pictures in several processes, and yield what came of each as it comes.

    Each of `jobs` is a mapping with the keywords of `stylize`: `content`, `styles`, `preset` or `recipe`, any recipe
    key, `encoder`, `network`, `init_image`, masks and landmarks. `overrides` are recipe keys for all of them, over
    which their own go. An error in one job is in its result's `error`, and stops no other.

    With a `folder`, pictures are saved there, under a job's own `output` or the pattern `name` (see `impasto batch`),
    and their paths are in the results. The folder is the truth: `resume` goes on with what was killed, the pictures are
    those of an unbroken run to the last bit. `force` replaces pictures that are there and differ.
    With `shards`, so many pictures each go into a file: a tar as WebDataset has it, or with `shard_kind` parquet a
    table. Photographs may come from such files too: `content` may be a member of `impasto.shards.listing(file)`.
    Without a folder the paintings themselves are in the results, and `jobs` may be a stream without end.

    `workers` processes paint with `threads` each, by default as many as cores and memory allow, or an `executor` of
    your own does. `on_progress` sees some steps each second, with the number of the job from 0, and stops all by
    returning True. `tile`, `memory` (of each process), `device`, `max_pixels` and `allow_truncated` are those of
    `Stylizer`.

    Raises `ImpastoError`s before anything is painted: for keys that are unknown, settings that do not fit, two pictures
    of one name, a folder that holds something else.

    >>> for done in batch([{"content": path, "styles": "painting.jpg"} for path in paths], "out"):  # doctest: +SKIP
    ...     print(done.path, done.error)
    """
    reading: dict[str, Any] = {"max_pixels": max_pixels, "allow_truncated": allow_truncated}
    resources = Resources.choose(device, tile, memory)
    naming = Naming(name)

    def item(given: Mapping[str, Any] | Job, number: int) -> Item:
        whole = given if isinstance(given, Job) else {**overrides, **given}
        job, output = job_of(whole, **reading)
        return Item(job, str(output) if output is not None else naming.name(job, number))

    if folder is None:
        if shards is not None:
            raise UsageError("shards go into a folder; name one")
        stream = (item(given, number) for number, given in enumerate(jobs, 1))
        return _painted(stream, executor, workers, threads, device, resources, on_progress)
    items = [item(given, number) for number, given in enumerate(jobs, 1)]
    options: dict[str, Any] = {"resume": resume, "force": force, "resources": resources}
    if shards is None:
        made = Batch(items, Path(folder), **options)
    else:
        made = ShardedBatch(items, Path(folder), shards, shard_kind, **options)
    made.check()
    return _saved(made, executor, workers, threads, device, on_progress)


def _painted(
    items: Iterable[Item],
    executor: Executor | None,
    workers: int | None,
    threads: int | None,
    device: str,
    resources: Resources,
    on_progress: Callable[[int, Progress], object] | None,
) -> Generator[BatchResult, None, None]:
    own = None
    if executor is None:
        sizing = divide(workers=workers, threads_each=threads, device=device)
        executor = own = Processes(sizing.workers, sizing.threads, sizing.gpus)
    try:
        yield from unsaved(items, executor, resources, on_progress)
    finally:
        if own is not None:
            own.close()


def _saved(
    made: Batch,
    executor: Executor | None,
    workers: int | None,
    threads: int | None,
    device: str,
    on_progress: Callable[[int, Progress], object] | None,
) -> Generator[BatchResult, None, None]:
    numbers = {id(item): number for number, item in enumerate(made.items)}

    def watch(item: Item, progress: Progress) -> object:
        return on_progress is not None and on_progress(numbers[id(item)], progress)

    refusal = "another impasto is painting into it at this moment; wait until it ends"
    with files.claimed(made.folder, refusal), executor_of(made, executor, workers, threads, device) as chosen:
        yield from made.run(chosen, watch=watch)


def executor_of(
    made: Batch,
    executor: Executor | None,
    workers: int | None,
    threads: int | None,
    device: str = "auto",
    ray: str | None = None,
) -> Executor:
    """Begin a batch, and return what paints it: with the threads that its pictures had before, where it goes on.

    The bytes of the first item that can be read say how many processes there is room for. `ray` is the address of a
    cluster that paints instead, or `local`.
    """
    if ray is not None:
        from impasto.executors.ray_cluster import RayCluster

        return RayCluster(ray, workers=workers, threads=made.begin(threads or 1) or 1)
    if executor is not None:
        before = made.begin(executor.threads)
        if before != executor.threads:
            notice(f"the batch was begun with {before} threads a picture; with others the last bits differ")
        return executor
    sizing = divide(len(made.items), workers=workers, threads_each=threads, bytes_each=made.bytes_each(), device=device)
    chosen = made.begin(sizing.threads) or sizing.threads
    if threads is None and workers is None and chosen != sizing.threads:
        sizing = divide(len(made.items), threads_each=chosen, bytes_each=made.bytes_each(), device=device)
    if threads is not None and threads != chosen:
        notice(f"the batch was begun with {chosen} threads a picture, and goes on with them: others change last bits")
    return Processes(sizing.workers, chosen, sizing.gpus)

"""A batch without a folder: pictures come back as they are painted, and nothing is saved."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from impasto.events import Progress
from impasto.executors import Executor
from impasto.executors.painter import Painter
from impasto.executors.sizing import share
from impasto.optim.resources import Resources
from impasto.series.batch.items import Item
from impasto.series.batch.run import BatchResult
from impasto.series.paint_work import KEPT_BYTES, Order, Painted, maker


def unsaved(
    jobs: Iterable[Item],
    executor: Executor,
    resources: Resources | None,
    watch: Callable[[int, Progress], object] | None = None,
) -> Iterator[BatchResult]:
    """Paint a stream of items and yield each with its picture as it comes; nothing is saved, and they may never end."""
    painter = Painter(resources, kept_bytes=KEPT_BYTES)

    def orders() -> Iterator[Order]:
        for item in jobs:
            job = item.job
            inputs = painter.portable(job.inputs, job.recipe)
            yield Order(replace(job, inputs=inputs, recipe=painter.exact(job.recipe)))

    def look(index: int, _order: Order, progress: Progress) -> object:
        return watch is not None and watch(index, progress)

    for outcome in executor.run(maker(executor, painter, share(executor.workers)), orders(), watch=look):
        painted: Painted | None = outcome.value
        state = "failed" if painted is None else painted.state
        result = None if painted is None else painted.result
        yield BatchResult(outcome.index, state, None, result, outcome.error, outcome.seconds, outcome.attempts)

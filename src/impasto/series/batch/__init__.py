"""Batches: many photographs in many styles, painted by several processes into a folder that survives whatever happens.

`impasto.batch` for Python, `Batch` for those who want to plan first.
"""

from impasto.series.batch.api import batch
from impasto.series.batch.dataset import paint_dataset
from impasto.series.batch.items import Item, job_of
from impasto.series.batch.names import Naming
from impasto.series.batch.run import TABLE, Batch, BatchResult
from impasto.series.batch.sharded import ShardedBatch, divided

__all__ = [
    "TABLE",
    "Batch",
    "BatchResult",
    "Item",
    "Naming",
    "ShardedBatch",
    "batch",
    "divided",
    "job_of",
    "paint_dataset",
]

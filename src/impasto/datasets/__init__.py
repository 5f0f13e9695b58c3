"""The field's standard sets of photographs: what is in them, where they are on this machine, and getting them."""

from impasto.datasets.catalogue import NAMES, DataSet, Entry, lookup
from impasto.datasets.collection import Collection, Item, collect, read_regions
from impasto.datasets.download import fetch

__all__ = ["NAMES", "Collection", "DataSet", "Entry", "Item", "collect", "fetch", "lookup", "read_regions"]

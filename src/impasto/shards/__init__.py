"""Shards: tar files as WebDataset has them and parquet tables, with many pictures in each, in and out.

`listing` says what pictures a file holds, without reading them; each of these `Member`s is a picture wherever
`images.load` takes one. `writer` writes such a file.
"""

from impasto.shards.listing import SUFFIXES, is_archive, listing, sibling
from impasto.shards.member import Member
from impasto.shards.writing import KINDS, Sample, write

__all__ = ["KINDS", "SUFFIXES", "Member", "Sample", "is_archive", "listing", "sibling", "write"]

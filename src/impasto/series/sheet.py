"""The contact sheet of a sweep."""

import math
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from impasto import images
from impasto.images import Picture, Tile
from impasto.scene.resolve import PictureLike
from impasto.series.grid import Axis, Cell

ACROSS = 5
"""Most pictures in a row of a sheet with one axis."""


def draw(axes: Sequence[Axis], cells: Sequence[Cell], height: int) -> Picture:
    """Lay out the cells, at most `height` px high: two axes as a grid with headers, one in rows of a few pictures."""
    title, note = " by ".join(axis.key for axis in axes), _common(cells)
    if len(axes) == 1:
        # Rows about as long as one another: six make two of three, not five and one.
        across = math.ceil(len(cells) / math.ceil(len(cells) / ACROSS))
        tiles = [_tile(cell, head=cell.labels[axes[0].key]) for cell in cells]
        lines = [tiles[at : at + across] for at in range(0, len(tiles), across)]
        return images.contact_sheet(lines, height=height, title=title, note=note)
    grid: list[list[Tile]] = [[] for _ in axes[1].labels]
    for cell in cells:
        grid[cell.at[0]].append(_tile(cell))
    keys = (axes[0].key, axes[1].key)
    return images.contact_sheet(
        grid, height=height, title=title, note=note, columns=axes[0].labels, names=axes[1].labels, axes=keys
    )


def _tile(cell: Cell, head: str = "") -> Tile:
    there = cell.state in ("kept", "painted", "stopped", "unfinished") or (cell.state == "failed" and cell.record)
    if there:
        # Loaded when its turn comes: hundreds of pictures need more memory than their thumbnails.
        return Tile(partial(images.load, cell.path), head, _label(cell))
    text = f"failed: {cell.note}" if cell.state == "failed" else "not painted"
    return Tile(None, head, "", text, cell.size)


def _label(cell: Cell) -> str:
    """Return two lines: the last loss and the seconds, then the parts of the loss."""
    record, words, parts = cell.record, [], []
    if record is not None:
        end = record.end
        words += [f"loss {end['total']:.3g}"] if "total" in end else []
        parts = [f"{part} {end[part]:.2g}" for part in ("content", "style", "tv") if part in end]
        words.append(f"{record.seconds:.3g} s" if record.seconds < 100 else f"{record.seconds:.0f} s")
    if cell.state in ("stopped", "unfinished", "failed"):
        words.append(cell.note or "stopped")
    return " · ".join(words) + "\n" + "  ".join(parts)


def _common(cells: Sequence[Cell]) -> str:
    """Say what all cells share."""
    first = cells[0]
    words = []
    inputs = first.job.inputs
    photo, styles = _name(inputs.content), ", ".join(map(_name, inputs.paintings))
    if photo and "content" not in first.labels:
        words.append(photo)
    if styles and "style" not in first.labels:
        words.append(f"in the style of {styles}")
    words = [" ".join(words)] if words else []
    if len({cell.size for cell in cells}) == 1:
        words.append(f"{first.size[1]}x{first.size[0]} px")
    if len({cell.encoder for cell in cells}) == 1:
        words.append(first.encoder)
    if len({cell.steps for cell in cells}) == 1:
        words.append(f"{first.steps} steps")
    return " · ".join(words)


def _name(source: PictureLike | None) -> str:
    if isinstance(source, str | Path):
        return "" if source == "-" else Path(os.fspath(source)).name
    return source.name if isinstance(source, Picture) else ""

"""Contact sheets: pictures in labelled rows on one page."""

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from impasto.errors import UsageError
from impasto.events import notice
from impasto.images.picture import Picture
from impasto.images.sizing import resize

MAX_PIXELS = 24_000_000
"""Of a page: what a viewer opens without effort. Cells get smaller rather than the page larger."""
SMALLEST_CELL = 24
"""The least height of a cell in pixels: in a smaller one nothing is seen."""
WIDEST = 4
"""A cell's width over its height; wider pictures are made lower."""

_PAGE, _BOX = (252, 252, 250), (236, 236, 233)
_INK, _GRAY = (28, 28, 30), (104, 104, 108)
_KEPT = "…·"
"""What Pillow's own font can draw besides ASCII, and labels use."""
_CUT = "…"
"""What stands for the part of a line that was cut out."""
_FINE = 4
"""How many times finer text is drawn before it is shrunk, for smooth letters."""
_LANCZOS = Image.Resampling.LANCZOS


@dataclass(frozen=True, eq=False)
class Tile:
    """One cell of a sheet; without a picture, a box with `text` in it."""

    picture: Picture | Callable[[], Picture] | None = None
    """A function is called when its turn comes, so that large pictures need not all be in memory."""
    head: str = ""
    """Words above the picture."""
    label: str = ""
    """Small words below it, of one or more lines."""
    text: str = ""
    size: tuple[int, int] = (240, 320)
    """(height, width) of the picture that is not there; the box is scaled down like one."""


def contact_sheet(
    rows: Sequence[Sequence[Tile]],
    *,
    height: int = 300,
    title: str = "",
    note: str = "",
    columns: Sequence[str] = (),
    names: Sequence[str] = (),
    axes: tuple[str, str] = ("", ""),
) -> Picture:
    """Lay out `rows` of tiles under a title, in columns where these have headers in `columns`, else packed.

    Pictures taller than `height` pixels are scaled down to it, smaller ones stay as they are. `note`: small words
    under the title. `names`: a header for each row. `axes`: what the headers of columns and rows are values of. Text
    is written in ASCII (accents are dropped), and cut in the middle where there is no room for it.

    Raises `UsageError` where there is nothing to lay out, or a header for more than there is.
    """
    if not rows or not all(rows) or height < SMALLEST_CELL:
        raise UsageError(f"a sheet needs a tile in every row, and cells of at least {SMALLEST_CELL} pixels")
    if len(names) > len(rows) or len(columns) > max(map(len, rows)):
        raise UsageError("a sheet has more headers than rows or columns")
    spots = [[_Spot(tile, _thumbnail(tile, height)) for tile in row] for row in rows]
    height = min(height, max(spot.image.height for row in spots for spot in row))
    page = _Page(spots, height, _Words(title, note, tuple(columns), tuple(names), axes))
    while page.pixels > MAX_PIXELS and page.height > SMALLEST_CELL:
        page = page.smaller()
    if page.height < height:
        notice(f"the sheet has cells of {page.height} px instead of {height}: larger ones would not fit a page")
    return page.draw()


@dataclass(frozen=True, eq=False)
class _Spot:
    tile: Tile
    image: Image.Image

    def fit(self, height: int) -> "_Spot":
        size = _fit(self.image.height, self.image.width, height)
        return self if size == self.image.size else replace(self, image=self.image.resize(size, _LANCZOS))


@dataclass(frozen=True)
class _Words:
    """What stands on a page besides the tiles."""

    title: str
    note: str
    columns: tuple[str, ...]
    names: tuple[str, ...]
    axes: tuple[str, str]


class _Page:
    """Where everything goes; all lengths in pixels."""

    def __init__(self, rows: list[list[_Spot]], height: int, words: _Words) -> None:
        self.rows, self.height, self.words = rows, height, words
        self.unit = min(2.0, max(0.75, height / 300))
        self.margin, self.gap, self.space = (round(length * self.unit) for length in (36, 18, 5))
        self.title, self.head, self.note, self.label = (_Font(size * self.unit) for size in (26, 16, 14, 13))
        self.left = self.margin + self._names_width()
        """Where the first column begins."""
        self.top = self.margin + self._top()
        """Where the first row begins."""
        self.widths = self._widths()
        """Of each cell of each row."""
        right = max(self.left + sum(wide + self.gap for wide in row) - self.gap for row in self.widths)
        line = max(self.title.width(words.title), self.note.width(words.note))
        self.width = max(right, self.margin + min(line, round(720 * self.unit))) + self.margin
        self.tall = self.top + sum(self._row_height(row) + self.gap for row in rows) - self.gap + self.margin

    @property
    def pixels(self) -> int:
        return self.width * self.tall

    def smaller(self) -> "_Page":
        """Return the same page with lower cells."""
        height = max(SMALLEST_CELL, round(0.92 * self.height))
        return _Page([[spot.fit(height) for spot in row] for row in self.rows], height, self.words)

    def _names_width(self) -> int:
        if not any(self.words.names):
            return 0
        widest = max(map(self.head.width, self.words.names))
        return min(max(widest, self.note.width(self.words.axes[1])), round(240 * self.unit)) + self.gap

    def _top(self) -> int:
        words, top = self.words, 0
        top += self.title.line if words.title else 0
        top += self.note.line if words.note else 0
        top += self.gap if top else 0
        top += self.note.line if any(words.axes) else 0
        return top + (self.head.line + self.space if words.columns else 0)

    def _widths(self) -> list[list[int]]:
        # Words may widen a narrow cell, but only so far.
        most = round(180 * self.unit)
        wide = []
        for row in self.rows:
            words = [[self.head.width(at.tile.head), *map(self.label.width, at.tile.label.split("\n"))] for at in row]
            wide.append([max(at.image.width, min(max(line), most)) for at, line in zip(row, words, strict=True)])
        if not self.words.columns:
            return wide
        columns = [min(self.head.width(text), most) for text in self.words.columns]
        columns += [0] * (max(map(len, wide)) - len(columns))
        for row_wide in wide:
            columns[: len(row_wide)] = map(max, row_wide, columns)
        return [columns[: len(row)] for row in wide]

    def _row_height(self, row: list[_Spot]) -> int:
        return self._above(row) + max(spot.image.height for spot in row) + self._below(row)

    def _above(self, row: list[_Spot]) -> int:
        return self.head.line + self.space if any(spot.tile.head for spot in row) else 0

    def _below(self, row: list[_Spot]) -> int:
        lines = max(len(spot.tile.label.split("\n")) if spot.tile.label else 0 for spot in row)
        return lines * self.label.line + self.space if lines else 0

    def draw(self) -> Picture:
        page = Image.new("RGB", (self.width, self.tall), _PAGE)
        words, room, x, y = self.words, self.width - 2 * self.margin, self.margin, self.margin
        self.title.write(page, (x, y), words.title, room, _INK)
        self.note.write(page, (x, y + (self.title.line if words.title else 0)), words.note, room, _GRAY)
        y = self.top - (self.head.line + self.space if words.columns else 0)
        self.note.write(page, (self.left, y - self.note.line), words.axes[0], self.width - x - self.left, _GRAY)
        self.note.write(page, (x, y - self.note.line), words.axes[1], self.left - self.gap - x, _GRAY)
        longest = max(range(len(self.rows)), key=lambda index: len(self.rows[index]))
        at = self.left
        for text, wide in zip(words.columns, self.widths[longest], strict=False):
            self.head.write(page, (at, y), text, wide, _INK)
            at += wide + self.gap
        y = self.top
        for index, row in enumerate(self.rows):
            if index < len(words.names):
                middle = y + self._above(row) + (max(spot.image.height for spot in row) - self.head.line) // 2
                self.head.write(page, (x, middle), words.names[index], self.left - self.gap - x, _INK)
            at = self.left
            for spot, wide in zip(row, self.widths[index], strict=True):
                self._draw(page, spot, (at, y), self._above(row), wide)
                at += wide + self.gap
            y += self._row_height(row) + self.gap
        levels = torch.from_numpy(np.array(page)).permute(2, 0, 1)[None]
        return Picture(levels.float().div_(255), name="sheet")

    def _draw(self, page: Image.Image, spot: _Spot, at: tuple[int, int], above: int, wide: int) -> None:
        x, y = at
        self.head.write(page, at, spot.tile.head, wide, _INK)
        y += above
        page.paste(spot.image, (x, y))
        bottom = y + spot.image.height
        if spot.tile.picture is None:
            self.label.fill(page, (x, y, x + spot.image.width, bottom), spot.tile.text, 2 * self.space)
        for number, text in enumerate(spot.tile.label.split("\n")):
            self.label.write(page, (x, bottom + self.space + number * self.label.line), text, wide, _GRAY)


class _Font:
    """Pillow's own font in one size, with what it can say.

    It is drawn four times as large and scaled down: Pillow sets letters to whole pixels, which shows in small words.
    """

    def __init__(self, size: float) -> None:
        size = max(11, round(size))
        self._font = ImageFont.load_default(_FINE * size)
        self.line = round(1.45 * size)

    def width(self, text: str) -> int:
        return math.ceil(self._font.getlength(_plain(text)) / _FINE)

    def write(self, page: Image.Image, at: tuple[int, int], text: str, room: int, ink: tuple[int, int, int]) -> None:
        """Write one line from `at`, its upper left, cut in the middle to `room` pixels."""
        self._put(page, at, self._shortened(_plain(text), room), ink)

    def _put(self, page: Image.Image, at: tuple[int, int], text: str, ink: tuple[int, int, int]) -> None:
        if not text:
            return
        size = self.width(text) + 2, self.line
        mask = Image.new("L", (_FINE * size[0], _FINE * size[1]))
        ImageDraw.Draw(mask).text((0, 0), text, 255, self._font)
        page.paste(Image.new("RGB", size, ink), at, mask.resize(size, Image.Resampling.BOX))

    def fill(self, page: Image.Image, box: tuple[int, int, int, int], text: str, margin: int) -> None:
        """Write `text` in the middle of a box (left, top, right, bottom), over as many lines as fit."""
        left, top, right, bottom = box
        room = max(1, right - left - 2 * margin)
        lines: list[str] = []
        for word in _plain(text).split():
            if lines and self.width(f"{lines[-1]} {word}") <= room:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        fitting = max(1, (bottom - top - margin) // self.line)
        if len(lines) > fitting:
            lines = [*lines[: fitting - 1], " ".join(lines[fitting - 1 :])]
        y = (top + bottom - len(lines) * self.line) // 2
        for line in lines:
            shown = self._shortened(line, room)
            self._put(page, ((left + right - self.width(shown)) // 2, y), shown, _GRAY)
            y += self.line

    def _shortened(self, text: str, room: int) -> str:
        def cut(kept: int) -> str:
            return text[: (kept + 1) // 2].rstrip() + _CUT + text[len(text) - kept // 2 :].lstrip()

        if not text or self.width(text) <= room:
            return text
        # The most characters of which the line still fits.
        fitting = bisect_right(range(len(text)), room, key=lambda kept: self.width(cut(kept)))
        return cut(max(fitting - 1, 0))


def _plain(text: str) -> str:
    """Write a line in what the font has: ASCII, with accents dropped and anything else as `?`."""
    text = " ".join(text.split())
    parts = (c if c in _KEPT else unicodedata.normalize("NFKD", c) for c in text[:400])
    ascii_text = "".join(c for c in "".join(parts) if not unicodedata.combining(c))
    return "".join(c if c in _KEPT or (c.isascii() and c.isprintable()) else "?" for c in ascii_text)


def _fit(height: int, width: int, limit: int) -> tuple[int, int]:
    """Return (width, height) scaled down to at most `limit` high and `WIDEST` times that wide."""
    scale = min(1.0, limit / height, WIDEST * limit / width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _thumbnail(tile: Tile, height: int) -> Image.Image:
    if tile.picture is None:
        return Image.new("RGB", _fit(*tile.size, height), _BOX)
    picture = tile.picture() if callable(tile.picture) else tile.picture
    pixels = picture.pixels
    if picture.alpha is not None:
        paper = torch.tensor(_PAGE, dtype=torch.float32).view(1, 3, 1, 1) / 255
        pixels = torch.lerp(paper.expand_as(pixels), pixels, picture.alpha)
    width, tall = _fit(*picture.size, height)
    return Picture(resize(pixels, (tall, width)), name=picture.name).to_pil()

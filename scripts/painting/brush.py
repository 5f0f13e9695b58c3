"""The brush engine: curved strokes with bristles, two paints on one brush and a paint thickness to light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .tools import Array, Rng, jitter, noise, relief, smoothstep

_ALONG, _ACROSS = 160, 48


@dataclass(frozen=True)
class Tip:
    """One print of a brush: flat (along * across) maps of cover, paint thickness and share of the second paint."""

    cover: Array
    body: Array
    share: Array


def tips(rng: Rng, kind: str, count: int = 20) -> list[Tip]:
    """Prints of one tool: `bristle` (loaded, ragged), `dry` (broken), `knife` (flat, ridged), `dot`, `pen`."""
    made = []
    u = np.linspace(0, 1, _ALONG, dtype=np.float32)[:, None]
    v = np.linspace(-1, 1, _ACROSS, dtype=np.float32)[None, :]
    for _ in range(count):
        hair = noise(rng, _ALONG, _ACROSS, 9, 2, 0.7, (12, 1))
        soft = noise(rng, _ALONG, _ACROSS, 16, 2, 0.6, (3, 1))
        share = np.clip(0.5 + 0.42 * noise(rng, _ALONG, _ACROSS, 9, 2, 0.7, (14, 1)), 0, 1)
        ends = noise(rng, 2, _ACROSS, 7, 2, 0.8) * 0.055
        start, stop = 0.06 + np.abs(ends[:1]), 0.93 - 1.4 * np.abs(ends[1:])
        if kind == "dot":
            radius = np.sqrt(v**2 + (2 * u - 1) ** 2) + 0.09 * soft
            cover = smoothstep(0.97, 0.8, radius)
            body = np.clip(1.15 - radius**2, 0, 1) + 0.12 * hair
        elif kind == "pen":
            taper = np.sqrt(np.clip(1 - (2 * u - 1) ** 2, 0, 1)) * 0.55 + 0.4
            cover = smoothstep(1.0, 0.75, np.abs(v) / taper + 0.12 * soft)
            body = np.zeros_like(cover)
        elif kind == "knife":
            cover = smoothstep(0.0, 0.025, u - start * 0.7) * smoothstep(0.0, 0.03, stop + 0.03 - u)
            cover = cover * smoothstep(1.0, 0.93, np.abs(v) + 0.05 * soft)
            scrape = smoothstep(1.3, 1.9, soft + 0.7 * hair + 1.1 * (u - 0.4))
            cover = cover * (1 - 0.9 * scrape)
            ridge = np.exp(-(((np.abs(v) - 0.86) / 0.09) ** 2)) + 0.9 * np.exp(-(((u - stop + 0.04) / 0.03) ** 2))
            body = 0.45 + 0.14 * soft + 0.06 * hair + 0.7 * ridge
        else:
            round_end = np.sqrt(np.clip(1 - v**2, 0, 1)) * 0.09
            cover = smoothstep(-0.02, 0.03, u - start + round_end - 0.06)
            cover = cover * smoothstep(0.0, 0.05, stop + round_end - 0.06 - u)
            cover = cover * smoothstep(1.0, 0.82, np.abs(v) + 0.07 * soft)
            load = 1.5 if kind == "bristle" else 0.35
            cover = cover * np.clip((load + hair - (1.9 if kind == "bristle" else 1.1) * u**1.5) * 2.2, 0, 1)
            ridge = np.exp(-(((np.abs(v) - 0.78) / 0.16) ** 2)) * 0.4
            body = 0.5 + 0.26 * hair + ridge + 0.35 * np.exp(-(((u - stop) / 0.08) ** 2))
        flat = [np.ascontiguousarray(np.broadcast_to(m, (_ALONG, _ACROSS)), np.float32).ravel()
                for m in (cover, np.clip(body, 0, 2), share)]  # fmt: skip
        made.append(Tip(*flat))
    return made


@dataclass
class Strokes:
    """A batch of strokes in pixels and radians; every field is (n,), colours are (n, 3)."""

    x: Array
    y: Array
    angle: Array
    length: Array
    width: Array
    bend: Array
    color: Array
    second: Array


class Canvas:
    """A picture under the brush: colour (h, w, 3) in [0, 1] and paint thickness (h, w)."""

    def __init__(self, height: int, width: int, ground: Array) -> None:
        self.color = np.empty((height, width, 3), np.float32)
        self.color[:] = ground
        self.body = np.zeros((height, width), np.float32)

    @property
    def unit(self) -> float:
        """Pixels in a thousandth of the width."""
        return self.color.shape[1] / 1000

    def paint(self, batch: Strokes, brushes: list[Tip], rng: Rng, opacity: float = 1.0, thickness: float = 1.0,
              regions: NDArray[np.int32] | None = None) -> None:  # fmt: skip
        """Lay the strokes in their order; with `regions`, a stroke stays in the region where its middle lies."""
        picks = rng.integers(0, len(brushes), len(batch.x))
        flips = rng.random(len(batch.x)) < 0.5
        rows = np.stack([batch.x, batch.y, batch.angle, batch.length, batch.width, batch.bend], axis=1).tolist()
        for n, row in enumerate(rows):
            self._stroke(row, batch.color[n], batch.second[n], brushes[picks[n]], bool(flips[n]), opacity,
                         thickness, regions)  # fmt: skip

    def _stroke(self, row: list[float], color: Array, second: Array, tip: Tip, flip: bool, opacity: float,
                thickness: float, regions: NDArray[np.int32] | None) -> None:  # fmt: skip
        x, y, angle, length, width, bend = row
        rows, cols = self.body.shape
        cos, sin = math.cos(angle), math.sin(angle)
        half = length / 2
        # A parabola stands for the arc; beyond this bend it would no longer look like one.
        bend = max(-1.5 / length, min(1.5 / length, bend))
        sag = bend * half * half / 2
        xs = (cos * half - sin * sag, -cos * half - sin * sag, 0.0)
        ys = (sin * half + cos * sag, -sin * half + cos * sag, 0.0)
        margin = width * 0.5 + 1
        x0, x1 = max(0, int(x + min(xs) - margin)), min(cols, int(x + max(xs) + margin) + 2)
        y0, y1 = max(0, int(y + min(ys) - margin)), min(rows, int(y + max(ys) + margin) + 2)
        if x0 >= x1 or y0 >= y1:
            return
        dx = np.arange(x0, x1, dtype=np.float32)[None, :] - np.float32(x)
        dy = np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(y)
        along = cos * dx + sin * dy
        across = cos * dy - sin * dx
        if abs(bend) * length > 0.02:
            across = (across - (bend / 2) * along * along) / np.sqrt(1 + (bend * along) ** 2)
        inside = (np.abs(along) < half) & (np.abs(across) < width / 2)
        if regions is not None:
            here = regions[min(rows - 1, max(0, int(y))), min(cols - 1, max(0, int(x)))]
            inside &= regions[y0:y1, x0:x1] == here
        at = np.nonzero(inside)
        if len(at[0]) == 0:
            return
        iu = ((along[at] / length + 0.5) * _ALONG).astype(np.int32)
        iv = ((across[at] / (-width if flip else width) + 0.5) * _ACROSS).astype(np.int32)
        index = np.minimum(iu, _ALONG - 1) * _ACROSS + np.minimum(iv, _ACROSS - 1)
        cover = tip.cover[index] * opacity
        share = tip.share[index][:, None]
        where = (at[0] + y0, at[1] + x0)
        old = self.color[where]
        self.color[where] = old + cover[:, None] * (color + share * (second - color) - old)
        body = self.body[where]
        new = body * 0.35 + tip.body[index] * (thickness * width)
        self.body[where] = body + cover * (new - body)

    def lit(self, strength: float = 1.0, gloss: float = 0.12, weave: Array | None = None) -> Array:
        """The painted surface under raking light; `weave` adds a canvas texture to the thickness."""
        height = self.body if weave is None else self.body + weave
        return relief(self.color, height / max(self.unit, 1e-3), strength, gloss)


def scatter(rng: Rng, canvas: Canvas, reference: Array, angle: Array, length: float, width: float, cover: float,
            where: Array | None = None, hue: float = 0.12, chroma: float = 0.15, light: float = 0.04,
            spread: float = 0.3, wander: float = 0.12, step: float = 0.5) -> Strokes:  # fmt: skip
    """Strokes all over a plan: colours and directions are read off (h, w) maps at the strokes' middles.

    `length` and `width` are in thousandths of the picture's width, `cover` is how often the area is painted
    over, `where` a (h, w) chance of a stroke, `spread` the relative deviation of the sizes, `wander` that of
    the angle in radians, and `step` how much the second paint on the brush differs from the first.
    """
    rows, cols = canvas.body.shape
    length, width = max(length * canvas.unit, 7.0), max(width * canvas.unit, 2.5)
    count = max(1, int(cover * rows * cols / (length * width)))
    x = rng.uniform(0, cols - 1e-3, count).astype(np.float32)
    y = rng.uniform(0, rows - 1e-3, count).astype(np.float32)
    if where is not None:
        kept = rng.random(count) < where[y.astype(int), x.astype(int)]
        x, y = x[kept], y[kept]
    count = len(x)
    size = np.exp(rng.normal(0, spread, count)).astype(np.float32)
    lengths = length * size * np.exp(rng.normal(0, spread / 2, count)).astype(np.float32)
    widths = width * size
    theta = angle[y.astype(int), x.astype(int)]

    def ahead(sign: float) -> Array:
        px = np.clip(x + sign * np.cos(theta) * lengths * 0.4, 0, cols - 1).astype(int)
        py = np.clip(y + sign * np.sin(theta) * lengths * 0.4, 0, rows - 1).astype(int)
        return np.asarray(angle[py, px])

    turn = ahead(1) - ahead(-1)
    turn = (turn + np.pi / 2) % np.pi - np.pi / 2
    base = reference[y.astype(int), x.astype(int)]
    color = jitter(rng, base, hue, chroma, light)
    second = jitter(rng, color, hue * step * 3, chroma, light * step * 3)
    return Strokes(x, y, theta + rng.normal(0, wander, count).astype(np.float32), lengths, widths,
                   (turn / (0.8 * lengths)).astype(np.float32), color, second)  # fmt: skip


def marks(rows: Sequence[tuple[float, float, float, float, float, float]], colors: Array, rng: Rng, unit: float,
          hue: float = 0.08, light: float = 0.04) -> Strokes:  # fmt: skip
    """Deliberate strokes: rows of (x, y, angle, length, width, bend) in thousandths, one colour each or for all."""
    table = np.array(rows, np.float32)
    tint = np.broadcast_to(colors, (len(table), 3)).astype(np.float32)
    color = jitter(rng, tint, hue, 0.1, light)
    return Strokes(table[:, 0] * unit, table[:, 1] * unit, table[:, 2], np.maximum(table[:, 3] * unit, 3.0),
                   np.maximum(table[:, 4] * unit, 1.6), table[:, 5] / unit, color,
                   jitter(rng, color, hue * 2, 0.15, light * 1.6))  # fmt: skip

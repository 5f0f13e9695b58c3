"""Watercolour: mountains over a lake in glazed washes with blooms, granulation, hard edges and lifted mist."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from .tools import Array, Rng, blur, grid, noise, paper, ramp, rgb, smoothstep, to_image

ASPECT = 0.75


class Sheet:
    """A sheet of rough paper that washes are laid on; colours multiply as transparent paint does."""

    def __init__(self, rng: Rng, rows: int, cols: int) -> None:
        self.rng, self.rows, self.cols, self.unit = rng, rows, cols, cols / 1000
        self.x, self.y = grid(rows, cols)
        self.tooth = paper(rng, rows, cols, self.unit)
        self.depth = np.zeros((rows, cols, 3), np.float32)

    def noise(self, cell: float, octaves: int = 4, gain: float = 0.5, stretch: tuple[float, float] = (1, 1)) -> Array:
        """Noise with a cell size in thousandths of the width."""
        return noise(self.rng, self.rows, self.cols, cell * self.unit, octaves, gain, stretch)

    def wash(self, mask: Array, color: Array, strength: float | Array = 1.0, edge: float = 0.5, grain: float = 0.16,
             bloom: float = 0.0) -> None:  # fmt: skip
        """One wash through a soft (h, w) mask; `color` is what it looks like on white at strength 1."""
        absorb = -np.log(np.clip(color, 0.02, 0.995))
        amount = mask * strength * (1 + 0.16 * self.noise(150, 3) + 0.07 * self.noise(24, 3))
        if edge:
            # The wash dries from its rim: pigment is carried out to it.
            rim = np.clip(mask - blur(mask, 2.2 * self.unit), 0, 1)
            amount = amount * (1 + edge * 2.4 * rim * np.clip(1 + 0.7 * self.noise(90, 2), 0, 2))
        if bloom:
            field = self.noise(170, 6, 0.56)
            inside = smoothstep(0.0, 0.10, field - 1.0)
            line = np.exp(-(((field - 0.97) / 0.045) ** 2))
            amount = amount * (
                1 - bloom * 0.55 * inside * np.exp(-np.clip(field - 1.0, 0, 9) / 0.9) + bloom * 0.6 * line
            )
        amount = np.clip(amount * (1 - 0.62 * grain * self.tooth), 0, None) * 0.78
        self.depth += amount[..., None] * absorb

    def lift(self, mask: Array, share: float) -> None:
        """Take paint off with a damp brush or sponge."""
        self.depth *= (1 - share * np.clip(mask, 0, 1))[..., None]

    def picture(self) -> Array:
        """The dry sheet in daylight."""
        white = rgb("fbf7ec")[0] * (1 + 0.014 * self.tooth)[..., None]
        return np.asarray(white * np.exp(-self.depth), np.float32)


def _pine(draw: ImageDraw.ImageDraw, rng: Rng, x: float, base: float, tall: float, unit: float) -> None:
    lean = rng.normal(0, 0.02) * tall
    spots = [(x - 0.012 * tall, base), (x + lean, base - tall), (x + 0.012 * tall, base)]
    draw.polygon([(px * unit, py * unit) for px, py in spots], fill=255)
    tiers = int(15 + tall / 12)
    for k in range(tiers):
        t = (k + 1) / (tiers + 0.6)
        y = base - tall * (1 - t) - 0.0 * tall
        if t > 0.93:
            continue
        reach = tall * (0.03 + 0.23 * t**0.9) * rng.uniform(0.6, 1.15)
        for side in (-1, 1):
            if rng.random() < 0.12:
                continue
            span = reach * rng.uniform(0.55, 1.15)
            drop = span * rng.uniform(0.16, 0.5)
            mid = x + lean * (1 - t)
            fan = [(mid, y - 0.018 * tall), (mid + side * span * 0.55, y + drop * 0.35), (mid + side * span, y + drop)]
            for j in range(5):
                f = 1 - j / 5
                fan.append((mid + side * span * f * 0.92, y + drop * f + rng.uniform(0.006, 0.036) * tall))
                fan.append((mid + side * span * (f - 0.08), y + drop * (f - 0.1) + 0.004 * tall))
            fan.append((mid, y + 0.022 * tall))
            draw.polygon([(px * unit, py * unit) for px, py in fan], fill=255)


def _trees(sheet: Sheet, rows: list[tuple[float, float, float]]) -> Array:
    image = Image.new("L", (sheet.cols, sheet.rows), 0)
    draw = ImageDraw.Draw(image)
    for x, base, tall in rows:
        _pine(draw, sheet.rng, x, base, tall, sheet.unit)
    return blur(np.asarray(image, np.float32) / 255, 0.6 * sheet.unit)


def _ridge(
    sheet: Sheet, base: float, high: float, cell: float, sharp: float, peaks: Sequence[tuple[float, float, float]]
) -> Array:
    line = sheet.x[0]
    rough = noise(sheet.rng, 2, sheet.cols, cell * sheet.unit, 6, sharp)[0]
    top = base - high * 0.3 * rough
    for cx, h, w in peaks:
        top = top - h * np.clip(1 - np.abs(line - cx) / w, 0, 1) ** 1.15
    return np.asarray(top, np.float32)


def _sky(sheet: Sheet) -> None:
    y, ones = sheet.y, np.ones_like(sheet.y)
    soft = sheet.noise(280, 4)
    wet = y + 34 * soft
    sheet.wash(smoothstep(300, 20, wet), rgb("4a9cd0")[0], 0.8, 0, 0.22, 0.5)
    sheet.wash(smoothstep(60, 210, wet) * smoothstep(420, 260, wet), rgb("f8bc6c")[0], 0.75, 0, 0.12, 0.35)
    sheet.wash(smoothstep(170, 330, wet) * smoothstep(480, 360, wet), rgb("ee8a94")[0], 0.7, 0, 0.14, 0.35)
    sheet.wash(ones, rgb("fff3d4")[0], 0.8, 0)
    clouds = smoothstep(0.2, 1.1, sheet.noise(200, 6, 0.6, (0.5, 1.5)) - np.abs(y - 120) / 170)
    sheet.lift(clouds, 0.85)
    sheet.wash(np.roll(clouds, round(16 * sheet.unit), 0) * (1 - 0.5 * clouds), rgb("a59ccc")[0], 0.5, 0.5, 0.25)
    sun = np.hypot(sheet.x - 655, y - 226)
    sheet.lift(smoothstep(140, 30, sun), 0.6)
    sheet.lift(smoothstep(41, 38, sun), 0.9)
    sheet.wash(smoothstep(39.5, 37.5, sun), rgb("ffc23d")[0], 0.9, 0.5)


def paint(size: int, seed: int) -> Image.Image:
    """The picture, `size` pixels wide."""
    rng = np.random.default_rng(seed)
    cols, rows = 2 * size, round(2 * size * ASPECT)
    sheet = Sheet(rng, rows, cols)
    x, y, u = sheet.x, sheet.y, sheet.unit
    _sky(sheet)
    shore = 520.0
    layers = [
        (330, 70, 210, 0.52, [(300, 150, 240), (860, 110, 190)], "a9b4dc", "d8b6cc", 0.85),
        (400, 66, 180, 0.54, [(120, 150, 190), (520, 70, 190)], "6f8cc8", "a08cc0", 0.9),
        (452, 58, 150, 0.55, [(790, 170, 230), (1010, 90, 150)], "3c68ac", "5a8ca8", 0.95),
        (496, 40, 110, 0.56, [(330, 70, 260), (40, 110, 150)], "24508a", "3f8a86", 1.0),
    ]
    for base, high, cell, sharp, peaks, cool, warm, strength in layers:
        top = _ridge(sheet, base, high, cell, sharp, peaks)
        depth = y - top[None, :]
        mask = smoothstep(-0.6, 0.9, depth) * smoothstep(shore + 2, shore - 2, y)
        fade = 1 - 0.86 * smoothstep(10, 150, depth + 26 * sheet.noise(160, 3))
        slopes = sheet.noise(60, 5, 0.6, (2.4, 1))
        color = ramp(rgb(warm, cool), 0.5 + 0.5 * sheet.noise(260, 2))
        sheet.lift(mask * (1 - 0.4 * smoothstep(60, 160, depth)), 0.5)  # the paint below softens and gives way
        sheet.wash(mask * fade, color, strength, 0.75, 0.24, 0.6)
        faces = smoothstep(0.15, 0.5, slopes + 0.3 * np.sin(x / 30)) * smoothstep(120, 5, depth)
        sheet.wash(mask * faces, color, 0.5 * strength, 0.8, 0.24)  # shaded faces, a second glaze
    far = [(float(px), shore - 2 + rng.uniform(-3, 3), rng.uniform(16, 44)) for px in rng.uniform(-10, 1010, 95)
           if not 430 < px < 640]  # fmt: skip
    sheet.wash(_trees(sheet, far), rgb("2c6a6e")[0], 1.0, 0.6)
    # The lake takes the colours above it, upside down and pulled sideways.
    water = smoothstep(shore - 0.5, shore + 1.0, y)
    mirror = np.clip((2 * shore * u - np.arange(rows) * 1.06 + 0.06 * shore * u).astype(int), 0, rows - 1)
    sway = np.rint(5 * u * np.sin(y[:, :1] / 5 + 3 * sheet.noise(60, 2)[:, :1])).astype(int)
    reflected = sheet.depth[mirror[:, None], np.clip(np.arange(cols)[None, :] + sway, 0, cols - 1)]
    smear = blur(reflected, 3.2 * u)
    sheet.depth = sheet.depth * (1 - water[..., None]) + smear * (0.66 * water)[..., None]
    sheet.wash(water, rgb("86c2d0")[0], 0.45 + 0.45 * smoothstep(shore, 750, y), 0, 0.25, 0.7)
    ripple = sheet.noise(46, 4, 0.6, (0.13, 2.6)) + 0.5 * np.sin(y / 6 + 2 * sheet.noise(200, 2))
    sheet.wash(water * smoothstep(0.9, 1.25, ripple), rgb("2f6f9a")[0], 0.7, 0.7)
    sheet.lift(water * smoothstep(1.25, 1.6, -ripple), 0.6)
    path = np.exp(-(((x - 655) / (26 + (y - shore) * 0.18)) ** 2))
    sheet.lift(water * path * smoothstep(0.2, 0.7, -ripple), 0.85)
    sheet.wash(water * path * smoothstep(-0.2, 0.6, -ripple), rgb("ffb85a")[0], 0.5, 0.5)
    bank = 668 - 80 * np.exp(-((x / 260) ** 2)) - 34 * np.exp(-(((x - 1000) / 150) ** 2)) + 8 * sheet.noise(90, 5, 0.6)
    ground = smoothstep(-1, 1, y - bank)
    sheet.lift(ground, 0.95)
    earth = ramp(rgb("c08a3c", "8a9a3a", "4f7a3c", "7a4a3a"), 0.5 + 0.4 * sheet.noise(130, 3))
    sheet.wash(ground, earth, 1.0, 0.8, 0.3, 0.9)
    sheet.wash(ground * smoothstep(0.2, 0.8, sheet.noise(45, 4, 0.6, (0.5, 1.5))), rgb("3c5a44")[0], 0.8, 0.9, 0.3)
    near = [
        (62, 690, 400),
        (150, 700, 300),
        (8, 700, 330),
        (228, 712, 215),
        (948, 690, 250),
        (1002, 700, 190),
        (896, 700, 130),
    ]
    for lot, tint in ((near[1::2], "3f7a6a"), (near[0::2], "1d4650")):
        mask = _trees(sheet, [(float(a), float(b), float(c)) for a, b, c in lot])
        tone = ramp(rgb(tint, "27506a", "5a6a34"), 0.35 + 0.35 * sheet.noise(70, 3))
        sheet.wash(mask, tone, 1.1 + 0.3 * sheet.noise(60, 3), 0.7, 0.28)
    image = Image.new("L", (cols, rows), 0)
    draw = ImageDraw.Draw(image)
    for _ in range(330):  # reeds, and flicked drops
        px = rng.uniform(-10, 1010)
        foot, tall, lean = rng.uniform(690, 770), rng.uniform(18, 66), rng.normal(0, 9)
        spots = [(px - 1.3, foot), (px + lean * 0.4, foot - tall * 0.6), (px + lean, foot - tall),
                 (px + lean * 0.4 + 0.9, foot - tall * 0.6), (px + 1.3, foot)]  # fmt: skip
        draw.polygon([(a * u, b * u) for a, b in spots], fill=int(rng.uniform(110, 255)))
    for _ in range(110):
        px, py, r = rng.uniform(0, 1000), rng.uniform(420, 750), math.exp(rng.normal(0.1, 0.55))
        draw.ellipse([(px - r) * u, (py - r) * u, (px + r) * u, (py + r) * u], fill=int(rng.uniform(60, 170)))
    sheet.wash(np.asarray(image, np.float32) / 255, rgb("4a4a2c")[0], 0.9, 0.6)
    return to_image(sheet.picture(), size)

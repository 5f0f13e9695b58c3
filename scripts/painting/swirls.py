"""Swirls: a windy night over a village, thousands of thick strokes along the stream lines of the sky."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from .brush import Canvas, Tip, marks, scatter, tips
from .tools import Array, Rng, grid, mix, noise, ramp, resize, rgb, smoothstep, to_image

ASPECT = 0.75
_NIGHT = rgb("0b1538", "12265c", "1b3f8c", "2c62b4", "4f8fd0", "8fbde0", "d5e2cf")
_STARS: tuple[tuple[float, float, float], ...] = (
    *((90, 110, 34), (235, 62, 26), (150, 285, 24), (330, 210, 20), (610, 70, 30), (470, 60, 20)),
    *((735, 185, 27), (640, 330, 22), (940, 300, 26), (545, 385, 16), (280, 390, 18)),
)
_MOON = (862.0, 118.0, 62.0)
_VORTICES: tuple[tuple[float, float, float, float], ...] = (
    (415, 250, 165, 1.0),
    (612, 262, 100, -1.0),
    (212, 205, 62, 1.0),
    (800, 372, 70, 1.0),
)


def _sky(rng: Rng, x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Direction of the wind, streaks along it in [0, 1], and the distance to the nearest light in its radii."""
    vx = 1.0 + 0.25 * np.sin(y / 47 + x / 200)
    vy = 0.62 * np.sin(x / 112 + 0.9 * np.sin(y / 140)) + 0.22 * np.sin(x / 47 + y / 80)
    for cx, cy, radius, power in _VORTICES:
        dx, dy = x - cx, (y - cy) * 1.1
        dist = np.hypot(dx, dy) + 1e-3
        fade = np.exp(-((dist / radius) ** 4))
        pull = 0.16  # a little inwards: closed rings become spiral arms
        vx = vx * (1 - fade) + fade * power * (-dy - pull * dx) / dist
        vy = vy * (1 - fade) + fade * power * (dx - pull * dy) / dist
    near = np.full_like(vx, 9.0)
    for cx, cy, radius in [*_STARS, _MOON]:
        dx, dy = x - cx, y - cy
        dist = np.hypot(dx, dy) + 1e-3
        fade = np.exp(-((dist / radius / 2.2) ** 4))
        vx, vy = vx * (1 - fade) - fade * dy / dist, vy * (1 - fade) + fade * dx / dist
        near = np.minimum(near, dist / radius)
    angle = np.arctan2(vy, vx).astype(np.float32)
    return angle, _streaks(rng, angle), near


def _streaks(rng: Rng, angle: Array) -> Array:
    """Noise smeared along the wind (line integral convolution), ranked into [0, 1]."""
    rows, cols = angle.shape
    small_cols = 640
    small_rows = round(rows * small_cols / cols)
    pick = (np.arange(small_rows) * rows // small_rows)[:, None], (np.arange(small_cols) * cols // small_cols)
    cos, sin = np.cos(angle[pick]), np.sin(angle[pick])
    seeds = noise(rng, small_rows, small_cols, 26, 2, 0.6)
    total = seeds.copy()
    for sign in (1.0, -1.0):
        py, px = np.mgrid[0:small_rows, 0:small_cols].astype(np.float32)
        for _ in range(30):
            iy, ix = py.astype(np.int32), px.astype(np.int32)
            px = np.clip(px + 1.6 * sign * cos[iy, ix], 0, small_cols - 1)
            py = np.clip(py + 1.6 * sign * sin[iy, ix], 0, small_rows - 1)
            total += seeds[py.astype(np.int32), px.astype(np.int32)]
    order = np.argsort(total, axis=None, kind="stable")
    rank = np.empty(total.size, np.float32)
    rank[order] = np.linspace(0, 1, total.size, dtype=np.float32)
    return np.clip(resize(rank.reshape(total.shape), rows, cols), 0, 1)


def _ridges(rng: Rng, x: Array) -> list[Array]:
    line = x[0]
    far = 505 - 62 * np.exp(-(((line - 760) / 190) ** 2)) - 38 * np.exp(-(((line - 180) / 240) ** 2))
    middle = 560 - 46 * np.sin(line / 165 + 0.6) - 14 * np.sin(line / 61)
    near = 668 + 32 * np.sin(line / 210 + 2.2) + 10 * np.sin(line / 70)
    rough = noise(rng, 2, len(line), len(line) / 16, 3)[0] * 5
    return [far + rough, middle + rough, near + 1.5 * rough]


def _village(rng: Rng, canvas: Canvas, brushes: list[Tip]) -> None:
    u = canvas.unit
    dark, wall = rgb("101a30")[0], rgb("2b4068", "3c5a74", "22365c", "46587a", "5d6472")
    for k in rng.permutation(30):
        x, base = 230 + 600 * (k + rng.uniform(-0.6, 0.6)) / 30, rng.uniform(618, 676)
        w, h = rng.uniform(30, 54), rng.uniform(18, 32)
        tone = wall[rng.integers(len(wall))]
        rows = [(x, base - h * (j + 0.5) / 3, 0.0, w * 1.15, h / 2.2, 0.0) for j in range(3)]
        canvas.paint(marks(rows, tone, rng, u), brushes, rng)
        roof = rgb("1a2c58", "3a3150", "553640", "20486a")[rng.integers(4)]
        rows = [(x - w * 0.27, base - h - w * 0.15, -0.62, w * 0.8, w * 0.26, 0.0),
                (x + w * 0.27, base - h - w * 0.15, 0.62, w * 0.8, w * 0.26, 0.0)]  # fmt: skip
        canvas.paint(marks(rows, roof, rng, u), brushes, rng)
        outline = [(x - w * 0.3, base - h - w * 0.24, -0.62, w * 0.85, 3.0, 0.0),
                   (x + w * 0.3, base - h - w * 0.24, 0.62, w * 0.85, 3.0, 0.0),
                   (x - w / 2, base - h / 2, math.pi / 2, h, 2.6, 0.0)]  # fmt: skip
        canvas.paint(marks(outline, dark, rng, u), brushes, rng)
        if rng.random() < 0.75:
            glow = rgb("ffd35a", "ffb43c", "fff0a0")[rng.integers(3)]
            spot = x + rng.uniform(-0.25, 0.25) * w
            canvas.paint(marks([(spot, base - h * 0.45, math.pi / 2, 14, 9, 0.0)], glow, rng, u), brushes, rng)
    tower = [(520.0, 630 - 22 * k, math.pi / 2, 50.0, 30.0 - 2 * k, 0.0) for k in range(3)]
    canvas.paint(marks(tower, rgb("31486e")[0], rng, u), brushes, rng)
    spire = [(520 + s * (11 - 1.9 * k), 560 - 18.0 * k, math.pi / 2 + s * 0.1, 38.0, 15.0 - 2 * k, 0.0)
             for k in range(6) for s in (-1, 1)]  # fmt: skip
    canvas.paint(marks(spire, rgb("16264e")[0], rng, u), brushes, rng)
    canvas.paint(marks([(520, 606, math.pi / 2, 18, 9, 0)], rgb("ffc94d")[0], rng, u), brushes, rng)


def _cypress(rng: Rng, canvas: Canvas, brushes: list[Tip], x: float, base: float, top: float, girth: float) -> None:
    tones = rgb("0a1a18", "12302a", "1c4230", "2f5a34", "3d3a22", "142042", "56702e")
    rows, tints = [], []
    for _ in range(460):
        t = rng.random() ** 0.9
        across = float(np.clip(rng.normal(0, 0.45), -1, 1))
        half = girth * min(1.0, 1.25 * (1 - t) ** 0.75) * (0.82 + 0.18 * math.sin(t * 19))
        px, py = x + 9 * math.sin(t * 7) + across * half, base - t * (base - top)
        tip_in = across * (0.1 + 0.5 * t) * -1  # flames lean in towards the tip
        rows.append((px, py, -math.pi / 2 + tip_in + 0.3 * math.sin(t * 17 + across * 3),
                     rng.uniform(40, 84) * (1 - 0.45 * t), rng.uniform(8, 14) * (1 - 0.3 * t),
                     rng.choice([-1, 1]) * rng.uniform(0.008, 0.022)))  # fmt: skip
        tints.append(tones[rng.integers(0, 4) if abs(across) > 0.2 else rng.integers(1, 7)])
    canvas.paint(marks(rows, np.array(tints), rng, canvas.unit), brushes, rng)


def paint(size: int, seed: int) -> Image.Image:
    """The picture, `size` pixels wide."""
    rng = np.random.default_rng(seed)
    cols, rows = 2 * size, round(2 * size * ASPECT)
    x, y = grid(rows, cols)
    angle, streaks, near = _sky(rng, x, y)
    low = smoothstep(260, 500, y)
    tone = 0.06 + 0.66 * streaks**1.25 + 0.2 * low + 0.05 * noise(rng, rows, cols, cols * 0.25, 2)
    for cx, cy, radius, power in _VORTICES:
        dist = np.hypot(x - cx, (y - cy) * 1.1) / radius
        # Two light arms along the inward wind.
        arms = np.cos(2 * np.arctan2(y - cy, x - cx) + power * 2 * np.log(dist + 0.04) / 0.16 * 0.55)
        tone = tone + (0.24 * arms + 0.1) * np.exp(-((dist / 0.85) ** 4))
    plan = ramp(_NIGHT, tone)
    ochre = smoothstep(0.62, 0.72, streaks) * smoothstep(0.8, 0.74, streaks) * smoothstep(420, 200, y)
    plan = mix(plan, rgb("b9b06a")[0], 0.4 * ochre)
    halo = ramp(rgb("fff6c4", "ffdf6b", "e8c24a", "9fb878", "5b93b8", "2a5ca8"), (near - 0.2) / 2.3)
    plan = mix(plan, halo, smoothstep(3.0, 1.2, near + 0.25 * np.sin(near * 9)))
    moon = np.hypot(x - _MOON[0], y - _MOON[1]) / _MOON[2]
    plan = mix(plan, rgb("ff9d2e")[0], smoothstep(0.98, 0.85, moon))
    plan = mix(plan, rgb("f9c04a")[0], smoothstep(1.6, 1.0, moon) * smoothstep(0.8, 1.0, moon))
    land = [rgb("141f52", "1d3a7c", "35649c"), rgb("0f2a40", "20565e", "3f7d62", "86a060"),
            rgb("0c1c2c", "1a3f3a", "376a3e", "7d8f45")]  # fmt: skip
    for line, colors in zip(_ridges(rng, x), land, strict=True):
        ground = (y > line[None, :]).astype(np.float32)
        depth = y - line[None, :]
        sway = np.gradient(line)[None, :] * (cols / 1000)
        rows_of = 0.5 + 0.5 * np.sin(depth / 7.5 + x / 50 + 0.8 * noise(rng, rows, cols, cols * 0.08, 3))
        plan = mix(plan, ramp(colors, rows_of * 0.85 + 0.12 * np.exp(-depth / 12)), ground)
        slope = np.broadcast_to(np.arctan(sway * 1.1), plan.shape[:2]) + 0.22 * np.sin(depth / 30 + x / 60)
        angle = np.where(ground > 0, slope, angle).astype(np.float32)
    canvas = Canvas(rows, cols, rgb("1a2a50")[0])
    brushes = tips(rng, "bristle", 24)
    canvas.paint(scatter(rng, canvas, plan, angle, 70, 18, 2.4, hue=0.1), brushes, rng, thickness=0.6)
    canvas.paint(scatter(rng, canvas, plan, angle, 54, 10.5, 2.0, hue=0.1, light=0.05), brushes, rng, thickness=0.8)
    canvas.paint(scatter(rng, canvas, plan, angle, 36, 6.5, 0.5, hue=0.12, light=0.08), brushes, rng)
    light = smoothstep(2.6, 1.6, near) * (y < 500)
    canvas.paint(scatter(rng, canvas, plan, angle, 24, 6, 1.6, light, 0.08, 0.1, 0.05), brushes, rng, thickness=1.3)
    core = smoothstep(0.75, 0.4, np.minimum(near, 9)) * (moon > 1)
    bright = np.broadcast_to(rgb("fffbe0")[0], plan.shape)
    canvas.paint(scatter(rng, canvas, bright, angle, 15, 6.5, 2.2, core, 0.1), brushes, rng, thickness=1.6)
    crescent = smoothstep(0.95, 0.8, moon) * smoothstep(0.62, 0.8, np.hypot(x - 882, y - 106) / 52)
    gold = np.broadcast_to(rgb("ffd65c")[0], plan.shape)
    canvas.paint(scatter(rng, canvas, gold, angle, 26, 8, 2.4, crescent, 0.1), brushes, rng, thickness=1.5)
    _village(rng, canvas, brushes)
    front = (y > 655).astype(np.float32)
    canvas.paint(scatter(rng, canvas, plan, angle, 34, 8, 1.5, front, 0.2, 0.2, 0.07), brushes, rng)
    _cypress(rng, canvas, brushes, 128, 775, 205, 62)
    _cypress(rng, canvas, brushes, 196, 775, 420, 40)
    return to_image(canvas.lit(0.8, 0.14), size)

"""Pointillism: a sunlit river bank in dots of divided colour, three sizes over a warm ground."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .brush import Canvas, Strokes, tips
from .tools import Array, Rng, grid, mix, noise, ramp, rgb, smoothstep, to_image

ASPECT = 0.75
_PAINTS = rgb(
    *("f7f3e3", "ffe98a", "ffd02e", "f79a28", "ee5a2b", "d62f4b", "e58fb4", "b05fb0", "6a3f9c", "2f3f9e"),
    *("2a66c0", "5fa3dc", "a8d4ec", "2c9c9a", "1f7a4a", "56a83a", "a5cc44", "dfe37a", "8a5a34", "24305e"),
)


def _blob(x: Array, y: Array, cx: float, cy: float, rx: float, ry: float, rough: Array, edge: float = 0.12) -> Array:
    return smoothstep(1.0, 1.0 - edge, np.hypot((x - cx) / rx, (y - cy) / ry) + 0.16 * rough)


def _box(x: Array, y: Array, x0: float, y0: float, x1: float, y1: float) -> Array:
    return ((x > x0) & (x < x1) & (y > y0) & (y < y1)).astype(np.float32)


def _figure(plan: Array, x: Array, y: Array, cx: float, foot: float, tall: float, coat: str, shade: str,
            parasol: str = "") -> Array:  # fmt: skip
    """A strolling figure: skirt, bodice, hat, and a parasol over the shoulder where a colour is given."""
    u = (foot - y) / tall  # 0 at the feet, 1 at the hat
    v = (x - cx) / tall
    skirt = (u > 0) & (u < 0.52) & (np.abs(v) < 0.19 - 0.24 * u + 0.14 * u**2)
    bodice = (u >= 0.5) & (u < 0.8) & (np.abs(v) < 0.06 + 0.05 * np.sin((u - 0.5) * 9))
    coat_mask = (skirt | bodice).astype(np.float32)
    plan = mix(plan, rgb(coat)[0], coat_mask)
    plan = mix(plan, rgb(shade)[0], coat_mask * smoothstep(-0.02, 0.07, v))
    head = (np.hypot(v, u - 0.855) < 0.058).astype(np.float32)
    plan = mix(plan, rgb("e0a070")[0], head)
    hat = ((np.hypot(v / 1.6, u - 0.915) < 0.05) & (u > 0.885)).astype(np.float32)
    plan = mix(plan, rgb(shade)[0], hat)
    if parasol:
        du, dv = u - 0.93, v + 0.16
        plan = mix(
            plan,
            rgb("5a2a3a")[0],
            ((np.abs(dv - 0.16 + 0.42 * (u - 0.6)) < 0.012) & (u > 0.6) & (u < 1)).astype(np.float32),
        )
        tilt_u, tilt_v = du + 0.3 * dv, dv - 0.3 * du
        dome = ((np.hypot(tilt_v / 0.3, tilt_u / 0.24) < 1) & (tilt_u > 0.02 * np.cos(tilt_v * 40))).astype(np.float32)
        plan = mix(plan, rgb(parasol)[0], dome)
        plan = mix(plan, rgb("a8306a")[0], dome * smoothstep(-0.02, 0.2, tilt_v) * 0.9)
        plan = mix(plan, rgb("ffd86a")[0], dome * smoothstep(-0.1, -0.22, tilt_v) * 0.7)
    return plan


def _plan(rng: Rng, rows: int, cols: int) -> tuple[Array, Array]:
    """The scene in flat colour, and the direction of the dots."""
    x, y = grid(rows, cols)
    rough = noise(rng, rows, cols, cols * 0.05, 4, 0.65)
    big = noise(rng, rows, cols, cols * 0.2, 3)
    plan = ramp(rgb("6fa9e0", "9cc8ea", "cfe3e4", "fbeec2", "ffe0a6"), y / 270 + 0.04 * big)
    clouds = smoothstep(0.5, 1.5, noise(rng, rows, cols, cols * 0.2, 4, 0.5, (0.5, 1.5)) - y / 300)
    plan = mix(plan, rgb("fdf0dc")[0], 0.85 * clouds)
    far = 248 - 12 * np.sin(x / 90) - 10 * big
    plan = mix(plan, ramp(rgb("8fa8d8", "7a90c8", "8ab098"), (y - far) / 40), (y > far).astype(np.float32))
    bank = 276 - 26 * np.abs(np.sin(x / 74 + 0.5 * np.sin(x / 31))) - 9 * rough
    trees = ramp(rgb("b9cc58", "6fae48", "2f7e52", "2b4f86"), (y - bank) / 50 + 0.12 * rough)
    plan = mix(plan, trees, (y > bank).astype(np.float32))
    for hx, hw, hh, wall, roof in (
        (598, 40, 26, "fbe9c4", "e0552f"),
        (668, 30, 20, "f4d9a8", "b84a50"),
        (330, 34, 22, "fff0d0", "d9683a"),
    ):
        plan = mix(plan, rgb(wall)[0], _box(x, y, hx, 302 - hh, hx + hw, 304))
        top = (np.abs(x - hx - hw / 2) < (y - (302 - hh * 1.75)) * 1.05) & (y < 302 - hh) & (y > 302 - hh * 1.75)
        plan = mix(plan, rgb(roof)[0], top.astype(np.float32))
    river = (y > 304).astype(np.float32)
    mirror = plan[np.clip((608 * cols / 1000 - np.arange(rows)).astype(int), 0, rows - 1)]
    glint = np.sin(y / 5.2 + 2.5 * noise(rng, rows, cols, cols * 0.06, 2, 0.5, (0.3, 3)))
    water = mix(mirror * 0.92, ramp(rgb("5a9fd8", "3f7fcc", "4f6fc0"), (y - 304) / 260), 0.45 + 0.15 * glint)
    water = mix(water, rgb("fff2b8")[0], 0.8 * smoothstep(0.75, 1.0, glint) * np.exp(-(((x - 470) / 120) ** 2)))
    plan = mix(plan, water, river)
    for sx, sy, s in ((420, 352, 70), (545, 326, 38), (765, 338, 50)):
        t = np.clip((y - (sy - s * 1.5)) / (s * 1.5), 0, 1)
        sail = ((x > sx - 0.42 * s * t) & (x < sx + 0.12 * s * t) & (y < sy) & (y > sy - 1.5 * s)).astype(np.float32)
        plan = mix(plan, rgb("fffaf0")[0], sail)
        plan = mix(plan, rgb("b8b6e2")[0], sail * (x > sx - 0.04 * s))
        plan = mix(
            plan, rgb("4a3a6e")[0], smoothstep(1.05, 0.9, np.hypot((x - sx + 6) / (0.5 * s), (y - sy - 3) / (0.11 * s)))
        )
        wake = ((x > sx - 0.34 * s) & (x < sx + 0.12 * s) & (y > sy + 7) & (y < sy + 1.1 * s)).astype(np.float32)
        plan = mix(plan, rgb("eef0f0")[0], wake * (0.35 + 0.35 * (glint > 0)))
    shore = 462 - 0.19 * (x - 300) + 16 * np.sin(x / 130) + 4 * rough
    lawn = ramp(rgb("f0ea7c", "c6d850", "93c446", "6cb04a", "4f9a48"), (y - shore) / 330 + 0.1 * big + 0.05 * rough)
    plan = mix(plan, lawn, smoothstep(-1, 1, y - shore))
    plan = mix(plan, rgb("2f6a62")[0], 0.7 * np.exp(-(((y - shore + 3) / 5) ** 2)))
    path = np.abs(x - (640 - (y - 470) * 0.75 + 45 * np.sin(y / 90))) / (24 + (y - 430) * 0.24)
    plan = mix(plan, rgb("f6d9a0")[0], smoothstep(1.1, 0.85, path + 0.1 * rough) * (y > shore + 16))
    shadow = _blob(x, y, 235, 690, 430, 62, rough) + _blob(x, y, 900, 560, 180, 30, rough)
    shadow = shadow + _blob(x, y, 720, 690, 130, 12, rough) + _blob(x, y, 490, 562, 60, 6, rough)
    plan = mix(plan, rgb("2c5a86")[0], 0.72 * np.clip(shadow, 0, 1) * (y > shore))
    for person in ((452, 560, 96, "f4efe2", "9a8cc8", "f79a28"), (820, 516, 74, "7a3f8c", "43266a"),
                   (846, 520, 70, "3a55a8", "23306e"), (716, 668, 196, "e888b4", "9c3f94"),
                   (612, 690, 232, "3a46ae", "20205e", "f0482e"), (330, 612, 92, "d8442e", "7a2a5a")):  # fmt: skip
        plan = _figure(plan, x, y, *person)
    for tx, width, lean in ((112, 22, 0.05), (205, 15, -0.07), (930, 17, -0.04)):
        trunk = np.abs(x - tx - lean * (y - 600) - 4 * np.sin(y / 60)) < width * (0.55 + 0.45 * smoothstep(200, 720, y))
        bark = mix(
            np.broadcast_to(rgb("6a3a5e")[0], plan.shape),
            rgb("d8884a")[0],
            smoothstep(2, -8, x - tx - lean * (y - 600)),
        )
        base = 700 if tx < 500 else 560
        plan = mix(plan, bark, (trunk & (y > 120) & (y < base + 5 * rough)).astype(np.float32))
    for cx, cy, rx, ry in ((60, 90, 190, 130), (210, 130, 140, 100), (120, 215, 130, 66), (300, 50, 130, 70),
                           (955, 130, 110, 120), (900, 215, 70, 62), (990, 260, 70, 60)):  # fmt: skip
        crown = _blob(x, y, cx, cy, rx, ry, 1.7 * rough, 0.05)
        leaf = 0.5 + (x - cx) / rx * 0.25 - (y - cy) / ry * 0.3 + 0.28 * rough
        plan = mix(plan, ramp(rgb("1f2f6e", "1f6a4e", "3f9a40", "9fcb3e", "f2e45a"), leaf), crown)
    angle = 0.5 * big + np.where((y > 304) & (y < shore), 0.0, 0.9) + 0.6 * rough
    return np.clip(plan, 0, 1), angle.astype(np.float32)


def _divide(rng: Rng, wanted: Array, spread: float, contrast: float) -> Array:
    """Pick pure paints whose average is the wanted colour, and now and then its complement."""
    count = len(wanted)
    noisy = np.clip(wanted + rng.normal(0, spread, (count, 3)).astype(np.float32), -0.2, 1.2)
    distance = ((noisy[:, None, :] - _PAINTS[None]) ** 2 * np.array([0.9, 1.2, 0.8], np.float32)).sum(axis=2)
    paint_ids = distance.argmin(axis=1)
    picked = _PAINTS[paint_ids]
    light = wanted.mean(axis=1)
    flecks = rng.random(count) < contrast
    # In shade the flecks are violets, blues and hot reds; in the light, oranges, pinks and pale yellow.
    shade = rgb("3a3fae", "6a3f9c", "d62f4b", "2a66c0", "f07a2a")[rng.integers(0, 5, count)]
    sunny = rgb("ffb04a", "ffd86a", "f2a0b8", "a8d4ec", "f77e4a")[rng.integers(0, 5, count)]
    picked = np.where(flecks[:, None], np.where((light < 0.5)[:, None], shade, sunny), picked)
    return np.asarray(picked * 0.8 + wanted * 0.2, np.float32)


def paint(size: int, seed: int) -> Image.Image:
    """The picture, `size` pixels wide."""
    rng = np.random.default_rng(seed)
    cols, rows = 2 * size, round(2 * size * ASPECT)
    plan, angle = _plan(rng, rows, cols)
    canvas = Canvas(rows, cols, rgb("e9d3a8")[0])
    brushes = tips(rng, "dot", 16)
    unit = canvas.unit
    for width, cover, spread, contrast in (
        (12, 1.4, 0.07, 0.04),
        (8.2, 1.5, 0.1, 0.1),
        (6.0, 1.2, 0.12, 0.13),
        (4.4, 0.35, 0.12, 0.3),
    ):
        w = max(width * unit, 3.0)
        count = int(cover * rows * cols / (w * w))
        px, py = rng.uniform(0, cols - 0.01, count), rng.uniform(0, rows - 0.01, count)
        at = py.astype(int), px.astype(int)
        color = _divide(rng, plan[at], spread, contrast)
        scale = np.exp(rng.normal(0, 0.16, count))
        long = rng.uniform(1.0, 1.3, count)
        batch = Strokes(*(np.asarray(v, np.float32) for v in (
            px, py, angle[at] + rng.normal(0, 0.5, count), w * scale * long, w * scale / long**0.5, np.zeros(count),
            color, np.clip(color * rng.uniform(0.86, 1.14, (count, 1)), 0, 1))))  # fmt: skip
        canvas.paint(batch, brushes, rng, 0.96, 0.8)
    weave = 0.5 * unit * noise(rng, rows, cols, 3 * unit, 2, 0.7)
    return to_image(canvas.lit(0.3, 0.03, weave), size)

"""Cubism: a guitar, a bottle and a glass broken over tilted planes, in ochres and greys with hatching."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .brush import Canvas, Strokes, Tip, scatter, tips
from .tools import Array, Rng, blur, grid, mix, noise, ramp, rgb, smoothstep, to_image

ASPECT = 1.2
Polygon = list[tuple[float, float]]
_RAMPS = {  # shadow to light of every kind of thing
    0: rgb("2e3640", "66706e", "a8a288", "e2d6b0"),  # wall
    1: rgb("4a2f1c", "8a5a2c", "c08a44", "e6c07c"),  # guitar wood
    2: rgb("120f0e", "1d1916", "3a2c20", "5a4630"),  # hole, fingerboard
    3: rgb("16241f", "2c4a3c", "5c7f60", "b4c49a"),  # bottle
    4: rgb("4c5a66", "8496a0", "c0c8c4", "f2eedd"),  # glass
    5: rgb("8c8468", "c9bd94", "ece2c0", "faf4e0"),  # paper
    6: rgb("3a2218", "6a4028", "96683c", "b98a54"),  # table
    7: rgb("5c1f16", "98382a", "c8603c", "e89a62"),  # fruit, label
}


def _facets(rng: Rng, width: float, height: float) -> list[Polygon]:
    """Cut the sheet by straight lines, finer towards its middle."""
    done: list[Polygon] = []
    todo: list[Polygon] = [[(0, 0), (width, 0), (width, height), (0, height)]]
    axes = (0.42, 1.12, 1.95, 2.65)
    while todo:
        polygon = todo.pop()
        points = np.array(polygon)
        cx, cy = points.mean(axis=0)
        a, b = points, np.roll(points, -1, axis=0)
        area = abs(float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum())) / 2
        middle = math.hypot((cx - width / 2) / width, (cy - height * 0.52) / height)
        if area < (5200 + 62000 * middle**1.3) * rng.uniform(0.6, 1.7):
            done.append(polygon)
            continue
        spread = points.max(axis=0) - points.min(axis=0)
        theta = axes[rng.integers(4)] + rng.normal(0, 0.13)
        px, py = cx + rng.normal(0, 0.12) * spread[0], cy + rng.normal(0, 0.12) * spread[1]
        nx, ny = -math.sin(theta), math.cos(theta)
        side = (points[:, 0] - px) * nx + (points[:, 1] - py) * ny
        halves: tuple[Polygon, Polygon] = ([], [])
        for k in range(len(points)):
            j = (k + 1) % len(points)
            halves[int(side[k] > 0)].append((float(points[k, 0]), float(points[k, 1])))
            if (side[k] > 0) != (side[j] > 0):
                f = side[k] / (side[k] - side[j])
                cut = points[k] + f * (points[j] - points[k])
                for half in halves:
                    half.append((float(cut[0]), float(cut[1])))
        todo += [half for half in halves if len(half) >= 3]
    return done


def _things(x: Array, y: Array) -> tuple[NDArray[np.int32], Array]:
    """What lies at a point of the still life (keys of the ramps), and fine dark lines drawn on it."""
    kind = np.zeros(x.shape, np.int32)
    line = np.zeros(x.shape, np.float32)
    kind[y > 830 + 0.12 * (x - 500)] = 6
    sheet = (np.abs((x - 300) * 0.95 + (y - 800) * 0.3) < 170) & (np.abs((y - 800) * 0.95 - (x - 300) * 0.3) < 120)
    kind[sheet] = 5
    staff = np.abs(np.mod((y - 800) * 0.95 - (x - 300) * 0.3, 34) - 14) < 13
    rows = np.abs(np.mod((y - 800) * 0.95 - (x - 300) * 0.3, 6.5) - 3) < 0.7
    line = np.maximum(line, (sheet & staff & rows) * 0.75)
    bottle_half = np.where(y < 300, 26, 26 + 50 * smoothstep(300, 380, y))
    bottle = (np.abs(x - 735) < bottle_half) & (y > 150) & (y < 850)
    kind[bottle] = 3
    kind[bottle & (y > 500) & (y < 640)] = 7
    kind[bottle & (y > 520) & (y < 620) & (np.abs(x - 735) < 56)] = 5
    line = np.maximum(line, (bottle & (np.abs(np.abs(x - 735) - bottle_half) < 3)) * 1.0)
    # Guitar, in its own tilted axes: s along the neck, t across.
    angle = -1.02
    s = (x - 440) * math.cos(angle) + (y - 690) * math.sin(angle)
    t = -(x - 440) * math.sin(angle) + (y - 690) * math.cos(angle)
    low = 1 - ((s + 90) / 175) ** 2 - (t / 185) ** 2
    high = 1 - ((s - 120) / 140) ** 2 - (t / 142) ** 2
    body = np.maximum(low, high)
    kind[body > 0] = 1
    line = np.maximum(line, (np.abs(body) < 0.03) * 1.0)
    line = np.maximum(line, (np.abs(body - 0.11) < 0.012) * 0.6)
    hole = np.hypot(s - 92, t)
    kind[hole < 60] = 2
    line = np.maximum(line, (np.abs(hole - 69) < 2.2) * 0.8)
    neck = (s > 170) & (s < 600) & (np.abs(t) < 29)
    kind[neck] = 2
    kind[(s > 590) & (s < 700) & (np.abs(t) < 44)] = 1
    kind[(s > -170) & (s < -150) & (np.abs(t) < 74)] = 2
    strings = (s > -160) & (s < 640) & (np.abs(np.mod(t + 24, 9.6) - 4.8) < 1.0) & (np.abs(t) < 25)
    line = np.where(strings, -1.0, line)
    line = np.where(neck & (np.abs(np.mod(s, 44 + 0 * s) - 3) < 1.6), -0.7, line)
    for gx, gy in ((210, 560),):
        bowl = (np.abs(x - gx) < 62 - 0.12 * (y - gy)) & (y > gy - 90) & (y < gy + 60)
        stem = (np.abs(x - gx) < 8) & (y >= gy + 60) & (y < gy + 150)
        foot = np.hypot((x - gx) / 60, (y - gy - 152) / 14) < 1
        kind[bowl | stem | foot] = 4
        rim = np.hypot((x - gx) / 72, (y - gy + 90) / 15)
        line = np.maximum(line, (np.abs(rim - 1) < 0.14) * 1.0)
        line = np.maximum(line, (np.abs(np.abs(x - gx) - 62 + 0.12 * (y - gy)) < 2.5) * (np.abs(y - gy + 15) < 76))
    for ax, ay, r in ((640, 930, 62), (540, 985, 54)):
        kind[np.hypot(x - ax, y - ay) < r] = 7
        line = np.maximum(line, (np.abs(np.hypot(x - ax, y - ay) - r) < 2.5) * 1.0)
    return kind, line.astype(np.float32)


def paint(size: int, seed: int) -> Image.Image:
    """The picture, `size` pixels high (it stands upright)."""
    rng = np.random.default_rng(seed)
    cols, rows = round(2 * size / ASPECT), 2 * size
    unit = cols / 1000
    x, y = grid(rows, cols)
    facets = _facets(rng, 1000, 1000 * ASPECT)
    image = Image.new("I", (cols, rows), 0)
    draw = ImageDraw.Draw(image)
    for n, polygon in enumerate(facets):
        draw.polygon([(px * unit, py * unit) for px, py in polygon], fill=n)
    cell = np.asarray(image, np.int32)
    count = len(facets)
    middle = np.array([np.mean(p, axis=0) for p in facets], np.float32)
    reach = np.array([np.ptp(p, axis=0).max() for p in facets], np.float32)
    shift = rng.normal(0, 27, (count, 2)).astype(np.float32)
    spin = rng.normal(0, 0.10, count).astype(np.float32)
    zoom = np.exp(rng.normal(0, 0.09, count)).astype(np.float32)
    dx, dy = x - middle[cell, 0], y - middle[cell, 1]
    c, s = np.cos(spin)[cell] * zoom[cell], np.sin(spin)[cell] * zoom[cell]
    kind, line = _things(
        middle[cell, 0] + shift[cell, 0] + c * dx - s * dy, middle[cell, 1] + shift[cell, 1] + s * dx + c * dy
    )
    way = rng.uniform(0, 2 * np.pi, count).astype(np.float32)
    slope = (dx * np.cos(way)[cell] + dy * np.sin(way)[cell]) / (0.5 * reach[cell])
    base = rng.uniform(0.26, 0.76, count).astype(np.float32)
    tone = base[cell] + 0.42 * slope + 0.06 * noise(rng, rows, cols, 120 * unit, 3)
    vignette = np.hypot((x - 500) / 640, (y - 600) / 760)
    tone = tone + 0.12 - 0.34 * vignette**2.2
    plan = np.zeros((rows, cols, 3), np.float32)
    for k, colors in _RAMPS.items():
        plan = np.where((kind == k)[..., None], ramp(colors, tone), plan)
    cast = rgb("8a9aa8", "c89a50", "a08a60", "6a7a60", "b07a50")[rng.integers(0, 5, count)]
    plan = mix(plan, cast[cell] * (0.45 + 0.75 * np.clip(tone, 0, 1))[..., None], np.float32(0.2) + 0 * tone)
    regions = (cell * 8 + kind).astype(np.int32)
    lean = (way + np.pi / 2)[cell] + 0.12 * noise(rng, rows, cols, 200 * unit, 2)
    canvas = Canvas(rows, cols, plan * 0.86)  # underpainting: no bare ground between the clipped strokes
    brushes, dry = tips(rng, "bristle", 20), tips(rng, "dry", 14)
    for length, width, cover, light in ((90, 30, 2.8, 0.012), (60, 20, 2.2, 0.018), (34, 11, 0.7, 0.035)):
        batch = scatter(rng, canvas, plan, lean, length, width, cover, None, 0.05, 0.12, light, 0.3, 0.07, 0.3)
        canvas.paint(batch, brushes, rng, 0.95, 0.32, regions)
    _touches(rng, canvas, dry, plan, lean, cell, regions)
    _hatch(rng, canvas, facets, middle, reach, way, regions)
    _lines(rng, canvas, cell, line)
    weave = 0.22 * unit * (np.sin(x * 1.55) + np.sin(y * 1.55)) * (1 + 0.4 * noise(rng, rows, cols, 30 * unit, 2))
    picture = canvas.lit(0.6, 0.05, weave.astype(np.float32))
    return to_image(picture, round(size / ASPECT))


def _touches(rng: Rng, canvas: Canvas, brushes: list[Tip], plan: Array, lean: Array, cell: NDArray[np.int32],
             regions: NDArray[np.int32]) -> None:  # fmt: skip
    """Short square touches, side by side, that make the light planes vibrate."""
    chosen = rng.random(int(cell.max()) + 1) < 0.3
    lighter = np.clip(plan * 1.22 + 0.05, 0, 1)
    batch = scatter(rng, canvas, lighter, lean + np.float32(np.pi / 2), 20, 10, 0.6, chosen[cell].astype(np.float32),
                    0.06, 0.15, 0.04, 0.2, 0.1, 0.3)  # fmt: skip
    canvas.paint(batch, brushes, rng, 0.8, 0.4, regions)


def _hatch(rng: Rng, canvas: Canvas, facets: list[Polygon], middle: Array, reach: Array, way: Array,
           regions: NDArray[np.int32]) -> None:  # fmt: skip
    """Parallel strokes along one edge of some facets, dark or chalky."""
    pens = tips(rng, "pen", 8)
    u = canvas.unit
    rows = []
    for n in range(len(facets)):
        if rng.random() < 0.5:
            continue
        a = way[n] + np.pi / 2
        gap = rng.uniform(7, 13)
        tint = rgb("241c16", "2c2a2a", "efe4c4", "3a2a1c")[rng.integers(4)]
        for k in range(int(reach[n] * rng.uniform(0.35, 0.6) / gap)):
            off = reach[n] * 0.5 - k * gap + rng.normal(0, 1)
            px = middle[n, 0] + off * np.cos(way[n]) + rng.normal(0, 5)
            py = middle[n, 1] + off * np.sin(way[n]) + rng.normal(0, 5)
            rows.append(
                (px * u, py * u, a + rng.normal(0, 0.03), rng.uniform(30, 70) * u, rng.uniform(2.2, 3.8) * u, *tint)
            )
    table = np.array(rows, np.float32)
    batch = Strokes(table[:, 0], table[:, 1], table[:, 2], table[:, 3], table[:, 4], np.zeros(len(table), np.float32),
                    table[:, 5:8], table[:, 5:8])  # fmt: skip
    canvas.paint(batch, pens, rng, 0.72, 0.0, regions // 8)


def _lines(rng: Rng, canvas: Canvas, cell: NDArray[np.int32], line: Array) -> None:
    """Contours: the edges of the planes come and go, the drawing of the things is firmer."""
    rows, cols = cell.shape
    edge = np.zeros((rows, cols), np.float32)
    edge[:, 1:] = cell[:, 1:] != cell[:, :-1]
    edge[1:] = np.maximum(edge[1:], cell[1:] != cell[:-1])
    near = blur(edge, 1.3 * canvas.unit)
    broad = smoothstep(0.03, 0.15, near)
    come = smoothstep(-0.5, 0.9, noise(rng, rows, cols, 150 * canvas.unit, 3))
    chalk = 0.86 + 0.1 * noise(rng, rows, cols, 3 * canvas.unit, 2)
    canvas.color = mix(canvas.color, rgb("1c1612")[0], np.clip(broad * come * 0.9 * chalk, 0, 1))
    soft = np.clip(blur(line, 0.55 * canvas.unit) * 1.9, -1, 1)
    canvas.color = mix(canvas.color, rgb("191410")[0], np.clip(soft * chalk, 0, 0.92))
    canvas.color = mix(canvas.color, rgb("e9d9a8")[0], np.clip(-soft * chalk, 0, 0.9))

"""Stained glass: a rose window of jewel-coloured pieces, leaded, streaked and lit from behind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .tools import Array, Rng, blur, grid, mix, noise, relief, rgb, smoothstep, to_image

ASPECT = 0.8
_CX, _CY = 500.0, 400.0
_JEWELS = {
    "blue": rgb("0d2f9a", "1747c4", "0a1f6b", "2e6fe0", "123a86", "4a8cf0"),
    "red": rgb("a40f1c", "d21f26", "7c0a1e", "e8402c", "b5122f"),
    "gold": rgb("f2b21c", "ffd34d", "e88a12", "ffe58a"),
    "green": rgb("0d7a45", "2aa053", "075a48", "79b83a"),
    "violet": rgb("5b1a8c", "7d35b5", "42106b", "a65bc8"),
    "pale": rgb("fffbe2", "dff2fa", "ffeec0"),
}


def _figure(x: Array, y: Array) -> tuple[NDArray[np.int32], Array]:
    """The drawn design: an id for every big field and the distance to its lines in thousandths."""
    dx, dy = x - _CX, y - _CY
    r, a = np.hypot(dx, dy), np.arctan2(dy, dx)
    fold = 12
    sector = np.mod(a / (2 * np.pi) * fold + 0.5, 1.0) - 0.5  # -0.5..0.5 about a petal's axis
    half = np.mod(a / (2 * np.pi) * fold, 1.0) - 0.5
    lens = 0.40 * np.sqrt(np.clip(np.sin(np.pi * np.clip((r - 92) / 166, 0, 1)), 0, 1))
    within = (r > 84) & (r < 262)
    petal = np.where(within, np.abs(sector) - lens, 0.5)
    arc = np.hypot(r * np.cos(half * 2 * np.pi / fold) - 309, r * np.sin(half * 2 * np.pi / fold)) - 41
    heart = r - (42 + 8 * np.cos(a * 6))
    frame = np.maximum(np.abs(dx), np.abs(dy) * 1.25) - 472
    scale = 1000 / x.shape[1]
    ids = np.zeros(x.shape, np.int32)
    distance = np.full_like(x, 99.0)
    for k, f in enumerate((heart, r - 84, petal * r * 0.52, r - 262, arc, r - 356, r - 388, frame)):
        ids += (f > 0).astype(np.int32) << k
        gy, gx = np.gradient(f)
        away = np.abs(f) / np.maximum(np.hypot(gx, gy) / scale, 0.12)
        distance = np.minimum(distance, np.where(within, away, 99) if k == 2 else away)
    petal_of = np.mod(np.floor(a / (2 * np.pi) * fold + 0.5), fold).astype(np.int32)
    gap_of = np.mod(np.floor(a / (2 * np.pi) * fold), fold).astype(np.int32)
    own = np.where((petal > 0) & within, gap_of, petal_of)
    own = np.where((r > 262) & (arc < 0), gap_of, own)
    own = np.where((r > 388) | (r < 42), 0, own)
    between = (r > 356) & (r < 388) | (r > 50) & (r < 84)
    ray = np.minimum(np.abs(np.abs(sector) - 0.5), 9) * r * 2 * np.pi / fold
    distance = np.where(between, np.minimum(distance, ray), distance)
    return ids + (own << 10).astype(np.int32), distance


def _voronoi(x: Array, y: Array, seeds: Array, fields: NDArray[np.int32]) -> tuple[NDArray[np.int32], Array]:
    """Nearest seed in the same field of every pixel, and the distance to the border of its cell."""
    first = np.full(x.shape, 1e9, np.float32)
    second = np.full(x.shape, 1e9, np.float32)
    who = np.zeros(x.shape, np.int32)
    runner = np.zeros(x.shape, np.int32)
    rows, cols = x.shape
    for n, (sx, sy) in enumerate(seeds):
        # Only seeds near enough to matter: the plan has no cell wider than this window.
        x0, x1 = (max(0, int((sx - 130) * cols / 1000)), min(cols, int((sx + 130) * cols / 1000) + 1))
        y0, y1 = (max(0, int((sy - 130) * cols / 1000)), min(rows, int((sy + 130) * cols / 1000) + 1))
        if x0 >= x1 or y0 >= y1:
            continue
        box = np.s_[y0:y1, x0:x1]
        row, col = int(np.clip(sy * cols / 1000, 0, rows - 1)), int(np.clip(sx * cols / 1000, 0, cols - 1))
        d = np.where(fields[box] == fields[row, col], (x[box] - sx) ** 2 + (y[box] - sy) ** 2, np.float32(2e9))
        best = d < first[box]
        next_best = ~best & (d < second[box])
        second[box] = np.where(best, first[box], np.where(next_best, d, second[box]))
        runner[box] = np.where(best, who[box], np.where(next_best, n, runner[box]))
        first[box] = np.where(best, d, first[box])
        who[box] = np.where(best, n, who[box])
    gap = np.hypot(seeds[who, 0] - seeds[runner, 0], seeds[who, 1] - seeds[runner, 1]) + 1e-3
    border = np.where(second > 1e8, 99.0, (second - first) / (2 * gap))
    return who, np.where(first > 1e8, 0.0, border).astype(np.float32)  # a sliver without a seed is all lead


def _seeds(rng: Rng) -> Array:
    """Middles of the pieces: rings about the rose, fans about the four corners, and filling between."""
    points: list[tuple[float, float]] = []
    rings = ((22, 6, 0.5), (66, 12, 0), (116, 12, 0), (158, 12, 0), (188, 24, 0.5), (232, 24, 0.5), (236, 12, 0.5),
             (288, 12, 0.5), (328, 12, 0.5), (309, 24, 0.25), (340, 12, 0), (280, 12, 0), (372, 36, 0.5))  # fmt: skip
    for radius, count, shift in rings:
        for k in range(count):
            a = 2 * np.pi * (k + shift) / count + rng.normal(0, 0.03)
            rr = radius + rng.normal(0, 4)
            points.append((_CX + rr * np.cos(a), _CY + rr * np.sin(a)))
    for cx, cy in ((0, 0), (1000, 0), (0, 800), (1000, 800)):
        for radius in (22, 66, 112, 160, 208, 256):
            count = max(1, round(radius * np.pi / 2 / 46))
            for k in range(count):
                a = np.pi / 2 * (k + 0.5 + rng.normal(0, 0.1)) / count
                points.append((abs(cx - (radius + rng.normal(0, 4)) * np.cos(a)), abs(cy - radius * np.sin(a))))
    for k in range(44):  # the strip outside the frame
        side = (k % 11 + rng.uniform(0.3, 0.7)) / 11
        points.append(((1000 * side, 8), (1000 * side, 792), (12, 800 * side), (988, 800 * side))[k // 11])
    for _ in range(2500):
        p = (rng.uniform(-10, 1010), rng.uniform(-10, 810))
        if np.hypot(p[0] - _CX, p[1] - _CY) > 400 and all(
            (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 > 36**2 for q in points
        ):
            points.append(p)
    return np.array(points, np.float32)


def _family(rng: Rng, r: float, a: float) -> str:
    turn = (a / (2 * np.pi) * 12) % 2
    choices: tuple[str, ...]
    if r < 44:
        choices = ("gold", "pale")
    elif r < 84:
        choices = ("red", "red", "violet")
    elif r < 262:
        inside = abs((a / (2 * np.pi) * 12 + 0.5) % 1 - 0.5) < 0.4 * np.sqrt(max(0.0, np.sin(np.pi * (r - 88) / 172)))
        petal = ("red", "red", "violet", "gold") if int(turn + 0.5) % 2 else ("blue", "blue", "green", "pale")
        choices = petal if inside else ("blue", "blue", "violet")
        if inside and r < 130:
            choices = ("gold", "gold", "pale")
    elif r < 356:
        choices = ("green", "gold", "green", "blue") if int(r / 23) % 2 else ("red", "gold", "pale", "red")
    elif r < 388:
        choices = ("gold", "red") if int(turn * 2) % 2 else ("gold", "gold")
    else:
        choices = ("blue", "blue", "blue", "violet", "green", "blue", "red", "blue", "gold", "pale")
    return str(choices[rng.integers(len(choices))])


def paint(size: int, seed: int) -> Image.Image:
    """The picture, `size` pixels wide."""
    rng = np.random.default_rng(seed)
    cols, rows = 2 * size, round(2 * size * ASPECT)
    unit = cols / 1000
    x, y = grid(rows, cols)
    wobble = 2.3
    x2 = x + wobble * noise(rng, rows, cols, 90 * unit, 3)
    y2 = y + wobble * noise(rng, rows, cols, 90 * unit, 3)
    fields, drawn = _figure(x2, y2)
    cells, border = _voronoi(x2, y2, _seeds(np.random.default_rng([seed, 1])), fields)
    keys, piece = np.unique(fields.astype(np.int64) * 4096 + cells, return_inverse=True)
    piece = piece.reshape(rows, cols)
    count = int(piece.max()) + 1
    area = np.bincount(piece.ravel(), minlength=count)
    middle_x = np.bincount(piece.ravel(), x.ravel(), count) / area
    middle_y = np.bincount(piece.ravel(), y.ravel(), count) / area
    radius = np.hypot(middle_x - _CX, middle_y - _CY)
    tint = np.empty((count, 3), np.float32)
    for k in range(count):
        # A piece has its own generator, so that its colour is the same at every size of the picture.
        own = np.random.default_rng([seed, int(keys[k])])
        family = _JEWELS[_family(own, radius[k], np.arctan2(middle_y[k] - _CY, middle_x[k] - _CX) % (2 * np.pi))]
        tint[k] = family[own.integers(len(family))] * own.uniform(0.82, 1.12)
    glass: Array = np.clip(tint, 0, 1)[piece]
    streaky = np.stack([noise(rng, rows, cols, 16 * unit, 4, 0.65, s) for s in ((1, 7), (7, 1), (2.5, 2.5), (1.4, 4))])
    which = rng.integers(0, 4, count)[piece]
    streak = np.take_along_axis(streaky, which[None], axis=0)[0]
    pull = rng.uniform(0.3, 1.0, count).astype(np.float32)[piece]
    ripples = noise(rng, rows, cols, 7 * unit, 3, 0.7)
    light = 0.94 + 0.22 * pull * streak + 0.07 * ripples
    center = np.hypot(x - _CX, (y - _CY) * 1.1)
    light = light * (1.22 - 0.55 * smoothstep(60, 640, center)) + 0.08 * noise(rng, rows, cols, 260 * unit, 2)
    tilt = rng.normal(0, 0.10, (2, count)).astype(np.float32)
    lean_x = tilt[0][piece] * (x - middle_x.astype(np.float32)[piece])
    lean_y = tilt[1][piece] * (y - middle_y.astype(np.float32)[piece])
    light = light + np.clip((lean_x + lean_y) / 28, -0.3, 0.3)
    glass = (
        np.clip(glass, 0.015, 1) ** (1.28 - 0.42 * np.clip(light, 0, 1.6))[..., None]
        * np.clip(light, 0.2, 1.7)[..., None]
    )
    bubbles = smoothstep(2.3, 2.6, noise(rng, rows, cols, 5 * unit, 1))
    glass = mix(glass, np.clip(glass * 1.8 + 0.12, 0, 1), 0.6 * bubbles)
    edge = np.minimum(border, drawn)
    shade = 0.45 + 0.55 * smoothstep(2.0, 11.0, edge)  # paint and dirt gather along the leads
    glass = glass * shade[..., None]
    width_thin = 2.7 + 0.55 * noise(rng, rows, cols, 60 * unit, 2)
    width_bold = 4.6 + 0.6 * noise(rng, rows, cols, 90 * unit, 2)
    lead = np.maximum(smoothstep(0.5, -0.5, border - width_thin), smoothstep(0.5, -0.5, drawn - width_bold))
    dome = np.maximum(np.sqrt(np.clip(1 - (border / width_thin) ** 2, 0, 1)) * 0.6,
                      np.sqrt(np.clip(1 - (drawn / width_bold) ** 2, 0, 1)))  # fmt: skip
    solder = smoothstep(0.9, 0.2, (border + drawn) / 7) * 0.8
    metal = np.empty_like(glass)
    metal[:] = rgb("1d2026")[0]
    metal = relief(metal * (1 + 0.2 * ripples)[..., None], (dome + 0.5 * solder) * 4 + 0.12 * ripples, 1.6, 0.5)
    bloom = blur(np.clip(glass, 0, 1), 9 * unit)
    window = mix(glass, metal, lead) + 0.2 * bloom * (1 - 0.35 * lead)[..., None]
    return to_image(np.clip(window, 0, 1), size)

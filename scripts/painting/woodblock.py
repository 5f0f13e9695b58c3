"""Woodblock: a breaking sea in flat indigo bands with key lines, foam claws, a graded sky and wood grain."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from .tools import Array, Rng, blur, grid, mix, noise, paper, rgb, smoothstep, to_image

ASPECT = 0.75
Points = list[tuple[float, float]]
KEY, CREAM = "#18264a", "#f1e8d0"
BANDS = ("#1c3166", "#2c4f8c", "#22407a", "#5f8db4", "#2c4f8c", "#a9c6cc", "#1c3166", "#3f6ea4")


def spline(points: Points, count: int = 160) -> Array:
    """A Catmull-Rom curve through the points, (count, 2)."""
    p = np.array([points[0], *points, points[-1]], np.float32)
    t = np.linspace(0, len(points) - 1 - 1e-4, count)
    k = t.astype(int)
    f = (t - k)[:, None]
    a, b, c, d = p[k], p[k + 1], p[k + 2], p[k + 3]
    return np.asarray(0.5 * (2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2
                             + (3 * b - a - 3 * c + d) * f**3), np.float32)  # fmt: skip


class Block:
    """Drawing with cut shapes in thousandths of the width."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width, height), CREAM)
        self.draw = ImageDraw.Draw(self.image)
        self.unit = width / 1000

    def shape(self, points: Array, color: str) -> None:
        """Fill a closed (n, 2) outline."""
        self.draw.polygon([(float(x) * self.unit, float(y) * self.unit) for x, y in points], fill=color)

    def line(self, points: Array, width: float, color: str = KEY, taper: float = 0.85) -> None:
        """A carved line which swells in the middle; `taper` is how much thinner its ends are."""
        if len(points) < 2:
            return
        step = np.gradient(points, axis=0)
        normal = np.stack([-step[:, 1], step[:, 0]], axis=1) / (np.hypot(step[:, 0], step[:, 1])[:, None] + 1e-6)
        swell = 1 - taper * np.abs(np.linspace(-1, 1, len(points))) ** 2.2
        side = normal * (swell * width / 2)[:, None]
        self.shape(np.concatenate([points + side, (points - side)[::-1]]), color)

    def disc(self, x: float, y: float, radius: float, color: str) -> None:
        """Fill a circle."""
        u = self.unit
        self.draw.ellipse([(x - radius) * u, (y - radius) * u, (x + radius) * u, (y + radius) * u], fill=color)


def claw(rng: Rng, x: float, y: float, angle: float, size: float, hook: float, depth: int = 1) -> list[Array]:
    """A foam finger: a tapering hook with smaller ones on its outer side; every part is an outline (n, 2)."""
    count = 16
    t = np.linspace(0, 1, count)
    turn = angle + hook * t**1.5
    step = size / count
    cx, cy = x + np.cumsum(np.cos(turn)) * step, y + np.cumsum(np.sin(turn)) * step
    half = size * 0.17 * (1 - t) ** 0.75 + size * 0.012
    left = np.stack([cx - np.sin(turn) * half, cy + np.cos(turn) * half], axis=1)
    right = np.stack([cx + np.sin(turn) * half, cy - np.cos(turn) * half], axis=1)
    parts = [np.concatenate([left, right[::-1]]).astype(np.float32)]
    if depth:
        for at in (4, 7, 10):
            side = -math.copysign(rng.uniform(0.55, 0.95), hook)
            parts += claw(rng, float(cx[at]), float(cy[at]), float(turn[at]) + side,
                          size * rng.uniform(0.3, 0.46), hook * 1.25, depth - 1)  # fmt: skip
    return parts


def foam(rng: Rng, block: Block, line: Array, size: float, hang: float, hook: float, gap: float) -> None:
    """A foam crest along a line: scalloped mass, then claws that hang to the side of angle `hang`."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0], np.cumsum(steps)])
    discs: list[tuple[float, float, float]] = []
    parts: list[Array] = []
    at = 0.0
    while at < along[-1]:
        x, y = float(np.interp(at, along, line[:, 0])), float(np.interp(at, along, line[:, 1]))
        k = min(len(line) - 2, int(np.searchsorted(along, at)))
        course = math.atan2(line[k + 1, 1] - line[k, 1], line[k + 1, 0] - line[k, 0])
        grow = 0.55 + 0.45 * at / along[-1]
        for _ in range(2):
            discs.append((x + rng.normal(0, size * 0.12), y + rng.normal(0, size * 0.12),
                          size * grow * rng.uniform(0.13, 0.27)))  # fmt: skip
        parts += claw(rng, x, y, course + hang + rng.normal(0, 0.28), size * grow * rng.uniform(0.8, 1.75),
                      hook * rng.uniform(0.7, 1.3))  # fmt: skip
        at += gap * grow * rng.uniform(0.7, 1.3)
    for part in parts:
        block.line(np.concatenate([part, part[:1]]), 4.6, KEY, 0.0)
        block.shape(part, KEY)
    for x, y, r in discs:
        block.disc(x, y, r + 2.3, KEY)
    for part in parts:
        block.shape(part, CREAM)
    for x, y, r in discs:
        block.disc(x, y, r, CREAM)
    for x, y, r in discs:  # carved curls and pale blue shadows inside the mass
        start = rng.uniform(0, 2 * math.pi)
        t = np.linspace(start, start + rng.uniform(1.6, 3.2), 14)
        curl = np.stack([x + np.cos(t) * r * 0.72, y + np.sin(t) * r * 0.72], axis=1)
        block.line(curl, 3.2 if rng.random() < 0.5 else 2.0, "#a9c6cc" if rng.random() < 0.55 else KEY)


def body(rng: Rng, block: Block, face: Array, back: Array, cuts: int, fine: int = 3) -> None:
    """Bands between two curves that meet at the crest; band edges wander, thin lines run inside."""
    n = len(face)
    t = np.linspace(0, 1, n)
    block.shape(np.concatenate([face, back[::-1]]), BANDS[1])
    edges = np.linspace(0, 1, cuts + 1) + np.concatenate([[0], rng.normal(0, 0.22 / cuts, cuts - 1), [0]])

    def curve(s: float, phase: float) -> Array:
        wander = np.clip(s + 0.35 / cuts * np.sin(t * 5 + phase) * (0 < s < 1), 0, 1)[:, None]
        return np.asarray(face * (1 - wander) + back * wander, np.float32)

    phases = rng.uniform(0, 6.3, cuts + 1)
    for i in range(cuts):
        a, b = curve(edges[i], phases[i]), curve(edges[i + 1], phases[i + 1])
        block.shape(np.concatenate([a, b[::-1]]), BANDS[i % len(BANDS)])
        for j in range(fine):
            part = (j + 1) / (fine + 1)
            lo, hi = sorted(rng.uniform(0, 1, 2))
            if hi - lo > 0.2:
                piece = (a * (1 - part) + b * part)[int(lo * n) : int(hi * n)]
                block.line(piece, rng.uniform(1.2, 2.6), (KEY, CREAM, "#a9c6cc")[rng.integers(3)])
    for i in range(cuts + 1):
        block.line(curve(edges[i], phases[i]), 3.4, KEY, 0.5)


def _sea(rng: Rng, block: Block, top: float, swell: float, rows: int, phase: float) -> None:
    x = np.linspace(-20, 1020, 220)
    previous = None
    for k in range(rows + 1):
        depth = k / rows
        y = (
            top
            + (815 - top) * depth**1.2
            + swell * (0.7 + depth * 0.5) * np.sin(x / (120 + 70 * depth) + phase + k * 0.45)
        )
        y = y + swell * 0.3 * np.sin(x / 41 + k * 1.7 + phase)
        line = np.stack([x, y], axis=1).astype(np.float32)
        if previous is not None:
            block.shape(np.concatenate([previous, line[::-1]]), BANDS[(k * 3) % len(BANDS)])
            for _ in range(16):
                lo = int(rng.integers(0, 180))
                part = rng.uniform(0.2, 0.8)
                piece = (previous * (1 - part) + line * part)[lo : lo + int(rng.integers(14, 46))]
                block.line(piece, rng.uniform(1.4, 3.4), (KEY, CREAM, "#a9c6cc")[rng.integers(3)], 1.0)
            block.line(previous, 3.2, KEY, 0.4)
        previous = line


def _boat(block: Block, x: float, y: float, size: float) -> None:
    hull = spline([(x - size, y - size * 0.22), (x - size * 0.5, y + size * 0.1), (x + size * 0.5, y + size * 0.12),
                   (x + size * 1.1, y - size * 0.34)], 40)  # fmt: skip
    deck = spline([(x + size * 1.1, y - size * 0.34), (x, y - size * 0.06), (x - size, y - size * 0.22)], 30)
    top, bottom, luff = (x, y - size * 1.75), (x + size * 0.6, y - size * 0.2), (x - size * 0.3, y - size * 0.18)
    leech = spline([top, (x + size * 0.62, y - size), bottom], 20)
    foot = spline([bottom, (x, y - size * 0.12), luff], 20)
    sail = np.concatenate([leech, foot, spline([luff, (x - size * 0.12, y - size), top], 20)])
    block.shape(sail, "#f4ead2")
    for k in range(1, 5):
        f = k / 5
        at = y - size * (1.75 - 1.55 * f)
        batten = np.array([[x - size * 0.3 * f, at], [x + size * 0.62 * f, at]], np.float32)
        block.line(batten, 1.6, KEY, 0.3)
    block.line(np.concatenate([sail, sail[:1]]), 2.6, KEY, 0.0)
    block.shape(np.concatenate([hull, deck]), "#b98a50")
    block.line(np.concatenate([hull, deck]), 3.0, KEY, 0.0)


def _islands(rng: Rng, block: Block) -> None:
    x = np.linspace(-10, 1010, 200)
    for base, color, bumps in ((478, "#8fa3ac", ((90, 120, 100), (330, 60, 90), (200, 42, 70))),
                               (486, "#5d7a94", ((10, 84, 80), (250, 34, 60), (420, 20, 60)))):  # fmt: skip
        y = base - sum(h * np.exp(-(((x - c) / w) ** 2)) for c, h, w in bumps) + rng.normal(0, 0.9, 200)
        edge = np.stack([x, y], axis=1).astype(np.float32)
        block.shape(np.concatenate([edge, [[1010, 560], [-10, 560]]]).astype(np.float32), color)
        block.line(edge, 2.2, KEY, 0.4)


def _sky(rng: Rng, height: int, width: int) -> Array:
    x, y = grid(height, width)
    sky = np.empty((height, width, 3), np.float32)
    sky[:] = rgb("efe3c6")[0]
    sky = mix(sky, rgb("e9b892")[0], 0.8 * smoothstep(250, 480, y))
    sky = mix(sky, rgb("b7c3b6")[0], 0.75 * smoothstep(230, 90, y))
    top = smoothstep(120, 0, y + 10 * noise(rng, height, width, width * 0.3, 2))
    sky = mix(sky, rgb("27406e")[0], 0.92 * top)
    sun = np.hypot(x - 236, y - 262)
    return mix(sky, rgb("c8452f")[0], smoothstep(71, 69.5, sun) * (0.95 - 0.35 * smoothstep(225, 330, y)))


def paint(size: int, seed: int) -> Image.Image:
    """The picture, `size` pixels wide."""
    rng = np.random.default_rng(seed)
    cols, rows = 2 * size, round(2 * size * ASPECT)
    block = Block(2 * cols, 2 * rows)
    sky = Image.fromarray((_sky(rng, rows, cols) * 255 + 0.5).astype(np.uint8))
    block.image.paste(sky.resize(block.image.size, Image.Resampling.BILINEAR))
    for _ in range(5):  # bars of mist
        y, x = rng.uniform(150, 420), rng.uniform(0, 420)
        block.line(np.array([[x + k * 12, y] for k in range(int(rng.integers(10, 26)))], np.float32), 9, "#f5ecd6", 0.9)
    _islands(rng, block)
    _sea(rng, block, 492, 9, 9, 0.3)
    _boat(block, 176, 540, 46)
    _boat(block, 330, 506, 24)
    face = spline([(330, 660), (520, 628), (640, 540), (672, 420), (630, 310), (545, 250), (452, 262)])
    back = spline([(1040, 700), (1035, 420), (985, 250), (870, 128), (700, 72), (548, 112), (446, 250)])
    body(rng, block, face, back, 13, 7)
    foam(rng, block, back[int(160 * 0.52) :], 66, -1.5, -1.5, 27)
    foam(rng, block, back[int(160 * 0.66) :][::1], 58, -2.0, -1.7, 25)
    inner = spline([(760, 128), (640, 150), (540, 196), (462, 262)], 60)
    foam(rng, block, inner, 62, -1.15, -1.6, 24)
    _sea(rng, block, 655, 14, 6, 1.9)
    face = spline([(250, 770), (225, 690), (150, 628), (66, 612), (10, 640)])
    back = spline([(560, 770), (420, 690), (300, 600), (170, 546), (0, 600)])
    body(rng, block, face, back, 9, 6)
    foam(rng, block, back[50:150], 50, -1.3, -1.5, 21)
    face = spline([(620, 790), (690, 730), (760, 690), (830, 676)])
    back = spline([(1060, 800), (1020, 700), (950, 640), (820, 668)])
    body(rng, block, face, back, 7, 5)
    foam(rng, block, back[70:], 42, -1.4, -1.5, 19)
    for _ in range(230):  # spray
        far = rng.gamma(2.2, 42)
        way = rng.uniform(2.0, 4.6)
        x, y = 500 + far * math.cos(way) + rng.normal(0, 22), 175 - far * math.sin(way) * 0.9 + rng.normal(0, 22)
        if y < 470:
            r = rng.uniform(0.8, 3.8) * math.exp(-far / 400)
            block.disc(x, y, r + 1.0, "#5d7a94")
            block.disc(x, y, r, CREAM)
    flat = np.asarray(block.image.resize((cols, rows), Image.Resampling.BOX), np.float32) / 255
    return to_image(_print(rng, flat), size)


def _print(rng: Rng, art: Array) -> Array:
    """Hand-cut wobble, uneven pigment, the grain of the block, and paper."""
    rows, cols, _ = art.shape
    unit = cols / 1000
    yy, xx = np.mgrid[0:rows, 0:cols]
    wx = np.rint(noise(rng, rows, cols, 26 * unit, 3) * 0.9 * unit).astype(int)
    wy = np.rint(noise(rng, rows, cols, 26 * unit, 3) * 0.9 * unit).astype(int)
    art = art[np.clip(yy + wy, 0, rows - 1), np.clip(xx + wx, 0, cols - 1)]
    ink = 1 - art.mean(axis=2)
    grain = noise(rng, rows, cols, 9 * unit, 3, 0.7, (1, 34)) + 0.5 * np.sin(
        yy / (5.5 * unit) + 5 * noise(rng, rows, cols, 260 * unit, 2, 0.5, (1, 4)))  # fmt: skip
    mottle = noise(rng, rows, cols, 5 * unit, 3, 0.8)
    patch = noise(rng, rows, cols, 120 * unit, 3)
    tooth = paper(rng, rows, cols, unit)
    wear = 0.055 * grain + 0.05 * mottle + 0.05 * patch + 0.03 * tooth
    sheet = rgb("f3e9cf")[0]
    art = mix(art, sheet, np.clip(0.07 + wear, 0, 0.5) * (0.35 + 0.65 * ink))
    speck = smoothstep(2.1, 2.6, mottle + 0.4 * tooth)
    art = mix(art, sheet, 0.45 * speck * ink)
    # Pigment gathers at the edges of a printed shape.
    edge = np.clip(blur(ink, 3 * unit) - ink, -0.2, 0.2)
    return np.asarray(np.clip(art * (1 + 0.25 * edge)[..., None] * (1 + 0.018 * tooth)[..., None], 0, 1), np.float32)

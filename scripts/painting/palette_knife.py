"""Palette knife: a fauvist harbour at noon, flat loaded strokes of unmixed colour with ridges of paint."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from .brush import Canvas, Tip, marks, scatter, tips
from .tools import Array, Rng, grid, mix, noise, ramp, rgb, smoothstep, to_image

ASPECT = 0.75
_SHORE = 392.0


def _hills(plan: Array, angle: Array, x: Array, y: Array, rough: Array) -> tuple[Array, Array]:
    for base, bumps, colors in (
        (300, ((180, 120, 190), (620, 90, 240)), ("5a5fc0", "8a6fd0", "e884b0")),
        (345, ((820, 150, 220), (420, 50, 150)), ("2a3f9e", "c8385a", "f27a4a")),
        (378, ((60, 110, 200), (980, 60, 140)), ("0f6a5a", "2fa04a", "d8d040")),
    ):
        top = base - np.sum([h * np.exp(-(((x - c) / w) ** 2)) for c, h, w in bumps], axis=0)
        depth = y - top
        inside = ((depth > 0) & (y < _SHORE)).astype(np.float32)
        slope = np.gradient(top[0]) * (x.shape[1] / 1000)
        tone = 0.5 + 0.45 * np.tanh(-slope * 2.2)[None, :] + 0.28 * rough
        plan = mix(plan, ramp(rgb(*colors), tone), inside)
        angle = np.where(inside > 0, np.arctan(slope)[None, :] + np.where(tone > 0.5, 0.5, -0.6), angle)
    return plan, angle.astype(np.float32)


def _plan(rng: Rng, rows: int, cols: int) -> tuple[Array, Array]:
    x, y = grid(rows, cols)
    rough = noise(rng, rows, cols, cols * 0.05, 3)
    big = noise(rng, rows, cols, cols * 0.22, 3)
    sky = ramp(rgb("1f8fc4", "4fc0d0", "a6dcb8", "f6e68a", "ffc25e", "f78a6a"), y / 330 + 0.10 * big)
    clouds = smoothstep(0.3, 0.7, noise(rng, rows, cols, cols * 0.2, 3, 0.5, (0.4, 1.5)) - np.abs(y - 120) / 160)
    plan = mix(sky, ramp(rgb("f6a6b4", "fff2dc"), 0.5 - rough * 0.5), clouds)
    angle = (-0.25 + 0.55 * big).astype(np.float32)
    plan, angle = _hills(plan, angle, x, y, rough)
    water = (y > _SHORE).astype(np.float32)
    mirror = np.clip((2 * _SHORE * cols / 1000 - np.arange(rows) * 1.0 - 8).astype(int), 0, rows - 1)
    swell = np.sin(y / (4 + (y - _SHORE) * 0.035) + 2.4 * noise(rng, rows, cols, cols * 0.07, 2, 0.5, (0.3, 2.5)))
    tide = ramp(rgb("0f8a9e", "1a6fc0", "1f3f9a", "2a2a7e"), (y - _SHORE) / 360 + 0.1 * big)
    sea = mix(mix(tide, plan[mirror], np.clip(0.5 + 0.1 * swell, 0, 1)), tide, smoothstep(0.1, 0.6, swell))
    sea = mix(sea, rgb("ffd24a")[0], smoothstep(0.82, 0.95, -swell) * np.exp(-(((x - 560) / 150) ** 2)))
    sea = mix(sea, rgb("6fe0d0")[0], 0.8 * smoothstep(0.9, 1.0, -swell) * (np.abs(x - 560) > 120))
    plan = mix(plan, sea, water)
    angle = np.where(water > 0, 0.06 * big, angle)
    quay = 655 + 0.16 * (x - 300) + 5 * rough
    ground = ramp(rgb("e8506a", "f79a5a", "ffd88a", "f0a0b8"), 0.5 + 0.3 * big + 0.25 * rough)
    plan = mix(plan, ground, (y > quay).astype(np.float32))
    shade = ((y > quay) & (np.sin(x / 60 + y / 26) > 0.5)).astype(np.float32)
    plan = mix(plan, rgb("7a4ab0")[0], 0.85 * shade)
    plan = mix(plan, rgb("24308e")[0], ((y > quay - 16) & (y <= quay)).astype(np.float32))
    return np.clip(plan, 0, 1), np.where(y > quay, 0.16 + 0.3 * big, angle).astype(np.float32)


def _town(rng: Rng, canvas: Canvas, knives: list[Tip]) -> None:
    walls = rgb("ffe7a0", "f79ab0", "fff4e0", "f7b04a", "8fd0e0", "f2705a", "c8e07a")
    for k in range(24):
        x = 15 + 42.5 * k + rng.normal(0, 7)
        if 455 < x < 560:
            continue
        w, h = rng.uniform(32, 50), rng.uniform(36, 84)
        wall = walls[rng.integers(len(walls))]
        steps = max(2, int(h / 14))
        front = [
            (x - w * 0.14, _SHORE - h * (j + 0.5) / steps, 0.04, w * 0.85, h / steps * 1.5, 0.0) for j in range(steps)
        ]
        canvas.paint(marks(front, wall, rng, canvas.unit, 0.06, 0.04), knives, rng, 1.0, 0.7)
        side = [(x + w * 0.38, _SHORE - h / 2, math.pi / 2, h, w * 0.34, 0.0)]
        canvas.paint(marks(side, wall * rgb("7a78c0")[0] + 0.04, rng, canvas.unit), knives, rng, 1.0, 0.7)
        roof = rgb("e0402a", "c82f5a", "f2682a", "7a3fb0")[rng.integers(4)]
        slopes = [
            (x - w * 0.12, _SHORE - h - w * 0.1, -0.2, w * 0.9, w * 0.34, 0.0),
            (x + w * 0.34, _SHORE - h - w * 0.06, 0.6, w * 0.5, w * 0.26, 0.0),
        ]
        canvas.paint(marks(slopes, roof, rng, canvas.unit), knives, rng, 1.0, 0.9)
        for j in range(int(h / 22)):
            for off in (-0.3, -0.02):
                spot = [(x + off * w, _SHORE - 12 - 21 * j, math.pi / 2, 11, 5.5, 0.0)]
                canvas.paint(
                    marks(spot, rgb("24409e", "1a6a8a", "5a2a7a")[rng.integers(3)], rng, canvas.unit), knives, rng
                )


def _boat(
    rng: Rng, canvas: Canvas, knives: list[Tip], x: float, y: float, s: float, hull: str, trim: str, sail: str
) -> None:
    u = canvas.unit
    glow = []
    for j in range(9):
        long = s * rng.uniform(0.5, 1.1) * (1 - j * 0.07)
        glow.append((x + rng.normal(0, s * 0.3), y + s * (0.26 + 0.11 * j), rng.normal(0, 0.05), long, s * 0.085, 0.0))
    canvas.paint(marks(glow, (rgb(hull)[0] + rgb("1a4f9e")[0]) / 2, rng, u), knives, rng)
    if sail:
        glow = [
            (
                x + s * 0.1 + rng.normal(0, s * 0.1),
                y + s * (0.5 + 0.14 * j),
                0.0,
                s * rng.uniform(0.25, 0.6),
                s * 0.07,
                0.0,
            )
            for j in range(7)
        ]
        canvas.paint(marks(glow, rgb(sail)[0] * 0.9, rng, u), knives, rng)
    sides = [(x - s * 0.05, y + s * (0.02 + 0.09 * j), 0.0, s * (1.55 - 0.2 * j), s * 0.16, -0.5 / s) for j in range(3)]
    canvas.paint(marks(sides, rgb(hull)[0], rng, u), knives, rng)
    canvas.paint(marks([(x, y - s * 0.06, 0.0, s * 1.66, s * 0.08, -0.5 / s)], rgb(trim)[0], rng, u), knives, rng)
    mast = [(x + s * 0.05, y - s * 0.8, math.pi / 2 + 0.03, s * 1.65, s * 0.05, 0.0)]
    canvas.paint(marks(mast, rgb("5a2038")[0], rng, u), knives, rng)
    if sail:
        cloth = [(x + s * (0.12 + 0.21 * f), y - s * (1.5 - 1.25 * f), 0.1, s * (0.08 + 0.5 * f), s * 0.2, 0.0)
                 for f in np.linspace(0.06, 1, 8)]  # fmt: skip
        canvas.paint(marks(cloth, rgb(sail)[0], rng, u, 0.1, 0.05), knives, rng)
        jib = [
            (x - s * (0.06 + 0.16 * f), y - s * (1.3 - 1.1 * f), -0.1, s * (0.05 + 0.3 * f), s * 0.17, 0.0)
            for f in np.linspace(0.05, 1, 7)
        ]
        canvas.paint(marks(jib, rgb("fff0d8")[0], rng, u, 0.1, 0.04), knives, rng)


def paint(size: int, seed: int) -> Image.Image:
    """The picture, `size` pixels wide."""
    rng = np.random.default_rng(seed)
    cols, rows = 2 * size, round(2 * size * ASPECT)
    plan, angle = _plan(rng, rows, cols)
    canvas = Canvas(rows, cols, rgb("d86a4a")[0])
    knives = tips(rng, "knife", 24)
    for length, width, cover, thick in ((88, 34, 2.2, 0.25), (58, 20, 1.9, 0.4), (36, 12, 0.9, 0.6)):
        batch = scatter(rng, canvas, plan, angle, length, width, cover, None, 0.16, 0.15, 0.05, 0.32, 0.28, 0.35)
        canvas.paint(batch, knives, rng, 1.0, thick)
    _town(rng, canvas, knives)
    for boat in ((700, 432, 44, "e0402a", "fff0d0", "ffd24a"), (905, 446, 52, "24409e", "f79a28", "f7a6b4"),
                 (330, 470, 70, "f2c22a", "c82f5a", "f26a3a"), (150, 545, 92, "1f8a6a", "ffe08a", ""),
                 (560, 575, 128, "d8304a", "ffe9b0", "ffb42e"), (880, 640, 110, "2a50b8", "f7d84a", "")):  # fmt: skip
        _boat(rng, canvas, knives, *boat)
    x, y = grid(rows, cols)
    weave = 0.2 * canvas.unit * (np.sin(x * 1.4) * np.sin(y * 1.4)).astype(np.float32)
    return to_image(canvas.lit(0.8, 0.2, weave), size)

"""Engraving: a lighthouse in a storm cut in swelling black lines that follow the forms, on laid paper."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .tools import Array, Rng, blur, grid, mix, noise, paper, rgb, smoothstep, to_image

ASPECT = 0.75


class Plate:
    """The plate: how dark each point is to be, and one or two families of lines that may print there."""

    def __init__(self, rng: Rng, rows: int, cols: int) -> None:
        self.rng, self.rows, self.cols, self.unit = rng, rows, cols, cols / 1000
        self.x, self.y = grid(rows, cols)
        shape = (rows, cols)
        self.dark = np.zeros(shape, np.float32)
        self.first, self.second = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self.edge = np.zeros(shape, np.float32)

    def noise(self, cell: float, octaves: int = 3, gain: float = 0.5, stretch: tuple[float, float] = (1, 1)) -> Array:
        """Noise with a cell size in thousandths of the width."""
        return noise(self.rng, self.rows, self.cols, cell * self.unit, octaves, gain, stretch)

    def put(self, mask: Array, dark: Array, first: Array, second: Array, outline: float = 1.0) -> None:
        """Replace what is inside a hard mask; the families are phases in thousandths of the width."""
        inside = mask > 0.5
        self.dark = np.where(inside, dark, self.dark)
        self.first = np.where(inside, first, self.first)
        self.second = np.where(inside, second, self.second)
        rim = np.abs(blur(inside.astype(np.float32), self.unit) - 0.5)
        self.edge = np.maximum(np.where(inside, 0, self.edge), outline * smoothstep(0.42, 0.12, rim))

    def printed(self) -> Array:
        """Ink in [0, 1]."""
        ink = np.zeros_like(self.dark)
        sway = 0.5 * self.noise(24, 2)
        pressure = 0.05 * self.noise(40, 2) + 0.05 * self.noise(7, 2)
        for phase, pitch, start, gain in ((self.first, 5.4, 0.04, 0.86), (self.second, 5.8, 0.50, 1.15)):
            wave = np.abs(np.mod((phase + sway) / pitch, 1.0) - 0.5) * 2  # 0 in the middle of a line
            width = np.clip((self.dark - start) * gain + pressure * (self.dark > start), 0, 0.93)
            soft = 0.16
            ink = np.maximum(ink, smoothstep(soft, -soft, wave - width) * smoothstep(0.0, 0.07, width))
        return np.clip(np.maximum(ink, self.edge * (0.8 + pressure)), 0, 1)


def _rocks(plate: Plate, top: Array, cut: float, seed_cell: float) -> None:
    x, y = plate.x, plate.y
    body = plate.noise(seed_cell, 3, 0.5, (1.6, 1))
    form = plate.noise(seed_cell * 1.2, 4, 0.42, (2.4, 1))
    side = np.gradient(blur(form, 4 * plate.unit), axis=1) * plate.unit * 60
    dark = np.clip(0.5 + 0.42 * np.tanh(side * 0.8) + 0.07 * body + (y - top) / 1100, 0.07, 0.97)
    bed = np.abs(np.mod(y + 0.16 * x + 9 * body, 62) - 31)  # strata: a shadow under every ledge
    dark = dark + 0.28 * smoothstep(9, 1, bed)
    plate.put(
        (y > top).astype(np.float32),
        np.clip(dark, 0, 0.97),
        x * 0.92 + y * cut + 9 * form,
        0.8 * y - 0.6 * x + 7 * body,
        1.0,
    )


def paint(size: int, seed: int) -> Image.Image:
    """The picture, `size` pixels wide."""
    rng = np.random.default_rng(seed)
    cols, rows = 2 * size, round(2 * size * ASPECT)
    plate = Plate(rng, rows, cols)
    x, y, n = plate.x, plate.y, plate.noise
    ones = np.ones_like(x)
    lamp_x, lamp_y = 668.0, 196.0
    # Sky: rolling clouds; the lines bend round them, the beams are left white.
    roll = n(240, 5, 0.5, (0.6, 1.4))
    lit = np.gradient(blur(roll, 4 * plate.unit), axis=0) * plate.unit * 55
    dark = 0.46 + 0.34 * np.tanh(lit) + 0.1 * roll + 0.18 * smoothstep(300, 0, y) - 0.16 * smoothstep(250, 470, y)
    bearing = np.arctan2(y - lamp_y, x - lamp_x)
    reach = np.hypot(x - lamp_x, y - lamp_y)
    beam = np.zeros_like(x)
    for aim, spread in ((2.93, 0.075), (-0.22, 0.075), (-2.62, 0.035), (0.28, 0.03)):
        off = np.abs(np.mod(bearing - aim + np.pi, 2 * np.pi) - np.pi)
        beam = np.maximum(beam, smoothstep(spread * 1.15, spread * 0.75, off))
    dark = dark * (1 - 0.85 * beam * smoothstep(900, 100, reach)) - 0.3 * np.exp(-((reach / 60) ** 2))
    plate.put(ones, np.clip(dark, 0, 0.95), y + 30 * roll, y * 0.8 + 0.75 * x + 26 * roll, 0)
    # Sea: rows of swells, each a form of its own, crests left white.
    for k, base in enumerate((468, 496, 530, 572, 622, 682)):
        high = 6 + 6.5 * k
        crest = n(70 + 24 * k, 3)[rows // 2][None, :]
        top = base - high * (0.6 * np.sin(x / (38 + 19 * k) + 1.7 * k) + 0.5 * crest)
        depth = (y - top) / (high * 2.4 + 12)
        dark = np.clip(
            0.12 + 0.78 * smoothstep(0.05, 0.75, depth) - 0.42 * smoothstep(0.8, 1.8, depth) + 0.12 * n(60, 3),
            0.0,
            0.95,
        )
        curl = 0.9 * y - 0.55 * (top - base) + 5 * n(50, 2) + (6 + 2 * k) * np.sin(x / (20 + 8 * k) + depth * 2.2)
        plate.put((y > top).astype(np.float32), dark, curl, 0.75 * x + 0.9 * y + 9 * n(70, 2), 0.9)
        spray = (n(16 + 3 * k, 3, 0.55) > 0.7 + np.abs(y - top) / (5 + 3 * k)) & (k > 1)
        plate.dark = np.where(spray, 0.0, plate.dark)
        plate.edge = np.where(spray, 0.0, plate.edge)
    # The headland, the tower, the keeper's house.
    cliff = (
        372
        + 0.0012 * np.clip(560 - x, 0, 400) ** 2
        - 18 * np.exp(-(((x - 690) / 120) ** 2))
        + 0.1 * np.clip(x - 760, 0, 300)
    )
    cliff = cliff + 6 * n(60, 4, 0.6)[3][None, :] + 400 * smoothstep(520, 395, x)
    _rocks(plate, np.asarray(cliff, np.float32), 0.22, 90)
    grass = (y > cliff) & (y < cliff + 20 + 9 * n(40, 4, 0.6))
    plate.put(grass.astype(np.float32), 0.3 + 0.2 * n(30, 3), x * 0.9 - 0.4 * y + 5 * n(20, 2), x + y, 0.5)
    half = 31 - 9 * (380 - y) / 170
    tower = (np.abs(x - lamp_x) < half) & (y > 214) & (y < 372)
    round_ = np.clip((x - lamp_x) / half, -1, 1)
    shade = np.clip(0.34 + 0.55 * round_ + 0.2 * (np.mod(y - 214, 79) < 39), 0.02, 0.97)
    plate.put(tower.astype(np.float32), shade, y + 9 * (1 - round_**2), x * 1.2 + y * 0.4)
    for x0, x1, y0, y1, tone in ((-32, 32, 206, 216, 0.75), (-17, 17, 176, 206, 0.04), (-21, 21, 170, 177, 0.9)):
        part = (x - lamp_x > x0) & (x - lamp_x < x1) & (y > y0) & (y < y1)
        plate.put(part.astype(np.float32), tone * ones, y, x, 1.0)
    dome = (np.hypot((x - lamp_x) / 20, (y - 171) / 20) < 1) & (y < 171)
    plate.put(
        dome.astype(np.float32), np.clip(0.6 + (x - lamp_x) / 26, 0.1, 1), np.hypot(x - lamp_x, y - 190) * 1.0, x, 1.0
    )
    for wx, wy in ((664, 250), (664, 310)):
        plate.put(((np.abs(x - wx) < 5) & (np.abs(y - wy) < 9)).astype(np.float32), ones, y, x, 1.0)
    house = (x > 722) & (x < 828) & (y > 324) & (y < 374)
    plate.put(house.astype(np.float32), np.where(x > 790, 0.72, 0.2) + 0 * y, y, x)
    roof = (y > 286 + 0.02 * np.abs(x - 760)) & (y < 326) & (np.abs(x - 775) < 32 + (y - 286) * 0.75)
    plate.put(roof.astype(np.float32), 0.62 + 0.2 * (x > 792), x + 0.5 * y, y * 0.8 + 0 * x)
    for wx in (738, 764, 808):
        plate.put(((np.abs(x - wx) < 6) & (np.abs(y - 346) < 9)).astype(np.float32), ones, y, x)
    # A ship labouring, and near rocks with breaking foam.
    ship_x, ship_y = 236.0, 470.0
    hull = (
        (np.abs(x - ship_x) < 52 - 0.5 * (y - ship_y))
        & (y > ship_y - 12 - 0.0022 * (x - ship_x) ** 2 * (x > ship_x))
        & (y < ship_y + 12)
    )
    plate.put(hull.astype(np.float32), 0.85 * ones, y, x + y)
    for mx, tall, wide in ((-26, 96, 26), (8, 118, 30), (36, 84, 20)):
        mast = (np.abs(x - ship_x - mx - (y - ship_y) * -0.12) < 1.3) & (y < ship_y - 8) & (y > ship_y - tall - 10)
        plate.put(mast.astype(np.float32), ones, y, x, 0.5)
        for level in (0.28, 0.56, 0.8):
            cy = ship_y - tall * level
            lean = x - ship_x - mx - (y - ship_y) * -0.12
            sail = (np.abs(y - cy) < tall * 0.115) & (
                np.abs(lean - 6) < wide * (1.1 - 0.6 * level) + 2 * np.cos((y - cy) / 5)
            )
            plate.put(sail.astype(np.float32), np.clip(0.3 + 0.03 * lean, 0.03, 0.8), y + 0.02 * lean**2, x, 1.0)
    low = (
        742
        - 128 * np.exp(-(((x - 60) / 130) ** 2))
        - 92 * np.exp(-(((x - 905) / 150) ** 2))
        - 30 * np.exp(-(((x - 420) / 60) ** 2))
    )
    _rocks(plate, np.asarray(low + 9 * n(70, 5, 0.62)[5][None, :], np.float32), 0.4, 70)
    for bx, by, br in ((196, 668, 66), (478, 706, 46), (446, 596, 38), (700, 742, 60)):
        d = np.hypot((x - bx) / 1.25, y - by) / br + 0.27 * n(44, 4, 0.5)
        plate.put(
            (d < 0.72).astype(np.float32),
            np.clip(0.62 * (d - 0.2) + 0.08 * n(40, 2) + 0.2 * ((y - by) / br), 0, 0.55),
            46 * d * br / 60,
            x + y,
            0.8,
        )
    gulls = np.zeros_like(x)
    for gx, gy, gs in ((430, 120, 18), (474, 150, 13), (388, 172, 11), (880, 110, 15), (846, 146, 10), (300, 250, 9)):
        wing = gy - gs * 0.42 * np.abs(np.sin((x - gx) / gs * 1.9)) + 0.1 * (x - gx)
        gulls = np.maximum(gulls, ((np.abs(y - wing) < 1.5) & (np.abs(x - gx) < gs * 1.3)).astype(np.float32))
    ink = np.maximum(plate.printed(), gulls)
    return to_image(_pull(rng, plate, ink), size)


def _pull(rng: Rng, plate: Plate, ink: Array) -> Array:
    """Print the plate: uneven wiping, squeezed ink, laid paper with age in it."""
    rows, cols, u = plate.rows, plate.cols, plate.unit
    tooth = paper(rng, rows, cols, u)
    laid = np.sin(plate.y * 2.1) * 0.4 + 0.6 * smoothstep(0.985, 1.0, np.cos(plate.x / 13.5))
    age = noise(rng, rows, cols, 300 * u, 4)
    sheet: Array = np.empty((rows, cols, 3), np.float32)
    sheet[:] = rgb("efe2c2")[0]
    sheet = sheet * (1 + 0.016 * tooth + 0.010 * laid + 0.022 * age)[..., None]
    sheet = mix(
        sheet, rgb("c79f66")[0], 0.16 * smoothstep(0.8, 2.4, age) + 0.10 * smoothstep(420, 640, np.abs(plate.x - 500))
    )
    bite = np.clip(ink * (0.96 + 0.06 * noise(rng, rows, cols, 60 * u, 3) - 0.07 * tooth), 0, 1)
    tone = 0.05 + 0.03 * noise(rng, rows, cols, 180 * u, 3)
    return mix(mix(sheet, rgb("6a5a48")[0], np.clip(tone, 0, 1)), rgb("1c1714")[0], np.clip(bite * 0.94, 0, 1))

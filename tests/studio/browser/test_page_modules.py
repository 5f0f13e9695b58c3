"""Laws of the page's modules, asked in the browser: whole pixels, exact files, readable numbers."""

import base64
import io

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def labels(look):
    """`labels(width, height, script)` runs a script on a mask `m` and gives its labels (height, width)."""

    def run(width, height, script):
        flat = look.run(
            f"const {{ Labels }} = await import('/static/js/masks/labels.js'); const m = new Labels({width}, {height});"
            f"{script}; return [...m.data];"
        )
        return np.array(flat, dtype=np.uint8).reshape(height, width)

    return run


def test_a_brush_covers_the_pixels_whose_middle_is_near_enough(labels):
    found = labels(40, 30, "m.stroke(8, 9, 29, 17, 5, 1)")
    y, x = np.mgrid[0:30, 0:40] + 0.5
    start, way = np.array([8, 9]), np.array([21, 8])
    along = np.clip(((x - start[0]) * way[0] + (y - start[1]) * way[1]) / (way @ way), 0, 1)
    distance = np.hypot(x - start[0] - along * way[0], y - start[1] - along * way[1])
    assert ((found == 1) == (distance <= 5)).all()


def test_a_polygon_has_the_area_of_its_outline(labels):
    found = labels(20, 20, "m.polygon([[2, 3], [12, 3], [12, 15], [2, 15]], 3)")
    assert (found[3:15, 2:12] == 3).all()
    assert (found == 3).sum() == 120
    triangle = labels(60, 60, "m.polygon([[0, 0], [60, 0], [0, 60]], 1)")
    assert abs((triangle == 1).sum() - 1800) <= 30


def test_an_outline_beyond_the_edge_is_cut_there(labels):
    assert (labels(8, 6, "m.polygon([[-5, -5], [50, -5], [50, 50], [-5, 50]], 2)") == 2).all()
    assert (labels(8, 6, "m.stroke(-50, -50, -20, -20, 5, 2)") == 0).all()


def test_a_fill_stops_where_the_label_or_the_colour_changes(labels):
    walled = labels(9, 9, "m.stroke(4.5, -5, 4.5, 20, 0.6, 1); m.flood(0, 0, 2)")
    assert (walled[:, :4] == 2).all()
    assert (walled[:, 4] == 1).all()
    assert (walled[:, 5:] == 0).all()
    picture = "const p = new Uint8Array(9 * 9 * 4); for (let i = 0; i < 81; i++) p[i * 4] = i % 9 < 6 ? 10 : 200;"
    tinted = labels(9, 9, picture + "m.flood(0, 0, 2, p, 20)")
    assert (tinted[:, :6] == 2).all()
    assert (tinted[:, 6:] == 0).all()


def test_undo_restores_every_pixel(labels):
    script = (
        "const { History } = await import('/static/js/masks/history.js'); const h = new History();"
        "m.stroke(3, 3, 9, 9, 2, 1); const was = m.data.slice(); const box = m.whole; const before = m.cut(box);"
        "m.polygon([[0, 0], [12, 0], [6, 12]], 2); h.push([{ labels: m, box, before, after: m.cut(box) }]);"
        "const is = m.data.slice(); h.undo(); if (m.data.some((v, i) => v !== was[i])) throw new Error('undo');"
        "h.redo(); if (m.data.some((v, i) => v !== is[i])) throw new Error('redo'); h.undo()"
    )
    assert set(np.unique(labels(12, 12, script))) == {0, 1}


def test_a_written_mask_is_read_as_it_was_painted(look):
    text = look.run(
        "const { encode } = await import('/static/js/masks/png.js');"
        "const { Labels } = await import('/static/js/masks/labels.js');"
        "const m = new Labels(7, 5); m.data.forEach((_, i) => (m.data[i] = i % 3));"
        "const blob = await encode(m.resized(14, 10), [[0, 0, 0], [255, 0, 0], [18, 52, 86]]);"
        "const bytes = new Uint8Array(await blob.arrayBuffer()); return btoa(String.fromCharCode(...bytes));"
    )
    picture = Image.open(io.BytesIO(base64.b64decode(text)))
    picture.load()
    palette = np.array([[0, 0, 0], [255, 0, 0], [18, 52, 86]], dtype=np.uint8)
    small = (np.arange(35) % 3).reshape(5, 7)
    assert (np.asarray(picture.convert("RGB")) == palette[small.repeat(2, 0).repeat(2, 1)]).all()


def test_written_settings_are_read(look):
    script = (
        "const { parse } = await import('/static/js/fields.js');"
        "return values.map(([text, schema]) => parse(text, schema))"
    )
    numbers = {"type": "object", "additionalProperties": {"type": "number"}}
    shares = {"type": "object", "additionalProperties": {"type": "array"}}
    found = look.run(
        script,
        ["sky=2, ground = 0.5", numbers],
        ["relu1_1", numbers],
        ["relu1_1=0:1, relu4_1=1:0", shares],
        ["a, b", {"type": "array", "items": {"type": "string"}}],
        ["1; 2.5", {"type": "array", "items": {"type": "number"}}],
        ["", numbers],
    )
    assert found == [
        {"sky": 2, "ground": 0.5},
        {"relu1_1": 1},
        {"relu1_1": [0, 1], "relu4_1": [1, 0]},
        ["a", "b"],
        [1, 2.5],
        {},
    ]


def test_a_crop_stays_in_the_picture_and_in_its_shape(look):
    script = (
        "const { settle } = await import('/static/js/crop.js');"
        "return values.map(([box, shape]) => settle(box, { width: 300, height: 200 }, shape))"
    )
    boxes = [
        [{"left": -50, "top": 150, "width": 100, "height": 100}, 0],
        [{"left": 10, "top": 10, "width": 900, "height": 900}, 1],
        [{"left": 0, "top": 0, "width": 1, "height": 1}, 0],
        [{"left": 40, "top": 20, "width": 160, "height": 160}, 16 / 9],
    ]
    for box, (_, shape) in zip(look.run(script, *boxes), boxes, strict=True):
        assert 0 <= box["left"] <= box["left"] + box["width"] <= 300
        assert 0 <= box["top"] <= box["top"] + box["height"] <= 200
        assert not shape or abs(box["width"] / box["height"] - shape) < 0.05
    assert look.run(script, boxes[0])[0] == {"left": 0, "top": 100, "width": 100, "height": 100}


def test_durations_and_sizes_are_said_as_people_say_them(look):
    script = "const f = await import('/static/js/format.js'); return values.map((v) => f.duration(v))"
    assert look.run(script, 0.2, 12.4, 59.6, 75, 3599, 3600, 5400) == [
        "under a second", "12 s", "1 min 0 s", "1 min 15 s", "59 min 59 s", "1 h 0 min", "1 h 30 min",
    ]  # fmt: skip

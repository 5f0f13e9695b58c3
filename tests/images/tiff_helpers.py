"""TIFFs written by the book (TIFF 6.0; Technical Note 3), of any samples, in strips or tiles."""

import struct
import zlib

import numpy as np


def predicted(rows, predictor, item):
    """Rows of (H, W, C) samples as bytes, after a predictor."""
    height, width, channels = rows.shape
    if predictor == 2:
        whole = rows.view(f"{rows.dtype.byteorder.replace('|', '<')}u{item}").astype(f"u{item}")
        steps = np.diff(whole, axis=1, prepend=np.zeros((height, 1, channels), whole.dtype))
        return steps.astype(rows.dtype.str.replace(rows.dtype.kind, "u")).tobytes()
    if predictor == 3:
        high_first = rows.astype(rows.dtype.newbyteorder(">")).tobytes()
        ranks = np.frombuffer(high_first, np.uint8).reshape(height, width * channels, item)
        flat = ranks.transpose(0, 2, 1).reshape(height, -1, channels)
        return np.diff(flat, axis=1, prepend=np.zeros((height, 1, channels), np.uint8)).tobytes()
    return rows.tobytes()


def tiff_of(samples, *, order="<", planar=False, predictor=1, tile=None, rows=5, compress=True, big=False, **tags):
    """(H, W, C) of any type as TIFF; `tags` by number (t262=2) go in as they are."""
    height, width, channels = samples.shape
    samples = samples.astype(samples.dtype.newbyteorder(order))
    item = samples.dtype.itemsize
    planes = [samples[..., i : i + 1] for i in range(channels)] if planar else [samples]
    high, wide = tile or (rows, width)
    chunks = []
    for plane in planes:
        for y in range(0, height, high):
            for x in range(0, width, wide):
                part = plane[y : y + high, x : x + wide]
                if tile:
                    part = np.pad(part, [(0, high - part.shape[0]), (0, wide - part.shape[1]), (0, 0)], mode="edge")
                raw = predicted(np.ascontiguousarray(part), predictor, item)
                chunks.append(zlib.compress(raw) if compress else raw)
    found = {
        256: width, 257: height, 258: [8 * item] * channels, 259: 8 if compress else 1,
        262: 2 if channels > 2 else 1, 277: channels, 284: 1 + planar,
        339: [{"u": 1, "i": 2, "f": 3}[samples.dtype.kind]] * channels,
    }  # fmt: skip
    if predictor != 1:
        found[317] = predictor
    if tile:
        found |= {322: wide, 323: high}
    else:
        found[278] = rows
    return assembled(found | {int(tag[1:]): value for tag, value in tags.items()}, chunks, order, bool(tile), big)


def assembled(tags, chunks, order="<", tiled=False, big=False):
    """A TIFF of one directory, of number tags and the chunks of pixels."""
    start = 16 if big else 8
    places, body = [], b""
    for chunk in chunks:
        places.append(start + len(body))
        body += chunk
    tags = {**tags, 324 if tiled else 273: places, 325 if tiled else 279: [len(chunk) for chunk in chunks]}
    inline, place = (8, "Q") if big else (4, "I")
    entries = b""
    for tag, value in sorted(tags.items()):
        values = value if isinstance(value, list) else [value]
        data = struct.pack(f"{order}{len(values)}I", *values)
        if len(data) > inline:
            spot = struct.pack(order + place, start + len(body))
            body += data
        else:
            spot = data.ljust(inline, b"\0")
        entries += struct.pack(order + "HH" + place, tag, 4, len(values)) + spot
    count = struct.pack(order + ("Q" if big else "H"), len(tags))
    mark = b"II" if order == "<" else b"MM"
    at = start + len(body)
    head = struct.pack(order + "HHHQ", 43, 8, 0, at) if big else struct.pack(order + "HI", 42, at)
    return mark + head + body + count + entries + bytes(inline)

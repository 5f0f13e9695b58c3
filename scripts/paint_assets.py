"""Paint the sample style pictures of assets/styles; every one is our own work and comes from a seed.

python scripts/paint_assets.py [NAME ...] [--out assets/styles] [--size 1024] [--seed N]
"""

from __future__ import annotations

import argparse
import importlib
import io
import sys
import time
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:  # so that the tests can load this file by its path
    sys.path.insert(0, str(HERE))

from painting.tools import srgb_profile  # noqa: E402

STYLES = {
    "swirls": 1889,
    "pointillism": 1886,
    "stained_glass": 1210,
    "woodblock": 1831,
    "watercolour": 1802,
    "cubism": 1911,
    "palette_knife": 1905,
    "engraving": 1498,
}
LIMIT = 400_000


def paint(name: str, size: int = 1024, seed: int | None = None) -> Image.Image:
    """Paint one style, `size` pixels wide; the same name, size and seed give the same pixels."""
    painter = importlib.import_module(f"painting.{name}")
    picture: Image.Image = painter.paint(size, STYLES[name] if seed is None else seed)
    return picture.convert("RGB")


def encode(picture: Image.Image) -> bytes:
    """JPEG with an sRGB profile, at the best quality up to 92 that stays under the size limit."""
    for quality in range(92, 70, -1):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True, icc_profile=srgb_profile())
        if buffer.tell() <= LIMIT:
            break
    return buffer.getvalue()


def main(argv: list[str] | None = None) -> int:
    """Command line: paint the named styles (all without names) and say where they are."""
    parser = argparse.ArgumentParser(description="Paint the sample style pictures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(STYLES)} (default: all)")
    parser.add_argument("--out", type=Path, default=HERE.parent / "assets" / "styles", help="folder to write to")
    parser.add_argument("--size", type=int, default=1024, help="width in pixels")
    parser.add_argument("--seed", type=int, default=None, help="another seed paints another picture")
    options = parser.parse_args(argv)
    unknown = [name for name in options.names if name not in STYLES]
    if unknown:
        parser.error(f"no style {unknown[0]!r}; there are: {', '.join(STYLES)}")
    if not 32 <= options.size <= 4096:
        parser.error(f"--size {options.size} is out of range; take 32 to 4096")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or STYLES:
        start = time.perf_counter()
        data = encode(paint(name, options.size, options.seed))
        path = options.out / f"{name}.jpg"
        path.write_bytes(data)
        print(f"{path}  {len(data) // 1000} kB  {time.perf_counter() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

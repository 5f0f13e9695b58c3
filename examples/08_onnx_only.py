"""Paint a folder without torch and without impasto: NumPy, Pillow and onnxruntime run what `impasto export` wrote.

    impasto export avatar-any --onnx avatar.onnx            # once, where impasto is installed
    python 08_onnx_only.py avatar.onnx photos/ out/ --style painting.jpg
    impasto export johnson-swirls --onnx swirls.onnx
    python 08_onnx_only.py swirls.onnx photos/ out/         # this graph knows its style

Graphs of `avatar`, `adain` and `linear` take a painting, and those of `johnson` and `texture_net` none.
"""

import argparse
import io
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError


def read(path: Path, size: int) -> np.ndarray:
    """Read a picture upright, in sRGB and over white, with its long side at most `size`: (1, 3, height, width)."""
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened)
        profile = image.info.get("icc_profile")
        if "A" in image.getbands() or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("RGB")
        if profile:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            image = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB")) or image
    if max(image.size) > size:
        image.thumbnail((size, size), Image.Resampling.LANCZOS)
    return np.asarray(image, np.float32).transpose(2, 0, 1)[None] / 255


def write(pixels: np.ndarray, path: Path) -> None:
    """Write (1, 3, height, width) as PNG."""
    levels = np.rint(pixels[0].transpose(1, 2, 0).clip(0, 1) * 255).astype(np.uint8)
    Image.fromarray(levels).save(path)


def main(graph: Path, photos: Path, out: Path, style: Path | None = None, size: int = 512, strength: float = 1) -> int:
    """Paint every picture of a folder, or one; return how many could not be."""
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    if ("style" in names) != (style is not None):
        raise SystemExit(f"{graph.name}: {'needs a painting: --style FILE' if 'style' in names else 'has a style'}")
    smallest = int(session.get_modelmeta().custom_metadata_map.get("smallest_side", 1))
    fixed = {} if style is None else {"style": read(style, size), "alpha": np.full(1, strength, np.float32)}
    out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for path in sorted(photos.iterdir()) if photos.is_dir() else [photos]:
        try:
            pixels = read(path, size)
            if min(pixels.shape[2:]) < smallest:
                raise ValueError(f"is smaller than {smallest} px")
            (painted,) = session.run(None, {names[0]: pixels, **fixed})
        except (UnidentifiedImageError, OSError, ValueError) as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            failed += 1
        else:
            write(painted, out / f"{path.stem}.png")
    return failed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("graph", "photos", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--style", type=Path, help="the painting, for a graph that takes one")
    parser.add_argument("--size", type=int, default=512, help="long side in pixels at most (512)")
    parser.add_argument("--strength", type=float, default=1.0, help="0 to 1, for a graph that takes a painting (1)")
    raise SystemExit(min(1, main(**vars(parser.parse_args()))))

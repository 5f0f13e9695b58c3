"""Paint a small picture by every method, and print a hash of each: the same before and after a change of structure.

    python scripts/hash_methods.py > before.txt
    ... change the code ...
    python scripts/hash_methods.py | diff before.txt -

Hashes agree on one machine with one torch and one number of threads; between machines the last bits of sums differ.
"""

import hashlib
import sys
import warnings
from typing import Any

import torch

import impasto


def picture(height: int, width: int, seed: int) -> torch.Tensor:
    """Smooth colours with an edge and some grain, (3, height, width)."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 7, generator=random)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)[0]
    smooth[:, height // 3 : height // 2, width // 4 :] *= 0.5
    return (smooth + 0.05 * torch.rand(3, height, width, generator=random)).clamp(0, 1)


PHOTO, STYLE, OTHER = picture(48, 64, 1), picture(64, 56, 2), picture(60, 60, 3)
MASK = torch.zeros(3, 48, 64)
MASK[0, :, :30], MASK[2, :, 30:] = 1, 1
STYLE_MASK = torch.zeros(3, 64, 56)
STYLE_MASK[0, :28], STYLE_MASK[2, 28:] = 1, 1
FACE = [[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]]
CUT_OUT = torch.cat([OTHER, (torch.arange(60) > 12).float().expand(1, 60, 60)])

PLAIN = {"precision": "float32", "encoder": "petite", "iterations": 6, "size": 64}
REGIONS = {"content_mask": MASK, "style_masks": [STYLE_MASK]}
OPTIMIZED = ("gatys", "mrf", "doodle", "nnst", "strotss", "portrait")
ENCODED = ("reshuffle", "nnst_fast", "wct", "adain", "linear", "avatar")


def cases() -> dict[str, dict[str, Any]]:
    """Return {name: arguments of `stylize` beside the photograph and the style}."""
    found: dict[str, dict[str, Any]] = {}
    for method in OPTIMIZED:
        found[method] = {"method": method, **PLAIN}
        found[f"{method} masks"] = {"method": method, **PLAIN, **REGIONS}
        found[f"{method} two styles"] = {"method": method, **PLAIN, "styles": [STYLE, CUT_OUT]}
        found[f"{method} luminance"] = {"method": method, **PLAIN, "color": "luminance"}
        found[f"{method} match"] = {"method": method, **PLAIN, "color": "match"}
    for method in ENCODED:
        plain = {"method": method, "precision": "float32", "size": 64}
        found[method] = plain
        found[f"{method} masks"] = plain | REGIONS
        found[f"{method} two styles"] = plain | {"styles": [STYLE, CUT_OUT]}
        found[f"{method} content colours"] = plain | {"color": "content"}
        found[f"{method} refine"] = plain | {"refine": 4}
    found["johnson"] = {"method": "johnson", "network": "woodblock", "size": 64, "precision": "float32", "styles": []}
    found["texture_net"] = {"method": "texture_net", "size": 64, "precision": "float32", "styles": []}
    found["gatys tiles"] = {"method": "gatys", **PLAIN, "size": 300, "iterations": 3, "tile": 200}
    found["wct tiles"] = {"method": "wct", "precision": "float32", "size": 400, "tile": 320}
    found["adain tiles"] = {"method": "adain", "precision": "float32", "size": 256, "tile": 200}
    found["gatys adam noise"] = {"method": "gatys", **PLAIN, "solver": "adam", "init": "noise"}
    found["gatys statistics"] = {
        "method": "gatys", **PLAIN, "statistics": {"covariance": 1, "histogram": 0.1, "sliced_wasserstein": 0.1},
    }  # fmt: skip
    found["gatys border guides"] = {"method": "gatys", **PLAIN, **REGIONS, "guides": "border"}
    found["gatys keep"] = {"method": "gatys", **PLAIN, **REGIONS, "keep": ["red"]}
    found["gatys style per region"] = {
        "method": "gatys", **PLAIN, **REGIONS, "styles": [STYLE, OTHER], "style_masks": [STYLE_MASK, None],
        "region_styles": {"red": 2}, "region_scales": {"blue": 0.8},
    }  # fmt: skip
    found["gatys texture"] = {"method": "gatys", **PLAIN, "content": None, "tileable": True}
    found["wct texture"] = {"method": "wct", "precision": "float32", "size": 64, "content": None}
    found["doodle without photograph"] = {"method": "doodle", **PLAIN, **REGIONS, "content": None}
    found["mrf copies"] = {"method": "mrf", **PLAIN, "patch_rotations": 1, "patch_scales": 1, "patch_every": 2}
    found["portrait landmarks"] = {"method": "portrait", **PLAIN, "content_landmarks": FACE, "style_landmarks": FACE}
    found["portrait energy"] = {"method": "portrait", **PLAIN, **REGIONS, "gains": "energy", "gain_regions": ["red"]}
    return found


def main() -> None:
    """Paint every case and print a line for each."""
    warnings.simplefilter("ignore")
    chosen = sys.argv[1:]
    torch.set_num_threads(1)
    for name, given in cases().items():
        if chosen and not any(word in name for word in chosen):
            continue
        options = dict(given)
        content, styles = options.pop("content", PHOTO), options.pop("styles", [STYLE])
        try:
            result = impasto.stylize(content, styles, **options)
        except impasto.ImpastoError as error:
            print(f"{name:30} {type(error).__name__}: {error}", flush=True)
            continue
        pixels = result.picture.pixels.contiguous().numpy().tobytes()
        print(f"{name:30} {hashlib.sha256(pixels).hexdigest()[:24]}", flush=True)


if __name__ == "__main__":
    main()

"""How similar a preview and the final picture are: `python benchmarks/preview.py PHOTO PAINTING --sizes 512 2048`.

The same recipe paints both; the final one is then made as small as the preview. For each style layer of petite: how far
apart their Gram matrices are, over how far painting moved the photograph's. 0 is the same picture, 1 another painting.
The last column is the same for two previews of which the second starts from another seed of noise blended in, which is
how much such figures move for nothing.
"""

import time
from pathlib import Path

import torch
from harness import Table, heading, parser
from torch import Tensor

from impasto import Recipe, Stylizer, encoders, images, load
from impasto.losses import statistic
from impasto.optim import devices
from impasto.recipe import STYLE_LAYERS


def grams(encoder: encoders.Encoder, pixels: Tensor) -> dict[str, Tensor]:
    """Return the Gram matrix of each style layer."""
    gram = statistic("gram", lift=None, seed=0)
    with torch.no_grad():
        return {layer: gram.finish(gram.measure(found)) for layer, found in encoder(pixels, STYLE_LAYERS).items()}


def main() -> None:
    """Print a table."""
    arguments = parser(__doc__)
    arguments.add_argument("content", type=Path)
    arguments.add_argument("style", type=Path)
    arguments.add_argument("--sizes", type=int, nargs=2, default=[512, 2048])
    arguments.add_argument("--out", type=Path, default=Path("out/preview"))
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    encoder = encoders.create("petite", precision=devices.faster_precision(torch.device("cpu")))

    def painted(size: int, **settings: object) -> Tensor:
        began = time.monotonic()
        painting = Stylizer(options.content, options.style, Recipe.parse({"size": size, **settings}), encoder=encoder)
        for _ in painting:
            pass
        picture = painting.result().picture
        images.save(picture, options.out / f"{size}{'-other' if settings else ''}.png", force=True)
        print(f"{size} px: {time.monotonic() - began:.0f} s", flush=True)
        return picture.pixels

    preview, final = (painted(size) for size in options.sizes)
    other = painted(options.sizes[0], init="blend", init_blend=0.1, seed=1)
    small = (preview.shape[-2], preview.shape[-1])
    photo = images.resize(load(options.content).pixels, small)
    one, two, third, before = (grams(encoder, x) for x in (preview, images.resize(final, small), other, photo))
    heading(f"{options.sizes[0]} and {options.sizes[1]} px, petite", threads=torch.get_num_threads())
    table = Table("layer", "preview to final", "preview to another start")
    for layer in STYLE_LAYERS:
        moved = (one[layer] - before[layer]).norm()
        apart, noise = ((one[layer] - other_[layer]).norm() / moved for other_ in (two, third))
        table.row(layer, f"{float(apart):.3f}", f"{float(noise):.3f}")


if __name__ == "__main__":
    main()

"""The tiles of a picture for the layers of an encoder."""

from collections.abc import Iterable

from impasto.encoders import Encoder
from impasto.optim.grid import Grid


def grid(
    size: tuple[int, int], encoder: Encoder, layers: Iterable[str], tile: int | None, *, wrap: bool = False
) -> Grid:
    """Return the tiles of a picture of `size` (height, width) for an encoder's `layers`; `tile` None: one for all."""
    strides = {layer: encoder.stride(layer) for layer in layers}
    # Rounded up: a window of even side about an odd stride reaches one pixel further to one side.
    reach = max((-(-(encoder.receptive_field(layer) - stride) // 2) for layer, stride in strides.items()), default=0)
    return Grid(size, tile=max(size) if tile is None else tile, reach=reach, strides=strides, wrap=wrap)

"""Means about each pixel, in a time that does not grow with the window; a frame needs twenty of them."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from impasto.video.flow import cv2


def local_mean(image: Tensor, side: int) -> Tensor:
    """Return `image` (1, C, H, W) averaged over squares of `side` pixels, an odd number, about each pixel.

    At the border, over what there is of the square. OpenCV's sums run along rows and columns; torch's pooling takes
    `side`² additions for each pixel.
    """
    library = cv2()
    _, channels, height, width = image.shape
    means = torch.empty_like(image, memory_format=torch.contiguous_format)
    planes, sums = image.contiguous().numpy(), means.numpy()
    for channel in range(channels):
        library.boxFilter(
            planes[0, channel],
            -1,
            (side, side),
            sums[0, channel],
            normalize=False,
            borderType=library.BORDER_CONSTANT,
        )
    sums *= _inverse_counts(height, width, side)
    return means


@lru_cache(maxsize=16)
def _inverse_counts(height: int, width: int, side: int) -> npt.NDArray[np.float32]:
    """Return one over the pixels (H, W) that a square of `side` pixels has within the picture."""
    rows, columns = (
        np.minimum(places + side // 2, length - 1) - np.maximum(places - side // 2, 0) + 1
        for length in (height, width)
        for places in (np.arange(length),)
    )
    inverse: npt.NDArray[np.float32] = (1 / np.outer(rows, columns)).astype(np.float32)
    return inverse

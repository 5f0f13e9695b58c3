"""Pillow's process-wide switches, set for one decode at a time and put back."""

import contextlib
import logging
import threading
import warnings
from collections.abc import Iterator

from PIL import Image, ImageFile

# Pillow has no per-call form of these settings, and Python's warning filters are process-wide as well.
_LOCK = threading.RLock()


@contextlib.contextmanager
def session(*, max_pixels: int, truncated: bool) -> Iterator[list[warnings.WarningMessage]]:
    """Hold Pillow's pixel limit, its leniency to cut-off files, and its warnings, which are collected.

    Decoding is serial across threads meanwhile. The limit here only guards what plugins allocate before the
    caller has seen the header's size (they refuse at twice the number); the caller's own check is exact.
    """
    with _LOCK, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
        Image.MAX_IMAGE_PIXELS = (max_pixels + 1) // 2
        ImageFile.LOAD_TRUNCATED_IMAGES = truncated
        # The TIFF plugin logs what it then raises: one fault, one line.
        logger = logging.getLogger("PIL.TiffImagePlugin")
        silenced, logger.disabled = logger.disabled, True
        try:
            yield caught
        finally:
            Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = before
            logger.disabled = silenced

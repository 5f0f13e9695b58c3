"""The place of a face, by OpenCV's cascades (Viola & Jones 2001): the one module that knows the optional library."""

from typing import Any

import torch
from torch import Tensor

from impasto import images
from impasto.landmarks import Landmarks

SIDE = 512
"""Long side of the picture that is searched."""
SMALLEST = 40
"""Pixels of it that a face takes at least: smaller ones are mostly leaves and folds."""
SURE = 10
"""Sightings, at neighbouring sizes and places, from which a face is one: on 26 photographs true ones had 13 to 155, and
folds, leaves and windows 3 to 7."""
INSTALL = 'pip install "impasto[faces]"'
"""The command that installs the detector."""

_PLACES = {
    "eye_left": (0.31, 0.37),
    "eye_right": (0.69, 0.37),
    "nose_tip": (0.5, 0.59),
    "mouth_left": (0.34, 0.78),
    "mouth_right": (0.66, 0.78),
    "chin": (0.5, 1.0),
}
"""Where a face has them in the square that the cascade draws around it."""


def available() -> bool:
    """Return whether a detector is installed."""
    return _detector() is not None


def boxes(pixels: Tensor, side: int = SIDE) -> list[tuple[tuple[float, float, float, float], int]]:
    """Find all that may be faces in a picture (1, 3, H, W); none where no detector is installed.

    `side` is the long side of the picture that is searched: more finds smaller faces. Returns left, top, width and
    height of the square around each, in fractions of the picture, and how often it was seen; the surest first.
    """
    detector = _detector()
    if detector is None:
        return []
    height, width = images.fit_size((pixels.shape[2], pixels.shape[3]), side)
    gray = images.resize(pixels.float(), (height, width))[0].mul(255).round().byte().permute(1, 2, 0).numpy()
    squares, counts = detector(gray)
    # A face is seen at many sizes and places, and folds of cloth at few. Of equal ones the first from above.
    faces = sorted(zip(map(tuple, squares), counts, strict=True), key=lambda face: (-face[1], face[0][1], face[0][0]))
    return [((x / width, y / height, w / width, h / height), int(seen)) for (x, y, w, h), seen in faces]


def find(pixels: Tensor) -> Landmarks | None:
    """Find the surest face of a picture (1, 3, H, W); None where there is none, or no detector.

    A cascade knows where a face is and how large, not how it is turned: the landmarks are those of any face there.
    """
    faces = boxes(pixels)
    if not faces:
        return None
    (x, y, w, h), _ = faces[0]
    points = [(x + u * w, y + v * h) for u, v in _PLACES.values()]
    return Landmarks(torch.tensor(points, dtype=torch.float64).clamp(0, 1), tuple(_PLACES))


def _detector() -> Any:
    """Return a function from RGB (H, W, 3) to boxes (x, y, width, height), and how often each was seen."""
    try:
        import cv2

        library: Any = cv2  # whose types are those of version 5
        cascade = library.CascadeClassifier(library.data.haarcascades + "haarcascade_frontalface_alt2.xml")
    except (ImportError, AttributeError):  # version 5 has no cascades any more
        return None
    if cascade.empty():
        return None

    def detect(picture: Any) -> Any:
        gray = library.equalizeHist(library.cvtColor(picture, library.COLOR_RGB2GRAY))
        return cascade.detectMultiScale2(gray, scaleFactor=1.05, minNeighbors=3, minSize=(SMALLEST, SMALLEST))

    return detect

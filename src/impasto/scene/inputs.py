"""What a caller gives beside photograph and styles, read and checked: the landmarks of faces."""

from impasto import images, landmarks
from impasto.errors import UsageError
from impasto.events import notice
from impasto.images import Picture
from impasto.landmarks import Pair, detect
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.scene.resolve import Source


def landmarks_of(
    recipe: Recipe, photo: Picture | None, styles: list[Picture], content: Source | None, style: Source | None
) -> Pair | None:
    """Read the landmarks that a painting was given, or find them; None where whole pictures are aligned.

    Raises `UsageError` and `InputError` for those that are no use.
    """
    if not METHODS[recipe.method].landmarks:
        if content is not None or style is not None:
            raise UsageError(f"landmarks belong to method portrait, not to {recipe.method}; leave them out")
        return None
    if photo is None or not styles:
        return None  # both are refused elsewhere
    if (content is None) != (style is None):
        raise UsageError("landmarks of the photograph and of the painting belong together; give both or neither")
    if content is not None:
        return landmarks.pair(
            landmarks.load(content, photo.size, "content landmarks"),
            landmarks.load(style, styles[0].size, "style landmarks"),
        )
    found = [(each, detect.find(images.fill_hidden(each).pixels)) for each in (photo, styles[0])]
    one, other = (each for _, each in found)
    if one is not None and other is not None:
        return landmarks.pair(one, other)
    if detect.available():
        blind = " and ".join(picture.name for picture, each in found if each is None)
        notice(
            f"no face is seen in {blind}; the whole pictures are aligned: give landmarks of both (docs/portraits.md)"
        )
    else:
        notice(f"the whole pictures are aligned, not their faces: give landmarks of both, or {detect.INSTALL}")
    return None

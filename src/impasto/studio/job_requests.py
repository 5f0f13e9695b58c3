"""From what a page asks for to a job: checked here as far as that goes without looking at a picture."""

import itertools
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from impasto.errors import RecipeError
from impasto.recipe import Recipe, load_preset, renamed, unknown
from impasto.recipe.applicable import settings_of, with_strength
from impasto.recipe.catalogue import ENCODERS, METHODS
from impasto.recipe.shipped_networks import shipped
from impasto.studio.library import clean_name
from impasto.studio.settings import Refused

STYLES = 16
"""Paintings that may be mixed."""
AXES, CELLS = 2, 36
PICTURES = ("content", "style")
"""What a grid may go over beside settings: photographs, and paintings one at a time."""
MAX_NAMES = 256
"""Names of regions in a request: a list names the levels of a grey mask, of which there are so many."""
MAX_POINTS = 68
"""Points of a face at most: what annotations of faces usually have."""
MAX_TITLE = 120
"""Characters of a painting's title at most: two names of files, with a word between."""
MAX_NAME_CHARACTERS = 200
"""Length of each: longer ones are cut where masks are read, and nobody writes them by hand."""
_KEYS = (
    "content",
    "styles",
    "content_mask",
    "style_masks",
    "region_names",
    "init",
    "landmarks",
    "recipe",
    "preset",
    "title",
)

Get = Callable[[str], Mapping[str, Any]]
"""From the id of a picture to its record; raises `Refused` for one that is not here."""


def job(asked: Mapping[str, Any], get: Get) -> dict[str, Any]:
    """Return what a queue keeps of a job. Raises `Refused` naming the key, what is wrong and the remedy."""
    for key in asked:
        if key not in _KEYS:
            raise Refused(422, unknown(str(key), dict.fromkeys(_KEYS), "key of a job"))
    content = _picture(asked.get("content"), "content", get)
    styles = _listed(asked.get("styles", []), "styles", get)
    if None in styles:
        raise Refused(422, "styles: null is no painting; leave it out")
    content_mask = _picture(asked.get("content_mask"), "content_mask", get)
    style_masks = _listed(asked.get("style_masks", []), "style_masks", get)
    preset = asked.get("preset")
    init = _picture(asked.get("init"), "init", get)
    recipe = parse(asked.get("recipe", {}), preset, init=init is not None, photo=content is not None)
    _fit(recipe, content, styles, shaped=content is not None or content_mask is not None)
    if content_mask is None and any(style_masks):
        raise Refused(422, "style masks belong to a mask of the photograph; paint that too")
    if content_mask is not None and content is None and styles and not any(style_masks) and not recipe.region_styles:
        raise Refused(422, "style_masks: a doodle needs a mask of the painting in the same colours; paint that too")
    if len(style_masks) > len(styles):
        raise Refused(422, f"there are {len(style_masks)} style masks for {len(styles)} styles; give one for each")
    if content_mask is not None:
        style_masks += [None] * (len(styles) - len(style_masks))
    return {
        "title": _title(asked.get("title"), content, styles, get),
        "content": content,
        "styles": styles,
        "content_mask": content_mask,
        "style_masks": style_masks,
        "init": init,
        "landmarks": _landmarks(asked.get("landmarks"), recipe),
        "region_names": _region_names(asked.get("region_names"), content_mask),
        "recipe": recipe.model_dump(mode="json"),
        "preset": preset,
        "sweep": None,
        "cell": None,
    }


def parse(changes: Any, preset: Any, *, init: bool = False, photo: bool = True) -> Recipe:
    """Build a recipe as the studio takes it. Raises `Refused`."""
    if not isinstance(changes, dict):
        raise Refused(422, "recipe: is not a JSON object")
    if preset is not None and not isinstance(preset, str):
        raise Refused(422, "preset: is no name")
    try:
        recipe = Recipe.parse(
            {**(_known_of(preset, changes, photo=photo) if preset else {}), **with_strength(renamed(changes))}
        )
    except RecipeError as error:
        raise Refused(422, str(error)) from None
    # Names, never files: what a page sends, and what a stranger's picture carries, opens nothing.
    if recipe.encoder not in ENCODERS:
        raise Refused(422, f"encoder: {unknown(recipe.encoder, dict.fromkeys(ENCODERS), 'encoder')}")
    if recipe.protect == "file":
        raise Refused(422, "protect: faces alone can be chosen here; paint a mask for other places")
    method = METHODS[recipe.method]
    if init and "init" not in method.settings:
        raise Refused(422, f"init: {method.name} begins with no picture; leave it out")
    if init:
        recipe = recipe.replace(init="file")
    elif recipe.init == "file":
        raise Refused(422, "init: name the picture to begin with, beside the recipe; or choose another start")
    known = shipped(recipe.method)
    if method.feed_forward and not known:
        raise Refused(422, f"method: no network of {method.name} is in this installation; choose another method")
    if "network" in method.settings and recipe.network != "auto" and recipe.network not in known:
        raise Refused(422, f"network: {unknown(recipe.network, known, 'network')}")
    if "network" in method.settings and recipe.network == "auto" and len(known) > 1:
        raise Refused(422, f"network: choose the style that {method.name} paints: {', '.join(known)}")
    return recipe


OF_A_PHOTOGRAPH = ("strength", "protect", "protect_weight")
"""What a preset sets of a photograph, and cannot be asked where there is none."""


def _known_of(preset: str, changes: Mapping[str, Any], *, photo: bool) -> dict[str, Any]:
    """Return what a preset sets of the settings that the method knows: a quality is one of every method."""
    sets = {key: value for key, value in load_preset(preset).items() if photo or key not in OF_A_PHOTOGRAPH}
    name = changes.get("method", sets.get("method", Recipe.model_fields["method"].get_default()))
    if not isinstance(name, str) or name not in METHODS:
        return sets
    refine = changes.get("refine", 0)
    known = settings_of(name, refined=isinstance(refine, int) and refine > 0)
    return {key: value for key, value in sets.items() if key in known}


def sweep(asked: Mapping[str, Any], get: Get) -> list[dict[str, Any]]:
    """Return the jobs of a grid over one or two settings, or pictures, row by row. Raises `Refused`."""
    base, axes = asked.get("job"), asked.get("axes")
    if not isinstance(base, dict) or not isinstance(axes, dict):
        raise Refused(422, "a sweep has a job and axes, each a JSON object")
    if not 1 <= len(axes) <= AXES:
        raise Refused(422, f"axes: a sheet has room for one or two settings, not {len(axes)}")
    for key, values in axes.items():
        if key not in PICTURES and (key not in Recipe.model_fields or key == "version"):
            raise Refused(422, unknown(str(key), Recipe.model_fields, "setting"))
        if not isinstance(values, list) or not values:
            raise Refused(422, f"axes: {key} needs a list of values, at least one")
    if "content" in axes and base.get("content_mask") is not None:
        raise Refused(422, "axes: a mask is of one photograph; leave it out, or the others")
    cells = list(itertools.product(*axes.values()))
    if len(cells) > CELLS:
        raise Refused(422, f"axes: {len(cells)} paintings are more than the {CELLS} of a sheet; give fewer values")
    name, made = secrets.token_hex(16), []
    for values in cells:
        cell = dict(zip(axes, values, strict=True))
        recipe = base.get("recipe", {})
        settings = {key: value for key, value in cell.items() if key not in PICTURES}
        recipe = {**recipe, **settings} if isinstance(recipe, dict) else recipe
        chosen: dict[str, Any] = {} if "content" not in cell else {"content": cell["content"]}
        if "style" in cell:
            chosen |= {"styles": [cell["style"]], "style_masks": []}
        made.append({**job({**base, **chosen, "recipe": recipe}, get), "sweep": name, "cell": cell})
    return made


def _fit(recipe: Recipe, content: str | None, styles: list[str | None], *, shaped: bool) -> None:
    method = METHODS[recipe.method]
    if not styles and method.styles:
        raise Refused(422, "styles: choose at least one painting")
    if not styles and recipe.refine:
        raise Refused(422, "styles: refining compares with a painting; choose one, or set refine to 0")
    if styles and not method.styles and not recipe.refine:
        raise Refused(422, f"styles: {method.name} paints the style that its network learnt; send no paintings with it")
    if content is None and not method.textures:
        able = [name for name, known in METHODS.items() if known.textures]
        raise Refused(422, f"content: {method.name} paints photographs; textures come from {', '.join(able)}")
    if not shaped and not isinstance(recipe.size, int):
        raise Refused(422, f"size: without a photograph there is nothing to be {recipe.size} of; give pixels")
    if recipe.color != "style" and content is None:
        raise Refused(422, f"color: without a photograph there are no colours to {recipe.color}; leave it at style")
    if recipe.color not in ("style", "content") and not method.styles:
        raise Refused(422, f"color: {method.name} has no painting to take colours from; use style or content")
    if recipe.style_weights and len(recipe.style_weights) != len(styles):
        raise Refused(422, f"style_weights: there are {len(recipe.style_weights)} for {len(styles)} styles")


def _picture(value: Any, key: str, get: Get) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refused(422, f"{key}: is not the id of a picture")
    try:
        get(value)
    except Refused as refused:
        raise Refused(422, f"{key}: {refused}") from None
    return value


def _listed(values: Any, key: str, get: Get) -> list[str | None]:
    if not isinstance(values, list):
        raise Refused(422, f"{key}: is not a list of ids")
    if len(values) > STYLES:
        raise Refused(422, f"{key}: {len(values)} are more than the {STYLES} that can be mixed")
    return [_picture(value, key, get) for value in values]


def _landmarks(given: Any, recipe: Recipe) -> dict[str, list[list[float]]] | None:
    """Return the points of the faces of photograph and first painting, in fractions of width and height."""
    if given is None:
        return None
    if not METHODS[recipe.method].landmarks:
        raise Refused(422, f"landmarks: {recipe.method} looks at no faces; leave them out")
    if not isinstance(given, dict) or {*given} != {"content", "style"}:
        raise Refused(422, "landmarks: has the points of both faces, content and style")
    for points in given.values():
        if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
            raise Refused(422, "landmarks: points are lists of [x, y], in fractions of width and height")
        if not all(type(side) in (int, float) and 0 <= side <= 1 for point in points for side in point):
            raise Refused(422, "landmarks: points are from 0 to 1, in fractions of width and height")
    if len(given["content"]) != len(given["style"]) or not 3 <= len(given["content"]) <= MAX_POINTS:
        raise Refused(422, f"landmarks: both faces have as many points, 3 to {MAX_POINTS}, in one order")
    return given


def _region_names(names: Any, content_mask: str | None) -> Any:
    """Return names of regions by colours, or of the levels 0, 1, ...; colours are looked at where masks are read."""
    if names is None:
        return None
    if content_mask is None:
        raise Refused(422, "region_names: are of the colours of a mask; give a content_mask too")
    values = list(names.values()) if isinstance(names, dict) else names
    if not isinstance(values, list) or not values or not all(isinstance(name, str) for name in values):
        raise Refused(422, 'region_names: is no object from colours to names, as in {"#804080": "road"}, and no list')
    if len(values) > MAX_NAMES or max(map(len, values)) > MAX_NAME_CHARACTERS:
        raise Refused(422, f"region_names: there can be {MAX_NAMES}, each of {MAX_NAME_CHARACTERS} characters")
    return names


def _title(asked: Any, content: str | None, styles: list[str | None], get: Get) -> str:
    if asked is not None and not isinstance(asked, str):
        raise Refused(422, "title: is no text")
    if asked and asked.strip():
        return clean_name(asked.replace("/", " ").replace("\\", " "))
    stems = [str(get(picture)["name"]).rpartition(".") for picture in (content, *styles) if picture is not None]
    words = [before or after for before, _, after in stems]
    return (
        clean_name(" in ".join(words[:2]) if content is not None else " and ".join(words[:2])) if words else "picture"
    )

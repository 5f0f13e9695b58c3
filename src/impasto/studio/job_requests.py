"""From what a page asks for to a job: whether it makes sense, as far as that goes without looking at a picture."""

import itertools
import math
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from impasto.errors import RecipeError
from impasto.recipe import Recipe, load_preset, renamed, unknown
from impasto.recipe.applicable import settings_of, with_strength
from impasto.recipe.catalogue import ENCODERS, METHODS
from impasto.recipe.shipped_networks import shipped
from impasto.studio.library import clean_name
from impasto.studio.refusal_words import checked
from impasto.studio.request_models import JobRequest, LiveRequest, SweepRequest
from impasto.studio.settings import Refused

AXES, CELLS = 2, 36
PICTURES = ("content", "style")
"""What a grid may go over beside settings: photographs, and paintings one at a time."""
MAX_TITLE = 120
"""Characters of a painting's title at most: two names of files, with a word between."""

Get = Callable[[str], Mapping[str, Any]]
"""From the id of a picture to its record; raises `Refused` for one that is not here."""


def job(asked: JobRequest, get: Get) -> dict[str, Any]:
    """Return what a queue keeps of a job. Raises `Refused` naming the key, what is wrong and the remedy."""
    content = _known(asked.content, "content", get, clips=True)
    styles = [_known(style, "styles", get) for style in asked.styles]
    content_mask = _known(asked.content_mask, "content_mask", get)
    style_masks = [_known(mask, "style_masks", get) for mask in asked.style_masks]
    init = _known(asked.init, "init", get)
    recipe = parse(asked.recipe, asked.preset, init=init is not None, photo=content is not None)
    _fit(recipe, content, styles, shaped=content is not None or content_mask is not None)
    if content_mask is None and any(style_masks):
        raise Refused(422, "style masks belong to a mask of the photograph; paint that too")
    if content_mask is not None and content is None and styles and not any(style_masks) and not recipe.region_styles:
        raise Refused(422, "style_masks: a doodle needs a mask of the painting in the same colours; paint that too")
    if len(style_masks) > len(styles):
        raise Refused(422, f"there are {len(style_masks)} style masks for {len(styles)} styles; give one for each")
    if content_mask is not None:
        style_masks += [None] * (len(styles) - len(style_masks))
    if asked.landmarks is not None and not METHODS[recipe.method].landmarks:
        raise Refused(422, f"landmarks: {recipe.method} looks at no faces; leave them out")
    if asked.region_names is not None and content_mask is None:
        raise Refused(422, "region_names: are of the colours of a mask; give a content_mask too")
    clip = content is not None and get(content).get("role") == "clip"
    if clip and (content_mask is not None or init is not None or asked.landmarks is not None):
        raise Refused(422, "content: a clip is painted without masks, points and a picture to begin with; remove them")
    return {
        "clip": clip,
        "title": _title(asked.title, content, styles, get),
        "content": content,
        "styles": styles,
        "content_mask": content_mask,
        "style_masks": style_masks,
        "init": init,
        "landmarks": None if asked.landmarks is None else asked.landmarks.model_dump(),
        "region_names": asked.region_names,
        "recipe": recipe.model_dump(mode="json"),
        "preset": asked.preset,
        "sweep": None,
        "cell": None,
    }


def parse(changes: Mapping[str, Any], preset: str | None, *, init: bool = False, photo: bool = True) -> Recipe:
    """Build a recipe as the studio takes it. Raises `Refused`."""
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


OF_A_PHOTOGRAPH = ("strength", "protect", "protect_weight", "protect_layers")
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


def live(asked: LiveRequest, get: Get) -> dict[str, Any]:
    """Return what is needed to paint from a camera. Raises `Refused`."""
    recipe = parse(asked.recipe, None)
    method = METHODS[recipe.method]
    if not method.feed_forward or recipe.refine:
        raise Refused(422, f"method: {method.name} is too slow to be painted as it is seen; choose one of networks")
    styles = [_known(style, "styles", get) for style in asked.styles]
    _fit(recipe, "camera", styles, shaped=True)
    return {"recipe": recipe.model_dump(mode="json"), "smooth": asked.smooth}


def sweep(asked: SweepRequest, get: Get) -> list[dict[str, Any]]:
    """Return the jobs of a grid over one or two settings, or pictures, row by row. Raises `Refused`."""
    base, axes = asked.job, asked.axes
    if not 1 <= len(axes) <= AXES:
        raise Refused(422, f"axes: a sheet has room for one or two settings, not {len(axes)}")
    for key, values in axes.items():
        if key not in PICTURES and (key not in Recipe.model_fields or key == "version"):
            raise Refused(422, unknown(str(key), Recipe.model_fields, "setting"))
        if not values:
            raise Refused(422, f"axes: {key} needs a list of values, at least one")
    if "content" in axes and base.content_mask is not None:
        raise Refused(422, "axes: a mask is of one photograph; leave it out, or the others")
    count = math.prod(map(len, axes.values()))
    if count > CELLS:
        raise Refused(422, f"axes: {count} paintings are more than the {CELLS} of a sheet; give fewer values")
    name, made = secrets.token_hex(16), []
    for chosen_values in itertools.product(*axes.values()):
        cell = dict(zip(axes, chosen_values, strict=True))
        settings = {key: value for key, value in cell.items() if key not in PICTURES}
        chosen: dict[str, Any] = {"recipe": {**base.recipe, **settings}}
        if "content" in cell:
            chosen["content"] = cell["content"]
        if "style" in cell:
            chosen |= {"styles": [cell["style"]], "style_masks": []}
        one = checked(JobRequest, {**base.model_dump(), **chosen})
        made.append({**job(one, get), "sweep": name, "cell": cell})
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


def _known(picture: str | None, key: str, get: Get, *, clips: bool = False) -> str | None:
    """Return the id of a picture that is here, or with `clips` of a clip. Raises `Refused` naming the key."""
    if picture is not None:
        try:
            role = get(picture).get("role")
        except Refused as refused:
            raise Refused(422, f"{key}: {refused}") from None
        if role == "clip" and not clips:
            raise Refused(422, f"{key}: is a clip; choose a picture")
    return picture


def _title(asked: str | None, content: str | None, styles: list[str | None], get: Get) -> str:
    if asked and asked.strip():
        return clean_name(asked.replace("/", " ").replace("\\", " "))
    stems = [str(get(picture)["name"]).rpartition(".") for picture in (content, *styles) if picture is not None]
    words = [before or after for before, _, after in stems]
    return (
        clean_name(" in ".join(words[:2]) if content is not None else " and ".join(words[:2])) if words else "picture"
    )

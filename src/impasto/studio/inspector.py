"""The process that looks at pictures for the studio: `python -m impasto.studio.inspector`. One request at a time.

Decoding other people's bytes, finding regions and estimating happen here and not in the server: it stays small, it
answers while this computes, and when this takes too long, or dies of a picture, there is another.
"""

import os
import queue
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from impasto import encoders, files, guides, images, metadata
from impasto.errors import ImageError, ImpastoError, RecipeError
from impasto.events import notice
from impasto.images import Picture
from impasto.images.source import check_kind, misnamed
from impasto.masks import automatic as segmentation
from impasto.masks import report
from impasto.optim import devices, memory
from impasto.painting.api import begin_with
from impasto.recipe import Recipe
from impasto.scene import SMALLEST
from impasto.scene.resolve import long_side
from impasto.studio.child_process import Parent, give_way
from impasto.studio.choosing import choose
from impasto.studio.clips import receive_clip, seconds
from impasto.studio.measuring import evaluated
from impasto.studio.order import Order, inputs, read
from impasto.studio.plain_words import plain
from impasto.studio.trouble import noticed, told

LARGE = 2048
"""Long side of the largest view, pixels (`library.SIZES`): made along with a smaller one of what is larger."""
NARROWEST = 512 // SMALLEST
"""Long side over short side of a picture at most: at the usual 512 pixels it has the least that is painted."""
QUALITY = 95
"""Quality of the JPEG, WebP and AVIF files that pictures are converted to, the default of `impasto paint`."""


def about() -> dict[str, Any]:
    """Return what the machine has: device, cores, memory."""
    return {
        "device": str(devices.choose("auto")),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": memory.available(),
    }


def measure(paths: dict[str, str]) -> dict[str, Any]:
    """Return sizes and hashes of pictures."""
    measured = {}
    for key, path in paths.items():
        picture = images.load(Path(path))
        height, width = picture.size
        measured[key] = {"width": width, "height": height, "sha256": picture.sha256}
    return measured


def receive(path: str, name: str, pixels: int, role: str = "content") -> dict[str, Any]:
    """Look at an upload: is it a picture, how large, and does it carry a recipe?

    Raises `ImageError`; for what is no picture at all, with the status 415.
    """
    with Path(path).open("rb") as stream:
        head = stream.read(1024)
    try:
        kind = check_kind(head, name)
    except ImageError as error:
        raise Unfit(415, str(error)) from None
    try:
        picture = replace(images.load(Path(path), max_pixels=pixels), name=name)
    except ImageError as error:
        raise ImageError(str(error).replace(path, name)) from None
    if misnamed(Path(name).suffix, kind):
        notice(f"{name}: is really a {kind} picture and is read as one")
    height, width = picture.size
    if role != "mask" and min(height, width) * NARROWEST < max(height, width):
        shape = f"{max(height, width) / min(height, width):.0f} : 1"
        raise ImageError(
            f"{name}: is {width}x{height} px, {shape}, which is too narrow to be painted; cut it to {NARROWEST} : 1 at "
            "most"
        )
    return {
        "width": width,
        "height": height,
        "has_alpha": picture.alpha is not None,
        "sha256": picture.sha256,
        **recipe_in(path),
    }


def recipe_in(path: str) -> dict[str, Any]:
    """Return the recipe that a picture carries, and the hashes of what it was made of: data, which nothing follows."""
    try:
        record = metadata.read(Path(path))
        if record is None or not isinstance(record.get("recipe"), dict):
            return {"recipe": None, "recorded": [], "weights": []}
        recipe = Recipe.parse(record["recipe"])
    except (ImageError, RecipeError) as error:
        return {"recipe": None, "recorded": [], "weights": [], "unread": told(error).replace(path, "the picture")}
    return {
        "recipe": recipe.model_dump(mode="json"),
        "recorded": _items(record.get("inputs"), ("role", "sha256")),
        "weights": _items(record.get("weights"), ("name", "sha256")),
    }


def _items(listed: Any, keys: tuple[str, ...]) -> list[dict[str, str]]:
    items = [item for item in listed if isinstance(item, dict)][:200] if isinstance(listed, list) else []
    return [{key: str(item.get(key, ""))[:200] for key in keys} for item in items]


def shown(path: str, out: str, size: int, pixels: int) -> dict[str, Any]:
    """Write a picture as browsers show it: upright, sRGB, its long side at most `size` pixels."""
    target = Path(out)
    # A view that is larger already is quicker to read than the whole picture, and looks the same when it is smaller.
    views = {int(view.stem[5:]): view for view in target.parent.glob(f"view-*{target.suffix}")}
    nearest = min((side for side in views if side >= 2 * size), default=None)
    source = Path(path) if nearest is None else views[nearest]
    picture = images.load(source, max_pixels=pixels)
    if nearest is None and max(picture.size) > LARGE > size:
        large = target.with_name(f"view-{LARGE}{target.suffix}")
        picture = _fitted(picture, LARGE)
        _write(picture, large, None)
    return _write(_fitted(picture, size), target, None)


def crop(path: str, out: str, box: list[int], name: str, pixels: int) -> dict[str, Any]:
    """Cut (left, top, width, height) out of the upright picture. Raises `ImageError` for a box outside it."""
    picture = replace(images.load(Path(path), max_pixels=pixels), name=name)
    left, top, width, height = box
    if left < 0 or top < 0 or width < 1 or height < 1:
        raise ImageError(f"{name}: a part begins inside the picture and is at least 1x1 px")
    if left + width > picture.size[1] or top + height > picture.size[0]:
        raise ImageError(f"{name}: is {picture.size[1]}x{picture.size[0]} px, and the part goes beyond its edges")
    rows, columns = slice(top, top + height), slice(left, left + width)
    alpha = None if picture.alpha is None else picture.alpha[:, :, rows, columns]
    return _write(Picture(picture.pixels[:, :, rows, columns], alpha, name), Path(out), None)


def converted(path: str, out: str, size: int | None, pixels: int) -> dict[str, Any]:
    """Write a painting in another format or size, with its recipe."""
    picture = images.load(Path(path), max_pixels=pixels)
    record = metadata.read(Path(path))
    text = None if record is None else metadata.canonical(record)
    return _write(picture if size is None else _fitted(picture, size), Path(out), text)


def automatic(
    content: dict[str, str], style: dict[str, str], regions: int, out: list[str], pixels: int
) -> dict[str, Any]:
    """Find regions that two pictures share, and write them as colour masks of their sizes."""
    pictures = [read(content, pixels), read(style, pixels)]
    photo, painting = (picture for picture in pictures if picture is not None)
    regions_found = segmentation.automatic(photo, [painting], encoders.create("petite"), count=regions)
    for maps, picture, path in zip((regions_found.content, *regions_found.styles), (photo, painting), out, strict=True):
        if maps is not None:
            images.save(guides.to_colors(guides.fit(maps, picture.size)), path, force=True)
    rows = [
        {
            "name": row["name"],
            "color": row["colour"],
            "content_fraction": row["content"],
            "style_fraction": row["styles"][0],
        }
        for row in report.describe(regions_found)
    ]
    return {"regions": rows}


def check_masks(order: dict[str, Any]) -> dict[str, Any]:
    """Read masks as a painting would, and say what will not work well."""
    recipe = Recipe.parse(order["recipe"])
    asked = Order.of(order)
    given = inputs(asked).read(recipe)
    areas = given.regions
    if areas is None:
        raise ImageError("no masks are given; paint at least two regions on the photograph")
    size = long_side(given.content, recipe, areas)
    # A doodle has the size of its mask.
    sheet = given.content if given.content is not None else read(asked.content_mask, asked.pixels)
    pictures = [picture for picture in (sheet, *given.paintings) if picture is not None]
    warnings = [
        *report.too_narrow(areas, pictures, size, encoders.geometry(recipe.encoder)),
        *report.uneven(areas),
    ]
    rows = [
        {
            "name": row["name"],
            "color": row["colour"],
            "content_fraction": row["content"],
            "style_fractions": row["styles"],
        }
        for row in report.describe(areas)
    ]
    return {"regions": rows, "warnings": [plain(warning) for warning in warnings]}


def estimate(order: dict[str, Any], frames: int | None = None) -> dict[str, Any]:
    """Prepare a painting, and say what it would take; one of a clip has `frames`."""
    if frames is None:
        painting = begin_with(inputs(Order.of(order)), Recipe.parse(order["recipe"]))
        spent = painting.seconds()
    else:
        spent, painting = seconds(Order.of(order), frames)
    return {
        "seconds": round(spent, 1),
        "memory_bytes": painting.memory_bytes,
        "tiles": painting.tiles,
        "levels": max(1, len(painting.schedule)),
        "size": list(painting.size),
        "recipe": painting.recipe.model_dump(mode="json"),
    }


class Unfit(ImpastoError):
    """A request that cannot be met, with the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _fitted(picture: Picture, size: int) -> Picture:
    if max(picture.size) <= size:
        return picture
    return images.resize_picture(picture, images.fit_size(picture.size, size))


def _write(picture: Picture, path: Path, text: str | None) -> dict[str, Any]:
    kind = images.FORMATS[path.suffix]
    files.write_bytes(path, images.encode(picture, kind, quality=QUALITY, metadata=text))
    return {"width": picture.size[1], "height": picture.size[0]}


REQUESTS: dict[str, Callable[..., dict[str, Any]]] = {
    function.__name__: function
    for function in (
        about,
        measure,
        receive,
        shown,
        crop,
        converted,
        automatic,
        check_masks,
        estimate,
        evaluated,
        receive_clip,
        choose,
    )
}


def answer(message: dict[str, Any]) -> dict[str, Any]:
    """Do what a message asks; return the answer, or the error with an HTTP status."""
    notices: list[str] = []
    try:
        with noticed(notices.append):
            result = REQUESTS[message["do"]](**message["with"])
    except Unfit as error:
        return {"error": told(error), "status": error.status}
    except ImpastoError as error:
        return {"error": told(error), "status": 422}
    except Exception as error:
        return {"error": told(error), "status": 413 if memory.is_out_of_memory(error) else 500}
    return {"answer": {**result, "notices": notices}}


def main(threads: int | None = None) -> None:
    """Answer until nobody asks any more."""
    give_way()
    if threads is not None:
        torch.set_num_threads(threads)
    orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    parent = Parent(orders.put)
    parent.listen()
    while True:
        message = orders.get()
        parent.say(number=message["number"], **answer(message))
        memory.trim()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else None)

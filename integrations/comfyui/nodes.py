"""The nodes, by ComfyUI's V3 interface: paint, paint in one pass, find masks, and a recipe."""

import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from comfy_api.latest import ComfyExtension, io
from PIL import Image

from . import impasto_command

CATEGORY = "image/impasto"
SLOW, FAST = impasto_command.OPTIMISED, impasto_command.METHODS[5:]


def save(image, path):
    """Write the first picture of a batch (B, H, W, C) in [0, 1]."""
    samples = (image[0, ..., :3].clamp(0, 1) * 255).round().byte().cpu().numpy()
    Image.fromarray(samples).save(path)
    return str(path)


def read(path):
    """Return a picture as a batch (1, H, W, 3) in [0, 1]."""
    with Image.open(path) as opened:
        return torch.from_numpy(np.asarray(opened.convert("RGB"), np.float32) / 255)[None]


def save_mask(mask, path):
    """Write a mask (B, H, W) as two flat colours: red where it is above a half, blue elsewhere."""
    inside = mask[0].cpu().numpy() > 0.5
    colors = np.where(inside[..., None], np.uint8([255, 0, 0]), np.uint8([0, 0, 255]))
    Image.fromarray(colors.astype(np.uint8)).save(path)
    return str(path)


def run(arguments):
    """Run impasto under ComfyUI's progress bar and stop button."""
    from comfy.model_management import processing_interrupted, throw_exception_if_processing_interrupted
    from comfy.utils import ProgressBar

    bar = ProgressBar(100)
    try:
        return impasto_command.run(
            arguments, lambda part: bar.update_absolute(round(100 * part)), processing_interrupted
        )
    except impasto_command.Cancelled:
        # By ComfyUI's own exception, which it shows as an end that somebody wanted, and not as a fault.
        throw_exception_if_processing_interrupted()
        raise
    except impasto_command.Failed as error:
        raise RuntimeError(f"impasto: {error}") from None


def paint(content, style, method, size, settings, *, content_mask=None, style_mask=None, recipe=""):
    """Paint a batch in a style, picture by picture, and return the batch."""
    painted = []
    with tempfile.TemporaryDirectory(prefix="impasto-") as name:
        folder = Path(name)
        styles = [] if style is None else [save(style, folder / "style.png")]
        masks = {}
        if content_mask is not None and style_mask is not None:
            masks = {
                "content_mask": save_mask(content_mask, folder / "content_mask.png"),
                "style_masks": [save_mask(style_mask, folder / "style_mask.png")],
            }
        elif (content_mask is None) != (style_mask is None):
            raise ValueError("impasto: a mask of the content goes with one of the style; connect both or none")
        if recipe.strip():
            (folder / "recipe.json").write_text(recipe, "utf-8")
            masks["recipe"] = str(folder / "recipe.json")
        for number in range(content.shape[0]):
            source = save(content[number : number + 1], folder / f"content-{number}.png")
            output = str(folder / f"painted-{number}.png")
            wanted = impasto_command.Painting(source, output, styles, method, size, settings=settings, **masks)
            run(wanted.arguments())
            painted.append(read(output))
    return torch.cat(painted)


class ImpastoPaint(io.ComfyNode):
    """Paint by optimisation."""

    @classmethod
    def define_schema(cls):
        """Return what goes in and comes out."""
        return io.Schema(
            node_id="ImpastoPaint",
            display_name="Paint (impasto)",
            category=CATEGORY,
            description="Paints pictures in the style of a painting by optimisation: half a minute each on a CPU.",
            inputs=[
                io.Image.Input("content"),
                io.Image.Input("style"),
                io.Combo.Input("method", options=list(SLOW), default="gatys"),
                io.Int.Input("size", default=768, min=64, max=8192, tooltip="Long side in pixels."),
                io.Float.Input("content_weight", default=1.0, min=0.01, max=100.0, step=0.1, tooltip="Not for nnst."),
                io.Int.Input("seed", default=0, min=0, max=2**31 - 1),
                io.Mask.Input("content_mask", optional=True),
                io.Mask.Input("style_mask", optional=True),
                io.String.Input("recipe", optional=True, default="", multiline=True),
            ],
            outputs=[io.Image.Output("painted", display_name="painted")],
        )

    @classmethod
    def execute(cls, content, style, method, size, content_weight, seed, content_mask=None, style_mask=None, recipe=""):
        """Paint."""
        settings = {"seed": seed, **impasto_command.weights(method, content_weight)}
        return io.NodeOutput(
            paint(
                content, style, method, size, settings, content_mask=content_mask, style_mask=style_mask, recipe=recipe
            )
        )


class ImpastoFastPaint(io.ComfyNode):
    """Paint by one pass of networks."""

    @classmethod
    def define_schema(cls):
        """Return what goes in and comes out."""
        return io.Schema(
            node_id="ImpastoFastPaint",
            display_name="Paint in one pass (impasto)",
            category=CATEGORY,
            description="Paints pictures in the style of a painting by networks that come with impasto, in seconds.",
            inputs=[
                io.Image.Input("content"),
                io.Image.Input("style", optional=True, tooltip="Not for johnson, which has styles of its own."),
                io.Combo.Input("method", options=list(FAST), default="adain"),
                io.Combo.Input("network", options=["auto", *impasto_command.NETWORKS], default="auto"),
                io.Int.Input("size", default=768, min=64, max=8192, tooltip="Long side in pixels."),
            ],
            outputs=[io.Image.Output("painted", display_name="painted")],
        )

    @classmethod
    def execute(cls, content, method, network, size, style=None):
        """Paint."""
        if method == "johnson":
            named = impasto_command.NETWORKS[0] if network == "auto" else network
            return io.NodeOutput(paint(content, None, method, size, {"network": named}))
        if style is None:
            raise ValueError(f"impasto: {method} takes its style from a painting; connect one")
        return io.NodeOutput(paint(content, style, method, size, {}))


class ImpastoMasks(io.ComfyNode):
    """Find regions that two pictures share."""

    @classmethod
    def define_schema(cls):
        """Return what goes in and comes out."""
        return io.Schema(
            node_id="ImpastoMasks",
            display_name="Find masks (impasto)",
            category=CATEGORY,
            description="Finds two regions that photograph and painting share, such as sky and ground.",
            inputs=[io.Image.Input("content"), io.Image.Input("style")],
            outputs=[
                io.Mask.Output("content_mask", display_name="content mask"),
                io.Mask.Output("style_mask", display_name="style mask"),
            ],
        )

    @classmethod
    def execute(cls, content, style):
        """Find them."""
        with tempfile.TemporaryDirectory(prefix="impasto-") as name:
            folder = Path(name)
            source, painting = save(content, folder / "content.png"), save(style, folder / "style.png")
            run(["masks", "auto", source, "--style", painting, "--regions", "2", "-o", str(folder / "masks")])
            pair = [read(folder / "masks" / f"{which}_mask.png")[0] for which in ("content", "style")]
        # The first region's colour is the same in both.
        first = pair[0].reshape(-1, 3)[0]
        return io.NodeOutput(*[((mask - first).abs().sum(-1) < 0.5).float()[None] for mask in pair])


class ImpastoRecipe(io.ComfyNode):
    """A recipe as JSON, from a preset and settings."""

    @classmethod
    def define_schema(cls):
        """Return what goes in and comes out."""
        return io.Schema(
            node_id="ImpastoRecipe",
            display_name="Recipe (impasto)",
            category=CATEGORY,
            description="Settings for the node that paints, as JSON; an empty line of text changes nothing.",
            inputs=[
                io.Combo.Input("preset", options=["standard", "draft", "fine", "gatys"], default="standard"),
                io.String.Input("settings", default="{}", multiline=True, tooltip='Such as {"tv_weight": 3}.'),
            ],
            outputs=[io.String.Output("recipe_json", display_name="recipe")],
        )

    @classmethod
    def execute(cls, preset, settings):
        """Return the preset's recipe with the settings; the node that paints refuses what is no setting."""
        try:
            changes = json.loads(settings.strip() or "{}")
        except ValueError as error:
            raise ValueError(f"impasto: the settings are no JSON ({error})") from None
        if not isinstance(changes, dict):
            raise ValueError('impasto: the settings are no JSON object, such as {"tv_weight": 3}')
        recipe = json.loads(run(["recipe", "--preset", preset]))
        return io.NodeOutput(json.dumps({**recipe, **changes}, sort_keys=True))


class ImpastoExtension(ComfyExtension):
    """What ComfyUI asks for the nodes."""

    async def get_node_list(self):
        """Return the nodes."""
        return [ImpastoPaint, ImpastoFastPaint, ImpastoMasks, ImpastoRecipe]


async def comfy_entrypoint():
    """Return the extension; ComfyUI calls this."""
    return ImpastoExtension()

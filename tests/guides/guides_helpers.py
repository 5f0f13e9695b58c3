"""Masks drawn by rule, as clean labels and as what people and programs make of them."""

import io

import torch
import torch.nn.functional as functional
from PIL import Image

from impasto import images
from impasto.images import Picture

BLACK, WHITE, GRAY = (0, 0, 0), (255, 255, 255), (128, 128, 128)
RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


def scene(height, width, parts=4):
    """Labels (H, W): sky, ground behind a wavy edge, a disc across both, a triangle; the first `parts` of them."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    labels = (y > 0.55 + 0.08 * torch.sin(9 * x)).long()
    if parts > 2:
        labels[(y - 0.5) ** 2 + (x - 0.3) ** 2 < 0.04] = 2
    if parts > 3:
        labels[(y < 0.9) & (y > 0.5) & ((x - 0.75).abs() < (y - 0.5) / 2)] = 3
    return labels


def paint(labels, colors):
    """Colours (3, H, W) in [0, 1] of labels (H, W)."""
    return (torch.tensor(colors, dtype=torch.float32) / 255)[labels].permute(2, 0, 1)


def picture(pixels, name="mask.png", alpha=None):
    return Picture(pixels[None].float(), alpha, name, f"sha of {name}")


def mask(labels, colors, name="mask.png"):
    return picture(paint(labels, colors), name)


def smoothed(labels, colors, factor, name="smooth.png"):
    """As a program draws it: `labels` are `factor` times too large and are averaged down. Gives also clean labels."""
    pixels = functional.avg_pool2d(paint(labels, colors), factor)
    cover = functional.one_hot(labels, len(colors)).permute(2, 0, 1).float()
    return picture(pixels, name), functional.avg_pool2d(cover, factor).argmax(0)


def jpeg(labels, colors, quality=75, name="mask.jpg"):
    stream = io.BytesIO()
    mask(labels, colors).to_pil().save(stream, "JPEG", quality=quality)
    with Image.open(io.BytesIO(stream.getvalue())) as image:
        return picture(images.load(image).pixels[0], name)


def noisy(labels, colors, levels, name="noisy.png"):
    pixels = paint(labels, colors)
    return picture((pixels + (2 * torch.rand(pixels.shape) - 1) * levels / 255).clamp(0, 1), name)


def gray(values, name="soft.png", alpha=None):
    """(H, W) in [0, 1] as a grey picture."""
    return picture(values.expand(3, *values.shape), name, alpha)


def around(labels, count, reach):
    """(count, H, W): which labels are within `reach` of each pixel."""
    one_hot = functional.one_hot(labels, count).permute(2, 0, 1).float()
    return functional.max_pool2d(one_hot, 2 * reach + 1, stride=1, padding=reach) > 0


def sums_to_one(maps):
    return bool(((maps.sum(0) - 1).abs() < 1e-5).all()) and bool((maps >= 0).all()) and bool((maps <= 1).all())

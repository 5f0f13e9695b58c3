"""The task behind `impasto train any`: one network that paints any style, in one pass (Ghiasi et al. 2017).

Each picture of a batch has a style and a strength of its own, and its loss is the objective that `impasto paint`
minimises for that pair, with the recipe's layers and weights. Two things differ, so that styles of all kinds can be
learnt together: the distance of Gram matrices is divided by the mean of both their powers, which bounds it (Cheng et
al. 2021), and the strength scales the weight of the content.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.encoders import Vgg
from impasto.images import Picture, Tile, contact_sheet, save
from impasto.nets import store
from impasto.nets.ghiasi import KIND, LAYERS, METHOD, Ghiasi, moments_of
from impasto.nets.store import Card
from impasto.recipe import Recipe

Stream = Callable[[int], Tensor]
RANGE = 16.0
"""At strength 0 the content weighs this many times the recipe's weight, at 1 a fraction of one over it, at 1/2 as much:
a wide enough range for a picture that is hardly painted and for one that hardly shows its photograph."""
TINY = 1e-8
"""Least power that a distance is divided by; features of a constant picture have none."""
SHEET_ROWS = 6
SHEET_STRENGTHS = (0.2, 0.5, 0.8)


@dataclass
class GhiasiTask:
    """Train `net` to paint the crops of `content` in the styles of the crops of `style`, at strengths drawn at random.

    Both are streams of (B, 3, H, W). `held_out` are pictures (1, 3, H, W) that are measured on and shown, each with the
    style of the same number.
    """

    encoder: Vgg
    net: Ghiasi
    recipe: Recipe
    content: Stream
    style: Stream
    seed: int = 0
    held_out: Sequence[Tensor] = ()
    held_out_styles: Sequence[Tensor] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    """For the card, beside what the task adds."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __post_init__(self) -> None:
        self.encoder = self.encoder.to(self.device)
        self.net = self.net.to(self.device).train().requires_grad_()
        self.parameters: dict[str, Tensor] = dict(self.net.named_parameters())
        self._layers = {*self.recipe.style_layers, *self.recipe.content_layers}
        self._measured: dict[str, float] = {}

    def begin(self, batches: int) -> None:
        """Measure how descriptions of styles are spread over `batches` batches, for the predictor to standardise by."""
        described = []
        with torch.no_grad():
            for step in range(-batches, 0):
                styles = self._styles(step)
                sums = moments_of(styles, self.encoder.raw(styles, LAYERS))
                described.append(self.net.predictor.describe(sums[1:]))
            values = torch.cat(described).double()
            self.net.predictor.center.copy_(values.mean(0))
            # A value that hardly varies says nothing, and must not be blown up.
            self.net.predictor.spread.copy_(values.std(0).clamp_min(float(values.std(0).median()) / 30))

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """Return the mean loss of batch `step` and its parts, unweighted."""
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        content, style = self.content(step).to(self.device), self._styles(step)
        return self._judge(content, style, torch.rand(len(content), generator=random).to(self.device))

    def evaluate(self) -> dict[str, float]:
        """Return the mean of the parts over the held-out pictures, at half strength."""
        totals: dict[str, float] = {}
        pairs = self._pairs()
        with torch.no_grad():
            for content, style in pairs:
                _, parts = self._judge(content, style, torch.full((1,), 0.5, device=self.device))
                for key, value in parts.items():
                    totals[key] = totals.get(key, 0.0) + value / len(pairs)
        self._measured = totals
        return totals

    def export(self, path: Path) -> None:
        """Write the network as float16 with its card."""
        training = dict(self.notes) | {f"held_out_{key}": float(f"{v:.4g}") for key, v in self._measured.items()}
        card = Card(method=METHOD, kind=KIND, plan=self.net.card_plan, encoder=self.encoder.sha256, training=training)
        store.save(path, self.net.state_dict(), card)

    def painted(self, content: Tensor, style: Tensor, strength: float) -> Tensor:
        """Return `content` (B, 3, H, W) painted in `style` (B, 3, H', W') at `strength`, clamped."""
        with torch.no_grad():
            sums = moments_of(style, self.encoder.raw(style, LAYERS))
            knob = torch.full((len(content),), strength, device=self.device)
            result: Tensor = self.net(content, self.net.norms(sums, knob)).clamp(0, 1)
            return result

    def sheet(self, path: Path, note: str = "") -> None:
        """Draw a few held-out pictures, or crops of the streams where there are none, and what becomes of them."""
        pairs = self._pairs()[:SHEET_ROWS]
        if not pairs:
            crops = (list(stream(-1).to(self.device)[:SHEET_ROWS, None]) for stream in (self.content, self.style))
            pairs = list(zip(*crops, strict=False))
        rows = []
        for content, style in pairs:
            shown = [self.painted(content, style, strength) for strength in SHEET_STRENGTHS]
            rows.append([Tile(Picture(image.float().cpu().clamp(0, 1))) for image in (content, style, *shown)])
        columns = ("content", "style", *(f"strength {strength}" for strength in SHEET_STRENGTHS))
        save(contact_sheet(rows, height=256, title=METHOD, note=note, columns=columns), path, force=True)

    def _styles(self, step: int) -> Tensor:
        """Return the styles of batch `step`, some of them in other colours: there are more palettes than paintings."""
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + step + 500_009)
        styles = self.style(step).to(self.device)
        recoloured = []
        for style in styles:
            if float(torch.rand((), generator=random)) < 0.3:
                style = style[torch.randperm(3, generator=random).to(self.device)]
            if float(torch.rand((), generator=random)) < 0.3:
                gain = (0.6 + 0.8 * torch.rand(3, 1, 1, generator=random)).to(self.device)
                middle = style.mean((1, 2), keepdim=True)
                style = (style - middle) * gain + middle + 0.1 * torch.randn(3, 1, 1, generator=random).to(self.device)
            recoloured.append(style)
        return torch.stack(recoloured).clamp(0, 1)

    def _pairs(self) -> list[tuple[Tensor, Tensor]]:
        styles = [image.to(self.device) for image in self.held_out_styles]
        contents = [image.to(self.device) for image in self.held_out]
        return [(image, styles[index % len(styles)]) for index, image in enumerate(contents) if styles]

    def _judge(self, content: Tensor, style: Tensor, strength: Tensor) -> tuple[Tensor, dict[str, float]]:
        recipe = self.recipe
        with torch.no_grad():
            wanted = self.encoder(content, recipe.content_layers)
            grams = {layer: _gram(maps) for layer, maps in self.encoder(style, recipe.style_layers).items()}
            sums = moments_of(style, self.encoder.raw(style, LAYERS))
        painted = self.net(content, self.net.norms(sums, strength))
        features = self.encoder(painted, self._layers)
        parts = {"content": torch.zeros_like(strength), "style": torch.zeros_like(strength)}
        for layer, weight in recipe.content_layers.items():
            target = wanted[layer].float()
            power = target.square().sum((1, 2, 3)).clamp_min(TINY)
            parts["content"] += weight * (features[layer].float() - target).square().sum((1, 2, 3)) / power
        for layer, weight in recipe.style_layers.items():
            gram, target = _gram(features[layer]), grams[layer]
            power = (gram.detach().square().sum((1, 2)) + target.square().sum((1, 2))) / 2
            parts["style"] += weight * (gram - target).square().sum((1, 2)) / power.clamp_min(TINY)
        parts["variation"] = _variation(painted)
        parts["gamut"] = (painted - painted.clamp(0, 1)).square().sum(1).mean((1, 2))
        factor = recipe.content_weight * RANGE ** (1 - 2 * strength)
        loss = factor * parts["content"] + recipe.style_weight * parts["style"]
        loss = loss + recipe.tv_weight * parts["variation"] + recipe.gamut_weight * parts["gamut"]
        # Where the content weighs more, so does the whole loss: each strength is to count alike.
        loss = loss / (1 + factor.sqrt())
        return loss.mean(), {key: float(value.detach().mean()) for key, value in parts.items()}


def _gram(features: Tensor) -> Tensor:
    """Return the uncentred Gram matrices per position, (B, C, C)."""
    flat = features.float().flatten(2)
    gram: Tensor = flat @ flat.mT / flat.shape[-1]
    return gram


def _variation(image: Tensor) -> Tensor:
    """Return the sum of absolute differences of neighbouring pixels over the pixels, (B,)."""
    across = (image[..., 1:] - image[..., :-1]).abs().sum((1, 2, 3))
    down = (image[..., 1:, :] - image[..., :-1, :]).abs().sum((1, 2, 3))
    pixels = image.shape[-1] * image.shape[-2]
    return (across + down) / pixels

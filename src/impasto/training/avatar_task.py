"""The task behind `impasto train any`: one network that paints any style, in one pass (after Sheng et al. 2018).

Each picture of a batch has a style of its own, and its loss is the objective that `impasto paint` minimises for that
pair, with the recipe's layers and weights. One thing differs, so that styles of all kinds can be learnt together: the
distance of Gram matrices is divided by the mean of both their powers, which bounds it (Cheng et al. 2021). Everything
is painted at full strength: whoever also learns to give photographs back learns to paint timidly, and weaker features
are painted as a weaker style anyway.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.encoders import Petite
from impasto.images import Picture, Tile, contact_sheet, save
from impasto.nets import store
from impasto.nets.avatar import KIND, LAYERS, METHOD, Avatar, encoded, faded, matched
from impasto.nets.store import Card
from impasto.recipe import Recipe

Stream = Callable[[int], Tensor]
TINY = 1e-8
"""Least power that a distance is divided by; features of a constant picture have none."""
SHEET_ROWS = 6
"""Pictures on a sheet of samples: what is seen at a glance."""
SHEET_STRENGTHS = (0.5, 1.0)


@dataclass
class AvatarTask:
    """Train `net` to paint the crops of `content` in the styles of the crops of `style`.

    Both are streams of (B, 3, H, W). `held_out` are pictures (1, 3, H, W) that are measured on and shown, each with the
    style of the same number.
    """

    encoder: Petite
    net: Avatar
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
        """Measure how large features are over `batches` batches, so that every layer enters the network alike."""
        powers = torch.zeros(len(LAYERS), dtype=torch.float64)
        with torch.no_grad():
            for step in range(-batches, 0):
                features = encoded(self.encoder, self._styles(step))
                powers += torch.tensor([float(features[layer].double().var()) for layer in LAYERS]).double()
            self.net.scale.copy_((powers / batches).sqrt().clamp_min(TINY))

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """Return the mean loss of batch `step` and its parts, unweighted."""
        return self._judge(self.content(step).to(self.device), self._styles(step))

    def evaluate(self) -> dict[str, float]:
        """Return the mean of the parts over the held-out pictures."""
        totals: dict[str, float] = {}
        pairs = self._pairs()
        with torch.no_grad():
            for content, style in pairs:
                _, parts = self._judge(content, style)
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
            painted = self.net(*matched(self.encoder, content, style, strength))
            return faded(content, painted, strength).clamp(0, 1)

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
        recolored = []
        for style in styles:
            if float(torch.rand((), generator=random)) < 0.3:
                style = style[torch.randperm(3, generator=random).to(self.device)]
            if float(torch.rand((), generator=random)) < 0.3:
                gain = (0.6 + 0.8 * torch.rand(3, 1, 1, generator=random)).to(self.device)
                middle = style.mean((1, 2), keepdim=True)
                shift = 0.1 * torch.randn(3, 1, 1, generator=random)
                style = (style - middle) * gain + middle + shift.to(self.device)
            recolored.append(style)
        return torch.stack(recolored).clamp(0, 1)

    def _pairs(self) -> list[tuple[Tensor, Tensor]]:
        styles = [image.to(self.device) for image in self.held_out_styles]
        contents = [image.to(self.device) for image in self.held_out]
        return [(image, styles[index % len(styles)]) for index, image in enumerate(contents) if styles]

    def _judge(self, content: Tensor, style: Tensor) -> tuple[Tensor, dict[str, float]]:
        recipe = self.recipe
        with torch.no_grad():
            wanted = self.encoder(content, recipe.content_layers)
            grams = {layer: _gram(maps) for layer, maps in self.encoder(style, recipe.style_layers).items()}
            drawn = matched(self.encoder, content, style)
        painted = self.net(*drawn)
        features = self.encoder(painted, self._layers)
        parts = {key: content.new_zeros(len(content)) for key in ("content", "style")}
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
        loss = recipe.content_weight * parts["content"] + recipe.style_weight * parts["style"]
        loss = loss + recipe.variation[1] * parts["variation"] + recipe.gamut_weight * parts["gamut"]
        return loss.mean(), {key: float(value.detach().mean()) for key, value in parts.items()}


def _gram(features: Tensor) -> Tensor:
    """Return the uncentered Gram matrices per position, (B, C, C)."""
    flat = features.float().flatten(2)
    gram: Tensor = flat @ flat.mT / flat.shape[-1]
    return gram


def _variation(image: Tensor) -> Tensor:
    """Return the sum of absolute differences of neighbouring pixels over the pixels, (B,)."""
    across = image.diff(dim=-1).abs().sum((1, 2, 3))
    down = image.diff(dim=-2).abs().sum((1, 2, 3))
    pixels = image.shape[-1] * image.shape[-2]
    return (across + down) / pixels

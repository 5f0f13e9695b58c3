"""The task behind `impasto train linear`: teach the transformation of Li et al. 2018 between fixed networks.

Encoder and decoder stay as they are. Losses are in petite's space and relative, so that weights mean the same at every
layer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.encoders import Vgg
from impasto.errors import UsageError
from impasto.images import Picture, Tile, contact_sheet, save
from impasto.nets import store
from impasto.nets.decoder import LAYERS, Decoder, pad_to_neurons
from impasto.nets.linear import KIND, METHOD, Linear
from impasto.nets.store import Card
from impasto.training.decoder_task import relative

Stream = Callable[[int], Tensor]
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
"""Of the paper, section 3.4; those above the decoder's layer are left out."""
_SHEET_ROWS = 6
"""Pictures on a sheet of samples: what is seen at a glance."""


@dataclass(frozen=True)
class Weights:
    """What the transformation is rewarded for; the content's weight is 1."""

    style: float = 20.0
    """Of the means and Gram matrices."""

    def __post_init__(self) -> None:
        if not 0 <= self.style < float("inf"):
            raise UsageError(f"--style-weight {self.style:g}: must be a number from 0 up")


@dataclass
class LinearTask:
    """Train `net` so that what `decoder` makes of its features has the content of one picture, the style of another.

    `content` and `style` are streams of crops (B, 3, H, W). `held_out` are pictures (1, 3, H, W) that are measured on
    and shown, each with the style of the same number.
    """

    encoder: Vgg
    decoder: Decoder
    net: Linear
    content: Stream
    style: Stream
    weights: Weights = field(default_factory=Weights)
    held_out: Sequence[Tensor] = ()
    held_out_styles: Sequence[Tensor] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    """For the card, beside what the task adds."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __post_init__(self) -> None:
        if self.net.layer != self.decoder.layer:
            raise UsageError(f"a transformation of {self.net.layer} cannot use a decoder from {self.decoder.layer}")
        deepest = LAYERS.index(self.net.layer)
        self.style_layers = tuple(layer for layer in STYLE_LAYERS if LAYERS.index(layer) <= deepest)
        self.layers = {*self.style_layers, self.net.layer}
        self.encoder = self.encoder.to(self.device)
        self.decoder = self.decoder.to(self.device).eval().requires_grad_(False)
        self.net = self.net.to(self.device).train().requires_grad_()
        self.parameters: dict[str, Tensor] = dict(self.net.named_parameters())
        self._measured: dict[str, float] = {}

    def begin(self, batches: int) -> None:
        """Start with the strongest directions of the features of `batches` batches of each stream."""
        layer = self.net.layer
        products = torch.zeros(self.net.plan.channels, self.net.plan.channels, dtype=torch.float64, device=self.device)
        with torch.no_grad():
            for step in range(-batches, 0):
                for stream in (self.content, self.style):
                    features = self.encoder.raw(self._whole(stream(step)), [layer])[layer].double().flatten(2)
                    centered = features - features.mean(2, keepdim=True)
                    products += (centered @ centered.mT).sum(0)
        # Ascending: the strongest are the last.
        self.net.begin(torch.linalg.eigh(products)[1][:, -self.net.plan.size :].float())

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of batch `step` and its parts, unweighted."""
        return self._painting(self._whole(self.content(step)), self._whole(self.style(step)))

    def evaluate(self) -> dict[str, float]:
        """Return the mean of the parts over the held-out pictures."""
        measured: dict[str, float] = {}
        pairs = self._pairs()
        with torch.no_grad():
            for content, style in pairs:
                for key, value in self._painting(content, style)[1].items():
                    measured[key] = measured.get(key, 0.0) + value / len(pairs)
        self._measured = measured
        return measured

    def export(self, path: Path) -> None:
        """Write the transformation as float16 with its card; the decoder stays in its own file."""
        training = dict(self.notes) | {f"held_out_{key}": float(f"{v:.4g}") for key, v in self._measured.items()}
        card = Card(
            method=METHOD,
            kind=KIND,
            plan=self.net.card_plan,
            layer=self.net.layer,
            encoder=self.encoder.sha256,
            training=training,
        )
        store.save(path, self.net.state_dict(), card)

    def painted(self, content: Tensor, style: Tensor) -> Tensor:
        """Return `content` (B, 3, H, W) painted in `style` (B, 3, H', W'), clamped."""
        layer = self.net.layer
        with torch.no_grad():
            features, of_style = (
                self.encoder.raw(pad_to_neurons(picture, self.encoder.stride(layer)), [layer])[layer].float()
                for picture in (content, style)
            )
            result = self.decoder(self.net(features, of_style), (content.shape[-2], content.shape[-1]))
            clamped: Tensor = result.clamp(0, 1)
            return clamped

    def sheet(self, path: Path, note: str = "") -> None:
        """Draw a few held-out pictures, or crops of the streams where there are none, and what becomes of them."""
        pairs = self._pairs()[:_SHEET_ROWS]
        if not pairs:
            crops = (list(self._whole(stream(-1))[:_SHEET_ROWS, None]) for stream in (self.content, self.style))
            pairs = list(zip(*crops, strict=False))
        rows = [
            [_tile(picture) for picture in (content, style, self.painted(content, style))] for content, style in pairs
        ]
        columns = ("content", "style", "painted")
        sheet = contact_sheet(rows, height=256, title=f"{METHOD} {self.net.layer}", note=note, columns=columns)
        save(sheet, path, force=True)

    def _whole(self, image: Tensor) -> Tensor:
        return pad_to_neurons(image.to(self.device), self.encoder.stride(self.net.layer))

    def _pairs(self) -> list[tuple[Tensor, Tensor]]:
        styles = [self._whole(image) for image in self.held_out_styles]
        contents = [self._whole(image) for image in self.held_out]
        # Without paintings there is nothing to measure on.
        return [(image, styles[index % len(styles)]) for index, image in enumerate(contents) if styles]

    def _painting(self, content: Tensor, style: Tensor) -> tuple[Tensor, dict[str, float]]:
        layer = self.net.layer
        with torch.no_grad():
            wanted = self.encoder.raw(content, [layer])[layer].float()
            of_style = {key: f.float() for key, f in self.encoder.raw(style, self.layers).items()}
        painted = self.decoder(self.net(wanted, of_style[layer]))
        of_painted = {key: f.float() for key, f in self.encoder.raw(painted, self.layers).items()}
        # Without the means, which the paper's content loss keeps: they are the style's, and would cost twice.
        parts = {"content": relative(_centered(of_painted[layer]), _centered(wanted)).mean()}
        errors = []
        for key in self.style_layers:
            errors.append(relative(of_painted[key].mean((2, 3)), of_style[key].mean((2, 3))).mean())
            errors.append(relative(_gram(of_painted[key]), _gram(of_style[key])).mean())
        parts["style"] = torch.stack(errors).mean()
        loss = parts["content"] + self.weights.style * parts["style"]
        return loss, {key: float(value.detach()) for key, value in parts.items()}


def _centered(features: Tensor) -> Tensor:
    return features - features.mean((2, 3), keepdim=True)


def _gram(features: Tensor) -> Tensor:
    """Return the uncentred Gram matrices per position, (B, C, C)."""
    flat = features.flatten(2)
    gram: Tensor = flat @ flat.mT / flat.shape[-1]
    return gram


def _tile(image: Tensor) -> Tile:
    return Tile(Picture(image.float().cpu().clamp(0, 1)))

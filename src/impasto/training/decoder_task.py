"""The task behind `impasto train decoder`: teach a network to turn petite's features back into a picture.

All losses are squared error over the squared norm of what was wanted, so that weights mean the same at every layer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders import Vgg
from impasto.errors import UsageError
from impasto.images import Picture, Tile, contact_sheet, save
from impasto.nets import store
from impasto.nets.decoder import LAYERS, Decoder, pad_to_neurons
from impasto.nets.store import Card
from impasto.nets.transforms import adain

Stream = Callable[[int], Tensor]
METHODS = ("wct", "adain")
_SHEET_ROWS = 6
"""Pictures on a sheet of samples: what is seen at a glance."""


@dataclass(frozen=True)
class Objective:
    """What a decoder is rewarded for."""

    method: str = "wct"
    """`wct`: reconstruct the picture (Li et al. 2017, eq. 1); `adain`: paint it (Huang & Belongie 2017, eq. 11)."""
    feature: float = 1.0
    """wct: weight of the features at the layer and above it, beside 1 for the pixels."""
    style: float = 10.0
    """adain: weight of the means and deviations at relu1_1 ... the layer, beside 1 for the content."""
    identity: float = 1.0
    """adain: weight of the pixels where the strength is 0."""
    variation: float = 0.1
    """adain: weight of the squared differences between neighbours over the content's variance."""


@dataclass
class DecoderTask:
    """Reconstruct pictures from `decoder.layer` (wct), or paint them in another's means and deviations (adain).

    `content` and `style` are streams of crops (B, 3, H, W); wct needs no styles. `held_out` are pictures
    (1, 3, H, W) that are measured on and shown; for adain each takes the style of the same number.
    """

    encoder: Vgg
    decoder: Decoder
    objective: Objective
    content: Stream
    style: Stream | None = None
    held_out: Sequence[Tensor] = ()
    held_out_styles: Sequence[Tensor] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    """For the card, beside what the task adds."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __post_init__(self) -> None:
        if self.objective.method not in METHODS:
            raise UsageError(f"unknown method '{self.objective.method}'; choose from {', '.join(METHODS)}")
        if self.objective.method == "adain" and self.style is None:
            raise UsageError("--method adain needs pictures to take styles from: --paintings")
        self.layers = LAYERS[: LAYERS.index(self.decoder.layer) + 1]
        self.encoder = self.encoder.to(self.device)
        self.decoder = self.decoder.to(self.device).train().requires_grad_()
        self.parameters: dict[str, Tensor] = dict(self.decoder.named_parameters())
        self._measured: dict[str, float] = {}

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of batch `step` and its parts, unweighted."""
        content = self._whole(self.content(step))
        if self.style is None or self.objective.method == "wct":
            return self._reconstruction(content)
        random = torch.Generator().manual_seed(7_919 * step + 1)
        return self._painting(content, self._whole(self.style(step)), strengths(len(content), random).to(content))

    def evaluate(self) -> dict[str, float]:
        """Return the mean of the parts over the held-out pictures, at full strength; for wct with PSNR in dB."""
        measured: dict[str, float] = {}
        with torch.no_grad():
            for image, style in self._pairs():
                if style is None:
                    record = self._reconstruction(image)[1] | {"psnr": float(psnr(self.painted(image), image))}
                else:
                    record = self._painting(image, style, torch.ones(1).to(image))[1]
                for key, value in record.items():
                    measured[key] = measured.get(key, 0.0) + value / len(self.held_out)
        self._measured = measured
        return measured

    def export(self, path: Path) -> None:
        """Write the decoder as float16 with its card."""
        training = dict(self.notes) | {f"held_out_{key}": float(f"{v:.4g}") for key, v in self._measured.items()}
        card = Card(
            method=self.objective.method,
            kind="decoder",
            plan=self.decoder.plan,
            layer=self.decoder.layer,
            encoder=self.encoder.sha256,
            training=training,
        )
        store.save(path, self.decoder.state_dict(), card)

    def painted(self, content: Tensor, style: Tensor | None = None, alpha: float = 1.0) -> Tensor:
        """Return the clamped picture (B, 3, H, W): `content` reconstructed, or painted in `style`."""
        with torch.no_grad():
            layer = self.decoder.layer
            features = self.encoder.raw(pad_to_neurons(content, self.encoder.stride(layer)), [layer])[layer].float()
            if style is not None:
                features = adain(features, self.encoder.raw(style, [layer])[layer].float(), alpha)
            result: Tensor = self.decoder(features, (content.shape[-2], content.shape[-1]))
            return result.clamp(0, 1)

    def sheet(self, path: Path, note: str = "") -> None:
        """Draw a few held-out pictures, or crops of the stream where there are none, and what becomes of them."""
        pairs = list(self._pairs())[:_SHEET_ROWS]
        if not pairs:
            contents = list(self._whole(self.content(-1))[:_SHEET_ROWS, None])
            styles = [None] * len(contents) if self.style is None else self._whole(self.style(-1))[:, None]
            pairs = list(zip(contents, styles, strict=False))
        rows = []
        for content, style in pairs:
            shown = [content] if style is None else [content, style]
            rows.append([_tile(picture) for picture in (*shown, self.painted(content, style))])
        columns = ("content", "given back") if len(rows[0]) == 2 else ("content", "style", "painted")
        title = f"{self.objective.method} {self.decoder.layer}"
        save(contact_sheet(rows, height=256, title=title, note=note, columns=columns), path, force=True)

    def _whole(self, image: Tensor) -> Tensor:
        """Extend to whole neurons, so that what is decoded has the size of what was encoded."""
        return pad_to_neurons(image.to(self.device), self.encoder.stride(self.decoder.layer))

    def _pairs(self) -> list[tuple[Tensor, Tensor | None]]:
        contents = [self._whole(image) for image in self.held_out]
        if self.objective.method == "wct":
            return [(image, None) for image in contents]
        styles = [self._whole(image) for image in self.held_out_styles]
        # Without paintings there is nothing to measure on.
        return [(image, styles[index % len(styles)]) for index, image in enumerate(contents) if styles]

    def _reconstruction(self, image: Tensor) -> tuple[Tensor, dict[str, float]]:
        with torch.no_grad():
            wanted = self.encoder.raw(image, self.layers)
        result = self.decoder(wanted[self.decoder.layer].float())
        of_result = self.encoder.raw(result, self.layers)
        parts = {"pixel": _pixels(result, image).mean()}
        for layer in self.layers:
            parts[layer] = relative(of_result[layer].float(), wanted[layer].float()).mean()
        feature = torch.stack([parts[layer] for layer in self.layers]).mean()
        loss = parts["pixel"] + self.objective.feature * feature
        return loss, {key: float(value.detach()) for key, value in parts.items()}

    def _painting(self, content: Tensor, style: Tensor, alpha: Tensor) -> tuple[Tensor, dict[str, float]]:
        layer, weights = self.decoder.layer, self.objective
        with torch.no_grad():
            of_content = {key: f.float() for key, f in self.encoder.raw(content, self.layers).items()}
            of_style = {key: f.float() for key, f in self.encoder.raw(style, self.layers).items()}
            target = adain(of_content[layer], of_style[layer], alpha)
        result = self.decoder(target)
        of_result = {key: f.float() for key, f in self.encoder.raw(result, self.layers).items()}
        spread = (content - content.mean((2, 3), keepdim=True)).square().mean((1, 2, 3))
        rough = result.diff(dim=-1).square().mean((1, 2, 3)) + result.diff(dim=-2).square().mean((1, 2, 3))
        parts = {
            "content": relative(of_result[layer], target).mean(),
            "style": torch.stack(
                [_style_error(of_result[key], of_content[key], of_style[key], alpha).mean() for key in self.layers]
            ).mean(),
            # Only where no style is asked for is the picture itself the answer.
            "identity": (_pixels(result, content) * (alpha == 0)).mean(),
            "variation": (rough / spread.clamp_min(1e-4)).mean(),
        }
        loss = (
            parts["content"]
            + weights.style * parts["style"]
            + weights.identity * parts["identity"]
            + weights.variation * parts["variation"]
        )
        return loss, {key: float(value.detach()) for key, value in parts.items()}


def strengths(count: int, random: torch.Generator) -> Tensor:
    """Draw the strength of each picture of a batch, (B,): mostly 1, some 0, and some between."""
    kind, between = torch.rand(2, count, generator=random)
    return torch.where(kind < 0.7, 1.0, torch.where(kind < 0.85, between, 0.0))


def relative(value: Tensor, target: Tensor) -> Tensor:
    """Return the squared error of each picture of (B, ...) over the squared norm of `target`, (B,)."""
    error = (value - target).square().flatten(1).sum(1)
    return error / target.square().flatten(1).sum(1).clamp_min(1e-6)


def psnr(value: Tensor, target: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio in dB of pictures in [0, 1], ()."""
    return -10 * (value - target).square().mean().clamp_min(1e-10).log10()


def _pixels(value: Tensor, target: Tensor) -> Tensor:
    """Return the squared error over the variance, (B,): a picture's norm is mostly its brightness, which is easy."""
    centered = (target - target.mean((1, 2, 3), keepdim=True)).square().flatten(1).mean(1)
    # A flat crop would make any error infinite.
    return (value - target).square().flatten(1).mean(1) / centered.clamp_min(1e-3)


def _style_error(features: Tensor, content: Tensor, style: Tensor, alpha: Tensor) -> Tensor:
    """Return the squared error of means and deviations over the squared norm of the style's, (B,)."""
    target = torch.lerp(_mean_std(content), _mean_std(style), alpha[:, None, None])
    return relative(_mean_std(features), target)


def _mean_std(features: Tensor) -> Tensor:
    variance, mean = torch.var_mean(features, (2, 3), correction=0)
    # The root's slope at a channel that is off everywhere would be infinite.
    return torch.stack([mean, (variance + 1e-5).sqrt()], 1)


def _tile(image: Tensor) -> Tile:
    return Tile(Picture(F.relu(image).float().cpu().clamp_max(1)))

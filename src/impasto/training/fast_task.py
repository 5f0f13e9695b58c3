"""The task behind `impasto train fast`: one network that paints one style, in one pass (Johnson et al. 2016, eq. 1).

The network is trained on the very objective that `impasto paint` minimises, with the recipe's layers, weights
and normalisation: the network learns to paint in one pass what the optimisation would arrive at.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto import images
from impasto.encoders import Encoder
from impasto.errors import InputError, UsageError
from impasto.images import Picture, Tile
from impasto.losses import NORMALIZATIONS, Content, Gamut, Objective, Style, TotalVariation, blend, statistic
from impasto.losses.normalization import power
from impasto.nets import store
from impasto.nets.johnson import Johnson
from impasto.nets.store import Card
from impasto.nets.texture_net import TextureNet
from impasto.recipe import Recipe
from impasto.training.data import PictureStream

MODES = ("photos", "noise", "both")
SHEET_PICTURES = 6
"""Pictures on a sheet of samples: what is seen at a glance."""
NOISE_SIDE = 256
"""Side in pixels of the textures that are measured and shown."""


@dataclass
class FastTask:
    """Paint the crops of `stream` in the style that `styles` measure; a texture net may be fed noise instead, or both.

    `stream` gives (B, 3, crop, crop), or is None with the mode `noise`. `held_out` are pictures (1, 3, H, W) that are
    measured on and shown. With `both`, odd steps are of noise. What is made of noise is measured as a picture that
    repeats, and has no content term.

    Raises `UsageError` for a mode that the network or the stream does not allow.
    """

    net: Johnson | TextureNet
    encoder: Encoder
    recipe: Recipe
    styles: Sequence[Picture]
    stream: PictureStream | None
    mode: str = "photos"
    batch: int = 2
    """Textures a step."""
    crop: int = 256
    """Side of a texture, pixels."""
    style_size: int = 384
    """Long side at which the styles are measured, pixels; smaller ones stay as they are."""
    held_out: Sequence[Tensor] = ()
    seed: int = 0
    notes: Mapping[str, Any] = field(default_factory=dict)
    """For the card, beside what the task adds."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UsageError(f"unknown mode '{self.mode}'; choose from {', '.join(MODES)}")
        if self.mode != "photos" and not isinstance(self.net, TextureNet):
            raise UsageError(f"--mode {self.mode}: only --method texture_net makes textures out of noise")
        if self.mode != "noise" and self.stream is None:
            raise UsageError(f"--mode {self.mode}: needs pictures to paint")
        if self.mode != "photos" and self.crop % self.net.stride:
            raise UsageError(f"--crop {self.crop}: a texture that repeats needs a multiple of {self.net.stride}")
        self.net = self.net.to(self.device).train().requires_grad_()
        self.parameters: dict[str, Tensor] = dict(self.net.named_parameters())
        self.encoder = self.encoder.to(self.device)
        self._repeating = self.encoder.padded("circular")
        self._styles = style_terms(self.recipe, self.encoder, self.styles, self.style_size, self.device)
        self._measured: dict[str, float] = {}

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """Return the mean objective over batch `step`, and its groups of terms."""
        if self.stream is None or self.mode == "noise" or (self.mode == "both" and step % 2):
            return self._mean_objective(self._textures(self.crop, self.batch, step), None)
        content = self.stream(step).to(self.device)
        return self._mean_objective(self.net(content), content)

    def evaluate(self) -> dict[str, float]:
        """Return the mean objective and its groups over the held-out pictures, or over some textures."""
        self._measured = self.measure(self.net)
        return self._measured

    @torch.no_grad()
    def measure(self, paint: Callable[[Tensor], Tensor]) -> dict[str, float]:
        """Return what `evaluate` does, where `paint` paints the held-out pictures (1, 3, H, W)."""
        measured: dict[str, float] = {}
        cases: list[Tensor | None] = [None] * 2 if self.mode == "noise" else [*self.held_out]
        for number, image in enumerate(cases):
            content = None if image is None else image.to(self.device)
            painted = self._textures(NOISE_SIDE, 1, -1 - number) if content is None else paint(content)
            loss, record = self._mean_objective(painted, content)
            for key, value in {"loss": float(loss), **record}.items():
                measured[key] = measured.get(key, 0.0) + value / len(cases)
        return measured

    def export(self, path: Path) -> None:
        """Write the network as float16 with its card."""
        training = dict(self.notes) | {f"held_out_{key}": float(f"{v:.4g}") for key, v in self._measured.items()}
        name, digest = named(self.styles)
        card = Card(
            method="texture_net" if isinstance(self.net, TextureNet) else "johnson",
            kind="generator" if isinstance(self.net, TextureNet) else "stylizer",
            plan=self.net.card_plan,
            style=name,
            style_sha256=digest,
            training=training,
        )
        store.save(path, self.net.state_dict(), card)

    def sheet(self, path: Path, note: str = "") -> None:
        """Draw the style, and what becomes of a few held-out pictures (else of crops of the stream) and of noise."""
        rows = [[_tile(self.styles[0].pixels, "style")]]
        with torch.no_grad():
            if self.mode != "photos" and isinstance(self.net, TextureNet):
                for number in range(2):
                    rows[0].append(_tile(self._textures(NOISE_SIDE, 1, -1 - number), "out of noise"))
            if self.mode != "noise" and self.stream is not None:
                contents = [*self.held_out] or [*self.stream(-1)[:, None]]
                for content in contents[:SHEET_PICTURES]:
                    rows.append([_tile(content, "content"), _tile(self.net(content.to(self.device)), "painted")])
        images.save(images.contact_sheet(rows, height=320, title=named(self.styles)[0], note=note), path, force=True)

    def _textures(self, side: int, batch: int, step: int) -> Tensor:
        if not isinstance(self.net, TextureNet):  # __post_init__ saw to it
            raise UsageError("only --method texture_net makes textures out of noise")
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        return self.net.generate([level.to(self.device) for level in self.net.noise((side, side), random, batch)])

    def _mean_objective(self, painted: Tensor, content: Tensor | None) -> tuple[Tensor, dict[str, float]]:
        """Return the mean objective of `painted` (B, 3, H, W); without `content` as textures that repeat."""
        recipe = self.recipe
        normal = NORMALIZATIONS[recipe.normalization]
        encoder = self._repeating if content is None else self.encoder
        wanted: dict[str, Tensor] = {}
        if content is not None:
            with torch.no_grad():
                wanted = encoder(content, recipe.content_layers)
        features = encoder(painted, {*recipe.style_layers, *wanted})
        pixels: list[TotalVariation | Gamut] = []
        positions = painted[0, 0].numel()
        kind, weight = recipe.variation
        if weight:
            pixels.append(TotalVariation(kind, weight * normal.variation(kind, positions), wrap=content is None))
        if recipe.gamut_weight:
            pixels.append(Gamut(recipe.gamut_weight * normal.gamut(positions)))
        losses, groups = [], dict[str, float]()
        for index in range(len(painted)):
            one = slice(index, index + 1)
            contents = []
            for layer, of_batch in wanted.items():
                target = of_batch[one]
                factor = recipe.content_weight * recipe.content_layers[layer]
                factor *= normal.content(encoder.channels[layer], target[0, 0].numel(), power(target))
                contents.append(Content(layer, target, factor))
            objective = Objective(tuple(contents), self._styles, tuple(pixels))
            loss, report = objective(painted[one], {layer: f[one] for layer, f in features.items()})
            losses.append(loss)
            for key, value in report.group().items():
                groups[key] = groups.get(key, 0.0) + value / len(painted)
        return torch.stack(losses).mean(), groups


def style_terms(
    recipe: Recipe, encoder: Encoder, styles: Sequence[Picture], size: int, device: torch.device
) -> tuple[Style, ...]:
    """Measure the styles, each with its long side at most `size` pixels, and return their terms.

    Several styles are mixed in equal parts; what is transparent does not count.
    """
    normal = NORMALIZATIONS[recipe.normalization]
    kinds = {
        (layer, name): (statistic(name, lift=encoder.lift(layer), seed=recipe.seed), weight * layer_weight)
        for layer, layer_weight in recipe.style_layers.items()
        for name, weight in recipe.statistics.items()
        if weight * layer_weight
    }
    finished: dict[tuple[str, str], list[Tensor]] = {key: [] for key in kinds}
    with torch.no_grad():
        for picture in styles:
            fitted = images.fit_size(picture.size, min(size, max(picture.size)))
            features = encoder(images.resize(picture.pixels, fitted).to(device), recipe.style_layers)
            for (layer, name), (kind, _) in kinds.items():
                guide = None
                if picture.alpha is not None:
                    at_layer = features[layer].shape[-2], features[layer].shape[-1]
                    guide = images.resize(picture.alpha, at_layer)[0, 0]
                finished[layer, name].append(kind.finish(kind.measure(features[layer], guide)))
    terms = []
    for (layer, name), (kind, weight) in kinds.items():
        target = blend(finished[layer, name], [1.0] * len(styles))
        factor = recipe.style_weight * weight * normal.of(kind, encoder.channels[layer], target)
        terms.append(Style(layer, kind, target, factor))
    return tuple(terms)


def named(styles: Iterable[Picture]) -> tuple[str, str]:
    """Return the name and the digest that stand for some styles together."""
    pictures = list(styles)
    names, digests = [Path(picture.name).stem for picture in pictures], [picture.sha256 for picture in pictures]
    if len(pictures) == 1:
        return names[0], digests[0]
    return " + ".join(names), hashlib.sha256("".join(digests).encode()).hexdigest()


def same_style(folder: Path, styles: Sequence[Picture]) -> None:
    """Make sure that a run in `folder` that would be resumed is on these styles. Raises `InputError`."""
    path = folder / "weights.safetensors"
    if path.exists():
        _, card = store.load(path)
        if card.style_sha256 != named(styles)[1]:
            raise InputError(f"{folder}: holds a training on '{card.style[:60]}'; name another output folder")


def _tile(image: Tensor, label: str) -> Tile:
    return Tile(Picture(image.float().cpu().clamp(0, 1)), label=label)

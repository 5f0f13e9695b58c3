"""What a painting gives back: the picture, how it was made, and how it went."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impasto import images, metadata
from impasto.images import Picture
from impasto.images.html import figure
from impasto.recipe import Recipe


@dataclass(frozen=True)
class Result:
    """A painted picture. Shows itself in a notebook; `save` writes its recipe into the file."""

    picture: Picture
    recipe: Recipe
    """The recipe with everything automatic resolved: painting with it again gives the same picture."""
    history: tuple[Mapping[str, Any], ...] = field(repr=False, default=())
    """One record a step: level, step, loss, its parts (content, style, tv) and elapsed seconds."""
    timings: Mapping[str, float] = field(repr=False, default_factory=dict)
    """Seconds of each level and in total."""
    inputs: tuple[Mapping[str, Any], ...] = field(repr=False, default=())
    """Role and sha256 of each input, and `truncated` where it was; never a path."""
    weights: tuple[Mapping[str, str], ...] = field(repr=False, default=())
    """Name and sha256 of the encoder's weights."""
    finished: bool = True
    """False when it was stopped before the last step."""

    @property
    def metadata(self) -> str:
        """Return the JSON that `save` embeds: recipe, versions, hashes of inputs and weights."""
        return metadata.build(
            self.recipe.model_dump(mode="json"),
            inputs=[dict(item) for item in self.inputs],
            weights=[dict(item) for item in self.weights],
            stopped_after=None if self.finished else len(self.history),
        )

    def save(
        self,
        path: str | Path,
        *,
        bits: int = 8,
        quality: int = 95,
        force: bool = False,
        embed: bool = True,
    ) -> None:
        """Write the picture, whole or not at all, as PNG, JPEG, WebP, AVIF or TIFF by the suffix.

        `bits` 16 for PNG and TIFF; `embed` false leaves the recipe out. Raises `OutputError` when the file
        exists and `force` is false, or cannot be written.
        """
        images.save(
            self.picture,
            path,
            bits=bits,
            quality=quality,
            metadata=self.metadata if embed else None,
            force=force,
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the picture and how it was made."""
        height, width = self.picture.size
        rows: dict[str, object] = {
            "method": self.recipe.method,
            "size": f"{width} x {height} px",
            "seed": self.recipe.seed,
            "steps": len(self.history) if self.finished else f"{len(self.history)}, stopped",
            "seconds": self.timings.get("total"),
            "loss": self.history[-1].get("loss") if self.history else None,
        }
        return figure(self.picture, {name: value for name, value in rows.items() if value is not None})

    def _repr_png_(self) -> bytes:
        return images.encode(self.picture, "png")

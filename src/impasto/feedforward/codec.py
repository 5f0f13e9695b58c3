"""What encodes and what decodes, in methods for any painting."""

from pathlib import Path

import torch

from impasto.encoders import Encoder, Petite
from impasto.errors import UsageError
from impasto.feedforward.networks import Loaded
from impasto.nets import store
from impasto.nets.decoder import Decoder
from impasto.recipe import Recipe
from impasto.scene.resolve import encoder_of


def petite_of(recipe: Recipe, encoder: str | Path | Encoder | None, device: torch.device) -> tuple[Petite, Recipe]:
    """Return the encoder on `device`, and the recipe with what `auto` turned out to mean.

    Raises `UsageError` for another encoder than a petite, which alone has decoders.
    """
    if encoder is None and recipe.encoder not in ("auto", "petite") and not recipe.refine:
        raise UsageError(
            f"{recipe.method} works on the features of petite, not of {recipe.encoder}; leave the encoder out"
        )
    made, resolved = encoder_of(recipe.replace(encoder="petite"), encoder, device)
    if not isinstance(made, Petite):
        raise UsageError(f"{recipe.method} works on the features of petite, not of {made.name}; leave it out")
    return made, resolved.replace(encoder=recipe.encoder if recipe.refine else "petite")


def decoder_of(loaded: Loaded, method: str, encoder: Petite) -> Decoder:
    """Build a decoder that was trained for `method`. Raises `WeightsError` where it was for another, or encoder."""
    store.expect(loaded.card, loaded.where, method=method, kind="decoder", encoder=encoder.sha256)
    return Decoder.from_parts(loaded.tensors, loaded.card, loaded.where, precision=encoder.precision)

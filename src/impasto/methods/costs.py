"""What terms cost beside the encoder: values a pixel."""

from impasto.encoders import Encoder


def density(encoder: Encoder, layer: str) -> float:
    """Return the values that the encoder returns for a layer, per pixel."""
    return width_of(encoder, layer) / encoder.stride(layer) ** 2


def width_of(encoder: Encoder, layer: str) -> int:
    """Return the channels that the encoder returns for a layer."""
    lift = encoder.lift(layer)
    return encoder.channels[layer] if lift is None else lift.shape[1]

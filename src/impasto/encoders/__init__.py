"""Encoders: networks that turn pictures into features."""

from impasto.encoders.choose import NAMES, Options, create, faster_precision, from_file
from impasto.encoders.encoder import LAYERS, Encoder, layer_name, receptive_field, steps, stride
from impasto.encoders.petite import LIFTED, Petite
from impasto.encoders.vgg import Vgg

__all__ = [
    "LAYERS",
    "LIFTED",
    "NAMES",
    "Encoder",
    "Options",
    "Petite",
    "Vgg",
    "create",
    "faster_precision",
    "from_file",
    "layer_name",
    "receptive_field",
    "steps",
    "stride",
]

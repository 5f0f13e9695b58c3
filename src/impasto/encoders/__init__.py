"""Encoders: networks that turn pictures into features."""

from impasto.encoders.choose import NAMES, Options, create, from_file, geometry
from impasto.encoders.encoder import LAYERS, VGG16, VGG19, Encoder, Geometry, Step
from impasto.encoders.petite import LIFTED, Petite
from impasto.encoders.vgg import Vgg

__all__ = [
    "LAYERS",
    "LIFTED",
    "NAMES",
    "VGG16",
    "VGG19",
    "Encoder",
    "Geometry",
    "Options",
    "Petite",
    "Step",
    "Vgg",
    "create",
    "from_file",
    "geometry",
]

"""The inputs of one painting at the size of a level: pictures, regions, colours, landmarks."""

from impasto.scene.scene import SMALLEST, Painted, Scene

__all__ = ["SMALLEST", "Painted", "Scene"]

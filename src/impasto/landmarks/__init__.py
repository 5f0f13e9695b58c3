"""Points of faces: read, found in a picture, and mapped from one face onto another."""

from impasto.landmarks.points import Landmarks, Pair, digest, load, pair

__all__ = ["Landmarks", "Pair", "digest", "load", "pair"]

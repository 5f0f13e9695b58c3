"""Checkpoints: a painting between two steps, as a file from which it goes on bit for bit."""

from impasto.checkpoint.saved import SUFFIX, Checkpoint, previous, remove, remove_spare

__all__ = ["SUFFIX", "Checkpoint", "previous", "remove", "remove_spare"]

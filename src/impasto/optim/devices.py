"""Where a painting is computed."""

import torch

from impasto.errors import ResourceError

NAMES = ("auto", "cpu", "cuda", "mps")


def choose(name: str = "auto") -> torch.device:
    """Return the device called `name`; `auto` is the first there is of cuda and mps, and else the CPU.

    Raises `ResourceError` for a device that torch does not know or this machine does not have.
    """
    there = present()
    if name == "auto":
        return torch.device(there[-1])
    kind, _, number = name.partition(":")
    if kind not in there or (number and not (kind == "cuda" and number.isdigit())):
        raise ResourceError(f"device '{name[:40]}' is not on this machine; choose from auto, {', '.join(there)}")
    if number and int(number) >= (count := torch.cuda.device_count()):
        raise ResourceError(f"device '{name[:40]}': this machine has cuda:0 to cuda:{count - 1}")
    return torch.device(name)


def present() -> list[str]:
    """Return the kinds of device there are, the one to prefer last."""
    found = ["cpu"]
    if torch.backends.mps.is_available():
        found.append("mps")
    if torch.cuda.is_available():
        found.append("cuda")
    return found

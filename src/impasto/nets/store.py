"""Networks in files: float16 safetensors with one note, a card that says what the network is and how it was made."""

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from impasto.errors import WeightsError
from impasto.files import absence, is_web_address, write_bytes

Net = TypeVar("Net", bound=torch.nn.Module)

KEY = "impasto"
"""The one key of the safetensors header's notes; its value is the card."""
FORMAT = 1
"""The version of the card's format; later ones are refused."""
MAX_FILE_BYTES = 64 << 20
"""Networks of ours take half a megabyte to a few."""
MAX_HEADER_BYTES = 1 << 20
"""The most bytes of a safetensors header: ours take a few kilobytes."""
_LARGEST_HALF = 65504.0
"""The largest number that float16 holds: weights beyond it cannot be saved."""
_REMEDY = "name a network that `impasto train` wrote"
"""What to do about a file that is none of ours."""
_DIFFERENCES_SHOWN = 3
"""The differences to the plan that an error lists: more would not fit a line."""


@dataclass(frozen=True)
class Card:
    """What a network is and where it comes from; equal to itself after a trip through JSON.

    Raises `WeightsError` for a plan or a training record that JSON cannot hold.
    """

    method: str
    """Of `impasto paint --method`."""
    kind: str
    """What the network is in its method: `decoder`, `stylizer`, `generator`, `transform`."""
    plan: Mapping[str, Any] = field(default_factory=dict)
    """What the architecture is built from; whoever builds it knows the keys."""
    layer: str = ""
    """The encoder's layer that it works on, where there is one."""
    encoder: str = ""
    """sha256 of the encoder whose features it takes; empty where it takes pictures."""
    style: str = ""
    """Name of the style that it paints, where it knows only one; never a path."""
    style_sha256: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Steps, losses, numbers of pictures and the like, for a person."""
    licence: str = "MIT"
    format: int = FORMAT

    def __post_init__(self) -> None:
        for name in ("plan", "training"):
            try:
                plain = json.loads(json.dumps(dict(getattr(self, name)), allow_nan=False))
            except (TypeError, ValueError, RecursionError) as error:
                raise WeightsError(f"a card's {name} cannot be written as JSON ({error})") from None
            # Tuples become the lists that they would be read back as.
            object.__setattr__(self, name, plain)

    def text(self) -> str:
        """Return the card as JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> "Card":
        """Read a card from JSON. Raises `ValueError` when it is none, or of a later format."""
        try:
            entries = json.loads(text)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        if not isinstance(entries, dict):
            raise ValueError("it is not an object")
        wanted = {f.name: Mapping if f.name in ("plan", "training") else f.type for f in fields(cls)}
        if entries.get("format") != FORMAT:
            raise ValueError(f"its format is {str(entries.get('format'))[:20]}, this impasto knows {FORMAT}")
        for name, value in entries.items():
            if name not in wanted:
                raise ValueError(f"unknown entry '{name[:40]}'")
            # A truth value is a whole number to Python, and no format.
            if not isinstance(value, wanted[name]) or isinstance(value, bool):  # type: ignore[arg-type]  # classes
                raise ValueError(f"'{name}' is a {type(value).__name__}")
        if missing := {"method", "kind"} - entries.keys():
            raise ValueError(f"it has no {' and no '.join(sorted(missing))}")
        return cls(**entries)


def save(path: Path, tensors: Mapping[str, Tensor], card: Card) -> None:
    """Write a network as float16, whole or not at all.

    Raises `WeightsError` for a value that float16 cannot hold, `OutputError` when the file cannot be written.
    """
    halves = {}
    for name, tensor in tensors.items():
        largest = float(tensor.detach().abs().max()) if tensor.numel() else 0.0
        # NaN compares false with everything, and is refused with the rest.
        if not largest <= _LARGEST_HALF:
            raise WeightsError(f"{path}: not written, {name} has reached {largest:g}; train with a smaller --rate")
        halves[name] = tensor.detach().to("cpu", torch.float16).contiguous()
    write_bytes(path, safetensors.torch.save(halves, metadata={KEY: card.text()}))


def load(path: Path) -> tuple[dict[str, Tensor], Card]:
    """Read a network: its tensors as float32, and its card; nothing in the file is executed.

    Raises `WeightsError` when it is missing, damaged, no network of impasto's, or holds NaN.
    """
    try:
        if not path.is_file():
            if is_web_address(str(path)):
                raise WeightsError(f"{path}: {absence(path)}")
            reason = "is not a regular file" if path.exists() else "does not exist"
            raise WeightsError(f"{path}: {reason}; {_REMEDY}")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise WeightsError(f"{path}: is larger than any network of impasto's ({MAX_FILE_BYTES} bytes); {_REMEDY}")
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error}); {_REMEDY}") from None
    return parse(data, str(path))


def embedded(package: str, name: str) -> tuple[dict[str, Tensor], Card]:
    """Read a network that ships inside `package`. Raises `WeightsError` when it is not there or damaged."""
    try:
        data = resources.files(package).joinpath(name).read_bytes()
    except OSError:
        raise WeightsError(f"{name}: is missing from this installation of impasto; install it again") from None
    return parse(data, name)


def parse(data: bytes, where: str) -> tuple[dict[str, Tensor], Card]:
    """Read a network from the bytes of its file; `where` names it in errors. Raises `WeightsError` as `load` does."""
    card = _card(data, where)
    try:
        tensors = safetensors.torch.load(data)
    except (ValueError, TypeError, KeyError, RuntimeError, safetensors.SafetensorError) as error:
        raise WeightsError(
            f"{where}: is a damaged or truncated safetensors file ({str(error)[:200]}); get it again"
        ) from None
    wide = {}
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise WeightsError(f"{where}: {name[:60]} is {tensor.dtype}, not floating point; {_REMEDY}")
        try:
            wide[name] = tensor.float()
        except (RuntimeError, NotImplementedError):
            raise WeightsError(f"{where}: {name[:60]} is {tensor.dtype}, which cannot be read; {_REMEDY}") from None
        if not bool(wide[name].isfinite().all()):
            raise WeightsError(f"{where}: {name[:60]} holds NaN or infinity; train it again")
    return wide, card


def _card(data: bytes, where: str) -> Card:
    """Read the card alone, having bounded the header before reading it."""
    if len(data) < 8 or data[8:9] != b"{":
        raise WeightsError(f"{where}: is not safetensors; {_REMEDY}")
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(MAX_HEADER_BYTES, len(data) - 8):
        raise WeightsError(f"{where}: is damaged or truncated (its header claims {length} bytes); get it again")
    try:
        notes = json.loads(data[8 : 8 + length]).get("__metadata__", {})
        text = notes.get(KEY)
    except (ValueError, RecursionError, AttributeError):
        raise WeightsError(f"{where}: is damaged (its header is not readable); get it again") from None
    if not isinstance(text, str):
        raise WeightsError(f"{where}: is not a network of impasto's (it has no card); {_REMEDY}")
    try:
        return Card.parse(text)
    except (ValueError, WeightsError) as error:
        raise WeightsError(f"{where}: its card cannot be read ({str(error)[:200]}); {_REMEDY}") from None


def expect(card: Card, where: str, *, method: str = "", kind: str = "", layer: str = "", encoder: str = "") -> None:
    """Make sure that a network is of a method, kind and layer, and was trained on an encoder; empty: any.

    Raises `WeightsError` naming the first difference.
    """
    for what, actual, wanted in (
        ("method", card.method, method),
        ("kind", card.kind, kind),
        ("layer", card.layer, layer),
    ):
        if wanted and actual != wanted:
            raise WeightsError(
                f"{where}: is a network of {what} '{actual[:40]}', not '{wanted}'; name another, or train one with "
                "`impasto train`"
            )
    if encoder and card.encoder != encoder:
        raise WeightsError(
            f"{where}: was trained on encoder {card.encoder[:12] or 'none'}, not on this one ({encoder[:12]}); "
            "use that encoder, or train one for this with `impasto train`"
        )


def fill(module: Net, tensors: Mapping[str, Tensor], where: str) -> Net:
    """Copy tensors into a network that was built from the same card's plan; return it, ready to paint.

    Raises `WeightsError` listing the first differences in names and shapes.
    """
    wanted = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    differences = [f"{name}: missing" for name in wanted if name not in shapes]
    differences += [
        f"{name}: expected {wanted[name]}, found {shapes[name]}"
        for name in wanted.keys() & shapes.keys()
        if wanted[name] != shapes[name]
    ]
    differences += [f"{name[:60]}: not a part of it" for name in shapes if name not in wanted]
    if differences:
        more = len(differences) - _DIFFERENCES_SHOWN
        listing = "; ".join(sorted(differences)[:_DIFFERENCES_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        raise WeightsError(f"{where}: does not fit its own plan: {listing}; {_REMEDY}")
    module.load_state_dict(dict(tensors))
    return module.eval().requires_grad_(False)

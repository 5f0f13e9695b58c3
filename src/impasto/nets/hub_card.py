"""A network as a folder for the Hugging Face Hub: the file, and its card as the README that the Hub shows."""

import hashlib
import json
from pathlib import Path

from impasto.errors import OutputError
from impasto.files import check_output, write_bytes
from impasto.nets import store
from impasto.nets.store import Card

README = "README.md"
"""The name of the card on the Hub."""


def export(network: Path, folder: Path, *, force: bool = False) -> str:
    """Write a network and its card into a folder; return the end of its address there: `FILE#SHA256`.

    Raises `WeightsError` for what is no network of impasto's, `OutputError` where files exist without `force`.
    """
    _, card = store.load(network)
    name = f"{network.stem if network.stem != 'weights' else network.parent.name or 'network'}.safetensors"
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is no folder; name one for the network and its card")
    for target in (folder / name, folder / README):
        check_output(target, force=force)
    data = network.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    write_bytes(folder / name, data)
    write_bytes(folder / README, readme(card, name, sha256).encode())
    return f"{name}#{sha256}"


def readme(card: Card, name: str, sha256: str) -> str:
    """Return the card of the network in the file `name` as Markdown with the head of YAML that the Hub reads."""
    licence = card.licence.lower()
    of = f"of one style, {card.style}" if card.style else "of any style"
    rows = {
        "method": card.method,
        "kind": card.kind,
        "layer": card.layer,
        "encoder (sha256)": card.encoder,
        "style (sha256)": card.style_sha256,
        "licence": card.licence,
        "sha256": sha256,
    }
    rows |= {key: json.dumps(value) for key, value in sorted(card.training.items())}
    table = "".join(f"| {key} | {_cell(value)} |\n" for key, value in rows.items() if value)
    lines = [
        "---",
        f"license: {licence if licence.replace('-', '').replace('.', '').isalnum() else 'other'}",
        "library_name: impasto",
        "pipeline_tag: image-to-image",
        "tags:",
        "  - style-transfer",
        f"  - {card.method}",
        "---",
        "",
        f"# {Path(name).stem}",
        "",
        f"A {card.kind} for `{card.method}`, {of}: neural style transfer with impasto. The network is float16 "
        "safetensors; nothing in it is executed.",
        "",
        "```sh",
        "pip install 'impasto[hf]'",
        f"impasto paint photo.jpg --method {card.method} --network hf:OWNER/NAME/{name}#{sha256} -o out.png",
        "```",
        "",
        "| | |",
        "|---|---|",
    ]
    return "\n".join(lines) + "\n" + table


def _cell(value: str) -> str:
    """Return a value as the cell of a table: in one line, with nothing that ends a cell."""
    return " ".join(value.split()).replace("|", "\\|")[:300]

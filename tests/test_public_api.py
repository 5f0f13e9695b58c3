"""What users may rely on stays, or its change is told."""

import difflib
import re
from pathlib import Path

from tests.script_helpers import load_script

public_api = load_script(Path(__file__).resolve().parents[1] / "scripts" / "public_api.py")


def test_the_public_names_and_signatures_are_those_of_the_inventory() -> None:
    kept = public_api.INVENTORY.read_text(encoding="utf-8").splitlines()
    changed = "\n".join(difflib.unified_diff(kept, public_api.lines(), "inventory", "now", lineterm="", n=0))
    assert not changed, f"{changed}\nrun python scripts/public_api.py, and add a line to CHANGELOG.md"


def test_every_module_that_the_docs_name_is_in_it() -> None:
    text = (public_api.ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    named = set(re.findall(r"impasto\.(?:color|encoders|guides|images|losses|masks|optim|recipe|series|weights)", text))
    assert named
    listed = public_api.INVENTORY.read_text(encoding="utf-8")
    assert [name for name in named if f"{name}." not in listed] == []


def test_a_change_of_a_signature_is_seen() -> None:
    def paint(content: str, *, size: int = 512) -> None: ...

    assert public_api._signature(paint) == "(content, size=...)"
    assert public_api._signature(3) == ""

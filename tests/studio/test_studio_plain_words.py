"""No message on the page names an option of the command line."""

import ast
import re
from pathlib import Path

import pytest

import impasto
from impasto.optim.tile_planner import too_little_memory
from impasto.studio.plain_words import label, plain
from impasto.studio.trouble import noticed, told

ELSEWHERE = ("cli", "comparison", "datasets", "executors", "nets", "series", "studio", "training")
ELSEWHERE_TOO = ("tuning",)
"""Packages whose messages the studio never shows."""


def messages():
    """Return every text of the engine that names an option."""
    root = Path(impasto.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if path.relative_to(root).parts[0] in ELSEWHERE + ELSEWHERE_TOO:
            continue
        tree = ast.parse(path.read_text())
        documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in documented]
        yield from (node.value for node in texts if isinstance(node.value, str) and re.search("--[a-z]", node.value))


def test_no_text_of_the_engine_reaches_the_page_with_an_option():
    found = list(messages())
    assert len(found) > 20
    for text in found:
        assert not re.search("--[a-z]", plain(text)), text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            str(too_little_memory("painting 8x8 px", 2**30, 2**29, 4)),
            "painting 8x8 px needs about 1024 MiB of memory and 512 MiB are free; Size 4 would fit, or use Encoder "
            "petite or Precision bfloat16",
        ),
        ("use a larger --style-scale or a less narrow picture", "use a larger Style scale or a less narrow picture"),
        ("use --method gatys, a smaller --size, or --tile off", "use the method Classic, a smaller Size"),
        ("photo.png: is damaged; --allow-truncated uses what can be read", "photo.png: is damaged; get another copy"),
        ("encoder: petite, impasto's own; for VGG-19: impasto weights fetch vgg19", "encoder: petite, impasto's own"),
        (
            "the whole pictures are aligned: give landmarks of both (docs/portraits.md)",
            "the whole pictures are aligned; place points on both",
        ),
        ("a sentence -- with a dash", "a sentence -- with a dash"),
    ],
)
def test_settings_go_by_their_names_on_the_page(said, shown):
    assert plain(said) == shown


def test_labels_are_those_of_the_form():
    assert label("color_strength") == "Colour strength"


def test_what_is_said_while_it_works_is_plain_too():
    from impasto.events import notice

    heard: list[str] = []
    with noticed(heard.append):
        notice("use a larger --size")
    assert heard == ["use a larger Size"]
    assert told(ValueError("use --tile off")).count("--") == 0

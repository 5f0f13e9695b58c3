"""How Sphinx makes the pages of documentation: `make docs`."""

import re
from typing import Any

from impasto import __version__

project = "impasto"
author = "the impasto authors"
copyright = "the impasto authors; text under MIT"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
root_doc = "index"
# The list of pages for those who read them where they lie; index.md is the same for the site.
exclude_patterns = ["README.md"]

myst_heading_anchors = 3

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints_format = "short"

html_theme = "furo"
html_title = f"impasto {__version__}"
html_copy_source = False
html_show_sphinx = False

_told: set[int] = set()
"""What the reference has told of already: most names are public in more modules than one."""


def plain_text(line: str) -> str:
    """Return a line of a docstring, which is plain text with `code` in backticks, as Sphinx reads such text."""
    parts = re.split(r"`([^`]+)`", line)
    text = ""
    for at, part in enumerate(parts):
        if at % 2 == 0:
            # Between code and a letter stands nothing, and that has to be said.
            text += "\\ " if at and part[:1].isalnum() else ""
            text += re.sub(r"([\\*|`_])", r"\\\1", part)
        else:
            text += ("\\ " if text[-1:].isalnum() else "") + f"``{part}``"
    return text


def plain_lines(lines: list[str]) -> list[str]:
    """Return the lines of a docstring as Sphinx reads such text: what is indented after an empty line is code."""
    made: list[str] = []
    code = False
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("    ") and not code and not before.strip():
            code = True
            made += ["::", ""]
        elif line.strip() and not line.startswith("    "):
            code = False
        made.append(line if code else plain_text(line))
    return made


def _each_docstring(_app: Any, _what: str, _name: str, _of: Any, _options: Any, lines: list[str]) -> None:
    text = "\n".join(lines)
    if text.count("`") % 2 == 0 and re.search(r"`[^`\n]*\n[^`\n]*`", text):
        # Code that goes on in the next line is one piece of code.
        text = re.sub(r"`[^`]*`", lambda code: " ".join(code[0].split()), text)
        lines[:] = text.split("\n")
    lines[:] = plain_lines(lines)


def _once(_app: Any, what: str, _name: str, value: Any, skip: bool, _options: Any) -> bool | None:
    if what != "module" or skip:
        return None
    ours = str(getattr(value, "__module__", "impasto")).startswith("impasto")
    if not ours or id(value) in _told:
        return True
    if callable(value):
        _told.add(id(value))
    return None


def more(text: str, pages: set[str]) -> str:
    """Return the first page with a list, after its own, of the pages that it does not name yet."""
    missing = sorted(page for page in pages if not re.search(rf"^{re.escape(page)}$", text, re.MULTILINE))
    return (
        f"{text}\n```{{toctree}}\n:caption: More\n:maxdepth: 1\n\n{chr(10).join(missing)}\n```\n" if missing else text
    )


def _complete(app: Any, page: str, source: list[str]) -> None:
    if page == root_doc:
        source[0] = more(source[0], set(app.env.found_docs) - {root_doc})


def setup(app: Any) -> None:
    """Have docstrings read as the plain text that they are, and each name told of once."""
    app.connect("autodoc-process-docstring", _each_docstring)
    app.connect("autodoc-skip-member", _once)
    app.connect("source-read", _complete)

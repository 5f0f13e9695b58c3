"""Write docs/errors.md from the exceptions themselves: `python scripts/docs_errors.py`."""

import inspect
from pathlib import Path

from impasto import errors

PAGE = Path(__file__).resolve().parent.parent / "docs" / "errors.md"
HEAD = """# Errors

Everything that impasto raises on purpose is an `impasto.ImpastoError`. Its message is one line: which file or setting,
what is wrong, and what to do. The command line prints that line, and ends with the exit code of the class; `--debug`
shows the traceback as well. Whatever else is raised is a mistake in impasto (exit code 1), and worth a report with what
`impasto doctor` prints. Ctrl-C ends a command with 130, SIGTERM with 143, and what was painted so far is kept.

```python
import impasto

try:
    impasto.stylize("photo.jpg", "painting.jpg")
except impasto.ImpastoError as error:
    print(error, error.exit_code)
```

The others are in `impasto.errors`. A class that stands under another is one of its kind, and caught with it.

| class | exit code | raised for |
|---|---|---|
"""
FOOT = """
<!-- Made by scripts/docs_errors.py from the docstrings in impasto/errors.py. -->
"""


def page() -> str:
    """Return the page."""
    return HEAD + "".join(_rows(errors.ImpastoError, 0)) + FOOT


def kinds() -> list[type[errors.ImpastoError]]:
    """Return every exception of impasto, in the order of the source."""
    return [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.ImpastoError)]


def _rows(kind: type[errors.ImpastoError], depth: int) -> list[str]:
    summary = " ".join((inspect.getdoc(kind) or "").split())
    also = [parent.__name__ for parent in kind.__bases__[1:] if parent in kinds()]
    summary += f" Also a `{'`, `'.join(also)}`." if also else ""
    rows = [f"| {'&emsp;' * depth}`{kind.__name__}` | {kind.exit_code} | {summary} |\n"]
    for below in kinds():
        # A class of two kinds stands once, under the first.
        if below.__bases__[0] is kind:
            rows += _rows(below, depth + 1)
    return rows


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")

"""`impasto doctor`."""

import json
import textwrap
from pathlib import Path

import platformdirs
import typer

from impasto import weights
from impasto._version import __version__
from impasto.cli import shared_options as given
from impasto.cli.session import write_out
from impasto.diagnosis import Finding, examine
from impasto.errors import ResourceError

app = typer.Typer(add_completion=False)
WIDTH = 100
"""Columns of a line."""
NAME_WIDTH = 12
"""Columns for the name of a finding; the longest is `[evaluate]`."""
MARKS = {"fine": " ", "note": "-", "wrong": "!"}
"""What a line begins with."""


@app.command()
def doctor(
    as_json: given.Json = False,
) -> None:
    """Report what impasto finds on this machine, and what is to be mended.

    It changes and sends nothing. Paste what it prints into a report of a fault; the exit code is 5 where a line begins
    with an exclamation mark, which somebody must mend before impasto works.
    """
    findings = examine(
        {
            "here": Path.cwd(),
            "cache": weights.cache_folder(),
            # As studio.serve has it; the studio's server need not be installed.
            "studio": platformdirs.user_data_path("impasto", appauthor=False) / "studio",
        }
    )
    wrong = [finding.name for finding in findings if finding.state == "wrong"]
    if as_json:
        report = {"findings": [finding.record() for finding in findings], "version": __version__, "wrong": wrong}
        write_out(json.dumps(report, sort_keys=True))
    else:
        for finding in findings:
            for line in _lines(finding):
                write_out(line)
        write_out(_verdict(wrong, [finding.name for finding in findings if finding.state == "note"]))
    if wrong:
        raise typer.Exit(ResourceError.exit_code)


def _lines(finding: Finding) -> list[str]:
    """Return a finding as lines: what was found, and under it what to do."""
    indent = " " * (NAME_WIDTH + 3)
    head = f"{MARKS[finding.state]} {finding.name:{NAME_WIDTH}} "
    lines = textwrap.wrap(finding.value, WIDTH, initial_indent=head, subsequent_indent=indent) or [head.rstrip()]
    if finding.remedy:
        lines += textwrap.wrap(f"-> {finding.remedy}", WIDTH, initial_indent=indent, subsequent_indent=indent + "   ")
    return lines


def _verdict(wrong: list[str], notes: list[str]) -> str:
    if wrong:
        return f"To be mended: {', '.join(wrong)}."
    return "All is well." if not notes else f"impasto works; it could have more: {', '.join(notes)}."

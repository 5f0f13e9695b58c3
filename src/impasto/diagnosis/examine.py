"""All findings in the order of the report."""

from collections.abc import Mapping
from pathlib import Path

from impasto.diagnosis import computing, machine, packages, places
from impasto.diagnosis.finding import Finding


def examine(folders: Mapping[str, Path]) -> list[Finding]:
    """Return what is found of this machine and installation; nothing is changed, downloaded or sent.

    `folders` are those that impasto may write to, by what they are for. Loads torch and times some convolutions:
    it takes two or three seconds.
    """
    return [*machine.findings(), *packages.findings(), *computing.findings(), *places.findings(folders)]

"""The packages that impasto needs, and those that its extras add: which are here, and in which version."""

import importlib.metadata
import re
from collections.abc import Iterable
from dataclasses import dataclass

from impasto.diagnosis.finding import Finding

_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*([^;]*)(?:;\s*(.*))?")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")
_FLOOR = re.compile(r">=\s*([0-9][0-9.]*)")
NOT_FOR_USERS = ("all", "dev", "docs")
"""Extras that are no ability of their own: the sum of the others, and what developing and the docs need."""


@dataclass(frozen=True)
class Requirement:
    """A package that is needed, the least version or nothing, and the extra that needs it or nothing."""

    name: str
    floor: str
    extra: str

    @property
    def version(self) -> str | None:
        """Return the version that is installed; None where there is none."""
        try:
            return importlib.metadata.version(self.name)
        except importlib.metadata.PackageNotFoundError:
            return None

    @property
    def trouble(self) -> str:
        """Return what is wrong with what is installed: missing, or older than needed; nothing where it fits."""
        version = self.version
        if version is None:
            return f"{self.name} is missing"
        if self.floor and _numbers(version) < _numbers(self.floor):
            return f"{self.name} {version} is older than {self.floor}"
        return ""


def read(lines: Iterable[str]) -> list[Requirement]:
    """Read requirements as a package's metadata lists them, but for impasto's own and those of other systems."""
    requirements = []
    for line in lines:
        match = _REQUIREMENT.fullmatch(line.strip())
        if match is None or match[1].lower() == "impasto":
            continue
        floor, extra = _FLOOR.search(match[2]), _EXTRA.search(match[3] or "")
        requirements.append(Requirement(match[1], floor[1] if floor else "", extra[1] if extra else ""))
    return requirements


def findings(lines: Iterable[str] | None = None) -> list[Finding]:
    """Return what is to say of the packages needed, and of the extras; `lines` are impasto's own requirements."""
    if lines is None:
        try:
            lines = importlib.metadata.requires("impasto") or []
        except importlib.metadata.PackageNotFoundError:
            return [
                Finding(
                    "packages",
                    "impasto runs from its source and is not installed, so that nobody knows what it needs",
                    "note",
                    "install it: pip install . in its folder",
                )
            ]
    requirements = read(lines)
    return [_core([each for each in requirements if not each.extra]), *_extras(requirements)]


def _core(needed: list[Requirement]) -> Finding:
    troubles = [each.trouble for each in needed if each.trouble]
    versions = {each.name: each.version for each in needed}
    told = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    if not troubles:
        return Finding("packages", told, facts=versions)
    return Finding("packages", "; ".join(troubles), "wrong", "install impasto again: pip install impasto", versions)


def _extras(requirements: list[Requirement]) -> list[Finding]:
    """Return one line for each extra: here, or missing, which is no fault."""
    extras: dict[str, list[Requirement]] = {}
    for each in requirements:
        if each.extra and each.extra not in NOT_FOR_USERS:
            extras.setdefault(each.extra, []).append(each)
    rows = []
    for extra, needed in sorted(extras.items()):
        troubles = [each.trouble for each in needed if each.trouble]
        told = ", ".join(f"{each.name} {each.version}" for each in needed if each.version)
        facts = {each.name: each.version for each in needed}
        if troubles:
            rows.append(Finding(f"[{extra}]", "; ".join(troubles), "note", f"pip install 'impasto[{extra}]'", facts))
        else:
            rows.append(Finding(f"[{extra}]", told, facts=facts))
    return rows


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with: (2, 13, 0) of 2.13.0+cpu."""
    match = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()

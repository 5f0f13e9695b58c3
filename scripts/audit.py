"""Look for known weaknesses in what is installed, and write a bill of materials: `make audit`.

pip-audit asks the advisories of the Python Packaging Authority about every version here, so that it needs the network;
without it, or without pip-audit, nothing is checked and this says so. The exit status is 1 where a weakness is known.
The bill of materials needs neither: every package here with its version and licence, in CycloneDX's JSON.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from impasto._version import __version__

UNREACHABLE = re.compile(
    r"ConnectionError|Failed to (establish|resolve)|Max retries|timed? ?out|ProxyError|HTTPError", re.I
)
"""What pip-audit's complaint holds where it could not ask."""

Run = Callable[[Sequence[str]], subprocess.CompletedProcess[str]]


def audit(run: Run | None = None, *, present: bool | None = None) -> tuple[int, str]:
    """Return an exit status and what to say. `run` and `present` are for tests."""
    if not (importlib.util.find_spec("pip_audit") is not None if present is None else present):
        return 0, "weaknesses: not looked for, as pip-audit is not installed; python -m pip install pip-audit"
    done = (run or _run)([sys.executable, "-m", "pip_audit", "--local", "--skip-editable", "--progress-spinner", "off"])
    if done.returncode == 0:
        return 0, "weaknesses: none is known of what is installed"
    # Findings are a table on stdout; without one, it could not ask.
    if not done.stdout.strip() and UNREACHABLE.search(done.stderr):
        return 0, "weaknesses: not looked for, as the advisories cannot be reached from here"
    return 1, f"weaknesses:\n{done.stdout or done.stderr}".rstrip()


def bill() -> dict[str, Any]:
    """Return the bill of materials of this environment: CycloneDX 1.6 (ECMA-424)."""
    parts = {}
    for package in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"] or "").lower()
        if name and name != "impasto":
            parts[name] = _part(name, package)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "impasto", "version": __version__}},
        "components": [parts[name] for name in sorted(parts)],
    }


def _part(name: str, package: importlib.metadata.Distribution) -> dict[str, Any]:
    part: dict[str, Any] = {
        "type": "library",
        "name": name,
        "version": package.version,
        "purl": f"pkg:pypi/{name}@{package.version}",
    }
    if told := package.metadata.get_all("License-Expression"):
        part["licenses"] = [{"expression": told[0]}]
    elif named := [line.split(" :: ")[-1] for line in package.metadata.get_all("Classifier", []) if "License" in line]:
        part["licenses"] = [{"license": {"name": name}} for name in named]
    return part


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the bill, look for weaknesses, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bill", type=Path, metavar="FILE", help="where to write the bill of materials")
    options = parser.parse_args(arguments)
    if options.bill is not None:
        options.bill.parent.mkdir(parents=True, exist_ok=True)
        options.bill.write_text(json.dumps(bill(), indent=1) + "\n", "utf-8")
        print(f"bill of materials: {options.bill}")
    status, said = audit()
    print(said)
    return status


if __name__ == "__main__":
    sys.exit(main())

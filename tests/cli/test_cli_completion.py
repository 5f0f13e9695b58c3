"""What shells complete: the scripts that they are given, run by the shells themselves where these are installed."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from impasto.cli.app import COMMANDS

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="shells of Unix")]
SOURCE = Path(__file__).resolve().parents[2] / "src"

BASH = """
source <(impasto --show-completion)
COMP_WORDS=({words}) COMP_CWORD={last} COMP_LINE="{line}"
_impasto_completion impasto
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """
autoload -Uz compinit && compinit -u -D
eval "$(impasto --show-completion)"
_arguments() {{ printf '%s\\n' "$@" | grep -o '"[^":]*":' | tr -d '":' }}
words=({words}) CURRENT={count}
_impasto_completion
"""
FISH = """
impasto --show-completion | source
complete -C "{line}"
"""


@pytest.fixture
def shell(tmp_path):
    """`shell("bash", "impasto pa")` gives what that shell would offer at the end of the line."""
    program = tmp_path / "bin" / "impasto"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m impasto "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    path = os.pathsep.join([str(program.parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(SOURCE), "HOME": str(tmp_path)}

    def complete(name, line):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
        words = line.split(" ")
        quoted = " ".join(f"'{word}'" for word in words)
        script = {"bash": BASH, "zsh": ZSH, "fish": FISH}[name]
        script = script.format(words=quoted, count=len(words), last=len(words) - 1, line=line)
        quiet = {"bash": ("--norc", "--noprofile"), "zsh": ("-f",), "fish": ("--no-config",)}[name]
        done = subprocess.run(
            [name, *quiet, "-c", script], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.stderr == ""
        return [line.split("\t")[0].strip() for line in done.stdout.splitlines() if line.strip()]

    return complete


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_commands_and_options_are_completed(shell, name):
    begun = "re"
    assert set(shell(name, f"impasto {begun}")) == {command for command in COMMANDS if command.startswith(begun)}
    offered = shell(name, "impasto paint --content-w")
    assert offered == ["--content-weight"]


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_commands_within_a_command_are_completed(shell, name):
    assert shell(name, "impasto weights f") == ["fetch"]

"""The Dockerfile, where no docker can build it: who runs, what is copied, which versions, and how health is told."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
if not (ROOT / "Dockerfile").exists():
    pytest.skip("the Dockerfile is not in this source archive", allow_module_level=True)

TEXT = (ROOT / "Dockerfile").read_text("utf-8")
KNOWN = {
    "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "ENTRYPOINT", "CMD", "VOLUME", "EXPOSE", "HEALTHCHECK",
}  # fmt: skip
"""The instructions that it has need of; ADD, which fetches and unpacks by itself, is none."""


def instructions(text: str) -> list[tuple[str, str]]:
    """Return (instruction, its arguments) in order, without comments, with lines that go on joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [(line.split()[0], line.split(None, 1)[1]) for line in joined.splitlines() if line.strip()]


def stages(text: str) -> dict[str, list[tuple[str, str]]]:
    """Return the instructions of each stage, by its name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, arguments in instructions(text):
        if name == "FROM":
            found[arguments.split(" AS ")[1]] = []
        list(found.values())[-1].append((name, arguments))
    return found


def last(stage: str, name: str) -> str | None:
    values = [arguments for instruction, arguments in stages(TEXT)[stage] if instruction == name]
    return values[-1] if values else None


def test_lines_that_go_on_are_joined() -> None:
    text = "# a\nFROM x AS one\nRUN a \\\n    b\n# c\nFROM one AS two\nCMD []\n"
    assert stages(text) == {
        "one": [("FROM", "x AS one"), ("RUN", "a b")],
        "two": [("FROM", "one AS two"), ("CMD", "[]")],
    }


def test_only_instructions_that_are_needed() -> None:
    assert {name for name, _ in instructions(TEXT)} <= KNOWN


def test_bases_are_pinned_to_a_python_that_is_tested() -> None:
    bases = [arguments.split()[0] for name, arguments in instructions(TEXT) if name == "FROM"]
    versions = {found[1] for base in bases if (found := re.fullmatch(r"python:(3\.\d+)-slim", base))}
    assert versions
    assert all(base in stages(TEXT) or base.startswith("python:3.") for base in bases)
    assert versions <= set(re.findall(r":: (3\.\d+)", (ROOT / "pyproject.toml").read_text("utf-8")))


def test_nobody_is_root_when_it_runs() -> None:
    user = last("cli", "USER")
    assert user == "painter"
    names = [name for name, _ in stages(TEXT)["cli"]]
    assert names.index("USER") > names.index("RUN")
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert not {"USER", "RUN", "COPY"} & {name for name, _ in stages(TEXT)["studio"]}
    assert f"useradd --create-home --uid 1000 {user}" in TEXT


def test_what_is_copied_is_there_and_goes_to_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    copied = set()
    for name, arguments in instructions(TEXT):
        if name == "COPY" and "--from=" not in arguments:
            copied |= set(arguments.split()[:-1])
    assert copied == let_in
    assert [name for name in copied if not (ROOT / name).exists()] == []
    built = {"src", "assets", "README.md", "LICENSE", "NOTICE", "pyproject.toml"}
    assert built <= copied, "what the wheel is built from"


def test_torch_is_the_pinned_one_for_the_cpu() -> None:
    (pinned,) = re.findall(r"^torch==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
    assert f"whl/cpu torch=={pinned.split('+')[0]} " in TEXT
    installs = re.findall(r"pip install ([^&]*)", TEXT)
    assert [line for line in installs if "--no-cache-dir" not in line] == []


def test_commands_are_lists_that_signals_reach() -> None:
    """The form with a shell would have impasto as a child of sh, which passes no SIGTERM on."""
    for stage in ("cli", "studio"):
        for name in ("ENTRYPOINT", "CMD"):
            if (value := last(stage, name)) is not None:
                assert isinstance(json.loads(value), list)


def test_the_studio_is_started_with_options_that_it_has() -> None:
    from typer.main import get_command

    from impasto.cli.studio import app

    command = json.loads(last("studio", "CMD") or "")
    known = {option for parameter in get_command(app).params for option in parameter.opts}
    assert command[0] == "studio"
    assert {word for word in command if word.startswith("--")} <= known
    assert command[command.index("--data") + 1] == last("studio", "VOLUME")


def test_health_is_told_by_the_studio_s_answer() -> None:
    import http.server
    import subprocess
    import sys
    import threading

    check = last("studio", "HEALTHCHECK")
    assert check is not None
    program = json.loads(check.split("CMD ", 1)[1])
    status = 401

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told = {}
        for status in (200, 401, 500):
            line = program[2].replace("8765", str(port))
            told[status] = subprocess.run([sys.executable, "-c", line], check=False, timeout=60).returncode
        server.shutdown()
    assert told == {200: 0, 401: 0, 500: 1}
    assert last("studio", "EXPOSE") == "8765"

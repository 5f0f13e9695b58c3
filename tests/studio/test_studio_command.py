"""`impasto studio`: what it prints, what it refuses, and the samples and the example that go with it."""

import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.request
import zipfile
from pathlib import Path

import pytest

from impasto import load, metadata
from impasto.cli import main
from impasto.studio import samples
from impasto.studio.serve import bind
from tests.script_helpers import load_script
from tests.studio.studio_helpers import SOURCE
from tests.type_helpers import present

ROOT = SOURCE.parent


# A shell's background job ignores SIGINT, and so would everything started from it: these tests too.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from impasto.cli import main
raise SystemExit(main())
"""


def command(*arguments, **variables):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", **variables}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "studio", "--no-browser", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_it_prints_the_address_and_ends_on_ctrl_c(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = command("--port", str(port), "--data", str(tmp_path / "a"))
        url = process.stdout.readline().strip()
    # The port was taken: it is the next that was free.
    found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/", url)
    assert found is not None
    assert port < int(found[1]) < port + 20
    with urllib.request.urlopen(f"{url}api/jobs", timeout=20) as answer:
        assert json.load(answer) == []
    process.send_signal(signal.SIGINT)
    rest, talk = process.communicate(timeout=30)
    assert process.returncode == 130
    assert rest == ""
    assert "Traceback" not in talk


def test_a_token_is_made_on_request_and_needed(tmp_path):
    process = command("--port", "0", "--data", str(tmp_path / "a"), "--token", "auto")
    url = process.stdout.readline().strip()
    base, _, token = url.partition("?token=")
    assert len(token) >= 32
    request = urllib.request.Request(f"{base}api/jobs", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{base}api/jobs", timeout=20)
    assert refused.value.code == 401
    refused.value.close()
    process.send_signal(signal.SIGTERM)
    _, talk = process.communicate(timeout=30)
    assert process.returncode == 143
    # It is in the address alone: nothing is logged that somebody could read it from.
    assert token not in talk


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--listen"], "--token auto"),
        (["--host", "0.0.0.0"], "--listen --token auto"),
        (["--listen", "--token", "short"], "fewer than 16"),
        (["--data", ""], "--data"),
        (["--port", "65536"], "--port"),
        (["--threads", "0"], "--threads"),
    ],
)
def test_what_would_be_unsafe_is_refused(arguments, says, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert main(["studio", "--no-browser", *arguments]) == 2
    errors = capsys.readouterr().err
    assert says in errors
    assert errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_told_with_the_remedy(capsys, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else found(name))
    assert main(["studio"]) == 2
    assert "pip install 'impasto[studio]'" in capsys.readouterr().err


def test_a_folder_that_cannot_be_is_told(capsys, tmp_path):
    (tmp_path / "file").touch()
    assert main(["studio", "--no-browser", "--port", "0", "--data", str(tmp_path / "file" / "x")]) == 3
    assert "--data" in capsys.readouterr().err


def test_the_help_needs_neither_server_nor_torch():
    code = "import sys; from impasto.cli import main; main(['studio', '--help']); "
    code += "sys.exit(any(name in sys.modules for name in ('torch', 'starlette', 'uvicorn')))"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False, capture_output=True).returncode == 0
    )


def test_the_server_knows_neither_torch_nor_pillow():
    code = "import sys, impasto.studio.serve; sys.exit('torch' in sys.modules or 'PIL' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


def test_any_free_port_will_do():
    one, two = bind("127.0.0.1", 0), bind("127.0.0.1", 0)
    assert one.getsockname()[1] != two.getsockname()[1]
    one.close()
    two.close()


def test_samples_are_found_beside_the_source_and_in_a_package(tmp_path):
    assert samples.folder() == ROOT / "assets"
    assert {"photo-cat", "style-swirls"} <= set(samples.files())
    package = tmp_path / "site-packages" / "impasto"
    assert samples.folder(package) is None
    for name in ("photos", "styles"):
        (package / "samples" / name).mkdir(parents=True)
    assert samples.folder(package) == package / "samples"


def test_the_wheel_is_told_to_take_the_samples():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]
    for name in samples.KINDS.values():
        assert build["wheel"]["force-include"][f"assets/{name}"] == f"impasto/samples/{name}"


@pytest.mark.slow
def test_the_wheel_has_samples_and_page(tmp_path):
    hatchling = pytest.importorskip("hatchling.build", reason="needs hatchling, with which the wheel is built")
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        name = hatchling.build_wheel(str(tmp_path))
    finally:
        os.chdir(before)
    with zipfile.ZipFile(tmp_path / name) as wheel:
        wheel.extractall(tmp_path / "installed")
    assert samples.folder(tmp_path / "installed" / "impasto") == tmp_path / "installed" / "impasto" / "samples"
    for kind in samples.KINDS.values():
        ours = {path.name for path in (ROOT / "assets" / kind).iterdir()}
        assert {path.name for path in (tmp_path / "installed" / "impasto" / "samples" / kind).iterdir()} == ours


def test_the_example_paints_through_the_api(studio, tmp_path):
    path = ROOT / "examples" / "06_studio_api.py"
    out = tmp_path / "out.png"
    job = load_script(path).main(studio.url.rstrip("/"), out, size=64, iterations=6)
    assert job["state"] == "done"
    assert max(load(out).size) == 64
    assert present(metadata.read(out))["recipe"]["iterations"] == 6
    # Nothing but the standard library.
    imported = set(re.findall(r"^(?:import|from) (\w+)", path.read_text("utf-8"), flags=re.MULTILINE))
    assert imported <= set(sys.stdlib_module_names)

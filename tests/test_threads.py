"""Threads that wait without spinning, and no more of them than the quota pays for."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from impasto import threads
from tests.forked import Forked, forget_impasto

SOURCE = Path(__file__).resolve().parents[1] / "src"
ASSETS = SOURCE.parent / "assets"
SEEN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_NUM_THREADS")


def python(code, **variables):
    """Run a program without the variables of this process, and return what it prints as JSON."""
    kept = {name: value for name, value in os.environ.items() if name not in (*threads.WAITING, *threads.COUNTING)}
    environment = {**kept, "PYTHONPATH": str(SOURCE), **variables}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, timeout=120, check=True)
    return json.loads(done.stdout)


def system(root, cores=8, siblings=1, **files):
    """Write the files of a machine; names have two underscores for a slash and one for a point."""
    for number in range(cores):
        path = root / f"sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list"
        path.parent.mkdir(parents=True)
        first = number - number % siblings
        path.write_text(",".join(map(str, range(first, first + siblings))) + "\n")
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def eight(monkeypatch):
    """A process that may run on eight processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def test_threads_spin_for_a_short_time(tmp_path):
    added = threads.environment({}, tmp_path)
    assert added == {"GOMP_SPINCOUNT": str(threads.SPINS), "KMP_BLOCKTIME": str(threads.BLOCKTIME_MS)}
    assert 1000 <= threads.SPINS <= 10000


@pytest.mark.parametrize(
    ("given", "added"),
    [
        ({"OMP_WAIT_POLICY": "ACTIVE"}, set()),
        ({"OMP_WAIT_POLICY": "PASSIVE"}, set()),
        ({"GOMP_SPINCOUNT": "7"}, {"KMP_BLOCKTIME"}),
        ({"KMP_BLOCKTIME": "200"}, {"GOMP_SPINCOUNT"}),
        ({"KMP_LIBRARY": "turnaround"}, {"GOMP_SPINCOUNT"}),
        ({"OMP_NUM_THREADS": "3"}, {"GOMP_SPINCOUNT", "KMP_BLOCKTIME"}),
        ({"OMP_WAIT_POLICY": "", "OMP_NUM_THREADS": ""}, set()),
    ],
)
def test_what_the_user_has_set_stays(tmp_path, given, added):
    assert set(threads.environment(given, tmp_path)) == added


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "max 100000"}, None),
        ("0::/\n", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000", "a/cpu.max": "200000 100000"}, 2.0),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "50000 100000"}, 0.5),
        ("0::/not/here\n", {"cpu.max": "300000 100000"}, 3.0),
        ("0::/../..\n", {"cpu.max": "300000 100000"}, 3.0),
        ("3:cpu,cpuacct:/x\n0::/\n", {"cpu/x/cpu.cfs_quota_us": "250000", "cpu/x/cpu.cfs_period_us": "100000"}, 2.5),
        ("3:cpu,cpuacct:/host\n", {"cpu,cpuacct/cpu.cfs_quota_us": "10", "cpu,cpuacct/cpu.cfs_period_us": "5"}, 2.0),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ("3:cpuset:/\n", {"cpuset/cpu.cfs_quota_us": "1", "cpuset/cpu.cfs_period_us": "1"}, None),
        ("0::/\n", {"unified/cpu.max": "120000 60000"}, 2.0),
        ("0::/\n", {"cpu.max": "100000 0"}, None),
        ("0::/\n", {"cpu.max": "much of it"}, None),
        ("0::/\n", {"cpu.max": ""}, None),
        ("nonsense\n\n", {}, None),
    ],
)
def test_the_quota_is_that_of_the_narrowest_group(tmp_path, groups, files, expected):
    written = {f"sys/fs/cgroup/{name}": text + "\n" for name, text in files.items()}
    root = system(tmp_path, 0, **{"proc/self/cgroup": groups}, **written)
    assert threads.quota(root) == expected


def test_a_system_without_control_groups_sets_no_limit(tmp_path):
    assert threads.quota(tmp_path) is None


@pytest.mark.parametrize(
    ("limit", "siblings", "expected"),
    [
        ("800000", 1, None),
        ("max", 1, None),
        ("350000", 1, "3"),
        ("20000", 1, "1"),
        ("400000", 2, None),
        ("600000", 2, None),
        ("300000", 2, "3"),
    ],
)
@pytest.mark.usefixtures("eight")
def test_as_many_threads_as_the_quota_pays_for(tmp_path, limit, siblings, expected):
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": f"{limit} 100000\n"}
    root = system(tmp_path, 8, siblings, **files)
    assert threads.environment({}, root).get("OMP_NUM_THREADS") == expected
    for name in threads.COUNTING:
        assert "OMP_NUM_THREADS" not in threads.environment({name: "5"}, root)


def test_cores_are_those_this_process_may_use(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 5}, raising=False)
    assert threads.physical_cores(system(tmp_path, 8, 2)) == 2
    assert threads.physical_cores(tmp_path / "nowhere") == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert threads.physical_cores() == os.cpu_count()


WATCH = """
import json, os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(json.dumps({key: os.environ.get(key) for key in %r}), flush=True)
            os._exit(0)  # what comes after torch is loaded is not looked at here
sys.meta_path.insert(0, Watch())
""" % (SEEN,)  # noqa: UP031 (braces are the program's own)


@pytest.mark.parametrize("command", ["paint", "train"])
def test_the_command_line_sets_them_before_torch_is_loaded(tmp_path, command):
    photo, style = (str(ASSETS / name) for name in ("photos/cat.jpg", "styles/swirls.jpg"))
    words = {
        "paint": ["paint", photo, "--style", style, "--size", "64", "--dry-run"],
        "train": ["train", "decoder", str(ASSETS / "photos"), "--out", "decoder", "--steps", "1", "--crop", "64"],
    }[command]
    code = f"""
{WATCH}
from impasto.cli import main
os.chdir({str(tmp_path)!r})
sys.exit(main({words!r}) or "torch was never loaded")
"""
    seen = python(code)
    assert (seen["GOMP_SPINCOUNT"], seen["KMP_BLOCKTIME"]) == (str(threads.SPINS), str(threads.BLOCKTIME_MS))
    seen = python(code, OMP_WAIT_POLICY="PASSIVE", OMP_NUM_THREADS="2")
    assert seen == {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": None, "KMP_BLOCKTIME": None, "OMP_NUM_THREADS": "2"}


def test_the_library_leaves_the_environment_alone():
    modules = ("impasto", "impasto.threads", "impasto.cli", "impasto.cli.app", "impasto.painting.stylizer")

    def new_imports():
        forget_impasto()
        before = dict(os.environ)
        for name in modules:
            importlib.import_module(name)
        return 0 if dict(os.environ) == before else 1

    kept = {name: value for name, value in os.environ.items() if name not in (*threads.WAITING, *threads.COUNTING)}
    assert Forked(new_imports, env=kept).wait() == 0


def test_too_late_is_not_at_all(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", sys)
    before = dict(os.environ)
    threads.prepare()
    assert dict(os.environ) == before


CHILD = """
import asyncio, json, sys
sys.path.insert(0, %r)
from impasto.studio.child_process import Child
async def main():
    child = Child("told", lambda message: print(json.dumps(message), flush=True), lambda code: None)
    await child.start()
    await child.close(60)
asyncio.run(main())
"""


@pytest.mark.parametrize("given", [{}, {"GOMP_SPINCOUNT": "77"}])
def test_a_child_of_the_studio_has_them(tmp_path, given):
    (tmp_path / "told.py").write_text(
        f"import json, os\nprint(json.dumps({{key: os.environ.get(key) for key in {SEEN!r}}}), flush=True)\n"
    )
    path = os.pathsep.join([str(SOURCE), str(tmp_path)])
    told = python(CHILD % str(tmp_path), **given, PYTHONPATH=path)
    assert told["GOMP_SPINCOUNT"] == given.get("GOMP_SPINCOUNT", str(threads.SPINS))
    assert told["KMP_BLOCKTIME"] == str(threads.BLOCKTIME_MS)
    assert told["OMP_WAIT_POLICY"] is None

"""Processors and memory as a machine's files tell them."""

import pytest

from impasto import limits
from impasto.diagnosis import machine


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_memory_and_the_limit_of_a_container(tmp_path):
    root = write(
        tmp_path,
        {
            "proc/meminfo": "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n",
            "proc/self/cgroup": "0::/box\n",
            "sys/fs/cgroup/memory.max": "max\n",
            "sys/fs/cgroup/box/memory.max": "4294967296\n",
        },
    )
    assert limits.installed(root) == 16 << 30
    assert limits.of_group(root) == 4 << 30
    (row,) = [row for row in machine.findings(root) if row.name == "memory"]
    assert row.facts["group_bytes"] == 4 << 30
    assert "4.0 GiB allowed by the control group" in row.value
    assert row.state == "fine"


def test_no_limit_is_none(tmp_path):
    files = {"sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"}
    assert limits.of_group(write(tmp_path, files)) is None


@pytest.mark.parametrize(("free_kib", "state"), [(512 << 10, "wrong"), (2 << 20, "note"), (8 << 20, "fine")])
def test_little_memory_is_told(tmp_path, free_kib, state):
    write(tmp_path, {"proc/meminfo": f"MemTotal: 16777216 kB\nMemAvailable: {free_kib} kB\n"})
    row = machine._memory(tmp_path)
    assert row.state == state
    assert bool(row.remedy) == (state != "fine")


def test_processors_tell_what_they_can(tmp_path):
    write(
        tmp_path,
        {
            "proc/cpuinfo": "processor : 0\nflags\t\t: fpu avx2 avx512f amx_bf16 amx_tile\n\nprocessor : 1\n",
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/cpu.max": "50000 100000\n",
        },
    )
    row = machine._cores(tmp_path)
    assert row.facts["units"] == ["amx_bf16", "amx_tile", "avx512f", "avx2"]
    assert row.facts["quota"] == 0.5
    assert row.state == "note"


def test_a_system_that_tells_nothing(tmp_path):
    assert machine._units(tmp_path) == []
    assert machine._cores(tmp_path).state == "fine"

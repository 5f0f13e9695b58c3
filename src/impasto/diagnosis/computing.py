"""torch: its build, whether it computes rightly, which type it is faster in, and graphics processors."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from impasto.diagnosis.finding import Finding

REINSTALL = "install torch again; docs/install.md says which build fits which machine"


def findings(load: Callable[[], Any] | None = None, root: Path = Path("/")) -> list[Finding]:
    """Return what is to say of torch and the devices. `load` imports torch; `load` and `root` are for tests."""
    try:
        torch = (load or _load)()
    except (ImportError, OSError) as error:  # a library that it needs may be missing, or be for another processor
        reason = " ".join(str(error).split())[:200]
        return [Finding("torch", f"cannot be loaded: {reason}", "wrong", REINSTALL)]
    return [_build(torch), *_arithmetic(torch), *_devices(torch, root)]


def _load() -> Any:
    import torch

    return torch


def _build(torch: Any) -> Finding:
    version = str(torch.__version__)
    cuda, rocm = torch.version.cuda, getattr(torch.version, "hip", None)
    kind = f"CUDA {cuda}" if cuda else f"ROCm {rocm}" if rocm else "CPU and Metal" if _has_metal(torch) else "CPU"
    capability = torch.backends.cpu.get_cpu_capability()
    facts = {
        "capability": capability,
        "cuda": cuda,
        "mkldnn": bool(torch.backends.mkldnn.is_available()),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        "rocm": rocm,
        "threads": torch.get_num_threads(),
        "version": version,
    }
    value = f"{version} built for {kind}; {capability}, {facts['threads']} threads"
    if not facts["mkldnn"] and not cuda and not _has_metal(torch):
        return Finding("torch", f"{value}; without oneDNN", "note", "another build of torch convolves faster", facts)
    return Finding("torch", value, facts=facts)


def _has_metal(torch: Any) -> bool:
    return bool(torch.backends.mps.is_built())


def _arithmetic(torch: Any) -> Iterator[Finding]:
    """Yield whether a convolution comes out right, and in which type the CPU is faster."""
    from impasto.optim import devices

    # A square of ones under a kernel of ones: each pixel counts the neighbors it has, with zeros around the square.
    ones = torch.ones(1, 1, 3, 3)
    try:
        counted = torch.nn.functional.conv2d(ones, ones, padding=1).flatten().tolist()
    except RuntimeError as error:
        yield Finding("arithmetic", f"a convolution fails: {' '.join(str(error).split())[:200]}", "wrong", REINSTALL)
        return
    if counted != [4.0, 6.0, 4.0, 6.0, 9.0, 6.0, 4.0, 6.0, 4.0]:
        yield Finding("arithmetic", f"a convolution gives {counted}", "wrong", REINSTALL, {"convolution": counted})
        return
    faster = str(devices.faster_precision(torch.device("cpu"))).removeprefix("torch.")
    yield Finding("arithmetic", f"right; the CPU convolves faster in {faster}", facts={"faster": faster})


def _devices(torch: Any, root: Path) -> Iterator[Finding]:
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(number)
            size = int(properties.total_memory)
            facts = {"bytes": size, "name": properties.name, "number": number}
            yield Finding("device", f"cuda:{number}, {properties.name}, {size / 2**30:.0f} GiB", facts=facts)
    elif torch.backends.mps.is_available():
        yield Finding("device", "mps, the Mac's own", facts={"name": "mps"})
    elif (root / "dev/nvidia0").exists():
        value = "cpu; a GPU of NVIDIA is here, and torch cannot use it"
        remedy = "install the CUDA build of torch and a driver that is new enough; docs/install.md says how"
        yield Finding("device", value, "note", remedy, {"name": "cpu"})
    else:
        yield Finding("device", "cpu", facts={"name": "cpu"})

"""Fuzz one kind of file by what it reaches in impasto's code: `python scripts/fuzz_guided.py recipe --seconds 600`.

The inputs of `fuzz.py` are damaged blindly; here atheris (libFuzzer) keeps those that run lines which none ran before,
and damages them further. It begins with the same valid files, reads them in the same way, and holds the same to be
wrong. What is wrong ends it, and is kept as a file in the folder that is printed. Needs `pip install atheris`.
"""

import argparse
import importlib
import importlib.util
import os
import random
import sys
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MEMORY_MIB = 4096
"""MiB of the whole process, torch and libraries with it, beyond which an input is wrong."""


class Fault(Exception):
    """What came of an input was neither a value nor one of impasto's own errors."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz, and end this process with libFuzzer's exit status; 5 where atheris is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kind", help="as scripts/fuzz.py names it")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("out/fuzz"), help="folder for the input that is wrong")
    options = parser.parse_args(arguments)
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed; run: python -m pip install atheris", file=sys.stderr)
        return 5
    atheris: Any = importlib.import_module("atheris")
    # What is imported here tells which of its lines are run.
    with atheris.instrument_imports(include=["impasto"]):
        fuzz: Any = importlib.import_module("fuzz")
        kinds: Any = importlib.import_module("fuzz_kinds")
    known = {kind.name: kind for kind in kinds.KINDS}
    if options.kind not in known:
        parser.error(f"{options.kind!r} is none of {', '.join(known)}")
    kind = known[options.kind]
    keep = options.keep.resolve()
    keep.mkdir(parents=True, exist_ok=True)
    kinds.quiet()
    folder = Path(tempfile.mkdtemp(prefix="impasto-fuzz-"))
    os.chdir(folder)
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, data in enumerate(kind.valid()):
        (corpus / f"valid-{number}").write_bytes(data)

    def read(data: bytes) -> None:
        outcome = fuzz.attempt(kind, data, random.Random(zlib.crc32(data)), folder / "input")
        if outcome not in ("read", "refused"):
            raise Fault(outcome)

    words = [f"-max_total_time={options.seconds}", f"-seed={options.seed}", f"-rss_limit_mb={MEMORY_MIB}"]
    words += ["-print_final_stats=1", f"-artifact_prefix={keep}/{kind.name.replace(', ', '-').replace(' ', '-')}-"]
    atheris.Setup([sys.argv[0], *words, str(corpus)], read)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())

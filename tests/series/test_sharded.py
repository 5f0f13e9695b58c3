"""Batches in shards: the pictures of a serial run, nothing painted twice, and files whose bytes tell of no killing."""

import csv
import hashlib
import importlib.util
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
import torch

import impasto
from impasto import images
from impasto.errors import OutputError, UsageError
from impasto.executors import InProcess, Processes
from impasto.images import Picture
from impasto.series.batch import ShardedBatch, folder
from impasto.series.paint_work import PaintWork
from impasto.shards import listing

FAST: dict[str, Any] = {"method": "johnson", "network": "swirls", "size": 32, "precision": "float32"}
parquet = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")


def photograph(seed: int) -> bytes:
    pixels = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(seed))
    return images.encode(Picture(pixels), "png")


@pytest.fixture
def shard(tmp_path) -> Path:
    """Seven photographs in a tar, with a caption for each."""
    path = tmp_path / "in.tar"
    with tarfile.open(path, "w") as archive:
        for seed in range(7):
            for name, data in ((f"{seed}.png", photograph(seed)), (f"{seed}.txt", f"caption {seed}".encode())):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return path


def jobs(shard: Path) -> list[dict[str, Any]]:
    return [{"content": member} for member in listing(shard)]


def run(given, out, **options):
    options.setdefault("executor", InProcess(threads=1))
    return list(impasto.batch(given, out, **{**FAST, "shards": 3, **options}))


def states(results):
    return [result.state for result in sorted(results, key=lambda result: result.index)]


def table(out):
    with (out / "_batch.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def files(out):
    return {path.name: path.read_bytes() for path in sorted(out.iterdir()) if path.suffix in (".tar", ".parquet")}


def test_shards_hold_the_pictures_that_files_would(shard, tmp_path):
    results = run(jobs(shard), tmp_path / "out")
    assert states(results) == ["painted"] * 7
    assert sorted(files(tmp_path / "out")) == ["00000.tar", "00001.tar", "00002.tar"]
    loose = list(impasto.batch(jobs(shard), tmp_path / "loose", executor=InProcess(threads=1), **FAST))
    assert states(loose) == ["painted"] * 7
    members = [member for name in sorted(files(tmp_path / "out")) for member in listing(tmp_path / "out" / name)]
    assert [member.name for member in members] == [f"{seed}_swirls.png" for seed in range(7)]
    for member in members:
        assert member.read_bytes() == (tmp_path / "loose" / member.name).read_bytes()
    # Captions go with their pictures.
    assert [member.others()[0] for member in members] == [("txt", f"caption {seed}".encode()) for seed in range(7)]
    one = results[0]
    assert (one.path, one.row["shard"], one.row["width"]) == (tmp_path / "out" / "00000.tar", "00000.tar", 32)
    first = table(tmp_path / "out")[0]
    assert (first["file"], first["state"], first["pictures"], first["failed"]) == ("00000.tar", "painted", "3", "0")
    assert first["sha256"] == hashlib.sha256((tmp_path / "out" / "00000.tar").read_bytes()).hexdigest()


def test_a_shard_that_is_finished_is_not_painted_again_and_no_picture_of_another_is(shard, tmp_path, monkeypatch):
    whole = tmp_path / "whole"
    run(jobs(shard), whole)
    out = tmp_path / "out"
    begun = impasto.batch(jobs(shard), out, executor=InProcess(threads=1), shards=3, **FAST)
    for _ in range(5):
        next(begun)
    begun.close()
    assert sorted(files(out)) == ["00000.tar"]
    stamp = (out / "00000.tar").stat().st_mtime_ns
    painted, paint = [], PaintWork.__call__

    def counted(self, order, tell):
        painted.append(order)
        return paint(self, order, tell)

    monkeypatch.setattr(PaintWork, "__call__", counted)
    results = run(jobs(shard), out, resume=True)
    # Two of the second shard were kept when the run was left, as a killed one leaves them.
    assert states(results) == ["kept", "kept", "painted", "painted"]
    assert len(painted) == 2
    assert (out / "00000.tar").stat().st_mtime_ns == stamp
    assert files(out) == files(whole)
    assert list((out / folder.NAME / "parts").iterdir()) == []
    assert run(jobs(shard), out, resume=True) == []


def test_what_was_cut_off_in_a_part_is_painted_again(shard, tmp_path):
    run(jobs(shard), tmp_path / "whole")
    out = tmp_path / "out"
    begun = impasto.batch(jobs(shard), out, executor=InProcess(threads=1), shards=3, **FAST)
    for _ in range(2):
        next(begun)
    begun.close()
    (part,) = (out / folder.NAME / "parts").iterdir()
    data = part.read_bytes()
    part.write_bytes(data[: len(data) - 700])
    assert states(run(jobs(shard), out, resume=True)) == ["kept"] + ["painted"] * 6
    assert files(out) == files(tmp_path / "whole")


def test_a_picture_that_fails_is_a_row_and_is_painted_when_it_can_be(shard, tmp_path):
    run(jobs(shard), tmp_path / "whole")
    out = tmp_path / "out"
    good = shard.read_bytes()
    members = listing(shard)
    at = members[4].place
    shard.write_bytes(good[:at] + b"no picture" + good[at + 10 :])
    results = run(jobs(shard), out)
    assert states(results) == ["painted"] * 4 + ["failed"] + ["painted"] * 2
    assert [member.name for member in listing(out / "00001.tar")] == ["3_swirls.png", "5_swirls.png"]
    rows = {row["file"]: row for row in table(out)}
    assert (rows["00001.tar"]["state"], rows["00001.tar"]["pictures"], rows["00001.tar"]["failed"]) == (
        "failed",
        "2",
        "1",
    )
    assert "is not a picture" in rows["4_swirls.png"]["error"]
    shard.write_bytes(good)
    assert states(run(jobs(shard), out, resume=True)) == ["kept", "painted", "kept"]
    assert files(out) == files(tmp_path / "whole")


def test_a_folder_of_other_shards_is_refused(shard, tmp_path):
    out = tmp_path / "out"
    run(jobs(shard), out)
    with pytest.raises(OutputError, match="holds a batch already"):
        run(jobs(shard), out)
    with pytest.raises(OutputError, match="holds a batch of shards of 3, tar"):
        run(jobs(shard), out, shards=4, resume=True)
    with pytest.raises(OutputError, match="holds a batch of shards of 3, tar"):
        list(impasto.batch(jobs(shard), out, resume=True, **FAST))
    with pytest.raises(OutputError, match="other jobs or settings"):
        run(jobs(shard)[:6], out, resume=True)
    (out / "00000.tar").write_bytes(b"other")
    with pytest.raises(OutputError, match=r"00000\.tar: was changed"):
        run(jobs(shard), out, resume=True)
    assert states(run(jobs(shard), out, resume=True, force=True)) == ["painted"] * 3
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "00000.tar").write_bytes(b"other")
    with pytest.raises(OutputError, match="exists already and is of no batch"):
        run(jobs(shard), tmp_path / "foreign")


def test_a_shard_of_the_inputs_is_never_written(tmp_path, shard):
    shard.rename(tmp_path / "00000.tar")
    with pytest.raises(OutputError, match="is also an input"):
        run(jobs(tmp_path / "00000.tar"), tmp_path, force=True)
    with pytest.raises(UsageError, match="from 1 to"):
        run(jobs(tmp_path / "00000.tar"), tmp_path / "out", shards=0)
    with pytest.raises(UsageError, match="shards go into a folder"):
        run(jobs(tmp_path / "00000.tar"), None)


def test_the_jobs_are_in_the_folder(shard, tmp_path):
    run(jobs(shard), tmp_path / "whole")
    out = tmp_path / "out"
    begun = impasto.batch(jobs(shard), out, executor=InProcess(threads=1), shards=3, **FAST)
    next(begun)
    begun.close()
    again = ShardedBatch(None, out, 3, resume=True)
    assert again.begin(1) == 1
    assert states(again.run(InProcess(1))) == ["kept"] + ["painted"] * 6
    assert files(out) == files(tmp_path / "whole")
    # One recipe stands there once.
    lines = (out / folder.NAME / "jobs.jsonl").read_text().splitlines()
    assert len(lines) == 7
    assert len(lines[3]) < 600 < len(lines[0])


def test_keys_of_samples_have_no_full_stop(shard, tmp_path):
    given = [{"content": member, "output": "x.y/a.b.png"} for member in listing(shard)[:1]]
    run(given, tmp_path / "out")
    (member,) = listing(tmp_path / "out" / "00000.tar")
    assert member.name == "x.y/a_b.png"


@parquet
def test_tables_in_and_out(tmp_path):
    import pyarrow
    import pyarrow.parquet

    data = {"key": [f"p{seed}" for seed in range(5)], "image": [photograph(seed) for seed in range(4)] + [b"none"]}
    pyarrow.parquet.write_table(pyarrow.table(data), tmp_path / "in.parquet")
    given = jobs(tmp_path / "in.parquet")
    results = run(given, tmp_path / "out", shard_kind="parquet")
    assert states(results) == ["painted"] * 4 + ["failed"]
    rows = pyarrow.parquet.read_table(tmp_path / "out").to_pylist()
    assert [row["key"] for row in rows] == [f"p{seed}_swirls" for seed in range(5)]
    assert (rows[4]["image"], rows[4]["state"]) == (None, "failed")
    assert "is not a picture" in rows[4]["error"]
    (tmp_path / "p2.png").write_bytes(photograph(2))
    alone = impasto.stylize(tmp_path / "p2.png", [], **FAST)
    alone.save(tmp_path / "alone.png")
    assert rows[2]["image"] == (tmp_path / "alone.png").read_bytes()
    assert (rows[2]["width"], rows[2]["height"], rows[2]["source"]) == (32, 24, "p2")


def test_a_full_disk_fails_pictures_and_loses_none(shard, tmp_path, monkeypatch):
    from impasto.shards import writing

    run(jobs(shard), tmp_path / "whole")
    append, written = writing.append, []

    def sometimes(stream, name, data):
        written.append(name)
        if name == "1":
            stream.write(data[:100])
            raise OSError(28, "No space left on device")
        append(stream, name, data)

    monkeypatch.setattr(writing, "append", sometimes)
    results = run(jobs(shard), tmp_path / "out")
    assert states(results) == ["painted", "failed", *["painted"] * 5]
    monkeypatch.setattr(writing, "append", append)
    assert states(run(jobs(shard), tmp_path / "out", resume=True)) == ["kept", "painted", "kept"]
    assert files(tmp_path / "out") == files(tmp_path / "whole")


@pytest.mark.slow
def test_processes_write_the_same_shards(shard, tmp_path):
    run(jobs(shard), tmp_path / "serial")
    with Processes(2) as executor:
        assert states(run(jobs(shard), tmp_path / "out", executor=executor)) == ["painted"] * 7
    assert files(tmp_path / "out") == files(tmp_path / "serial")

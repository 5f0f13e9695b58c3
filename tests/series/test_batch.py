"""`impasto.batch`: every job has a result, its folder is the truth about it, and nothing in it is lost or foreign."""

import csv
import json
import os
import socket
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch

import impasto
from impasto import images, limits, metadata
from impasto.errors import ImageError, OutputError, UsageError
from impasto.executors import InProcess, Processes
from impasto.images import Picture
from impasto.series.batch import Batch, Item, Naming, folder, job_of
from impasto.series.batch.folder import JobFolder
from impasto.series.paint_work import KEPT_BYTES
from impasto.shards import Member
from tests.type_helpers import present

FAST: dict[str, Any] = {"method": "johnson", "network": "swirls", "size": 64, "precision": "float32"}


@pytest.fixture
def photos(tmp_path):
    """Five photographs."""
    (tmp_path / "in").mkdir()
    paths = []
    for seed in range(5):
        path = tmp_path / "in" / f"photo{seed}.png"
        pixels = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(seed))
        images.save(Picture(pixels), path)
        paths.append(path)
    return paths


def run(jobs, out=None, **options):
    options.setdefault("executor", InProcess(threads=1))
    return list(impasto.batch(jobs, out, **{**FAST, **options}))


def jobs(photos):
    return [{"content": path} for path in photos]


def pictures(out):
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.png"))}


def states(results):
    return [result.state for result in sorted(results, key=lambda result: result.index)]


def items(photos):
    return [Item(job_of({"content": path, **FAST})[0], f"{path.stem}.png") for path in photos]


def test_each_job_is_painted_as_stylize_would(photos, tmp_path):
    out = tmp_path / "out"
    results = run(jobs(photos), out)
    assert states(results) == ["painted"] * 5
    assert set(pictures(out)) == {f"photo{seed}_swirls.png" for seed in range(5)}
    alone = impasto.stylize(photos[3], [], **FAST)
    alone.save(tmp_path / "alone.png")
    assert (tmp_path / "alone.png").read_bytes() == pictures(out)["photo3_swirls.png"]
    (last,) = (result for result in results if result.index == 3)
    assert (last.path, last.error, last.result) == (out / "photo3_swirls.png", None, None)


def test_without_a_folder_the_paintings_come_back(photos):
    results = run(jobs(photos[:2]))
    assert [result.path for result in results] == [None, None]
    expected = impasto.stylize(photos[1], [], **FAST)
    assert torch.equal(present(results[1].result).picture.pixels, expected.picture.pixels)
    assert present(results[1].result).metadata == expected.metadata


def test_a_stream_without_end_is_painted_as_far_as_it_is_asked_for(photos):
    def endless():
        while True:
            yield {"content": photos[0]}

    stream = impasto.batch(endless(), executor=InProcess(), **FAST)
    assert [next(stream).index for _ in range(3)] == [0, 1, 2]


def test_settings_of_a_job_go_over_those_of_all(photos, tmp_path):
    run([{"content": photos[0], "size": 48, "output": "sub/small.png"}, {"content": photos[1]}], tmp_path / "out")
    assert images.load(tmp_path / "out" / "sub" / "small.png").size == (36, 48)
    assert images.load(tmp_path / "out" / "photo1_swirls.png").size == (48, 64)


def test_a_job_that_fails_leaves_the_others_alone_and_has_a_row(photos, tmp_path):
    photos[2].write_bytes(b"no picture")
    out = tmp_path / "out"
    results = run(jobs(photos), out)
    assert states(results) == ["painted", "painted", "failed", "painted", "painted"]
    (failed,) = (result for result in results if result.state == "failed")
    assert isinstance(failed.error, ImageError)
    with (out / "batch.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["state"] for row in rows] == ["painted", "painted", "failed", "painted", "painted"]
    assert "photo2.png: is not a picture" in rows[2]["error"]
    assert (rows[1]["width"], rows[1]["height"], rows[1]["attempts"]) == ("64", "48", "1")
    # Mended, it is painted when the batch goes on.
    images.save(Picture(torch.rand(1, 3, 48, 64)), photos[2], force=True)
    assert states(run(jobs(photos), out, resume=True)) == ["painted"]


def test_a_batch_goes_on_and_paints_nothing_twice(photos, tmp_path):
    out = tmp_path / "out"
    run(jobs(photos), tmp_path / "whole")
    begun = impasto.batch(jobs(photos), out, executor=InProcess(threads=1), **FAST)
    next(begun)
    next(begun)
    begun.close()
    there = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
    assert len(there) == 2
    assert states(run(jobs(photos), out, resume=True)) == ["painted"] * 3
    assert pictures(out) == pictures(tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in there} == there
    assert run(jobs(photos), out, resume=True) == []


def test_a_picture_that_was_saved_and_not_yet_recorded_is_kept(photos, tmp_path):
    out = tmp_path / "out"
    run(jobs(photos[:2]), out)
    # As a kill between the two leaves it: the picture is there, its job is still held.
    home = out / folder.NAME
    (home / "done" / "0000001").rename(home / "held" / "0000001@elsewhere-1-1")
    os.utime(home / "held" / "0000001@elsewhere-1-1", (1, 1))
    assert states(run(jobs(photos[:2]), out, resume=True)) == ["kept"]


def test_what_another_process_holds_is_left_to_it(photos, tmp_path):
    out = tmp_path / "out"
    made = Batch(items(photos), out)
    made.begin(1)
    home = out / folder.NAME
    alive = f"{folder._safe(socket.gethostname())}-{os.getpid()}-{folder._began(os.getpid())}"
    (home / "todo" / "0000000").rename(home / "held" / f"0000000@{alive}")
    (home / "todo" / "0000001").rename(home / "held" / "0000001@elsewhere-7-7")
    (home / "todo" / "0000002").rename(home / "held" / f"0000002@{alive.rpartition('-')[0]}-1")
    jobs = JobFolder.open(out)
    # Of this machine, the last is dead: the number is this process's, the time is not. Another machine's is young.
    assert jobs.recover() == 1
    assert sorted(path.name.partition("@")[0] for path in (home / "held").iterdir()) == ["0000000", "0000001"]
    os.utime(home / "held" / "0000001@elsewhere-7-7", (1, 1))
    assert jobs.recover() == 1


def test_a_job_is_claimed_by_one_alone(photos, tmp_path):
    made = Batch(items(photos), tmp_path / "out")
    made.begin(1)
    one, other = JobFolder.open(tmp_path / "out"), JobFolder.open(tmp_path / "out")
    claimed = [one.claim(), other.claim(), one.claim(), other.claim(), one.claim(), other.claim(), one.claim()]
    assert sorted(number for number in claimed if number is not None) == [0, 1, 2, 3, 4]
    one.give_back(present(claimed[0]))
    assert other.claim() == claimed[0]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda out: (out / "photo0_swirls.png").write_bytes(b"other"), "was changed since the batch painted it"),
        (lambda out: (out / "photo0_swirls.png").unlink(), "is gone since the batch painted it"),
        (lambda out: (out / folder.NAME / "manifest.json").write_text("{}"), "is damaged, or of another version"),
        (lambda out: (out / folder.NAME / "manifest.json").write_text("[" * 9999), "is damaged, or of another version"),
    ],
)
def test_a_folder_that_was_changed_is_refused(photos, tmp_path, spoil, words):
    out = tmp_path / "out"
    run(jobs(photos), out)
    spoil(out)
    with pytest.raises(OutputError, match=words):
        run(jobs(photos), out, resume=True)


def test_by_force_what_was_changed_is_painted_again(photos, tmp_path):
    out = tmp_path / "out"
    run(jobs(photos), out)
    before = pictures(out)
    (out / "photo0_swirls.png").write_bytes(b"other")
    assert states(run(jobs(photos), out, resume=True, force=True)) == ["painted"]
    assert pictures(out) == before


def test_another_batch_and_other_peoples_pictures_are_refused(photos, tmp_path):
    out = tmp_path / "out"
    run(jobs(photos[:2]), out)
    with pytest.raises(OutputError, match="holds a batch already; pass --resume"):
        run(jobs(photos[:2]), out)
    for others in (jobs(photos), [{**job, "size": 48} for job in jobs(photos[:2])]):
        with pytest.raises(OutputError, match="holds a batch of other jobs or settings"):
            run(others, out, resume=True)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "photo0_swirls.png").write_bytes(photos[0].read_bytes())
    with pytest.raises(OutputError, match="exists already and is of no batch"):
        run(jobs(photos), foreign)
    assert not (foreign / folder.NAME).exists()
    with pytest.raises(OutputError, match="has no batch to go on with"):
        Batch(None, foreign, resume=True)
    run(jobs(photos[:1]), foreign, force=True)
    assert metadata.read(foreign / "photo0_swirls.png") is not None


def test_the_jobs_are_in_the_folder(photos, tmp_path):
    out = tmp_path / "out"
    begun = Batch(items(photos), out)
    begun.begin(2)
    again = Batch(None, out, resume=True)
    assert [item.output for item in again.items] == [item.output for item in begun.items]
    assert again.begin(1) == 2
    results = list(again.run(InProcess()))
    assert states(results) == ["painted"] * 5
    assert (again.counts["done"], again.counts["todo"]) == (5, 0)
    path = out / folder.NAME / "jobs.jsonl"
    path.write_text(path.read_text().replace("photo1.png", "secret.png"))
    with pytest.raises(OutputError, match="was changed or is damaged"):
        Batch(None, out, resume=True)


def test_pictures_in_memory_are_known_by_their_bytes(tmp_path):
    array = torch.rand(48, 64, 3).numpy()
    given = [{"content": array, "output": "a.png"}]
    assert states(run(given, tmp_path / "out")) == ["painted"]
    assert run(given, tmp_path / "out", resume=True) == []
    with pytest.raises(UsageError, match="in memory"):
        Batch(None, tmp_path / "out", resume=True)


def test_two_pictures_of_one_name_are_found_before_anything_is_painted(photos, tmp_path):
    given = [{"content": photos[0], "output": "a.png"}, {"content": photos[1], "output": "A.png"}]
    with pytest.raises(UsageError, match=r"items 1 and 2 would both be A\.png"):
        run(given, tmp_path / "out")
    with pytest.raises(OutputError, match="is also an input"):
        run([{"content": photos[0], "output": "photo0.png"}], tmp_path / "in", force=True)
    assert not (tmp_path / "out").exists()


def test_a_batch_stays_within_its_folder(photos, tmp_path):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (out / "sub").symlink_to(elsewhere)
    for output in ("sub/a.png", "../a.png", str(elsewhere / "a.png")):
        with pytest.raises(OutputError, match="leads out of"):
            run([{"content": photos[0], "output": output}], out)
    (out / "link.png").symlink_to(elsewhere / "target.png")
    run([{"content": photos[0], "output": "link.png"}], out, force=True)
    assert not (out / "link.png").is_symlink()
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"contents": "a.png"}, "did you mean 'content'"),
        ({"size": 4}, "size"),
        ({"style": "a.png"}, "did you mean 'styles'"),
        ({"preset": "drfat"}, "did you mean 'draft'"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_painted(photos, tmp_path, change, words):
    with pytest.raises(UsageError, match=words):
        run([{"content": photos[0], **change}], tmp_path / "out")
    assert not (tmp_path / "out" / folder.NAME).exists()


def test_names_are_made_of_the_job():
    given = {"content": "in/my photo.jpg", "styles": ["p/a.jpg", "p/b.jpg"], "seed": 3, "content_weight": 0.5}
    job, _ = job_of(given)
    assert Naming().name(job, 1) == "my-photo_a+b.png"
    assert Naming("{content}_{style}_{method}_{seed}.jpg").name(job, 1) == "my-photo_a+b_gatys_3.jpg"
    assert Naming("{style}/{number}.webp").name(job, 12, "x/y") == "x/y/a+b/0012.webp"
    assert Naming(varied=["content_weight"]).name(job, 1) == "my-photo_a+b_content_weight=0.5.png"
    for pattern, words in {
        "../{content}.png": "within the folder",
        "/tmp/{content}.png": "within the folder",
        "{contnt}.png": "did you mean 'content'",
        "{content": "no proper pattern",
        "{content!r}.png": "unknown|field",
        "{content.__class__}.png": "unknown",
    }.items():
        with pytest.raises(UsageError, match=words):
            Naming(pattern)


def test_it_stops_when_it_is_asked(photos, tmp_path):
    results = run(jobs(photos), tmp_path / "out", on_progress=lambda index, _progress: index == 1)
    assert len(results) <= 2
    assert len(run(jobs(photos), tmp_path / "out", resume=True)) == 5 - len(results)


def test_the_manifest_says_what_the_pictures_depend_on(photos, tmp_path):
    run(jobs(photos), tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / folder.NAME / "manifest.json").read_text())
    assert (manifest["jobs"], manifest["threads"], manifest["version"]) == (5, 1, 1)
    assert manifest["precision"] in ("float32", "bfloat16")
    assert len(manifest["sha256"]) == 64


@pytest.mark.slow
def test_processes_paint_a_batch_to_the_last_bit(photos, tmp_path):
    run(jobs(photos), tmp_path / "serial")
    with Processes(2) as executor:
        results = run(jobs(photos), tmp_path / "out", executor=executor)
        loose = run(jobs(photos[:2]), executor=executor)
    assert states(results) == ["painted"] * 5
    assert pictures(tmp_path / "out") == pictures(tmp_path / "serial")
    by_index = {result.index: present(result.result) for result in loose}
    assert torch.equal(by_index[1].picture.pixels, impasto.stylize(photos[1], [], **FAST).picture.pixels)


@pytest.mark.parametrize("suffix", list(images.FORMATS))
def test_pictures_are_of_every_format(photos, tmp_path, suffix):
    run(jobs(photos[:1]), tmp_path / "out", name=f"{{content}}{suffix}")
    picture = images.load(tmp_path / "out" / f"photo0{suffix}")
    assert picture.size == (48, 64)
    assert present(metadata.read(tmp_path / "out" / f"photo0{suffix}"))["recipe"]["method"] == "johnson"


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif", "tiff", "bmp", "gif"])
def test_photographs_are_of_every_format(tmp_path, suffix):
    drawn = images.load(torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(1))).to_pil()
    drawn.save(tmp_path / f"photo.{suffix}")
    (result,) = run([{"content": tmp_path / f"photo.{suffix}"}], tmp_path / "out")
    assert (result.state, result.row["width"], result.row["height"]) == ("painted", 64, 48)


@pytest.mark.slow
def test_a_picture_that_kills_its_process_is_a_row_and_the_others_are_painted(photos, tmp_path, monkeypatch):
    """Row 55 of the faults: tried once more in a fresh process, then recorded."""
    monkeypatch.setenv("IMPASTO_TEST_PARENT", str(os.getpid()))
    given = [*jobs(photos), {"content": Deadly(str(photos[0]), "deadly.png", 0, 1), "output": "deadly.png"}]
    with Processes(2) as executor:
        results = run(given, tmp_path / "out", executor=executor)
    # The word that a picture is ready can die with the process that sends it; the picture is then found there.
    assert {*states(results)[:5]} <= {"painted", "kept"}
    assert states(results)[5:] == ["failed"]
    (failed,) = (result for result in results if result.state == "failed")
    assert failed.attempts == 2
    with (tmp_path / "out" / "batch.csv").open(newline="", encoding="utf-8") as stream:
        row = list(csv.DictReader(stream))[5]
    assert (row["state"], row["attempts"]) == ("failed", "2")
    assert "the process that had it in hand died 2 times (exit status 9)" in row["error"]


class Deadly(Member):
    """A photograph that nobody but this process can read and live."""

    def read_bytes(self) -> bytes:
        if os.environ["IMPASTO_TEST_PARENT"] != str(os.getpid()):
            os._exit(9)
        return Path(self.archive).read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["arrays", "files"])
def test_a_stream_of_a_thousand_small_pictures_takes_no_more_memory_than_a_hundred(tmp_path, kind):
    # In a process of its own: what other tests left running in this one takes and gives back memory, too.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        early, late = fresh.submit(memory_of_a_stream, kind, tmp_path).result()
    # Pixels of such a picture are 49 kB: had each left itself behind, there would be 44 MB more. Of files, those that
    # are decoded are kept as long as they fit into 64 MiB.
    assert late - early < (8 << 20) + (KEPT_BYTES if kind == "files" else 0)


def memory_of_a_stream(kind: str, folder: Path) -> tuple[int, int]:
    """Bytes of this process after the hundredth and after the thousandth picture."""
    random = torch.Generator().manual_seed(0)

    def stream():
        for number in range(1000):
            pixels = torch.rand(3, 64, 64, generator=random)
            if kind == "files":
                path = folder / f"{number}.png"
                images.save(images.load(pixels), path)
                yield {"content": path}
            else:
                yield {"content": pixels}

    early = 0
    for number, done in enumerate(impasto.batch(stream(), executor=InProcess(threads=1), **FAST), 1):
        assert (done.state, done.error) == ("painted", None)
        if number == 100:
            early = limits.resident()
    return early, limits.resident()

"""`impasto batch`: what its words stand for, what is refused, what is said and left."""

import json
import os
import signal
import tarfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from impasto import metadata
from impasto.errors import OutputError
from impasto.executors import InProcess
from impasto.series.batch import api
from impasto.shards import listing
from tests.cli.cli_helpers import SMALL, draw
from tests.type_helpers import present


@pytest.fixture
def batch(run, monkeypatch):
    """`batch("in", ...)` paints small pictures into the folder out, in this process."""
    monkeypatch.setattr(api, "Processes", lambda _workers, threads, _gpus: InProcess(threads))

    def batch(*arguments, styles=("styles",)):
        options = [part for name in styles for part in ("--style", name)]
        return run("batch", *options, *SMALL, "--threads", "1", "-o", "out", *arguments)

    return batch


@pytest.fixture
def folders():
    """Three photographs, one of them in a folder below, and two paintings."""
    for folder in ("in/sub", "styles"):
        Path(folder).mkdir(parents=True)
    for name, seed in (("in/a.png", 1), ("in/b.jpg", 2), ("in/sub/c.png", 3), ("styles/s.png", 4), ("styles/t.png", 5)):
        draw(name, seed)


def painted(folder="out"):
    return sorted(
        path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.*g") if ".impasto" not in str(path)
    )


def recipe(name):
    return present(metadata.read(f"out/{name}"))["recipe"]


@pytest.mark.usefixtures("folders")
def test_every_photograph_is_painted_in_every_style(batch):
    outcome = batch("in")
    assert outcome.status == 0, outcome.err
    assert painted() == ["a_s.png", "a_t.png", "b_s.png", "b_t.png"]
    assert "4 of 4 pictures to paint, 1 at once with 1 thread each" in outcome.err
    assert "saved 4 of 4 pictures in out" in outcome.err
    assert recipe("a_s.png")["iterations"] == 2


@pytest.mark.usefixtures("folders")
def test_a_picture_is_what_paint_makes_of_the_same_settings(batch, run):
    assert batch("in/a.png", styles=("styles/s.png",)).status == 0
    assert run("paint", "in/a.png", "--style", "styles/s.png", *SMALL, "--threads", "1", "-o", "alone.png").status == 0
    assert Path("alone.png").read_bytes() == Path("out/a_s.png").read_bytes()


@pytest.mark.usefixtures("folders")
def test_settings_are_varied_and_named(batch):
    assert batch("in/a.png", "--vary", "seed=1,2", styles=("styles/s.png",)).status == 0
    assert painted() == ["a_s_seed=1.png", "a_s_seed=2.png"]
    assert [recipe(name)["seed"] for name in painted()] == [1, 2]


@pytest.mark.usefixtures("folders")
def test_pairs_and_a_pattern_of_names(batch):
    outcome = batch("in/*.*", "--pair", "--name", "{style}/{number}_{content}_{method}.jpg", "--vary", "seed=7,8")
    assert outcome.status == 0, outcome.err
    assert painted() == ["s/0001_a_gatys.jpg", "t/0002_b_gatys.jpg"]
    assert [recipe(name)["seed"] for name in painted()] == [7, 8]
    outcome = batch("in/*.*", "--pair", "--vary", "seed=1,2,3", "--resume")
    assert outcome.status == 2
    assert "--pair: 2 photographs, 2 paintings, 3 seed make no pairs" in outcome.err


@pytest.mark.usefixtures("folders")
def test_a_tree_is_kept(batch):
    assert batch("in", "--tree", styles=("styles/s.png",)).status == 0
    assert painted() == ["a_s.png", "b_s.png", "sub/c_s.png"]
    outcome = batch("in/**/*.png", "--tree", "-o", "again", styles=("styles/s.png",))
    assert outcome.status == 0, outcome.err
    assert painted("again") == ["a_s.png", "sub/c_s.png"]


@pytest.mark.usefixtures("folders")
def test_a_tree_stays_within_its_root(batch):
    Path("secret").mkdir()
    draw("secret/x.png", 6)
    Path("in/sub/leads-out.png").symlink_to(Path("secret/x.png").absolute())
    Path("in/folder").symlink_to(Path("secret").absolute())
    outcome = batch("in", "--tree", styles=("styles/s.png",))
    assert painted() == ["a_s.png", "b_s.png", "sub/c_s.png"]
    assert "left out 1 links that lead out of the folder" in outcome.err


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize(("size", "fraction"), [("content", 1.0), ("50%", 0.5)])
def test_sizes_are_those_of_the_photographs(batch, size, fraction):
    assert batch("in/a.png", "--size", size, styles=("styles/s.png",)).status == 0
    with Image.open("in/a.png") as photo, Image.open("out/a_s.png") as picture:
        assert picture.size == tuple(round(side * fraction) for side in photo.size)


@pytest.mark.usefixtures("folders")
def test_landmarks_by_a_naming_rule(batch):
    face = [[0.3, 0.3], [0.7, 0.3], [0.5, 0.6], [0.5, 0.8]]
    for name in ("in/a.json", "in/b.json", "styles/s.json"):
        Path(name).write_text(json.dumps(face))
    rules = ("--landmarks", "{content}.json", "--style-landmarks", "{style}.json", "--method", "portrait")
    outcome = batch("in", *rules, styles=("styles/s.png",))
    assert outcome.status == 0, outcome.err
    for name in ("a_s.png", "b_s.png"):
        roles = [item["role"] for item in present(metadata.read(f"out/{name}"))["inputs"]]
        assert roles == ["content", "style", "content landmarks", "style landmarks"]


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_list_of_jobs(batch, kind):
    rows: list[dict[str, Any]] = [
        {"content": "in/a.png", "style": "styles/s.png", "seed": 5, "output": "one.png"},
        {"content": "in/b.jpg", "style": "styles/t.png"},
    ]
    if kind == "csv":
        text = "content,style,seed,output\nin/a.png,styles/s.png,5,one.png\nin/b.jpg,styles/t.png,,\n"
    else:
        rows[1]["style"] = ["styles/t.png", "styles/s.png"]
        text = "".join(json.dumps(row) + "\n" for row in rows)
    Path(f"jobs.{kind}").write_text(text)
    outcome = batch("--list", f"jobs.{kind}", "--json", styles=())
    assert outcome.status == 0, outcome.err
    assert painted() == [{"csv": "b_t.png", "jsonl": "b_t+s.png"}[kind], "one.png"]
    assert recipe("one.png")["seed"] == 5
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert [(line["item"], line["state"]) for line in lines] == [(1, "painted"), (2, "painted")]
    assert lines[0]["file"] == "one.png"


@pytest.mark.usefixtures("folders")
def test_masks_by_a_naming_rule(batch):
    for name in ("in/a_mask.png", "styles/s_mask.png"):
        mask = Image.new("RGB", (48, 40), "red")
        mask.paste("blue", (0, 0, 24, 40))
        mask.save(name)
    outcome = batch(
        *("in/a.png", "in/b.jpg", "--content-mask", "{content}_mask.png", "--style-mask", "{style}_mask.png"),
        styles=("styles/s.png",),
    )
    assert outcome.status == 0, outcome.err
    roles = [[item["role"] for item in present(metadata.read(f"out/{name}"))["inputs"]] for name in painted()]
    assert roles == [["content", "style", "content mask", "style mask"], ["content", "style"]]
    assert "1 pictures have none, and are painted without" in outcome.err


@pytest.mark.usefixtures("folders")
def test_masks_in_the_folder_of_the_photographs_are_not_painted(batch):
    for name in ("in/a_mask.png", "styles/s_mask.png"):
        mask = Image.new("RGB", (48, 40), "red")
        mask.paste("blue", (0, 0, 24, 40))
        mask.save(name)
    rules = ("--content-mask", "{content}_mask.png", "--style-mask", "{style}_mask.png")
    outcome = batch("in", *rules)
    assert outcome.status == 0, outcome.err
    assert painted() == ["a_s.png", "a_t.png", "b_s.png", "b_t.png"]
    assert "left out pictures that are masks by --content-mask: 1" in outcome.err
    assert "left out pictures that are masks by --style-mask: 1" in outcome.err


def packed(name="in.tar", photos=("in/a.png", "in/b.jpg", "in/sub/c.png")):
    with tarfile.open(name, "w") as archive:
        for photo in photos:
            archive.add(photo, photo.removeprefix("in/"))
    return name


@pytest.mark.usefixtures("folders")
def test_photographs_of_a_tar_are_painted_into_tars(batch, run):
    outcome = batch(packed(), "--shards", "2", "--json", styles=("styles/s.png",))
    assert outcome.status == 0, outcome.err
    assert painted() == []
    names = {path.name: [member.name for member in listing(path)] for path in sorted(Path("out").glob("*.tar"))}
    assert names == {"00000.tar": ["a_s.png", "b_s.png"], "00001.tar": ["c_s.png"]}
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert [(line["file"], line["shard"], line["state"]) for line in lines] == [
        ("a_s.png", "00000.tar", "painted"),
        ("b_s.png", "00000.tar", "painted"),
        ("c_s.png", "00001.tar", "painted"),
    ]
    assert run("paint", "in/a.png", "--style", "styles/s.png", *SMALL, "--threads", "1", "-o", "alone.png").status == 0
    assert listing("out/00000.tar")[0].read_bytes() == Path("alone.png").read_bytes()
    again = run("batch", "--resume", "-o", "out")
    assert (again.status, "0 of 3 pictures to paint" in again.err) == (0, True), again.err
    assert "shards of 2, tar" in batch("in.tar", "--shards", "3", "--resume", styles=("styles/s.png",)).err


@pytest.mark.usefixtures("folders")
def test_photographs_of_a_tar_become_files_and_files_become_shards(batch):
    outcome = batch(packed(), "--tree", "-o", "loose", styles=("styles/s.png",))
    assert outcome.status == 0, outcome.err
    assert painted("loose") == ["in/a_s.png", "in/b_s.png", "in/sub/c_s.png"]
    outcome = batch("in", "--shards", "10", styles=("styles/s.png",))
    assert outcome.status == 0, outcome.err
    assert [member.name for member in listing("out/00000.tar")] == ["a_s.png", "b_s.png"]


@pytest.mark.usefixtures("folders")
def test_a_mask_of_a_photograph_in_a_tar_is_looked_for_in_the_tar(batch):
    mask = Image.new("RGB", (48, 40), "red")
    mask.paste("blue", (0, 0, 24, 40))
    for name in ("in/a_mask.png", "styles/s_mask.png"):
        mask.save(name)
    rules = ("--content-mask", "{content}_mask.png", "--style-mask", "{style}_mask.png")
    outcome = batch(packed(photos=("in/a.png", "in/a_mask.png")), *rules, styles=("styles/s.png",))
    assert outcome.status == 0, outcome.err
    assert painted() == ["a_s.png"]
    roles = [item["role"] for item in present(metadata.read("out/a_s.png"))["inputs"]]
    assert roles == ["content", "style", "content mask", "style mask"]


@pytest.mark.usefixtures("folders")
def test_a_dry_run_of_shards(batch):
    outcome = batch(packed(), "--shards", "2", "--dry-run", styles=("styles/s.png",))
    assert outcome.status == 0, outcome.err
    lines = outcome.out.splitlines()
    assert lines[0].startswith("pictures   3, 3 to paint, ")
    assert lines[-3:] == ["out/00000.tar", "out/00001.tar", "first      a_s.png  of a in s"]
    assert not Path("out").exists()
    assert batch("in.tar", "--shards", "2", "--dry-run", "--json").json["files"] == [
        "00000.tar",
        "00001.tar",
        "00002.tar",
    ]


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("in/a.png", "--parquet"), 2, "--parquet is of shards"),
        (("in/a.png", "--shards", "0"), 2, "--shards"),
        (("nothing.tar",), 3, "nothing.tar: cannot be read"),
        (("text.tar",), 3, "text.tar: is no proper tar"),
        (("text.parquet",), 3, "text.parquet: cannot be read as a parquet table"),
        (("in/a.png", "--shards", "2", "--name", "{content}.txt"), 3, "'.txt' names no format"),
        (("in.tar", "in.tar", "--shards", "2"), 2, "would both be a_s.png"),
    ],
)
def test_shards_that_are_refused(batch, arguments, status, words):
    packed()
    for name in ("text.tar", "text.parquet"):
        Path(name).write_text("no archive")
    if "text.parquet" in arguments:
        pytest.importorskip("pyarrow")
    outcome = batch(*arguments, styles=("styles/s.png",))
    assert (outcome.status, words in outcome.err) == (status, True), outcome.err
    assert not Path("out/.impasto-batch").exists()


@pytest.mark.usefixtures("folders")
def test_a_dry_run_tells_what_it_will_take_and_leaves_no_trace(batch):
    outcome = batch("in", "--dry-run")
    assert outcome.status == 0, outcome.err
    lines = outcome.out.splitlines()
    assert lines[0].startswith("pictures   4, 4 to paint, ")
    assert lines[1].startswith("time       about ")
    assert lines[2].startswith("memory     about ")
    assert lines[3] == "out/a_s.png  of a in s"
    assert not Path("out").exists()
    Path("in/z.jpg").write_bytes(b"no picture")
    outcome = batch("in", "--dry-run")
    assert "conflict   in/z.jpg: is no picture that impasto reads, and will be a failure" in outcome.out
    assert batch("in", "--dry-run", "--json").json["no_pictures"] == ["in/z.jpg"]
    Path("in/z.jpg").unlink()
    plan = batch("in", "--dry-run", "--json").json
    assert (plan["pictures"], plan["to_paint"], plan["threads"]) == (4, 4, 1)
    assert plan["files"] == ["a_s.png", "a_t.png", "b_s.png", "b_t.png"]
    assert plan["seconds"] >= 0 < plan["bytes"]


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("nothing/*.png",), 2, "matches no file"),
        (("in/z.png",), 3, "in/z.png: is no file that is there"),
        (("secret/",), 3, "secret/: is no file that is there"),
        ((), 2, "no photographs are named"),
        (("-",), 2, "reads its photographs from files"),
        (("in", "--name", "{style}.png"), 2, "would both be s.png"),
        (("in", "--name", "../{content}.png"), 2, "within the folder"),
        (("in", "--name", "{contnt}.png"), 2, "did you mean 'content'"),
        (("in", "--name", "{content}_{style}.txt"), 3, ".txt"),
        (("in", "--vary", "seed=1,1.5"), 2, "seed"),
        (("in", "--vary", "style=a,b"), 2, "has all that are named already"),
        (("in", "--seed", "1", "--vary", "seed=1,2"), 2, "exclude each other"),
        (("in", "--content-mask", "mask.png"), 2, "has no {content} in it"),
        (("in", "--content-mask", "{content}_m.png"), 2, "none of the files is there"),
        (("in", "--landmarks", "{content}.png"), 2, "landmarks"),
        (("in", "--list", "jobs.csv"), 2, "leave CONTENT, --vary and --pair out"),
        (("--resume",), 2, "--resume with no photographs goes on with the settings of the folder"),
        (("in", "--workers", "0"), 2, "--workers"),
    ],
)
def test_what_is_refused(batch, arguments, status, words):
    outcome = batch(*arguments)
    assert (outcome.status, words in outcome.err) == (status, True), outcome.err
    assert not Path("out/.impasto-batch").exists()


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("jobs.jsonl", '{"content": "in/a.png", "styl": "x"}', "styl"),
        ("jobs.jsonl", "[1]", "line 1 is no JSON object"),
        ("jobs.jsonl", "{", "line 1 is no proper JSON"),
        ("jobs.jsonl", "\n", "lists no jobs"),
        ("jobs.jsonl", '{"content": ["in/a.png"], "style": "styles/s.png"}', "key 'content'"),
        ("jobs.jsonl", '{"content": 1, "style": "styles/s.png"}', "key 'content' of a job names files"),
        ("jobs.jsonl", '{"content": "in/a.png", "style": "s.png", "content": "b.png"}', "content is there twice"),
        ("jobs.csv", "content,style,content\nin/a.png,s.png,b.png\n", "a column content is there twice"),
        ("jobs.csv", "content,style\nin/a.png\n", "row 2 has not as many cells"),
        ("jobs.csv", "content,style\nin/a.png,styles/s.png,3\n", "row 2 has not as many cells"),
        ("jobs.csv", b"\xff\xfe\x00", "is no text in UTF-8"),
        ("jobs.csv", "content,style\nin/a.png,nothing.png\n", "nothing.png: is no file that is there"),
    ],
)
def test_a_list_that_is_none_is_refused(batch, name, text, words):
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    outcome = batch("--list", name, styles=())
    assert outcome.status in (2, 3)
    assert words in outcome.err


@pytest.mark.usefixtures("folders")
def test_columns_without_a_name_that_a_spreadsheet_left_are_passed_over(batch):
    Path("jobs.csv").write_text("content,style,,\nin/a.png,styles/s.png,,\n")
    outcome = batch("--list", "jobs.csv", styles=())
    assert outcome.status == 0, outcome.err
    assert painted() == ["a_s.png"]


@pytest.mark.usefixtures("folders")
def test_failures_are_listed_at_the_end(batch):
    Path("in/b.jpg").write_bytes(b"no picture")
    outcome = batch("in", "--json")
    assert outcome.status == 1
    assert painted() == ["a_s.png", "a_t.png"]
    assert "impasto: note: b_s.png: failed: in/b.jpg: is not a picture" in outcome.err
    assert "saved 2 of 4 pictures" in outcome.err
    assert "2 failed, which --resume tries again" in outcome.err
    states = [json.loads(line)["state"] for line in outcome.out.splitlines()]
    assert sorted(states) == ["failed", "failed", "painted", "painted"]
    draw("in/b.jpg", 2)
    assert batch("in", "--resume").status == 0
    assert painted() == ["a_s.png", "a_t.png", "b_s.png", "b_t.png"]


@pytest.mark.usefixtures("folders")
@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_stops_and_the_folder_alone_is_enough_to_go_on(batch, run, monkeypatch):
    from impasto.series.paint_work import PaintWork

    paint, count = PaintWork.__call__, 0

    def interrupted(self, order, tell):
        nonlocal count
        count += 1
        if count == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return paint(self, order, tell)

    monkeypatch.setattr(PaintWork, "__call__", interrupted)
    outcome = batch("in")
    assert outcome.status == 130
    assert "stopped with 1 of 4 pictures painted; the same command with --resume goes on" in outcome.err
    assert painted() == ["a_s.png"]
    assert "holds a batch already; pass --resume" in batch("in").err
    assert "holds a batch of other jobs or settings" in batch("in", "--resume", "--seed", "4").err
    outcome = run("batch", "--resume", "-o", "out")
    assert outcome.status == 0, outcome.err
    assert painted() == ["a_s.png", "a_t.png", "b_s.png", "b_t.png"]
    whole = batch("in", "-o", "whole")
    assert whole.status == 0
    assert [Path("whole", name).read_bytes() for name in painted()] == [
        Path("out", name).read_bytes() for name in painted()
    ]


@pytest.mark.usefixtures("folders")
def test_a_full_disk_fails_one_item_and_loses_nothing(batch, monkeypatch):
    from impasto import images

    save = images.save
    full: list[str] = []

    def sometimes(picture, path, **options):
        if Path(path).name == "a_t.png" and not full:
            full.append(path)
            raise OutputError(f"{path}: could not be written (No space left on device)")
        save(picture, path, **options)

    monkeypatch.setattr(images, "save", sometimes)
    outcome = batch("in")
    assert outcome.status == 1
    assert painted() == ["a_s.png", "b_s.png", "b_t.png"], outcome.err
    assert batch("in", "--resume").status == 0
    assert len(painted()) == 4

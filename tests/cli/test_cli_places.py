"""Names and places (rows 21, 24, 26, 27): watching that fails, names of bytes, folders that move, and two at once."""

import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from impasto import __version__, files, images
from impasto.checkpoint import Checkpoint
from impasto.cli import mask_files
from impasto.cli.checkpoints import CheckpointWriter
from impasto.errors import OutputError
from tests.cli.cli_helpers import SMALL, draw, look, pixels
from tests.type_helpers import present

ODD = os.fsdecode(b"\xff\xfe-\xe9")
"""A name that is not UTF-8."""
bytes_in_names = pytest.mark.skipif(sys.platform != "linux", reason="other systems have Unicode names only")


# Watching.


@pytest.mark.parametrize("step", [1, 2])
def test_a_preview_that_cannot_be_written_stops_nothing(paint, monkeypatch, step) -> None:
    keep = CheckpointWriter.keep

    def spoil(self, stylizer, progress):
        keep(self, stylizer, progress)
        if progress.total_step == step:
            shutil.rmtree("watch")
            Path("watch").write_text("in the way")

    monkeypatch.setattr(CheckpointWriter, "keep", spoil)
    monkeypatch.setattr("impasto.cli.outputs.PREVIEW_S", 0.0)
    monkeypatch.setattr("impasto.cli.outputs.PREVIEW_PAUSE", 0)
    outcome = paint("-o", "out.png", "--preview", "watch/look.png", "--plot", "watch/loss.png", "--iterations", "4")
    assert outcome.status == 0, outcome.err
    assert look("out.png")[1] == (48, 37)
    assert outcome.err.count("note: watch/look.png: ") == 1
    assert outcome.err.count("note: watch/loss.png: ") == 1
    assert "saved out.png" in outcome.err


def test_snapshots_that_cannot_be_written_stop_nothing(paint) -> None:
    # The third of four: its place is a folder, which --force does not remove.
    Path("out-0003.png").mkdir()
    outcome = paint("-o", "out.png", "--save-every", "1", "--iterations", "4", "--force")
    assert outcome.status == 0, outcome.err
    assert outcome.err.count("note: out-0003.png: is a folder") == 1
    assert all(look(f"out-000{step}.png") for step in (1, 2, 4))
    assert look("out.png")


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("out of memory"), ValueError("odd"), OSError(28, "full")]
)
def test_whatever_goes_wrong_with_watching_is_told_once(paint, monkeypatch, error) -> None:
    def fail(*_arguments, **_options):
        raise error

    monkeypatch.setattr("impasto.painting.stylizer.Stylizer.shown", fail)
    monkeypatch.setattr("impasto.cli.plot.plot", fail)
    monkeypatch.setattr("impasto.cli.outputs.PREVIEW_S", 0.0)
    outcome = paint("-o", "out.png", "--preview", "look.png", "--plot", "loss.svg")
    assert outcome.status == 0, outcome.err
    assert outcome.err.count("look.png: ") == 1
    assert outcome.err.count("loss.svg: ") == 1
    assert look("out.png")


# Names.


@bytes_in_names
@pytest.mark.usefixtures("encoder")
def test_names_that_are_no_text(run, photo, style, stops) -> None:
    for name, source in (("p", photo), ("s", style)):
        Path(source).rename(name + ODD)
    mask = draw("m" + ODD + ".png", 3)
    arguments = [f"p{ODD}", "--style", f"s{ODD}", *SMALL, "--region", f"sky={mask}:{mask}"]
    output = f"o{ODD}.png"
    assert run("paint", *arguments, "-o", "unbroken.png").status == 0
    stops(1)
    watching = ("--preview", f"w{ODD}.png", "--save-every", "1", "--plot", f"l{ODD}.png", "--checkpoint", f"c{ODD}")
    outcome = run("paint", *arguments, "-o", output, *watching)
    assert outcome.status == 130, outcome.err
    stops(None)
    outcome = run("resume", f"c{ODD}", "--json")
    assert outcome.status == 0, outcome.err
    assert outcome.json["output"].endswith(output)
    assert Path(output).read_bytes() == Path("unbroken.png").read_bytes()
    assert run("show", output).status == 0


@bytes_in_names
@pytest.mark.parametrize(
    "command",
    [
        ("paint", "photo.png", "--style", "style.png", "-o", "out.png", *SMALL),
        ("paint", "photo.png", "-o", "out.png", "--method", "texture_net", "--size", "48"),
        ("texture", "style.png", "-o", "out.png", *SMALL),
        ("mix", "photo.png", "style.png", "-o", "out.png", *SMALL),
        ("sweep", "photo.png", "--style", "style.png", "-o", ODD, "--vary", "seed=1,2", *SMALL),
        ("blend", "photo.png", "--style", "style.png", "--style", "photo.png", "-o", ODD, "--frames", "2", *SMALL),
        ("masks", "auto", "photo.png", "--style", "style.png", "-o", ODD, "--encoder", "petite"),
    ],
    ids=lambda command: command[0],
)
def test_a_working_folder_whose_name_is_no_text(run, photo, style, monkeypatch, command) -> None:
    Path(ODD).mkdir()
    for name in (photo, style):
        shutil.copy(name, ODD)
    monkeypatch.chdir(ODD)
    outcome = run(*command)
    assert outcome.status == 0, outcome.err


@bytes_in_names
def test_weights_under_a_name_that_is_no_text(run, photo, style, encoder) -> None:
    shutil.copy(encoder, f"e{ODD}.safetensors")
    outcome = run("paint", photo, "--style", style, *SMALL, "--encoder", f"e{ODD}.safetensors", "-o", "out.png")
    assert outcome.status == 0, outcome.err


@pytest.mark.parametrize(
    ("there", "text", "styles", "found"),
    [
        ("a b", "a:b", 1, ["a", "b"]),
        ("a:b c", "a:b:c", 1, ["a:b", "c"]),
        ("a b:c", "a:b:c", 1, ["a", "b:c"]),
        ("a:b:c", "a:b:c", 1, ["a:b:c"]),
        ("a:b c:d", "a:b:c:d", 1, ["a:b", "c:d"]),
        ("a:b", "a:b:-", 1, ["a:b", "-"]),
        # As many as there are styles, where more than one way is there.
        ("a b c a:b", "a:b:c", 1, ["a:b", "c"]),
        ("a b c a:b", "a:b:c", 2, ["a", "b", "c"]),
        # What is not there is named as it would be without colons in names.
        ("", "a:b", 1, ["a", "b"]),
        ("a", "a:b:c", 2, ["a", "b", "c"]),
        ("a:b", "a:b:c", 1, ["a:b", "c"]),
        (":a b", ":a:b", 1, [":a", "b"]),
        ("", "a:b:c", 1, ["a", "b", "c"]),
    ],
)
def test_colons_in_the_names_of_masks(there, text, styles, found) -> None:
    for name in there.split():
        Path(name).touch()
    assert mask_files.files(None, [], [f"sky={text}"], styles=styles) == [name for name in found if name != "-"]


def test_many_colons_take_no_time() -> None:
    assert len(mask_files.files(None, [], ["sky=" + "a:" * 79 + "a"], styles=1)) == 80
    assert len(mask_files.files(None, [], ["sky=" + "a:" * 7900 + "a"], styles=1)) == 7901


def test_a_mask_with_a_colon_is_painted_with_and_resumed(run, photo, style, stops) -> None:
    mask = draw("12:30 sky.png", 3)
    arguments = ["paint", photo, "--style", style, *SMALL, "--region", f"sky={mask}:{mask}"]
    assert run(*arguments, "-o", "unbroken.png").status == 0
    stops(1)
    assert run(*arguments, "-o", "out.png", "--checkpoint", "kept").status == 130
    stops(None)
    Path("moved").mkdir()
    for name in (photo, style, mask, "kept", "out.png"):
        Path(name).rename(f"moved/{name}")
    outcome = run("resume", "moved/kept")
    assert outcome.status == 0, outcome.err
    assert Path("moved/out.png").read_bytes() == Path("unbroken.png").read_bytes()


# Places.


@pytest.fixture
def project(paint, stops):
    """A folder with a painting that was stopped, its picture so far, and what comes of it unbroken, beside it."""
    assert paint("-o", "unbroken.png").status == 0
    Path("one").mkdir()
    for name in ("photo.png", "style.png"):
        Path(name).rename(f"one/{name}")
    os.chdir("one")
    stops(1)
    Path("kept").mkdir()
    Path("made").mkdir()
    assert paint("-o", "made/out.png", "--checkpoint", "kept/it").status == 130
    stops(None)
    os.chdir("..")
    return Path("one")


@pytest.mark.parametrize("gone", [False, True])
def test_a_folder_that_was_copied_or_moved_is_a_place_of_its_own(run, project, gone) -> None:
    before = (project / "made/out.png").read_bytes()
    (shutil.move if gone else shutil.copytree)(project, "two")
    outcome = run("resume", "two/kept/it")
    assert outcome.status == 0, outcome.err
    assert "was moved or copied from" in outcome.err
    assert Path("two/made/out.png").read_bytes() == Path("unbroken.png").read_bytes()
    assert project.exists() != gone
    if not gone:
        assert (project / "made/out.png").read_bytes() == before
        assert run("resume", "one/kept/it").status == 0
        assert (project / "made/out.png").read_bytes() == Path("unbroken.png").read_bytes()


def test_a_picture_that_is_another_in_the_new_place_stays(run, project) -> None:
    shutil.copytree(project, "two")
    mine = draw("two/made/out.png", 9)
    before = Path(mine).read_bytes()
    assert run("resume", "two/kept/it").status == 3
    assert Path(mine).read_bytes() == before


def test_a_checkpoint_that_was_moved_alone_asks_where(run, project) -> None:
    before = (project / "made/out.png").read_bytes()
    Path("away").mkdir()
    Path("made").mkdir()
    shutil.copy("one/kept/it", "away/it")
    outcome = run("resume", "away/it")
    assert (outcome.status, "-o" in outcome.error) == (2, True)
    assert (project / "made/out.png").read_bytes() == before
    assert run("resume", "away/it", "-o", "out.png").status == 0
    assert Path("out.png").read_bytes() == Path("unbroken.png").read_bytes()


def test_a_renamed_checkpoint_and_a_linked_folder_are_no_new_place(run, project) -> None:
    Path("one/kept/it").rename("one/kept/that")
    Path("link").symlink_to("one")
    outcome = run("resume", "link/kept/that")
    assert outcome.status == 0, outcome.err
    assert "moved" not in outcome.err
    assert (project / "made/out.png").read_bytes() == Path("unbroken.png").read_bytes()


def test_another_version_of_impasto_is_told(run, project) -> None:
    path = project / "kept/it"
    replace(Checkpoint.load(path), impasto="0.0.9").save(path)
    outcome = run("resume", path)
    assert outcome.status == 0, outcome.err
    assert f"painted with impasto '0.0.9', now {__version__}: the last bits may differ" in outcome.err


# Two at once.


@pytest.fixture
def beside():
    """`beside(path)`: another process has claimed a file."""
    started = []

    def claim(path):
        code = (
            "import pathlib, sys, time; from impasto import files\n"
            "with files.claimed(pathlib.Path(sys.argv[1]), ''): print(flush=True); time.sleep(60)\n"
        )
        source = str(pathlib.Path(files.__file__).parents[1])
        environment = {"PYTHONPATH": source, "TMPDIR": tempfile.gettempdir()}
        other = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, env=environment)
        started.append(other)
        present(other.stdout).readline()

    yield claim
    for other in started:
        other.kill()
        other.communicate()


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.usefixtures("no_engine")
def test_two_paintings_into_one_output(paint, beside, force) -> None:
    beside("out.png")
    outcome = paint("-o", "out.png", *force)
    assert outcome.status == 3
    assert (
        outcome.error == "out.png: another impasto is painting it at this moment; wait until it ends, or name another"
    )
    assert not Path("out.png").exists()


@pytest.mark.usefixtures("project")
def test_two_resumes_of_one_checkpoint(run, beside) -> None:
    beside("one/kept/it")
    outcome = run("resume", "one/kept/it")
    assert outcome.status == 3
    assert "another impasto is going on with it at this moment" in outcome.error


def test_two_sweeps_into_one_folder(run, photo, style, beside) -> None:
    beside("many")
    outcome = run("sweep", photo, "--style", style, "-o", "many", "--vary", "seed=1,2", *SMALL)
    assert (outcome.status, "painting into it" in outcome.error) == (3, True)


def test_a_plan_claims_nothing(paint, beside) -> None:
    beside("out.png")
    assert paint("-o", "out.png", "--dry-run").status == 0


@pytest.fixture
def appears(monkeypatch):
    """`appears(make)`: the output appears while it is painted."""

    def at(make, path="out.png", step=1):
        keep = CheckpointWriter.keep

        def keep_and_make(self, stylizer, progress):
            keep(self, stylizer, progress)
            if progress.total_step == step:
                make(path)

        monkeypatch.setattr(CheckpointWriter, "keep", keep_and_make)

    return at


MAKES = {
    "file": lambda path: Path(path).write_bytes(b"mine"),
    "folder": lambda path: Path(path).mkdir(),
    "dangling link": lambda path: Path(path).symlink_to("nowhere"),
    "pipe": os.mkfifo,
}


@pytest.mark.parametrize("kind", MAKES)
def test_a_finished_picture_is_saved_beside_what_appeared(paint, appears, kind) -> None:
    assert paint("-o", "unbroken.png").status == 0
    Path("out-2.png").write_bytes(b"also mine")
    appears(MAKES[kind])
    outcome = paint("-o", "out.png", "--json")
    assert outcome.status == 0, outcome.err
    assert "out.png: appeared while this was painted and stays; the picture is out-3.png" in outcome.err
    assert outcome.json["output"] == "out-3.png"
    assert Path("out-3.png").read_bytes() == Path("unbroken.png").read_bytes()
    assert Path("out-2.png").read_bytes() == b"also mine"
    assert kind != "file" or Path("out.png").read_bytes() == b"mine"
    assert not Path("nowhere").exists()


def test_a_resumed_painting_replaces_its_own_picture_and_no_other(run, project, appears) -> None:
    appears(lambda path: Path(path).write_bytes(b"mine"), "one/made/out.png", step=2)
    outcome = run("resume", "one/kept/it")
    assert outcome.status == 0, outcome.err
    assert (project / "made/out.png").read_bytes() == b"mine"
    assert (project / "made/out-2.png").read_bytes() == Path("unbroken.png").read_bytes()


def test_a_picture_that_has_no_place_is_kept_where_temporary_files_are(paint, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    save = images.save

    def full(picture, path, **options):
        if Path(path).name == "out.png":
            raise OutputError(f"{path}: could not be written (No space left on device)")
        save(picture, path, **options)

    monkeypatch.setattr(images, "save", full)
    outcome = paint("-o", "out.png")
    assert outcome.status == 3
    kept = outcome.error.partition("; saved ")[2].removesuffix(" instead")
    assert Path(kept).parent == tmp_path
    assert look(kept)[1] == (48, 37)


# Replaced files.


def test_force_keeps_permissions_and_links(paint) -> None:
    Path("far").mkdir()
    end = draw("far/end.png", 5)
    Path(end).chmod(0o600)
    Path("out.png").symlink_to(end)
    assert paint("-o", "out.png").status == 3
    outcome = paint("-o", "out.png", "--force")
    assert outcome.status == 0, outcome.err
    assert Path("out.png").is_symlink()
    assert look(end)[1] == (48, 37)
    assert stat.S_IMODE(Path(end).stat().st_mode) == 0o600


@pytest.mark.usefixtures("no_engine")
def test_a_dangling_link_is_not_replaced_without_force(paint) -> None:
    Path("out.png").symlink_to("nowhere.png")
    outcome = paint("-o", "out.png")
    assert (outcome.status, "--force" in outcome.error) == (3, True)
    assert Path("out.png").is_symlink()


def test_a_sweep_stays_in_its_folder(run, photo, style) -> None:
    arguments = ("sweep", photo, "--style", style, "-o", "many", "--vary", "seed=1,2", *SMALL)
    mine = draw("mine.png", 5)
    before = Path(mine).read_bytes()
    Path("many").mkdir()
    for name in ("seed=1.png", "sheet.jpg"):
        Path("many", name).symlink_to(Path(mine).absolute())
    outcome = run(*arguments, "--force")
    assert outcome.status == 0, outcome.err
    assert Path(mine).read_bytes() == before
    assert (pixels("many/seed=1.png") != pixels(mine, (48, 37))).any()

"""`impasto paint --method portrait`."""

import json
from pathlib import Path

import pytest

from tests.cli.cli_helpers import SMALL

FACE = [[0.3, 0.3], [0.7, 0.3], [0.5, 0.6], [0.5, 0.8]]


@pytest.fixture
def points():
    Path("photo.json").write_text(json.dumps(FACE))
    Path("painting.json").write_text(json.dumps([[x * 0.9, y * 0.9] for x, y in FACE]))
    return "--landmarks", "photo.json", "--style-landmarks", "painting.json"


def test_it_paints_and_says_by_what(paint, run, points):
    assert paint("--method", "portrait", *points, "-o", "out.png").status == 0
    assert "content landmarks: sha256" in run("show", "out.png").out
    again = paint("--recipe", "out.png", *points, "-o", "again.png")
    assert (again.status, "note" in again.err) == (0, False)
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()
    Path("painting.json").write_text(json.dumps(FACE))
    assert "another style landmarks" in paint("--recipe", "out.png", *points, "-o", "other.png").err
    assert Path("other.png").read_bytes() != Path("out.png").read_bytes()


def test_it_goes_on_where_it_was_stopped(paint, run, points):
    from impasto.cli.checkpoints import CheckpointWriter

    whole = paint("--method", "portrait", *points, "-o", "whole.png")
    assert whole.status == 0
    written = CheckpointWriter._write
    with pytest.MonkeyPatch.context() as patch:

        def stop(self, stylizer):
            written(self, stylizer)
            raise KeyboardInterrupt

        patch.setattr(CheckpointWriter, "_write", stop)
        stopped = paint(
            "--method", "portrait", *points, "-o", "out.png", "--checkpoint", "c", "--checkpoint-every", "0"
        )
    assert stopped.status == 130
    Path("out.png").unlink(missing_ok=True)
    changed = Path("photo.json").read_text()
    Path("photo.json").write_text(json.dumps([[0.1, 0.1], *FACE[1:]]))
    assert "photo.json: has changed since" in run("resume", "c").error
    Path("photo.json").write_text(changed)
    assert run("resume", "c").status == 0
    assert Path("out.png").read_bytes() == Path("whole.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("--method", "portrait", "--landmarks", "photo.json"), 2, "belong together"),
        (("--landmarks", "photo.json", "--style-landmarks", "painting.json"), 2, "belong to method portrait"),
        (("--method", "portrait", "--landmarks", "no.json", "--style-landmarks", "photo.json"), 3, "no.json"),
        (("--method", "portrait", "--landmarks", "photo.json", "--style-landmarks", "two.json"), 2, "2 points"),
    ],
)
@pytest.mark.usefixtures("points", "no_engine")
def test_what_does_not_fit_is_refused(paint, arguments, status, told):
    Path("two.json").write_text("[[1, 2], [3, 4]]")
    outcome = paint(*arguments, "-o", "out.png")
    assert (outcome.status, told in outcome.error) == (status, True)
    assert not Path("out.png").exists()


def test_landmarks_are_not_painted_over(paint, points):
    outcome = paint("--method", "portrait", *points, "-o", "out.png", "--checkpoint", "photo.json", "--force")
    assert (outcome.status, "is also another file of this painting" in outcome.error) == (2, True)
    assert json.loads(Path("photo.json").read_text()) == FACE


def test_a_sweep_has_it_beside_other_methods(run, photo, style, points):
    def sweep(*arguments):
        return run("sweep", photo, "--style", style, *SMALL, "-o", "out", *arguments)

    assert sweep("--vary", "method=gatys,portrait", *points).status == 0
    assert "content landmarks: sha256" in run("show", "out/method=portrait.png").out
    assert "landmarks" not in run("show", "out/method=gatys.png").out
    assert "by which no cell is painted" in sweep("--vary", "seed=1,2", *points).error
    assert "vary something else" in run("sweep", photo, "--vary", "style=a.jpg,b.jpg", "-o", "o", *points).error

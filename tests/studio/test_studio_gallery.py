"""What is done with paintings that are over: star, rename, take along, paint with, paint larger."""

import io
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from impasto.studio import job_requests
from impasto.studio.request_models import JobRequest
from impasto.studio.settings import Refused
from tests.studio.studio_helpers import SMALL


@pytest.fixture(scope="module")
def past(studio):
    """Two finished paintings with one title."""
    jobs = [studio.paint({**SMALL, "seed": seed}, title="A sea/side") for seed in (1, 2)]
    for job in jobs:
        studio.wait(job, "done")
    return jobs


def change(studio, job, **changes):
    return studio.call(f"/api/jobs/{job}", changes, method="PATCH")


def test_a_painting_gets_a_star_and_another_name(studio, past):
    assert studio.job(past[0])["starred"] is False
    assert change(studio, past[0], starred=True).json["starred"] is True
    renamed = change(studio, past[0], title=" Dusk/over\nthe sea ")
    assert (renamed.json["title"], renamed.json["starred"]) == ("Dusk overthe sea", True)
    change(studio, past[0], title="A sea side")
    for wrong in ({}, {"title": ""}, {"title": 5}, {"starred": "yes"}, {"state": "failed"}):
        assert change(studio, past[0], **wrong).status == 422
    assert change(studio, "0" * 32, starred=True).status == 404


def test_several_are_downloaded_in_one_file(studio, past):
    answer = studio.call(f"/api/zip?jobs={','.join(past)}")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as packed:
        assert packed.namelist() == ["A_sea_side.png", "A_sea_side_2.png"]
        assert packed.testzip() is None
        assert packed.read("A_sea_side.png") == studio.call(f"/api/jobs/{past[0]}/result").data
    assert studio.call("/api/zip?jobs=").status == 422
    assert studio.call(f"/api/zip?jobs={'0' * 32}").status == 404
    # What was packed is deleted once it was sent, which the answer does not wait for.
    for _ in range(100):
        if not list((studio.data / "incoming").iterdir()):
            break
        time.sleep(0.1)
    assert list((studio.data / "incoming").iterdir()) == []


def test_a_painting_is_painted_with_and_painted_larger(studio, past):
    style = studio.call(f"/api/jobs/{past[0]}/use", {"role": "style"})
    assert style.status == 201
    assert (style.json["role"], style.json["width"], style.json["height"]) == ("style", 64, 48)
    start = studio.call(f"/api/jobs/{past[0]}/use", {}).json["id"]
    was = studio.job(past[0])
    body = {key: was[key] for key in ("content", "styles", "recipe")}
    larger = studio.call("/api/jobs", {**body, "recipe": {**was["recipe"], "size": 96}, "init": start}).json["id"]
    done = studio.wait(larger, "done")
    assert (done["size"], done["recipe"]["init"], done["init"]) == ([72, 96], "file", start)
    words = studio.call(f"/api/jobs/{larger}/command").json["argv"]
    assert words[words.index("--init") + 1] == "A sea side.png"
    # Begun with the painting, a step leaves it near to that; begun with the photograph it is elsewhere.
    single = {**was["recipe"], "iterations": 1}
    begun = studio.call("/api/jobs", {**body, "recipe": single, "init": start}).json["id"]
    studio.wait(begun, "done")
    before, after = (
        np.asarray(Image.open(io.BytesIO(studio.call(f"/api/jobs/{job}/result").data)).convert("RGB"), float)
        for job in (past[0], begun)
    )
    assert np.abs(before - after).mean() < 12


def test_a_method_that_begins_with_no_picture_says_so():
    asked = JobRequest(content="a", styles=["b"], init="c", recipe={"method": "wct"})
    with pytest.raises(Refused, match="begins with no picture"):
        job_requests.job(asked, lambda _: {"name": "x.png"})

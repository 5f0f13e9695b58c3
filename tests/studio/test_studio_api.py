"""A painting from upload to download, over a real connection."""

import io
import json
import shlex
import subprocess
import urllib.parse

import numpy as np
import pytest
from PIL import Image

from impasto import metadata
from tests.forked import Forked, impasto
from tests.studio.studio_helpers import LONG, SMALL, png, together
from tests.type_helpers import present


def test_the_machine_and_its_limits(studio):
    about = studio.call("/api/about").json
    assert about["cores"] >= 1
    assert about["memory_bytes"] > 2**20
    assert about["limits"]["upload_bytes"] == 64 << 20
    assert about["token_needed"] is False


def test_samples_can_be_painted_with_and_shown(studio):
    samples = studio.call("/api/samples").json
    assert len(samples["photos"]) >= 3
    assert len(samples["styles"]) >= 6
    first = samples["photos"][0]
    with Image.open(io.BytesIO(studio.call(f"/api/pictures/{first['id']}?size=90").data)) as shown:
        assert max(shown.size) == 96
    assert studio.call(f"/api/pictures/{first['id']}", method="DELETE").status == 409


def test_from_upload_to_picture(studio):
    job = studio.paint(title="A first one")
    events = list(studio.events(job))
    kinds = [event for event, _ in events]
    assert kinds[0] == "job"
    assert kinds[-1] == "end"
    assert {"progress", "preview"} <= set(kinds)
    last = events[-1][1]
    assert (last["state"], last["step"], last["total_steps"], last["size"]) == ("done", 6, 6, [48, 64])
    result = studio.call(f"/api/jobs/{job}/result")
    with Image.open(io.BytesIO(result.data)) as picture:
        assert picture.size == (64, 48)
    assert present(metadata.read(result.data))["recipe"]["iterations"] == 6
    history = studio.call(f"/api/jobs/{job}/history").json
    assert history["steps"] == [1, 2, 3, 4, 5, 6]
    assert history["loss"][-1] < history["loss"][0]
    assert history["loss"][0] == pytest.approx(sum(part[0] for part in history["losses"].values()))
    with Image.open(io.BytesIO(studio.call(f"/api/jobs/{job}/preview").data)) as preview:
        assert preview.size == (64, 48)


@pytest.mark.parametrize(("kind", "suffix"), [("png", "png"), ("jpeg", "jpg"), ("webp", "webp")])
def test_downloads_carry_the_recipe(studio, kind, suffix):
    job = studio.paint(title='../"A"; <b>')
    studio.wait(job, "done")
    answer = studio.call(f"/api/jobs/{job}/result?format={kind}&download=1")
    assert answer.headers["content-disposition"] == f'attachment; filename="A_b.{suffix}"'
    with Image.open(io.BytesIO(answer.data)) as picture:
        assert picture.format == kind.upper()
        assert picture.size == (64, 48)
    assert present(metadata.read(answer.data))["recipe"]["size"] == 64
    assert studio.call(f"/api/jobs/{job}/result?format=bmp").status == 422


def test_late_and_second_watchers_get_the_state_first(studio):
    job = studio.paint(LONG)
    first = studio.events(job)
    assert next(first)[0] == "job"
    first.close()  # the browser is closed, and the painting goes on
    found = studio.wait(job, until=lambda found: found["step"] > 10)
    event, state = next(studio.events(job))
    assert event == "job"
    assert state["step"] >= found["step"]
    assert state["state"] == "running"
    assert state["preview_version"] >= 1
    studio.act(job, "cancel")
    studio.wait(job, "cancelled")
    assert [event for event, _ in studio.events(job)] == ["job", "end"]


def test_pausing_lets_the_next_one_have_its_turn(studio):
    job, later = studio.paint(LONG), studio.paint()
    studio.wait(job, until=lambda found: found["step"] > 5)
    assert studio.act(job, "pause").status == 200
    paused = studio.wait(job, "paused")
    assert studio.wait(later, "done")["kept"]
    assert studio.job(job)["step"] == paused["step"]
    assert studio.act(job, "resume").json["state"] in ("queued", "running")
    assert studio.wait(job, until=lambda found: found["step"] > paused["step"] + 5)["state"] == "running"
    assert studio.act(job, "resume").status == 409
    assert studio.act(job, "stop").json["state"] == "stopping"
    stopped = studio.wait(job, "stopped")
    assert stopped["kept"]
    recorded = present(metadata.read(studio.call(f"/api/jobs/{job}/result").data))
    assert recorded["stopped_after"] == stopped["step"]


def test_a_paused_one_can_be_stopped_and_kept(studio):
    job = studio.paint(LONG)
    studio.wait(job, until=lambda found: found["step"] > 5)
    studio.act(job, "pause")
    paused = studio.wait(job, "paused")
    assert studio.act(job, "stop").status == 200
    assert studio.wait(job, "stopped")["kept"]
    assert present(metadata.read(studio.call(f"/api/jobs/{job}/result").data))["stopped_after"] == paused["step"]


def test_stopping_before_the_first_step_keeps_a_picture_of_one(studio):
    job = studio.paint(LONG)
    studio.wait(job, until=lambda found: found["state"] == "running")
    assert studio.act(job, "stop").json["state"] in ("running", "stopping", "stopped")
    assert studio.wait(job, "stopped")["kept"]
    assert present(metadata.read(studio.call(f"/api/jobs/{job}/result").data))["stopped_after"] >= 1


def test_what_waits_can_be_paused_and_cancelled(studio):
    running, job = studio.paint(LONG), studio.paint()
    assert studio.act(job, "pause").json["state"] == "paused"
    answer = studio.act(job, "stop")
    assert answer.status == 409
    assert "cancel" in answer.json["error"]
    assert studio.act(job, "cancel").json["state"] == "cancelled"
    assert studio.call(f"/api/jobs/{job}/result").status == 404
    assert studio.call(f"/api/jobs/{running}", method="DELETE").status == 409
    studio.act(running, "cancel")
    studio.wait(running, "cancelled")
    assert studio.call(f"/api/jobs/{running}", method="DELETE").status == 204
    assert studio.call(f"/api/jobs/{running}").status == 404
    assert not (studio.data / "jobs" / running).exists()


def test_a_picture_that_is_needed_stays(studio):
    content = studio.upload(5)
    body = {"content": content, "styles": [studio.upload(6, "style")], "recipe": LONG}
    job = studio.call("/api/jobs", body).json["id"]
    assert studio.call(f"/api/pictures/{content}", method="DELETE").status == 409
    studio.act(job, "cancel")
    studio.wait(job, "cancelled")
    assert studio.call(f"/api/pictures/{content}", method="DELETE").status == 204
    assert studio.call(f"/api/pictures/{content}").status == 404
    studio.act(job, "retry")
    assert "gone" in studio.wait(job, "failed")["error"]


def test_an_impasto_picture_restores_its_recipe(studio):
    content, style = studio.upload(7), studio.upload(8, "style")
    body = {"content": content, "styles": [style, "style-swirls"], "recipe": {**SMALL, "style_weights": [2, 1]}}
    job = studio.call("/api/jobs", body).json["id"]
    studio.wait(job, "done")
    painted = studio.call(f"/api/jobs/{job}/result").data
    found = studio.call("/api/pictures", painted, X_Name="painted.png").json
    assert found["recipe"]["style_weights"] == [2, 1]
    assert found["restored"]["content"] == content
    assert found["restored"]["styles"] == [style, "style-swirls"]
    assert found["missing"] == []
    studio.call(f"/api/pictures/{style}", method="DELETE")
    found = studio.call("/api/pictures", painted, X_Name="painted.png").json
    assert found["restored"]["styles"] == [None, "style-swirls"]
    assert found["missing"] == ["style 1"]


@pytest.mark.parametrize("name", ["/etc/passwd", "https://evil.example/x.safetensors", "../../weights"])
def test_a_hostile_recipe_names_files_in_vain(studio, name):
    stream = io.BytesIO()
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_itxt(
        "impasto", json.dumps({"recipe": {"encoder": name}, "inputs": [{"role": "content", "sha256": name}]})
    )
    Image.new("RGB", (40, 40)).save(stream, "PNG", pnginfo=notes)
    found = studio.call("/api/pictures", stream.getvalue()).json
    assert found["recipe"] is None
    assert any("encoder" in notice for notice in found["notices"])
    body = {"content": found["id"], "styles": ["style-swirls"], "recipe": {"encoder": name}}
    assert studio.call("/api/jobs", body).status == 422


def test_a_part_of_a_picture(studio):
    picture = studio.upload(9)
    made = studio.call("/api/crop", {"picture": picture, "left": 10, "top": 4, "width": 30, "height": 20})
    assert made.status == 201
    assert (made.json["width"], made.json["height"]) == (30, 20)
    with (
        Image.open(io.BytesIO(studio.call(f"/api/pictures/{made.json['id']}").data)) as shown,
        Image.open(io.BytesIO(png(seed=9))) as whole,
    ):
        part = whole.convert("RGB").crop((10, 4, 40, 24)).resize((1, 1), Image.Resampling.BOX)
        seen = shown.convert("RGB").resize((1, 1), Image.Resampling.BOX)
        assert np.abs(np.asarray(part, int) - np.asarray(seen, int)).max() < 4
    outside = studio.call("/api/crop", {"picture": picture, "left": 50, "top": 0, "width": 30, "height": 20})
    assert outside.status == 422
    assert "64x48" in outside.json["error"]
    assert studio.call("/api/crop", {"picture": picture, "left": 0.5}).status == 422


def test_masks_are_found_checked_and_painted_with(studio):
    found = studio.call("/api/masks/auto", {"content": "photo-cat", "style": "style-swirls", "regions": 2})
    assert found.status == 201
    masks = found.json
    assert [region["color"] for region in masks["regions"]] == ["#ff0000", "#0000ff"]
    assert sum(region["content_fraction"] for region in masks["regions"]) == pytest.approx(1, abs=0.01)
    with Image.open(io.BytesIO(studio.call(f"/api/pictures/{masks['content_mask']}").data)) as mask:
        assert mask.format == "PNG"
        assert mask.size == (451, 300)
    job = {
        "content": "photo-cat",
        "styles": ["style-swirls"],
        "content_mask": masks["content_mask"],
        "style_masks": [masks["style_mask"]],
        "recipe": {**SMALL, "region_weights": {"red": 2}},
    }
    for size in ("content", "50%"):
        sized = studio.call("/api/masks/check", {**job, "recipe": {**SMALL, "size": size}})
        assert len(sized.json["regions"]) == 2
    checked = studio.call("/api/masks/check", job).json
    assert [region["name"] for region in checked["regions"]] == ["red", "blue"]
    made = studio.call("/api/jobs", job)
    assert studio.wait(made.json["id"], "done")["kept"]
    words = studio.call(f"/api/jobs/{made.json['id']}/command").json["argv"]
    assert words[words.index("--content-mask") + 1] == "cat_mask.png"
    assert words[words.index("--style-mask") + 1] == "swirls_mask.png"


def test_masks_that_do_not_fit_are_told(studio):
    picture = studio.upload(3)
    job = {"content": picture, "styles": [picture], "content_mask": picture, "recipe": SMALL}
    answer = studio.call("/api/masks/check", job)
    assert answer.status == 422
    assert "photograph rather than a mask" in answer.json["error"]
    assert str(studio.data) not in answer.json["error"]


def test_an_estimate_before_starting(studio):
    body = {"content": studio.upload(), "styles": [studio.upload(2)], "recipe": SMALL}
    found = studio.call("/api/estimate", body).json
    assert found["seconds"] > 0
    assert found["memory_bytes"] > 2**20
    assert (found["tiles"], found["size"]) == (1, [48, 64])
    body["recipe"] = {**SMALL, "levels": 6}
    refused = studio.call("/api/estimate", body)
    assert refused.status == 422
    assert "px" in refused.json["error"]


def test_the_command_line_paints_the_same_picture(studio, tmp_path):
    files = {"my photo.png": png(seed=11), "-it's.png": png(seed=12), "mask.png": two_halves(64, 48)}
    ids = []
    for name, data in files.items():
        ids.append(studio.call("/api/pictures", data, X_Name=urllib.parse.quote(name)).json["id"])
    body = {"content": ids[0], "styles": [ids[1]], "content_mask": ids[2], "style_masks": [ids[2]]}
    body |= {"preset": "draft", "recipe": {**SMALL, "region_weights": {"white": 3}, "style_layers": {"relu2_1": 0.5}}}
    job = studio.call("/api/jobs", body).json["id"]
    assert studio.wait(job, "done")["kept"]
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    found = studio.call(f"/api/jobs/{job}/command").json
    assert shlex.split(found["shell"]) == found["argv"]
    process = Forked(impasto(found["argv"][1:]), cwd=tmp_path, stderr=subprocess.PIPE)
    _, talk = process.communicate()
    assert process.returncode == 0, talk
    assert (tmp_path / found["argv"][-1]).read_bytes() == studio.call(f"/api/jobs/{job}/result").data


def test_a_restored_recipe_paints_the_same_picture(studio):
    job = studio.paint({**SMALL, "seed": 5, "init": "noise"})
    studio.wait(job, "done")
    painted = studio.call(f"/api/jobs/{job}/result").data
    found = studio.call("/api/pictures", painted).json
    again = studio.call("/api/jobs", {**found["restored"], "recipe": found["recipe"]}).json["id"]
    studio.wait(again, "done")
    assert studio.call(f"/api/jobs/{again}/result").data == painted


def two_halves(width, height):
    """The bytes of a mask: black and white."""
    mask = Image.new("RGB", (width, height))
    mask.paste((255, 255, 255), (0, 0, width // 2, height))
    stream = io.BytesIO()
    mask.save(stream, "PNG")
    return stream.getvalue()


def test_textures_have_no_photograph(studio):
    job = studio.call("/api/jobs", {"content": None, "styles": [studio.upload(2)], "recipe": SMALL}).json["id"]
    assert studio.wait(job, "done")["size"] == [64, 64]
    assert studio.call(f"/api/jobs/{job}/command").json["argv"][:2] == ["impasto", "texture"]


def test_a_doodle_has_the_shape_of_its_mask(studio):
    masks = [
        studio.call("/api/pictures", two_halves(*size), X_Name=f"{size[0]}.png").json["id"]
        for size in ((40, 20), (48, 48))
    ]
    asked = {"content": None, "styles": [studio.upload(2)], "content_mask": masks[0], "style_masks": [masks[1]]}
    asked["recipe"] = {**SMALL, "method": "doodle"}
    assert len(studio.call("/api/masks/check", asked).json["regions"]) == 2
    job = studio.call("/api/jobs", asked).json["id"]
    assert studio.wait(job, "done")["size"] == [32, 64]
    assert studio.call(f"/api/jobs/{job}/command").json["argv"][:2] == ["impasto", "doodle"]


def test_a_sweep_is_a_grid_of_jobs(studio):
    base = {"content": studio.upload(), "styles": [studio.upload(2)], "recipe": SMALL}
    axes = {"style_weight": [10, 100], "tv": ["l1", "vector"]}
    made = studio.call("/api/sweeps", {"job": base, "axes": axes})
    assert made.status == 201
    jobs = studio.call(f"/api/jobs?sweep={made.json['sweep']}").json
    assert [job["cell"] for job in reversed(jobs)] == [
        {"style_weight": 10, "tv": "l1"},
        {"style_weight": 10, "tv": "vector"},
        {"style_weight": 100, "tv": "l1"},
        {"style_weight": 100, "tv": "vector"},
    ]
    pictures = {studio.call(f"/api/jobs/{studio.wait(job['id'], 'done')['id']}/result").data for job in jobs}
    assert len(pictures) == 4


def test_what_cannot_be_painted_fails_with_the_reason(studio):
    job = studio.paint({**SMALL, "levels": 6})
    found = studio.wait(job, "failed")
    assert "short side" in found["error"]
    assert not found["kept"]


def test_many_watchers_see_the_same_end(studio):
    job = studio.paint({**SMALL, "iterations": 60})
    ends = together(20, lambda _: list(studio.events(job))[-1])
    assert {event for event, _ in ends} == {"end"}
    assert {data["state"] for _, data in ends} == {"done"}

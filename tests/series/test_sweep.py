"""The engine of sweeps: the whole grid is checked first, nothing is painted twice, and nothing is overwritten."""

import csv
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from impasto import encoders, images, metadata, series
from impasto.errors import DivergedError, ImageError, OutputError, UsageError
from impasto.executors import InProcess, Processes, sources
from impasto.images import Picture
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.scene.inputs import Inputs
from impasto.series import existing, records, sheet
from tests.type_helpers import present

GRID: dict[str, list[Any]] = {"content_weight": [0.5, 2.0], "tv": ["l1", "vector"]}


@pytest.fixture
def photo(tmp_path, content):
    return keep(content, tmp_path / "photo.png")


@pytest.fixture
def painting(tmp_path, style):
    return keep(style, tmp_path / "painting.png")


@pytest.fixture
def run(photo, painting, tiny_encoder, tmp_path):
    """`run(vary, ...)` sweeps into tmp_path/out, two steps each."""

    def run(vary=None, content=photo, styles=painting, **options):
        options.setdefault("recipe", Recipe.parse({"size": 64, "iterations": 2, "levels": 1, "precision": "float32"}))
        options.setdefault("encoder", tiny_encoder)
        options.setdefault("folder", tmp_path / "out")
        return series.sweep(content, styles, vary=GRID if vary is None else vary, **options)

    return run


@pytest.fixture
def painted(monkeypatch):
    """Names of the content weights that `Stylizer` takes steps for."""
    begun = []
    steps = Stylizer.__iter__

    def counted(self):
        begun.append(self.recipe.content_weight)
        return steps(self)

    monkeypatch.setattr(Stylizer, "__iter__", counted)
    return begun


def keep(pixels, path):
    images.save(Picture(pixels[None].clone()), path)
    return path


def pictures(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*=*.png")}


def table(folder):
    with (folder / "losses.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_grid_makes_a_picture_for_each_pair_of_values(run, tmp_path):
    made = run()
    out = tmp_path / "out"
    names = {f"content_weight={a}_tv={b}.png": (a, b) for a, b in itertools.product((0.5, 2), ("l1", "vector"))}
    assert set(pictures(out)) == set(names)
    for name, (weight, tv) in names.items():
        recipe = present(metadata.read(out / name))["recipe"]
        assert (recipe["content_weight"], recipe["tv"], recipe["size"]) == (weight, tv, 64)
    assert [cell.state for cell in made.cells] == ["painted"] * 4
    assert [cell.at for cell in made.cells] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert {path.name for path in out.iterdir()} == {*names, "losses.csv", "sheet.png", "sweep.json"}


def test_a_cell_is_what_the_same_settings_paint_alone(run, photo, painting, tiny_encoder, tmp_path):
    run({"content_weight": [0.5, 2.0]})
    alone = Stylizer(
        photo,
        painting,
        Recipe.parse({"size": 64, "iterations": 2, "levels": 1, "precision": "float32", "content_weight": 2.0}),
        encoder=tiny_encoder,
    )
    list(alone)
    alone.result().save(tmp_path / "alone.png")
    assert (tmp_path / "alone.png").read_bytes() == pictures(tmp_path / "out")["content_weight=2.png"]


def test_masks_are_read_once_for_each_number_of_regions(run, monkeypatch):
    from impasto import guides

    read = []
    from_colors = guides.from_colors

    def counted(content, styles, count, names):
        read.append((count, names))
        return from_colors(content, styles, count, names)

    monkeypatch.setattr(guides, "from_colors", counted)
    content_mask, style_mask = torch.zeros(3, 48, 64), torch.zeros(3, 56, 40)
    content_mask[0, :, :20], content_mask[2, :, 20:] = 1, 1
    style_mask[0, :30], style_mask[2, 30:] = 1, 1
    made = run(
        {"seed": [1, 2]},
        content_mask=content_mask,
        style_masks=[style_mask],
        region_names={"#ff0000": "roof"},
        overrides={"region_weights": {"roof": 2.0}},
    )
    assert [cell.state for cell in made.cells] == ["painted", "painted"]
    assert read == [(0, {(255, 0, 0): "roof"})]
    with pytest.raises(UsageError, match="regions are what was made of masks"):
        run({"seed": [1]}, content_mask=content_mask, regions=made.cells[0].job.inputs.masks)


def test_the_table_tells_how_each_cell_went(run, tmp_path):
    made = run()
    rows = table(tmp_path / "out")
    assert [(row["content_weight"], row["tv"]) for row in rows] == [
        ("0.5", "l1"),
        ("2", "l1"),
        ("0.5", "vector"),
        ("2", "vector"),
    ]
    for row, cell in zip(rows, made.cells, strict=True):
        assert row["file"] == cell.path.name
        assert (row["state"], row["width"], row["height"], row["steps"]) == ("painted", "64", "48", "2")
        assert float(row["seconds"]) > 0
        for when in ("start", "end"):
            parts = [float(row[f"{when}_{part}"]) for part in ("content", "style", "tv", "gamut")]
            assert float(row[f"{when}_total"]) == pytest.approx(sum(parts), rel=1e-4)
        assert float(row["end_total"]) < float(row["start_total"])
    assert rows[0]["end_total"] != rows[1]["end_total"]


def test_painting_again_paints_nothing_and_forgets_nothing(run, painted, tmp_path):
    run()
    before, lines = pictures(tmp_path / "out"), table(tmp_path / "out")
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*=*.png")}
    assert len(painted) == 4
    painted.clear()
    made = run()
    assert painted == []
    assert [cell.state for cell in made.cells] == ["kept"] * 4
    assert pictures(tmp_path / "out") == before
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*=*.png")} == times
    assert table(tmp_path / "out") == [{**line, "state": "kept"} for line in lines]


def test_only_what_is_missing_is_painted_and_comes_out_the_same(run, painted, tmp_path):
    run()
    before = pictures(tmp_path / "out")
    painted.clear()
    (tmp_path / "out" / "content_weight=2_tv=l1.png").unlink()
    made = run()
    assert painted == [2.0]
    assert [cell.state for cell in made.cells] == ["kept", "painted", "kept", "kept"]
    assert pictures(tmp_path / "out") == before


def test_more_values_keep_the_pictures_that_are_there(run, painted, tmp_path):
    run({"content_weight": [0.5, 2.0]})
    painted.clear()
    run({"content_weight": [0.5, 1.0, 2.0]})
    assert painted == [1.0]
    assert [row["end_total"] != "" for row in table(tmp_path / "out")] == [True] * 3


def test_a_recipe_of_an_older_impasto_is_read_with_todays_defaults(run):
    made = run({"seed": [1]})
    path = made.cells[0].path
    said = present(metadata.read(path))
    wanted = json.loads(json.dumps(said))
    del said["recipe"]["gamut_weight"]
    images.save(images.load(path), path, metadata=metadata.canonical(said), force=True)
    assert existing.compare(path, wanted) == ("kept", "")
    said["recipe"]["gamut_weight"] = 2.0
    images.save(images.load(path), path, metadata=metadata.canonical(said), force=True)
    assert existing.compare(path, wanted) == ("differs", "gamut_weight was 2.0 and is 300.0 now")


def test_losses_belong_to_the_bytes_of_a_picture(run, tmp_path):
    run({"content_weight": [0.5, 2.0]})
    out = tmp_path / "out"
    log = json.loads((out / "sweep.json").read_text())
    log["cells"]["content_weight=0.5.png"]["picture"] = "0" * 64
    log["cells"]["content_weight=2.png"]["seconds"] = "long"
    (out / "sweep.json").write_text(json.dumps(log))
    made = run({"content_weight": [0.5, 2.0]})
    assert [cell.state for cell in made.cells] == ["kept", "kept"]
    assert [(row["seconds"], row["end_total"]) for row in table(out)] == [("", ""), ("", "")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"overrides": {"seed": 3}}, "seed was 0 and is 3 now"),
        ({"styles": "other"}, "of other pictures"),
        ({"encoder": "other"}, "with other weights"),
    ],
)
def test_pictures_painted_otherwise_are_not_touched(run, painted, tmp_path, tiny_encoder, other_style, change, words):
    run()
    before = pictures(tmp_path / "out")
    painted.clear()
    if change.get("styles"):
        change = {"styles": keep(other_style, tmp_path / "other.png")}
    if change.get("encoder"):
        other = tiny_encoder.to("cpu")
        object.__setattr__(other, "sha256", "1" * 64)
        assert other is not tiny_encoder
        change = {"encoder": other}
    with pytest.raises(OutputError) as told:
        run(**change)
    assert str(told.value).startswith(f"{tmp_path / 'out'}/content_weight=0.5_tv=l1.png: exists already and differs")
    assert words in str(told.value)
    assert "--force" in str(told.value)
    assert painted == []
    assert pictures(tmp_path / "out") == before
    made = run(**change, force=True)
    assert [cell.state for cell in made.cells] == ["painted"] * 4
    # Now these are the ones that are kept, by force too.
    assert [cell.state for cell in run(**change, force=True).cells] == ["kept"] * 4


@pytest.mark.parametrize("kind", ["text", "picture"])
def test_a_file_of_another_origin_is_not_touched(run, tmp_path, painted, kind):
    path = tmp_path / "out" / "content_weight=2.png"
    path.parent.mkdir()
    if kind == "text":
        path.write_text("mine")
    else:
        keep(torch.rand(3, 20, 20), path)
    before = path.read_bytes()
    with pytest.raises(OutputError, match=r"content_weight=2.png: exists already and differs: it "):
        run({"content_weight": [0.5, 2.0]})
    assert (painted, path.read_bytes()) == ([], before)


@pytest.mark.parametrize("name", ["sheet.png", "losses.csv", "sweep.json"])
def test_a_sheet_or_table_of_another_origin_is_not_touched(run, tmp_path, painted, name):
    path = tmp_path / "out" / name
    path.parent.mkdir()
    path.write_text("mine")
    with pytest.raises(OutputError, match=name):
        run()
    assert (painted, path.read_text()) == ([], "mine")
    assert len(run(force=True).cells) == 4


def test_a_stopped_picture_is_painted_again(run, tmp_path):
    whole = run({"content_weight": [0.5, 2.0]}, folder=tmp_path / "whole")
    stopped = run({"content_weight": [0.5, 2.0]}, on_step=lambda _cell, _progress: True)
    assert [cell.state for cell in stopped.cells] == ["stopped", "new"]
    name = "content_weight=0.5.png"
    assert present(metadata.read(tmp_path / "out" / name))["stopped_after"] == 1
    assert [row["state"] for row in table(tmp_path / "out")] == ["stopped", "new"]
    assert (tmp_path / "out" / "sheet.png").exists()
    again = run({"content_weight": [0.5, 2.0]})
    assert [cell.state for cell in again.cells] == ["painted", "painted"]
    assert pictures(tmp_path / "out") == pictures(tmp_path / "whole")
    assert [cell.record.end for cell in again.cells] == [cell.record.end for cell in whole.cells]


def test_axes_of_pictures(run, tmp_path, style, other_style):
    names = [keep(style, tmp_path / "a.png"), str(keep(other_style, tmp_path / "b.jpg"))]
    made = run(
        {"style": names, "content": [Picture(torch.rand(1, 3, 40, 40), name="p.png")]}, content=None, styles=None
    )
    assert set(pictures(tmp_path / "out")) == {"style=a_content=p.png", "style=b_content=p.png"}
    for cell, name in zip(made.cells, names, strict=True):
        inputs = present(metadata.read(cell.path))["inputs"]
        assert {"role": "style", "sha256": images.load(name).sha256} in inputs
    one, other = pictures(tmp_path / "out").values()
    assert one != other


def test_an_axis_of_presets_lies_below_the_other_settings(run, tmp_path):
    run({"preset": ["cs229", "gatys"]}, recipe=None, overrides={"size": 32, "iterations": 1, "precision": "float32"})
    found = {name: present(metadata.read(tmp_path / "out" / name))["recipe"] for name in pictures(tmp_path / "out")}
    assert {name: recipe["normalization"] for name, recipe in found.items()} == {
        f"preset={name}.png": Recipe.from_preset(name).normalization for name in ("cs229", "gatys")
    }
    assert {recipe["size"] for recipe in found.values()} == {32}


def test_layers_vary_too(run, tmp_path):
    run({"style_layers": [{"relu1_1": 1.0}, "relu1_1=0.5,relu2_1=0.5"]})
    assert set(pictures(tmp_path / "out")) == {
        "style_layers=relu1_1=1.png",
        "style_layers=relu1_1=0.5,relu2_1=0.5.png",
    }


def test_a_cell_that_fails_leaves_the_others_alone(run, monkeypatch, tmp_path):
    steps = Stylizer.__iter__

    def bad(self):
        if self.recipe.content_weight == 2.0:
            raise DivergedError("the loss became NaN")
        return steps(self)

    with monkeypatch.context() as patch:
        patch.setattr(Stylizer, "__iter__", bad)
        seen = []
        made = run({"content_weight": [0.5, 2.0, 3.0]}, on_cell=lambda cell: seen.append(cell.state))
    assert seen == ["painted", "failed", "painted"]
    assert [cell.note for cell in made.failed] == ["the loss became NaN"]
    rows = table(tmp_path / "out")
    assert [(row["state"], row["note"], row["end_total"] == "") for row in rows] == [
        ("painted", "", False),
        ("failed", "the loss became NaN", True),
        ("painted", "", False),
    ]
    assert [cell.state for cell in run({"content_weight": [0.5, 2.0, 3.0]}).cells] == ["kept", "painted", "kept"]


def test_the_first_failure_does_not_lock_the_folder(run, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Stylizer, "__iter__", lambda _self: (_ for _ in ()).throw(MemoryError("not enough")))
        assert [cell.state for cell in run({"tv": ["l1", "l2"]}).cells] == ["failed", "failed"]
    assert [cell.state for cell in run({"tv": ["l1", "l2"]}).cells] == ["painted", "painted"]


def test_the_sheet_shows_every_picture_in_its_place(run, tmp_path):
    made = run()
    levels = images.load(tmp_path / "out" / "sheet.png").to_numpy()
    spots = {}
    for cell in made.cells:
        wanted = images.load(cell.path).to_numpy()
        height, width = wanted.shape[:2]
        windows = np.lib.stride_tricks.sliding_window_view(levels[:, :, 0], (1, width))[:, :, 0]
        found = [
            (y, x)
            for y, x in np.argwhere((windows == wanted[0, :, 0]).all(axis=2))
            if (levels[y : y + height, x : x + width] == wanted).all()
        ]
        assert len(found) == 1
        spots[cell.at] = found[0]
    assert spots[0, 0][0] == spots[0, 1][0] < spots[1, 0][0] == spots[1, 1][0]
    assert spots[0, 0][1] == spots[1, 0][1] < spots[0, 1][1] == spots[1, 1][1]


@pytest.mark.usefixtures("painting")
def test_what_is_shared_is_made_once(run, monkeypatch):
    loaded, made = [], []
    load, create = images.load, encoders.create

    def counted(source, **options):
        loaded.append(source)
        return load(source, **options)

    def built(*arguments, **options):
        made.append(options)
        return create(*arguments, **options)

    monkeypatch.setattr(images, "load", counted)
    monkeypatch.setattr(encoders, "create", built)
    run({"padding": ["reflect", "zero"], "content_weight": [0.5, 2.0]}, encoder="petite")
    assert [options["padding"] for options in made] == ["reflect", "zero"]
    inputs = [source for source in loaded if "=" not in str(source) and not isinstance(source, Picture)]
    assert sorted(Path(source).name for source in inputs) == ["painting.png", "photo.png"]


def test_few_pictures_are_held_at_a_time(monkeypatch, tmp_path):
    paths = [keep(torch.rand(3, 20, 20), tmp_path / f"{n}.png") for n in range(3)]
    monkeypatch.setattr(sources, "KEPT_BYTES", 2 * 3 * 20 * 20 * 4)
    loaded = []

    def load(source):
        loaded.append(source)
        return images.load(source)

    cache = sources.Pictures()
    for path in (*paths[:2], paths[0], paths[2], paths[0], paths[1]):
        cache(path, load)
    assert loaded == [paths[0], paths[1], paths[2], paths[1]]


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        ({}, "one or two"),
        ({"seed": [1], "tv": ["l1"], "size": [64]}, "one or two"),
        ({"contnet_weight": [1]}, "did you mean 'content_weight'?"),
        ({"version": [1]}, "unknown key to vary"),
        ({"seed": []}, "seed: there are no values"),
        ({"seed": [1, 1]}, "seed: '1' is there twice"),
        ({"content_weight": [1e-2, "0.01", 0.02]}, "'0.01' is there twice"),
        ({"content_weight": ["1e-2", 0.01]}, "'1e-2' and '0.01' mean the same"),
        ({"seed": range(401)}, "401 cells"),
        ({"seed": range(21), "content_weight": range(20)}, "21 x 20 = 420 cells"),
        ({"content_weight": [1, -1]}, "content_weight"),
        ({"tv": ["l1", "l3"]}, "recipe key 'tv'"),
        ({"preset": ["gatys", "gats"]}, "preset is given and varied"),
        ({"style": ["a.png"]}, "style is given and varied"),
        ({"size": [64, 16]}, "size=16: photo.png: would be painted at 16x12 px"),
        ({"style_weights": ["1", "0.5,0.5"]}, "style_weights=0.5,0.5: style_weights has 2 numbers"),
    ],
)
def test_the_whole_grid_is_checked_before_anything_is_painted(run, painted, tmp_path, vary, words):
    with pytest.raises((UsageError, ImageError)) as told:
        run(vary)
    assert words in str(told.value)
    assert painted == []
    assert pictures(tmp_path / "out") == {}


def test_a_picture_that_cannot_be_read_is_found_before_any_weights(run, tmp_path, monkeypatch, style):
    monkeypatch.setattr(encoders, "create", lambda *_args, **_options: pytest.fail("the encoder was built"))
    with pytest.raises(ImageError, match=r"none.png: does not exist"):
        run({"style": [keep(style, tmp_path / "a.png"), tmp_path / "none.png"]}, styles=None, encoder="petite")
    assert not (tmp_path / "out").exists()


def test_two_cells_of_one_file_are_found_in_the_plan(run, tmp_path, painted, style, other_style):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    paths = [keep(style, tmp_path / "one" / "same.png"), keep(other_style, tmp_path / "two" / "Same.png")]
    with pytest.raises(UsageError, match=r"'style=same' and 'style=Same' would both be style=Same.png"):
        run({"style": paths}, styles=None)
    with pytest.raises(UsageError, match="mean the same"):
        run({"style": [paths[0], tmp_path / "one" / ".." / "one" / "same.png"]}, styles=None)
    assert painted == []


def test_an_output_that_is_an_input(run, tmp_path, style):
    (tmp_path / "out").mkdir()
    inside = keep(style, tmp_path / "out" / "sheet.png")
    before = inside.read_bytes()
    with pytest.raises(OutputError, match=r"sheet.png: is also an input"):
        run(styles=inside, force=True)
    assert inside.read_bytes() == before


@pytest.mark.parametrize("sheet", ["../sheet.png", "sub/sheet.png", "losses.csv", "content_weight=0.5_tv=l1.png"])
def test_a_sheet_keeps_to_its_folder_and_name(run, sheet, tmp_path):
    with pytest.raises(UsageError, match="a name of its own"):
        run(sheet=sheet)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be(run, tmp_path, painted):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file"):
        run(folder=tmp_path / "file" / "out")
    assert painted == []


@pytest.mark.parametrize("label", ["../../etc/x", "a b", "a\nb", "x" * 500, "画" * 100, "\udcff", "a:b|c", "CON"])
def test_names_of_files_are_safe(label):
    part = series.grid.file_part(label)
    assert len(part.encode()) <= 80
    assert "/" not in part
    assert part.isprintable()
    assert not set(' :|*?"<>\\') & set(part)
    assert part != series.grid.file_part(f"{label}y" * 2)


@pytest.mark.parametrize(
    ("count", "shape"), [(1, [1]), (5, [5]), (6, [3, 3]), (7, [4, 3]), (11, [4, 4, 3]), (16, [4, 4, 4, 4])]
)
def test_one_axis_is_laid_out_in_even_rows(monkeypatch, count, shape):
    seen = []
    monkeypatch.setattr(images, "contact_sheet", lambda rows, **_options: seen.append([len(row) for row in rows]))
    axis = series.Axis("seed", tuple(range(count)))
    cells = series.lay_out([axis], lambda v: series.Job(Inputs("p.png", ["s.png"]), Recipe.parse(v)), Path("out"))
    sheet.draw([axis], cells, 300)
    assert seen == [shape]


def test_records_that_are_damaged(tmp_path):
    good = records.Record("0" * 64, 3, 1.5, {"total": 2.0}, {"total": 1.0})
    records.write(tmp_path, {"a": good})
    assert records.read(tmp_path) == {"a": good}
    log = json.loads((tmp_path / "sweep.json").read_text())
    log["cells"] |= {"b": 3, "c": {**log["cells"]["a"], "seconds": float("nan")}, "d": {"picture": "x"}}
    (tmp_path / "sweep.json").write_text(json.dumps(log))
    assert records.read(tmp_path) == {"a": good}
    for text in ("", "[]", '{"cells": [1]}', "{", "[" * 100_000):
        (tmp_path / "sweep.json").write_text(text)
        with pytest.raises(OutputError, match=r"sweep.json: is damaged"):
            records.read(tmp_path)
        assert records.read(tmp_path, force=True) == {}


@pytest.mark.slow
def test_processes_paint_what_one_paints_to_the_last_bit(run, tmp_path):
    before = torch.get_num_threads()
    vary = {"content_weight": [0.5, 2.0], "seed": [1, 2]}
    run(vary, encoder=None, executor=InProcess(threads=1))
    assert torch.get_num_threads() == before
    seen = []
    with Processes(2) as executor:
        made = run(
            vary,
            encoder=None,
            folder=tmp_path / "several",
            executor=executor,
            on_step=lambda cell, progress: seen.append((cell.title, progress.total_step)),
        )
    assert {cell.state for cell in made.cells} == {"painted"}
    assert pictures(tmp_path / "several") == pictures(tmp_path / "out")
    assert ("content_weight=0.5 seed=1", 2) in seen
    assert all(cell.record.steps == 2 for cell in made.cells)

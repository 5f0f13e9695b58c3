"""What may be named where pictures are taken: sizes after the content, folders and patterns of styles, no addresses."""

import json
from pathlib import Path

import pytest
from PIL import Image

from impasto.recipe import Recipe
from tests.cli.cli_helpers import draw, look


def test_size_content_is_in_the_picture_and_comes_back_from_it(paint, run):
    done = paint("-o", "out.png", "--size", "content")
    assert done.status == 0, done.err
    assert look("out.png")[1] == (52, 40)
    recorded = run("show", "out.png", "--json").json
    assert recorded["recipe"]["size"] == "content"
    # The same recipe on a photograph of another size is painted at that size.
    other = draw("other.png", 5, size=(36, 24))
    done = run("paint", other, "--style", "style.png", "--recipe", "out.png", "-o", "other_out.png")
    assert done.status == 0, done.err
    assert look("other_out.png")[1] == (24, 36)


def test_a_percentage_is_planned_and_painted(paint):
    plan = paint("--size", "150%", "--dry-run", "--json").json
    assert plan["size"] == {"width": 78, "height": 60}
    assert plan["recipe"]["size"] == "150%"


def test_an_interrupted_painting_of_the_contents_size_is_resumed(paint, run, stops):
    stops(1)
    assert paint("-o", "out.png", "--size", "content", "--checkpoint", "c").status == 130
    stops(None)
    done = run("resume", "c", "--force")
    assert done.status == 0, done.err
    assert look("out.png")[1] == (52, 40)
    assert run("show", "out.png", "--json").json["recipe"]["size"] == "content"


@pytest.mark.parametrize("size", ["contents", "3.5", "0%"])
@pytest.mark.usefixtures("no_engine")
def test_what_is_no_size_names_the_option(paint, size):
    refused = paint("-o", "out.png", "--size", size)
    assert refused.status == 2
    assert refused.error.startswith("--size: must be pixels from 16 to 65536, content, or a percentage")


def test_a_texture_has_no_content_to_take_the_size_of(run, style):
    refused = run("texture", style, "-o", "out.png", "--size", "content", "--iterations", "1", "--encoder", "petite")
    assert refused.status == 2
    assert refused.error == "size 'content': a texture has no content whose size it could have; give pixels"


def test_the_schema_says_both_kinds(run):
    schema = run("recipe", "--schema").json["properties"]["size"]
    assert [kind["type"] for kind in schema["anyOf"]] == ["integer", "string"]
    assert schema["default"] == Recipe().size
    assert json.dumps(schema)


@pytest.fixture
def gallery(tmp_path):
    """A folder with two paintings, and with what is none."""
    folder = tmp_path / "gallery"
    (folder / "inner").mkdir(parents=True)
    draw(folder / "b.png", 7)
    draw(folder / "A.JPG", 8)
    draw(folder / "inner" / "c.png", 9)
    draw(folder / ".hidden.png", 9)
    (folder / "notes.txt").write_text("no picture")
    draw(tmp_path / "outside.png", 10)
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "own.png").symlink_to("b.png")
    return folder


def used(run, path):
    return [row["sha256"] for row in run("show", path, "--json").json["inputs"] if row["role"] == "style"]


def test_a_folder_stands_for_its_pictures_by_name(paint, run, gallery):
    done = paint("-o", "folder.png", styles=[gallery])
    assert done.status == 0, done.err
    assert f"{gallery}: left out 1 links that lead out of the folder" in done.err
    named = [gallery / name for name in ("A.JPG", "b.png", "own.png")]
    assert paint("-o", "named.png", styles=named).status == 0
    assert used(run, "folder.png") == used(run, "named.png")
    assert len(used(run, "folder.png")) == 3
    assert paint("-o", "quiet.png", "--quiet", styles=[gallery]).err == ""


def test_a_pattern_stands_for_what_matches_it_and_a_file_for_itself(paint, run, gallery):
    assert paint("-o", "pattern.png", styles=[gallery / "[bo]*.png"]).status == 0
    assert len(used(run, "pattern.png")) == 2
    odd = draw(gallery / "[bo]*.png", 3)
    assert paint("-o", "itself.png", styles=[odd]).status == 0
    assert len(used(run, "itself.png")) == 1


def test_an_interrupted_painting_in_the_styles_of_a_folder_keeps_to_those_it_had(paint, run, stops, gallery):
    stops(1)
    assert paint("-o", "out.png", "--checkpoint", "c", styles=[gallery]).status == 130
    stops(None)
    draw(gallery / "new.png", 11)
    done = run("resume", "c", "--force")
    assert done.status == 0, done.err
    assert len(used(run, "out.png")) == 3


@pytest.mark.usefixtures("no_engine")
def test_a_pattern_without_a_match_and_a_folder_without_pictures_are_told(paint, gallery, tmp_path):
    refused = paint("-o", "out.png", styles=[gallery / "*.webp"])
    assert refused.status == 2
    assert refused.error == f"--style {gallery / '*.webp'}: matches no file; check the pattern"
    empty = tmp_path / "empty"
    empty.mkdir()
    refused = paint("-o", "out.png", styles=[empty])
    assert refused.status == 3
    assert refused.error.startswith(f"{empty}: is a folder without pictures (.jpg, ")
    many = tmp_path / "many"
    many.mkdir()
    for number in range(65):
        (many / f"{number}.png").touch()
    refused = paint("-o", "out.png", styles=[many])
    assert refused.status == 2
    assert refused.error == f"--style {many}: stands for 65 pictures; name 64 at most"


@pytest.mark.parametrize(
    "command",
    [
        ("texture", "{gallery}", "-o", "out.png", "--dry-run", "--json"),
        (
            "doodle",
            "doodle.png",
            "--style",
            "{gallery}",
            "--style-mask",
            "-",
            "--style-mask",
            "-",
            "--style-mask",
            "-",
            "--region-styles",
            "black=1,white=2",
            "-o",
            "o.png",
            "--dry-run",
        ),
        ("masks", "auto", "photo.png", "--style", "{gallery}", "--regions", "2", "-o", "masks", "--json"),
        ("blend", "photo.png", "--style", "{gallery}", "--strip", "s.png", "--frames", "2"),
        ("sweep", "photo.png", "--style", "{gallery}", "--vary", "seed=1,2", "-o", "s", "--dry-run"),
        ("sweep", "--style", "{gallery}", "--vary", "content={gallery}/*.JPG", "-o", "s", "--dry-run"),
    ],
)
@pytest.mark.usefixtures("photo")
def test_every_command_with_a_list_of_styles_takes_a_folder(run, gallery, command):
    doodle = draw("doodle.png", 0)
    picture = Image.new("RGB", (40, 40))
    picture.paste((255, 255, 255), (0, 0, 20, 40))
    picture.save(doodle)
    settings = () if command[0] == "masks" else ("--size", "32", "--iterations", "1", "--precision", "float32")
    done = run(*(word.format(gallery=gallery) for word in command), *settings)
    assert done.status == 0, done.err


def test_a_sweep_has_a_cell_for_each_picture_of_a_folder(run, photo, gallery):
    (gallery / "own.png").unlink()
    made = run("sweep", photo, "--vary", f"style={gallery}", "-o", "s", "--size", "32", "--dry-run", "--json")
    assert made.status == 0, made.err
    made = made.json
    assert [cell["style"] for cell in made["cells"]] == ["A", "b"]


def test_a_second_style_without_its_option_is_told_how_to_name_it(run, photo, style):
    refused = run("paint", photo, "--style", style, draw("other.png", 4), "-o", "out.png")
    assert refused.status == 2
    assert "(other.png); repeat --style for each of several: --style A --style B" in refused.error


ADDRESS = "https://example.org/a/starry%20night.jpg?size=large"


@pytest.mark.parametrize(
    "words",
    [
        ("paint", ADDRESS, "--style", "style.png", "-o", "out.png"),
        ("paint", "photo.png", "--style", ADDRESS, "-o", "out.png"),
        ("paint", "photo.png", f"--style={ADDRESS}", "-o", "out.png"),
        ("paint", "photo.png", "--style", "style.png", "-o", ADDRESS),
        ("paint", "photo.png", "--style", "style.png", "-o", "out.png", "--init", ADDRESS),
        ("paint", "photo.png", "--style", "style.png", "-o", "out.png", "--recipe", ADDRESS),
        ("paint", "photo.png", "--style", "style.png", "-o", "out.png", "--encoder", ADDRESS),
        ("paint", "photo.png", "--style", "style.png", "-o", "out.png", "--method", "wct", "--network", ADDRESS),
        ("paint", "photo.png", "--style", "style.png", "-o", "out.png", "--content-mask", ADDRESS),
        ("paint", "photo.png", "--style", "style.png", "-o", "out.png", "--region", f"sky=style.png:{ADDRESS}"),
        ("paint", "photo.png", "--style", "style.png", "-o", "out.png", "--landmarks", ADDRESS),
        ("sweep", "photo.png", "--vary", f"style=style.png,{ADDRESS}", "-o", "out"),
        ("masks", "check", "photo.png", "--style", ADDRESS),
        ("show", ADDRESS),
        ("resume", ADDRESS),
        ("train", "fast", ADDRESS, "--style", "style.png", "--out", "out"),
    ],
)
@pytest.mark.usefixtures("photo", "style", "no_engine")
def test_a_web_address_is_called_one_wherever_it_stands(run, words):
    refused = run(*words)
    assert refused.status == 3
    assert refused.error.startswith(f"{ADDRESS}: is a web address, and impasto works with files; download what is read")


def test_commands_that_download_may_be_told_from_where(run):
    refused = run("datasets", "fetch", "no-such-set", "--mirror", "https://example.org/{file}")
    assert refused.status == 2
    assert "web address" not in refused.error
    assert "no-such-set" in refused.error


def test_an_address_of_a_file_is_called_one(run, photo, style):
    refused = run("paint", f"file://{Path(photo).absolute()}", "--style", style, "-o", "out.png")
    assert refused.status == 3
    assert refused.error.endswith("give the name of the file alone, without file://")


def test_a_file_whose_name_looks_like_an_address_is_read(paint):
    Path("http:").mkdir()
    draw("http:/photo.png", 1)
    assert paint("--dry-run", content="http://photo.png").status == 0

"""What may be named where pictures are taken: sizes after the content, folders and patterns of styles, no addresses."""

import json

import pytest
from cli_helpers import draw, look

from impasto.recipe import Recipe


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

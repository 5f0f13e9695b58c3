"""The form, the API's description, jobs as they are asked for, and the command line that does the same."""

import re
import shlex

import pytest

from impasto.cli.options import SETTINGS, parse
from impasto.recipe import Recipe, list_presets, load_preset, spell
from impasto.recipe.applicable import foreign
from impasto.recipe.catalogue import ENCODERS, METHODS
from impasto.studio import commandline, job_requests
from impasto.studio.answer_models import Job
from impasto.studio.app import PARTS
from impasto.studio.form import GROUPS, describe
from impasto.studio.library import clean_name
from impasto.studio.queue import view
from impasto.studio.refusal_words import checked
from impasto.studio.request_models import JobRequest, SweepRequest
from impasto.studio.routing import Route
from impasto.studio.settings import Refused
from tests.type_helpers import present

PICTURES = {name: {"name": f"{name}.jpg"} for name in ("photo", "one", "two", "mask")}


FACES = {"content": [[0, 0]] * 3, "style": [[0, 0]] * 3}


def get(picture):
    if picture not in PICTURES:
        raise Refused(404, "there is no such picture here")
    return PICTURES[picture]


def job(**asked):
    return job_requests.job(checked(JobRequest, {"content": "photo", "styles": ["one"], **asked}), get)


def sweep(document):
    return job_requests.sweep(checked(SweepRequest, document), get)


def test_every_setting_is_in_exactly_one_group():
    fields = [field for group in GROUPS for field in group.fields]
    assert sorted(fields) == sorted(SETTINGS)
    assert len({group.name for group in GROUPS}) == len(GROUPS)


def test_the_form_has_what_it_needs():
    form = describe()
    for group in form["groups"]:
        assert group["title"]
        for field in group["fields"]:
            assert form["schema"]["properties"][field]["description"]
    assert {preset["name"] for preset in form["presets"]} == set(list_presets())
    assert set(form["qualities"]) <= set(list_presets())
    assert [method["name"] for method in form["methods"]] == list(METHODS)
    for method in form["methods"]:
        assert set(method["settings"]) <= set(SETTINGS)
        assert method["available"] or not method["networks"]
    assert form["methods"][0]["available"]
    assert form["encoders"] == list(ENCODERS)


def test_the_form_knows_which_settings_refinement_adds():
    methods = {method["name"]: method for method in describe()["methods"]}
    assert methods["gatys"]["refined_settings"] == methods["gatys"]["settings"]
    own, refined = set(methods["wct"]["settings"]), set(methods["wct"]["refined_settings"])
    assert own < refined
    assert "style_layers" in refined - own
    assert "iterations" not in refined  # refine is the number of steps
    for key in SETTINGS:
        assert (key in refined) == (not foreign("wct", [key], refined=True))
        assert (key in own) == (not foreign("wct", [key], refined=False))


def test_every_request_is_described_whole_and_in_words(client):
    asked = client()
    document = asked.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    every = [route for part in PARTS for route in part.routes if isinstance(route, Route)]
    routes = {(method.lower(), route.path) for route in every for method in present(route.methods)}
    described = {(method, path) for path, operations in document["paths"].items() for method in operations}
    assert described == routes
    assert ("post", "/api/jobs") in described
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    references = set(re.findall(r"'#/components/schemas/(\w+)'", str(document)))
    assert references == set(document["components"]["schemas"]), "nothing is described that nobody sends"
    assert not any("Validation" in name for name in references), "errors are one line, never a list of pydantic's"
    for operation in operations:
        assert operation["summary"].endswith(".")
        assert operation["tags"]
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Refusal"}, (operation["operationId"], status)
            elif status != "204":
                assert answer["content"], "what is answered has a type"


def test_the_description_says_what_a_request_takes(client):
    document = client().get("/api/openapi.json").json()
    takes = document["paths"]["/api/jobs"]["post"]["requestBody"]["content"]
    assert takes == {"application/json": {"schema": {"$ref": "#/components/schemas/JobRequest"}}}
    assert set(document["components"]["schemas"]["JobRequest"]["properties"]) == set(JobRequest.model_fields)
    upload = document["paths"]["/api/pictures"]["post"]
    assert set(upload["requestBody"]["content"]) == {"image/*", "application/octet-stream"}
    assert {each["name"] for each in upload["parameters"]} == {"role", "x-name"}
    assert document["security"] == [{}, {"token": []}]


def test_a_described_job_has_the_keys_of_a_real_one(client):
    asked = client()
    body = {"content": "photo-cat", "styles": ["style-swirls"], "recipe": {"size": 64}}
    made = asked.post("/api/jobs", json=body)
    assert made.status_code == 201
    # What is sent has the described keys; nothing that is known of a painting is left out on the way.
    assert set(made.json()) == set(Job.model_fields) == set(view(asked.studio.queue.get(made.json()["id"])))
    asked.post(f"/api/jobs/{made.json()['id']}/cancel", json={})


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/api/jobs?limit=0", 422, "limit: is at least 1"),
        ("/api/jobs?limit=many", 422, "limit: is no whole number"),
        ("/api/pictures/photo-cat?size=x", 422, "size: is no whole number"),
        ("/api/jobs/x/result?format=bmp", 422, "format: is 'png', 'jpeg' or 'webp'"),
        ("/api/zip", 422, "jobs: is missing"),
    ],
)
def test_wrong_parameters_are_told_in_a_line(client, path, status, says):
    answer = client().get(path)
    assert answer.status_code == status
    assert answer.json() == {"error": says}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"styles": []}, "at least one painting"),
        ({"styles": ["one", None]}, "styles: 1 is not the id of a picture"),
        ({"styles": "one"}, "styles: is not a list"),
        ({"styles": ["one"] * 17}, "16"),
        ({"styles": ["nobody"]}, "styles: there is no such picture"),
        ({"content": 5}, "content: is not the id"),
        ({"content": "../x"}, "no such picture"),
        ({"style_masks": ["mask"]}, "belong to a mask of the photograph"),
        ({"content_mask": "mask", "style_masks": ["mask", "mask"]}, "2 style masks for 1"),
        ({"region_names": ["sky"]}, "of the colours of a mask"),
        ({"content_mask": "mask", "region_names": "sky"}, "no object from colours to names"),
        ({"content_mask": "mask", "region_names": {"#ff0000": 3}}, "no object from colours to names"),
        ({"content_mask": "mask", "region_names": []}, "no object from colours to names"),
        ({"content_mask": "mask", "region_names": ["x"] * 300}, "there can be 256"),
        ({"content": None, "content_mask": "mask"}, "a doodle needs a mask of the painting"),
        ({"recipe": {"sise": 5}}, "did you mean 'size'?"),
        ({"recipe": {"size": "large"}}, "recipe key 'size'"),
        ({"recipe": {"size": 1e308}}, "recipe key 'size'"),
        ({"recipe": []}, "not a JSON object"),
        ({"recipe": {"encoder": "somebodys.pth"}}, "encoder"),
        ({"recipe": {"init": "file"}}, "init"),
        ({"recipe": {"style_weights": [1, 2]}}, "2 for 1 styles"),
        ({"preset": "fin"}, "did you mean 'fine'?"),
        ({"preset": 5}, "preset"),
        ({"contents": "photo"}, "did you mean 'content'?"),
        ({"title": 5}, "title: is no text"),
        ({"landmarks": FACES}, "gatys looks at no faces"),
        ({"landmarks": {}}, "landmarks: content is missing"),
        ({"recipe": {"method": "portrait"}, "landmarks": {"content": []}}, "fewer than 3 entries"),
        ({"landmarks": {**FACES, "style": [[0, 0]] * 4}}, "both faces have as many points"),
        ({"recipe": {"method": "portrait"}, "landmarks": {"content": [[0, 0]], "style": [[0, 0]]}}, "fewer than 3"),
        ({"recipe": {"method": "portrait"}, "landmarks": {"content": [[9, 0]], "style": [[0, 0]]}}, "is at most 1"),
        ({"recipe": {"method": "gatis"}}, "did you mean 'gatys'?"),
    ],
)
def test_what_cannot_be_a_job_is_told_in_a_line(asked, says):
    with pytest.raises(Refused, match=re.escape(says)) as refused:
        job(**asked)
    assert refused.value.status == 422
    assert "\n" not in str(refused.value)


def test_a_job_has_a_complete_recipe_and_a_title():
    made = job(preset="draft", recipe={"seed": 4})
    assert Recipe.parse(made["recipe"]) == Recipe.parse({**load_preset("draft"), "seed": 4})
    assert made["title"] == "photo in one"
    assert job(title=" <b>\n ")["title"] == "<b>"
    assert job(content=None, styles=["one", "two"])["title"] == "one and two"
    assert job(content_mask="mask", styles=["one", "two"], style_masks=["mask"])["style_masks"] == ["mask", None]


def test_a_sweep_goes_row_by_row():
    made = sweep({"job": {"content": "photo", "styles": ["one"]}, "axes": {"size": [64, 96], "seed": [1]}})
    assert [each["cell"] for each in made] == [{"size": 64, "seed": 1}, {"size": 96, "seed": 1}]
    assert [each["recipe"]["size"] for each in made] == [64, 96]
    assert len({each["sweep"] for each in made}) == 1


def test_a_grid_may_go_over_pictures_and_settings():
    base = {"content": "photo", "styles": ["one", "two"], "recipe": {"size": 64}}
    made = sweep({"job": base, "axes": {"content": ["photo", "two"], "style": ["one"]}})
    assert [(each["content"], each["styles"]) for each in made] == [("photo", ["one"]), ("two", ["one"])]
    assert made[0]["title"] == "photo in one"
    mixed = sweep({"job": base, "axes": {"style": ["one", "two"], "seed": [1, 2]}})
    assert [(each["styles"], each["recipe"]["seed"]) for each in mixed] == [
        (["one"], 1), (["one"], 2), (["two"], 1), (["two"], 2),
    ]  # fmt: skip
    with pytest.raises(Refused, match="of one photograph"):
        sweep({"job": {**base, "content_mask": "mask"}, "axes": {"content": ["photo"]}})


@pytest.mark.parametrize(
    "axes",
    [
        {},
        {"size": [64], "seed": [1], "tv": ["l1"]},
        {"size": 64},
        {"size": []},
        {"sise": [64]},
        {"seed": list(range(37))},
        {"seed": list(range(100_000)), "size": list(range(100_000))},
        {"size": [64, "x"]},
        {"version": [1]},
        [],
    ],
)
def test_sweeps_that_are_none_are_refused(axes):
    with pytest.raises(Refused) as refused:
        sweep({"job": {"content": "photo", "styles": ["one"]}, "axes": axes})
    assert refused.value.status == 422


RECIPES = [
    (None, {}),
    (None, {"size": 768, "style_weights": [2, 1], "tileable": True, "color": "match"}),
    ("fine", {"iterations": 10, "tv_weight": 0.1, "seed": 2**40}),
    ("gatys", {"style_layers": {"relu1_1": 1, "relu3_1": 0.25}, "statistics": {"gram": 1, "mean_std": 0.5}}),
    (None, {"region_weights": {"sky": 2.5, "#a04020": 0.1}, "region_styles": {"sky": 2}, "keep": ["face", "hand"]}),
    (None, {"layer_style_weights": {"relu1_1": [0, 1], "relu4_1": [1, 0.5]}, "guides": "inside", "content_layers": {}}),
    ("johnson", {}),
]


@pytest.mark.parametrize(("preset", "recipe"), RECIPES)
def test_the_command_line_says_the_same(preset, recipe):
    made = job(styles=["one", "two"], preset=preset, recipe=recipe)
    words = commandline.argv(made, lambda picture: PICTURES[picture]["name"])
    assert words[:7] == ["impasto", "paint", "photo.jpg", "--style", "one.jpg", "--style", "two.jpg"]
    assert shlex.split(commandline.shell(words)) == words
    assert read(words) == Recipe.parse(made["recipe"])


def read(words):
    """Read the options as the command line does, with its own names for them."""
    spelled, values, at = {}, {}, 2
    while at < len(words):
        word = words[at]
        key = word[2:].replace("-", "_")
        if word in ("-o", "--style", "--content-mask", "--style-mask"):
            at += 2
        elif word == "--preset":
            values, at = load_preset(words[at + 1]), at + 2
        elif key in SETTINGS and Recipe.model_fields[key].annotation is bool:
            spelled[key], at = True, at + 1
        elif key.startswith("no_") and key[3:] in SETTINGS:
            spelled[key[3:]], at = False, at + 1
        elif key in SETTINGS:
            spelled[key], at = words[at + 1], at + 2
        else:
            at += 1
    return parse(values, spelled)


def test_names_are_safe_in_a_shell():
    PICTURES["evil"] = {"name": "-rf $(reboot) 'x'.png"}
    made = job(content="evil", content_mask="mask", style_masks=[None])
    words = commandline.argv(made, lambda picture: PICTURES[picture]["name"])
    assert words[2] == "./-rf $(reboot) 'x'.png"
    assert words[words.index("--style-mask") + 1] == "-"
    assert shlex.split(commandline.shell(words)) == words


def test_a_texture_is_a_command_of_its_own():
    words = commandline.argv(job(content=None, preset="texture"), lambda picture: PICTURES[picture]["name"])
    assert words[:3] == ["impasto", "texture", "one.jpg"]
    plain = commandline.argv(job(content=None), lambda picture: PICTURES[picture]["name"])
    # The command takes its preset by itself, so what that changes has to be said back.
    changed = {key for key, value in load_preset("texture").items() if value != Recipe.model_fields[key].get_default()}
    assert {f"--{key.replace('_', '-')}" for key in changed} <= set(plain)


def test_a_doodle_is_a_command_of_its_own():
    made = job(content=None, content_mask="mask", style_masks=["mask"], recipe={"method": "doodle", "seed": 3})
    words = commandline.argv(made, lambda picture: PICTURES[picture]["name"])
    mask = PICTURES["mask"]["name"]
    assert words[:3] == ["impasto", "doodle", mask]
    assert words[3:9] == ["--style", "one.jpg", "--style-mask", mask, "--seed", "3"]
    # The command's own method is doodle, so another one has to be said.
    made = job(content=None, content_mask="mask", style_masks=["mask"])
    words = commandline.argv(made, lambda picture: PICTURES[picture]["name"])
    assert words[words.index("--method") + 1] == "gatys"


def test_values_are_spelled_as_they_are_read():
    for key in SETTINGS:
        value = getattr(Recipe.parse({}), key)
        if value not in ({}, (), ""):
            assert getattr(Recipe.parse({key: spell(value)}), key) == value


@pytest.mark.parametrize(
    ("name", "shown"), [("a/b\\c.png", "c.png"), ("  ", "picture"), ("...", "picture"), ("é 猫.jpg", "é 猫.jpg")]
)
def test_names_are_cleaned(name, shown):
    assert clean_name(name) == shown

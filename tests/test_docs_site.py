"""The site of documentation: made without a warning, and the files that stand beside it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from impasto import errors, metadata
from impasto._version import __version__
from impasto.recipe import Recipe
from impasto.recipe.applicable import settings_of
from tests.script_helpers import load_script

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
if not (DOCS / "conf.py").exists():
    pytest.skip("the documentation is not in this source archive", allow_module_level=True)


@pytest.mark.slow
def test_the_site_is_made_without_a_warning(tmp_path):
    pytest.importorskip("sphinx", reason="needs pip install 'impasto[docs]'")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", DOCS, tmp_path / "site"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    page = (tmp_path / "site" / "reference.html").read_text("utf-8")
    assert 'id="impasto.stylize"' in page
    assert 'id="impasto.losses.Gram"' in page
    assert not re.search(r"`[a-z_]+`", re.sub(r"<[^>]+>", "", page.split("</head>")[1])), "code that is no code"


def test_every_page_is_in_the_list():
    """Of the site, Sphinx warns; the list for those who read pages where they lie is README.md."""
    pages = {path.stem for path in DOCS.glob("*.md")} - {"README", "index"}
    on_site = re.findall(r"^(\w+)$", (DOCS / "index.md").read_text("utf-8"), re.MULTILINE)
    assert len(on_site) == len(set(on_site))
    assert set(on_site) <= pages
    listed = set(re.findall(r"\]\((\w+)\.md", (DOCS / "README.md").read_text("utf-8")))
    assert pages - listed == {"changelog"}, "a new page has a line in docs/README.md"


def test_a_page_that_the_first_one_does_not_name_comes_under_more():
    more = load_script(DOCS / "conf.py").more
    assert more("a\nb\n", {"a", "b"}) == "a\nb\n"
    assert more("a\nbc\n", {"a", "b", "d"}).endswith(":caption: More\n:maxdepth: 1\n\nb\nd\n```\n")


def test_docstrings_are_read_as_the_plain_text_that_they_are():
    plain_text = load_script(DOCS / "conf.py").plain_text
    assert plain_text("`A`s of |x| and *y*, foo_") == "``A``\\ s of \\|x\\| and \\*y\\*, foo\\_"
    assert plain_text("nothing to do") == "nothing to do"
    lines = ["So:", "", "    a = `b_`", "", "        c", "and", "    no code"]
    plain_lines = load_script(DOCS / "conf.py").plain_lines
    assert plain_lines(lines) == ["So:", "", "::", "", "    a = `b_`", "", "        c", "and", "    no code"]


def test_the_reference_has_the_modules_of_the_inventory():
    modules = load_script(ROOT / "scripts" / "public_api.py").MODULES
    told = re.findall(r"automodule:: (\S+)", (DOCS / "reference.md").read_text("utf-8"))
    assert told == list(modules)


def test_every_exception_is_documented():
    page = (DOCS / "errors.md").read_text("utf-8")
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert len(kinds) > 10
    for kind in kinds:
        assert re.search(rf"`{kind.__name__}` \| \d", page), kind


def test_what_the_tutorial_names_is_in_the_clone():
    text = (DOCS / "tutorial.md").read_text("utf-8")
    assert [name for name in re.findall(r"assets/\w+/\w+\.jpg", text) if not (ROOT / name).exists()] == []
    assert re.findall(r"^## (\d+)\.", text, re.MULTILINE) == [str(number) for number in range(1, 11)]


def test_every_picture_of_the_gallery_has_its_command():
    script = ROOT / "scripts" / "gallery_pictures.py"
    text = (DOCS / "gallery.md").read_text("utf-8")
    named = re.findall(r"figures/gallery/([\w.]+)", text)
    found = list(load_script(script).pictures(text))
    assert [name for name, _ in found] == named
    assert {path.name for path in (DOCS / "figures" / "gallery").iterdir()} == set(named)
    for name, words in found:
        assert words[words.index("-o") + 1] == name


def test_every_picture_of_the_gallery_is_painted_as_its_command_means_today():
    """By the recipe that it carries: a default that changed since would leave a picture that nobody gets."""
    script = load_script(ROOT / "scripts" / "gallery_pictures.py")
    for name, words in script.pictures((DOCS / "gallery.md").read_text("utf-8")):
        carried = metadata.read(script.FOLDER / name)
        assert carried is not None
        options = {word[2:].replace("-", "_"): words[at + 1] for at, word in enumerate(words) if word.startswith("--")}
        given = {key: value for key, value in options.items() if key in Recipe.model_fields}
        given |= {"tileable": True} if "--tileable" in words else {}
        given |= {"init": "style", "content_layers": {}} if words[1] == "texture" else {}
        wanted = Recipe.from_preset(options.get("preset"), **given).decided().model_dump(mode="json")
        painted = Recipe.parse(carried["recipe"]).decided().model_dump(mode="json")
        # What is automatic is resolved in the picture, by pictures and machine.
        settings = settings_of(painted["method"]) - {"version", "encoder", "precision", "network", "levels", "passes"}
        if painted["protect"] == wanted["protect"] == "nothing":
            settings -= {"protect_layers", "protect_weight"}
        assert {key: painted[key] for key in settings} == {key: wanted[key] for key in settings}, name


def test_the_citation_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {__version__}\n" in text
    assert re.match(r"cff-version: 1\.2\.0\n", text)
    for key in ("message", "title", "authors", "license"):
        assert re.search(rf"^{key}:", text, re.MULTILINE), key


def test_the_security_policy_says_how_to_report():
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    assert "## Reporting" in text
    assert "docs/security.md" in text


def test_a_word_that_pages_link_is_in_the_glossary():
    for page in DOCS.glob("*.md"):
        for anchor in re.findall(r"\]\(glossary\.md#([\w-]+)\)", page.read_text("utf-8")):
            headings = re.findall(r"^#+ (.*)$", (DOCS / "glossary.md").read_text("utf-8"), re.MULTILINE)
            assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, (page.name, anchor)

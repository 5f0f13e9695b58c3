"""A painting that is watched in a notebook, with IPython's displays replaced by a recorder."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import pytest

from impasto import images, notebook
from impasto.errors import ResourceError
from impasto.painting.stylizer import Stylizer


@pytest.fixture
def shown(monkeypatch):
    """What the one place of the notebook showed, in order."""
    shows: list[str] = []

    def display(content, *, display_id):
        assert display_id
        shows.append(content)
        return SimpleNamespace(update=shows.append)

    outer, inner = ModuleType("IPython"), ModuleType("IPython.display")
    outer.__spec__ = ModuleSpec("IPython", None)
    inner.HTML, inner.display = str, display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", outer)
    monkeypatch.setitem(sys.modules, "IPython.display", inner)
    return shows


@pytest.fixture
def painting(tiny_encoder, quick, content, style):
    return Stylizer(content, style, quick.replace(iterations=4), encoder=tiny_encoder)


def test_it_grows_in_one_place_and_the_result_stays(shown, painting):
    result = notebook.watch(painting, every_s=0)
    steps = [text for text in shown if "<progress" in text]
    assert len(steps) == painting.steps
    assert f'max="{painting.steps}"' in steps[0]
    assert "data:image/png;base64," in steps[0]
    assert "<th>content</th>" in steps[-1]
    assert shown[-1] == result._repr_html_()
    assert result.finished


def test_looks_are_far_between(shown, painting):
    notebook.watch(painting, every_s=3600)
    assert len([text for text in shown if "<progress" in text]) == 1


@pytest.mark.usefixtures("shown")
def test_the_stop_button_keeps_the_picture_so_far(painting, monkeypatch):
    frame = notebook.frame
    taken = []

    def stop(*given):
        taken.append(frame(*given))
        if len(taken) == 2:
            raise KeyboardInterrupt
        return taken[-1]

    monkeypatch.setattr(notebook, "frame", stop)
    result = notebook.watch(painting, every_s=0)
    assert not result.finished
    assert len(result.history) == 2
    assert "2, stopped" in result._repr_html_()


def test_outside_notebooks_it_is_told(painting, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ResourceError, match="no IPython here"):
        notebook.watch(painting)


CELLS = (
    """
import impasto
from impasto.notebook import watch
photo, painting = "photo.png", "painting.png"
recipe = impasto.Recipe.parse({"size": 48, "iterations": 2, "precision": "float32"})
result = watch(impasto.Stylizer(photo, painting, recipe), every_s=0)
""",
    "result",
    """
from impasto.series import sweep
small = {"size": 48, "iterations": 2, "precision": "float32"}
sweep(photo, painting, vary={"content_weight": [0.3, 3]}, folder="sweep", overrides=small)
""",
)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_kernel_of_jupyter_shows_all_of_it(content, style, tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="needs pip install nbclient ipykernel")
    nbclient = pytest.importorskip("nbclient", reason="needs pip install nbclient ipykernel")
    pytest.importorskip("ipykernel", reason="needs pip install nbclient ipykernel")
    for name, pixels in (("photo.png", content), ("painting.png", style)):
        images.save(images.load(pixels), tmp_path / name)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbclient.NotebookClient(
        book, timeout=250, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    shown = [[out["data"].get("text/html", "") for out in cell.outputs if "data" in out] for cell in book.cells]
    assert [len(outputs) for outputs in shown] == [1, 1, 1], "one place that changes, and what a cell ends in"
    assert all("data:image" in text for (text,) in shown)
    assert shown[0] == shown[1], "the result stands where the painting grew"

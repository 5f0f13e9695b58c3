import ast
from pathlib import Path

import impasto
from impasto.recipe import Recipe
from impasto.tuning.draft import Outcome
from impasto.tuning.score import Scores
from impasto.tuning.space import Space
from impasto.tuning.study import Study

SPACE = Space.of(Recipe(), ["gatys", "wct"])


def test_optuna_is_known_to_one_file_and_not_needed_to_import_the_others():
    folder = Path(impasto.__file__).parent
    files = [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "optuna" for alias in node.names)
    ]
    assert files == ["tuning/study.py"]
    # In a function alone, so that the package is imported without it.
    assert not any(
        isinstance(node, ast.Import) and "optuna" in {alias.name for alias in node.names}
        for node in ast.parse((folder / "tuning" / "study.py").read_text("utf-8")).body
    )


def test_what_is_settled_is_found_again(tmp_path):
    outcomes = [
        Outcome("complete", Scores(0.5, 0.6, 0.7), 0.4, 3.5),
        Outcome("pruned", None, 0.2, 1.0),
        Outcome("failed", None, None, 0.5, "edges has no value"),
    ]
    study = Study(tmp_path, {"pair": "one"})
    for outcome in outcomes:
        number, point = study.ask(SPACE, None, 0)
        study.settle(number, point, outcome, "a.png" if outcome.scores else "")
    before = study.trials
    study.close()
    study = Study(tmp_path, {"pair": "one"})
    assert study.trials == before
    study.close()
    assert [trial.scores for trial in before] == [outcome.scores for outcome in outcomes]
    assert [(trial.state, trial.coarse, trial.seconds, trial.note) for trial in before] == [
        ("complete", 0.4, 3.5, ""),
        ("pruned", 0.2, 1.0, ""),
        ("failed", None, 0.5, "edges has no value"),
    ]


def test_what_is_asked_at_a_point_is_that_point(tmp_path):
    study = Study(tmp_path, {})
    point = SPACE.complete({"method": "wct", "style_scale": 0.71, "alpha": 0.8, "color": "match"})
    assert study.ask(SPACE, point, 0)[1] == point
    assert study.trials == []
    study.close()


def test_draws_depend_on_the_seed_and_on_what_was_settled(tmp_path):
    drawn = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        study = Study(tmp_path / name, {})
        drawn.append([study.ask(SPACE, None, seed)[1], study.ask(SPACE, None, seed)[1]])
        study.close()
    assert drawn[0] == drawn[1] != drawn[2]
    # Nothing was settled between the two: the same is drawn again.
    assert drawn[0][0] == drawn[0][1]


def test_what_is_kept_is_not_drawn(tmp_path):
    study = Study(tmp_path, {})
    for _ in range(5):
        number, point = study.ask(SPACE, None, 0, {"method": "wct", "color": "luminance"})
        study.settle(number, point, Outcome("complete", Scores(0.5, 0.5, 0.5)), "")
        assert (point["method"], point["color"]) == ("wct", "luminance")
    assert len({trial.point["style_scale"] for trial in study.trials}) == 5
    study.close()

import errno
import os
import sys
from typing import Any

import pytest

from impasto.errors import ImageError, OutputError, ResourceError, UsageError, WeightsError
from impasto.recipe import Recipe, read_preset
from impasto.tuning.draft import Outcome
from impasto.tuning.study import FORMAT, NAME
from impasto.tuning.tuning import Tuning
from tests.tuning.search_helpers import FakeDrafter, landscape, picture, run, search
from tests.type_helpers import present


def story(tuning):
    """Return what was tried and how it went, without the numbers, which a killed trial takes one of."""
    return [(trial.point, trial.scores, trial.state, trial.note) for trial in tuning.trials]


def test_a_search_finds_a_better_recipe_than_the_one_it_begins_with(tmp_path):
    tuning = run(search(tmp_path, budget=40))
    best = tuning.chosen["balanced"]
    assert len(tuning.trials) == 40
    assert best.point["method"] == "strotss"
    assert best.point["style_scale"] == pytest.approx(0.66, abs=0.1)
    assert best.value > tuning.trials[0].value + 0.07
    assert tuning.recipe(best).size == Recipe().size  # not the draft's


def test_the_budget_is_respected(tmp_path):
    drafter = FakeDrafter()
    assert len(run(search(tmp_path / "a", drafter, budget=5)).trials) == drafter.calls == 5
    # Drafts of two seconds each: the third ends after five.
    assert len(run(search(tmp_path / "b", budget="5s")).trials) == 3


def test_a_search_that_was_killed_ends_as_one_that_was_not(tmp_path):
    # Sixteen are of the opening: the last ones are drawn by what the model promises.
    given: dict[str, Any] = {"budget": 20, "methods": ["gatys", "strotss"]}
    whole = run(search(tmp_path / "whole", **given))
    for at in (3, 19):
        folder = tmp_path / f"killed{at}"
        drafter = FakeDrafter()

        def dies(order, drafter=drafter, at=at):
            if drafter.calls == at:
                raise KeyboardInterrupt
            return landscape(order)

        drafter.outcome = dies
        with pytest.raises(KeyboardInterrupt):
            run(search(folder, drafter, **given))
        again = FakeDrafter()
        resumed = run(search(folder, again, **given))
        assert story(resumed) == story(whole)
        # The one that was killed is painted again, and no other.
        assert again.calls == 20 - (at - 1)


def test_more_budget_goes_on_and_less_paints_nothing(tmp_path):
    run(search(tmp_path, budget=10))
    drafter = FakeDrafter()
    assert len(run(search(tmp_path, drafter, budget=14)).trials) == 14
    assert drafter.calls == 4
    drafter = FakeDrafter()
    assert len(run(search(tmp_path, drafter, budget=6)).trials) == 14
    assert drafter.calls == 0


def test_a_stopped_draft_counts_for_nothing(tmp_path):
    drafter = FakeDrafter(lambda _order: Outcome("stopped"))
    assert run(search(tmp_path, drafter, budget=3)).trials == []
    assert len(run(search(tmp_path, budget=3)).trials) == 3


def test_a_metric_without_a_value_is_a_failed_draft_and_is_recorded(tmp_path):
    def outcome(order):
        if order.recipe.style_scale == 0.5:
            return Outcome("failed", note="weave has no value", seconds=1.0)
        return landscape(order)

    tuning = run(search(tmp_path, FakeDrafter(outcome), budget=5))
    failed = [trial for trial in tuning.trials if trial.state == "failed"]
    assert [trial.note for trial in failed] == ["weave has no value"]
    assert story(run(search(tmp_path, budget=5))) == story(tuning)
    tuning.finish()
    assert "weave has no value" in (tmp_path / "drafts.csv").read_text()
    assert tuning.chosen["balanced"].state == "complete"


def test_drafts_that_fall_behind_at_the_coarse_level_are_given_up(tmp_path):
    def outcome(order):
        done = landscape(order)
        coarse = present(done.scores).mean()
        if order.floor is not None and coarse < order.floor:
            return Outcome("pruned", None, coarse, 0.5)
        return Outcome("complete", done.scores, coarse, 2.0)

    drafter = FakeDrafter(outcome)
    tuning = run(search(tmp_path, drafter, budget=16))
    pruned = [trial for trial in tuning.trials if trial.state == "pruned"]
    assert pruned
    assert all(order.floor is None for order in drafter.orders[:4])
    assert all(trial.scores is None and trial.file == "" for trial in pruned)
    assert story(run(search(tmp_path, budget=16))) == story(tuning)


def test_a_space_of_one_recipe_ends_by_itself(tmp_path):
    drafter = FakeDrafter()
    fix = {"method": "wct", "style_scale": 1, "alpha": 1, "color": "style"}
    tuning = run(search(tmp_path, drafter, budget="1h", fix=fix))
    assert drafter.calls == 1
    assert len(tuning.trials) < 30


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"methods": ["wct"]}, "methods"),
        ({"fix": {"color": "match"}}, "fixed settings"),
        ({"recipe": Recipe(precision="float32", tv="l1")}, "recipe"),
        ({"size": 96}, "size of drafts"),
        ({"like": picture(3)}, "another like"),
    ],
)
def test_a_journal_of_another_search_is_refused(tmp_path, options, what):
    run(search(tmp_path, budget=2))
    with pytest.raises(OutputError, match=what):
        search(tmp_path, budget=2, **options)
    tuning = run(search(tmp_path, budget=1, force=True, **options))
    assert len(tuning.trials) == 1


def test_a_journal_of_other_pictures_is_refused(tmp_path):
    run(search(tmp_path, budget=2))
    with pytest.raises(OutputError, match="holds a search for another style; name another folder, or pass --force"):
        Tuning(picture(1), picture(5), tmp_path, size=64, recipe=Recipe(precision="float32"))


def test_a_journal_of_another_version_is_refused(tmp_path):
    run(search(tmp_path, budget=1))
    path = tmp_path / NAME
    path.write_text(path.read_text().replace(f'"format":{FORMAT}', '"format":99'))
    with pytest.raises(OutputError, match="another version"):
        search(tmp_path, budget=1)


@pytest.mark.parametrize(
    "data", [b"no journal\n", b"no journal", b"{}\n", b"[1, 2]\n", b"\xff\xfe\x00\n", b'{"op_code":99}\n']
)
def test_what_is_no_journal_is_refused_and_kept(tmp_path, data):
    (tmp_path / NAME).write_bytes(data)
    with pytest.raises(OutputError, match="no journal of a search"):
        search(tmp_path, budget=1)
    assert (tmp_path / NAME).read_bytes() == data


def test_half_a_line_is_cut_off(tmp_path):
    whole = run(search(tmp_path, budget=4))
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes() + b'{"op_code":4,"worker')
    assert story(run(search(tmp_path, budget=4))) == story(whole)


def test_a_full_disk_ends_the_search_and_loses_nothing(tmp_path, monkeypatch):
    tuning = search(tmp_path, budget=6)
    for _ in range(3):
        tuning.advance()
    before = story(tuning)

    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match=r"search\.journal: could not be written \(No space left on device\)"):
            tuning.advance()
    tuning.close()
    resumed = search(tmp_path, budget=6)
    assert story(resumed) == before
    assert len(run(resumed).trials) == 6


def test_only_one_process_searches_a_folder(tmp_path):
    tuning = search(tmp_path, budget=2)
    try:
        with pytest.raises(OutputError, match="another search is running"):
            search(tmp_path, budget=2)
    finally:
        tuning.close()


def test_bad_input_is_refused_before_anything_is_written(tmp_path):
    folder = tmp_path / "out"
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(UsageError, match="--budget"):
        Tuning(picture(1), picture(2), folder, budget=0)
    with pytest.raises(ImageError):
        Tuning(broken, picture(2), folder)
    with pytest.raises(ImageError):
        Tuning(picture(1), tmp_path / "absent.png", folder)
    with pytest.raises(ImageError):
        Tuning(picture(1), picture(2), folder, like=broken)
    with pytest.raises(UsageError, match="drafts need at least"):
        Tuning(picture(1), picture(2), folder, size=8)
    with pytest.raises(WeightsError):
        Tuning(picture(1), picture(2), folder, encoder=tmp_path / "absent.safetensors")
    assert not folder.exists() or not (folder / NAME).exists()


def test_an_input_is_never_written_over(tmp_path):
    from impasto import images

    path = tmp_path / "balanced.png"
    images.save(picture(1), path)
    with pytest.raises(OutputError, match="is also an input"):
        Tuning(path, picture(2), tmp_path)


def test_what_a_search_ends_in(tmp_path):
    tuning = run(search(tmp_path, budget=12))
    tuning.finish()
    for name, trial in tuning.chosen.items():
        values = read_preset(tmp_path / f"{name}.toml")
        assert Recipe.parse(values) == tuning.recipe(trial)
        assert Recipe.parse(values).size == 512
    lines = (tmp_path / "drafts.csv").read_text().splitlines()
    assert len(lines) == 13
    assert lines[0].startswith("draft,state,style_scale,method,strength,alpha,layers,color,statistic,content")
    assert (tmp_path / "sheet.png").is_file()


def test_without_optuna_one_line_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(
        ResourceError, match=r"needs Optuna, which is not installed here; run: pip install 'impasto\[tune\]'"
    ):
        search(tmp_path)


def test_a_plan_leaves_no_trace(tmp_path):
    folder = tmp_path / "out"
    tuning = search(folder, budget=5, check=False)
    assert tuning.trials == []
    with pytest.raises(UsageError):
        tuning.advance()
    assert not folder.exists()


def test_drafts_are_painted_and_measured(tmp_path):
    """The whole way with real drafts, as small as metrics allow."""
    from impasto import tune

    fix = {"precision": "float32", "size": 64, "iterations": 2}
    given = {"folder": tmp_path, "methods": ["gatys", "wct"], "size": 64, "fix": fix, "recipe": Recipe()}
    seen = []
    tuning = tune(
        picture(1), picture(2), budget=2, on_draft=lambda trial: seen.append(trial.number), paint=None, **given
    )
    # Two drafts, and both again.
    assert seen == [0, 1, 0, 1]
    assert all((tmp_path / present(trial.look).file).is_file() for trial in tuning.trials)
    assert [trial.state for trial in tuning.trials] == ["complete", "complete"]
    assert all((tmp_path / trial.file).is_file() for trial in tuning.trials)
    assert all(0 < part < 1 for trial in tuning.trials for part in vars(present(trial.scores)).values())
    # The same pixels, the same scores: measured twice, and searched twice.
    tuning = tune(picture(1), picture(2), budget=2, paint="balanced", **given)
    assert (tmp_path / "balanced.png").is_file()
    stamp = (tmp_path / "balanced.png").stat().st_mtime_ns
    tune(picture(1), picture(2), budget=2, paint="balanced", **given)
    assert (tmp_path / "balanced.png").stat().st_mtime_ns == stamp
    with pytest.raises(UsageError, match="'boldest' is no choice"):
        tune(picture(1), picture(2), budget=2, paint="boldest", **given)

"""Callbacks on the records of a training, and TensorBoard's files of them, read back by TensorBoard."""

import sys

import pytest
import torch

from impasto import images
from impasto.errors import ResourceError
from impasto.images import Picture
from impasto.training.board import Board, told

RECORDS = [{"step": 1.0, "loss": 3.0}, {"step": 2.0, "loss": 2.0, "held_out": 0.5}]


def test_records_go_to_every_callback_in_order():
    seen = []
    told_of = told(RECORDS, lambda record: seen.append(("a", record["step"])), lambda _: seen.append(("b", 0)))
    assert next(told_of) == RECORDS[0]
    assert seen == [("a", 1.0), ("b", 0)]
    assert list(told_of) == RECORDS[1:]


def test_without_callbacks_nothing_changes():
    assert list(told(RECORDS)) == RECORDS


def test_without_the_extra_it_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ResourceError, match=r"pip install 'impasto\[tensorboard\]'"):
        Board(tmp_path)


def test_a_folder_that_cannot_be_written_is_told_once(tmp_path, caplog):
    pytest.importorskip("tensorboard", reason="needs pip install 'impasto[tensorboard]'")
    (tmp_path / "file").touch()
    board = Board(tmp_path / "file" / "folder")
    assert list(told(RECORDS, board)) == RECORDS
    board.close()
    assert caplog.text.count("the training goes on without it") == 1


@pytest.mark.slow  # TensorBoard takes seconds to import
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_reads_numbers_and_sheets(tmp_path):
    pytest.importorskip("tensorboard", reason="needs pip install 'impasto[tensorboard]'")
    run = tmp_path / "run"
    images.save(Picture(torch.full((1, 3, 6, 8), 0.5)), run / "samples" / "000002.png")
    board = Board(tmp_path / "board", run)
    list(told(RECORDS, board))
    board.close()
    # The same training goes on from its second step.
    again = Board(tmp_path / "board", run)
    again({"step": 2.0, "loss": 1.5})
    again.close()

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    assert [(one.step, one.value) for one in events.Scalars("loss")] == [(1, 3.0), (2, 1.5)]
    assert {one.step for one in events.Images("samples")} == {2}
    assert "tensorboard" in sys.modules

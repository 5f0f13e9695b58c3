"""The board of a batch: a bar for each picture in hand and one for all, on a terminal alone."""

import io

from rich.console import Console

from impasto.cli.terminal import Terminal, _Bars
from impasto.events import Progress


def step(number: int) -> Progress:
    return Progress(0, 1, number, 8, number, 8, 0.5, {}, (48, 64), 1.0, 63.0)


def test_bars_come_and_go():
    out = io.StringIO()
    with _Bars(Console(file=out, force_terminal=True, width=100), 3) as bars:
        bars.step("a.png", step(2))
        bars.step("b.png", step(4))
        bars.step("a.png", step(4))
        assert [task.completed for task in bars._bars.tasks] == [0, 4, 4]
        bars.done("a.png", "  (about 5 s left for all)")
        assert [task.description for task in bars._bars.tasks] == [
            "all  (about 5 s left for all)",
            "b.png  1:03 left",
        ]
        bars.done("unseen.png", "")
        assert bars._bars.tasks[0].completed == 2


def test_elsewhere_nothing_is_drawn(capsys):
    terminal = Terminal()
    with terminal.board(3) as board:
        board.step("a.png", step(2))
        board.done("a.png", "")
    assert capsys.readouterr().err == ""
